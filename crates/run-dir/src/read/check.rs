//! Whether a directory adds up: the rows against the heartbeat, the plan and the manifest.

use super::journal::Found;
use crate::format::block::Heartbeat;
use crate::format::plan::Plan;
use crate::manifest::{Counts, Manifest};
use proofload_record::{Books, End, NotSent, Outcome, Row};

/// How far a worker came: a row's place in the plan tells its worker and its turn.
pub(crate) fn is_released(index: u32, last: Option<&Heartbeat>) -> bool {
    let Some(workers) = last.map(|last| &last.workers).filter(|workers| !workers.is_empty()) else {
        return false;
    };
    let (index, count) = (index as usize, workers.len());
    ((index / count) as u64) < workers[index % count].released
}

/// The first thing that does not add up, in words. `found.rows` are sorted by index.
pub(crate) fn problem(
    plan: &Plan,
    found: &Found,
    books: &Books,
    sealed: Option<&Manifest>,
) -> Option<String> {
    if let Err(unbalanced) = books.check() {
        return Some(unbalanced.to_string());
    }
    let rows = &found.rows;
    if let Some(pair) = rows.windows(2).find(|pair| pair[0].index == pair[1].index) {
        return Some(format!("request {} has two rows", pair[0].index));
    }
    rows.iter()
        .find_map(|row| row_problem(row, plan, found.last.as_ref()))
        .or_else(|| found.last.as_ref().and_then(|last| count_problem(rows, last)))
        .or_else(|| sealed.and_then(|manifest| manifest_problem(manifest, books)))
}

fn row_problem(row: &Row, plan: &Plan, last: Option<&Heartbeat>) -> Option<String> {
    let index = row.index;
    let Some(planned) = plan.get(index) else {
        return Some(format!("request {index} has a row and is not in the plan"));
    };
    if row.class != planned.class {
        let (planned, found) = (planned.class, row.class);
        return Some(format!(
            "request {index} has class {planned} in the plan, {found} in its row"
        ));
    }
    let workers = last.map_or(0, |last| last.workers.len());
    if usize::from(row.worker) >= workers || index as usize % workers != usize::from(row.worker) {
        return Some(format!("request {index} is not of the slice of worker {}", row.worker));
    }
    let early = !is_released(index, last);
    early.then(|| format!("request {index} has a row and was not released"))
}

/// Each way to end: what the workers counted, less the rows, are the dropped ones.
fn count_problem(rows: &[Row], last: &Heartbeat) -> Option<String> {
    let mut seen = Heartbeat::default();
    for row in rows {
        match row.end {
            End::Sent(outcome) => seen.outcomes[usize::from(outcome.code())] += 1,
            End::NotSent(reason) => seen.not_sent[usize::from(reason.code())] += 1,
        }
    }
    let names =
        Outcome::ALL.map(Outcome::label).into_iter().chain(NotSent::ALL.map(NotSent::label));
    let counted = last.outcomes.iter().chain(&last.not_sent);
    let seen = seen.outcomes.iter().chain(&seen.not_sent);
    let mut dropped = 0;
    for (name, (&counted, &seen)) in names.zip(counted.zip(seen)) {
        let Some(missing) = counted.checked_sub(seen) else {
            return Some(format!("{seen} rows are `{name}`, and {counted} were counted"));
        };
        dropped += missing;
    }
    let stated = last.rows_dropped;
    (dropped != stated).then(|| format!("{dropped} rows are missing, and {stated} were dropped"))
}

fn manifest_problem(manifest: &Manifest, books: &Books) -> Option<String> {
    let counted = Counts::new(books, manifest.counts.dropped());
    let differ = counted.without_zeros() != manifest.counts.without_zeros();
    differ.then(|| "run.json and the rows count differently".to_owned())
}
