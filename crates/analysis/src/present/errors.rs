//! How many kept to the latency limit, how many failed, and what failed.

use super::{cell, percent_interval};
use crate::document::{Block, Column, Kind, Role, Row, Section, Table};
use crate::results::{Failure, Results};
use proofload_units::human_count;

/// So much of an error's text is shown; requests.txt and detailed.csv have all of it.
const EXAMPLE_MAX: usize = 200;

pub(super) fn limit(results: &Results) -> Section {
    let slo = &results.slo;
    let is_imported = results.imported.is_some();
    let measured = if is_imported { "client duration" } else { "latency" };
    let interval_of = |lo, hi| {
        if is_imported {
            "no interval: the order of arrival is not known".to_owned()
        } else {
            percent_interval(lo, hi)
        }
    };
    let text = match slo.share {
        None => "No request was due, so there is no attainment.".to_owned(),
        Some(share) => format!(
            "{} of {} requests had a {measured} of {} ms or less: {:.2} % ({}). Failures and \
             requests not sent are in the denominator as infinitely slow.",
            human_count(slo.met),
            human_count(slo.n),
            slo.limit_ms,
            share * 100.0,
            interval_of(slo.lo, slo.hi)
        ),
    };
    let errors = &results.errors;
    let failed = match errors.share {
        None => "Nothing could fail.".to_owned(),
        Some(share) => format!(
            "{} of {} failed: {:.2} % ({}).",
            human_count(errors.failed),
            human_count(errors.n),
            share * 100.0,
            interval_of(errors.lo, errors.hi)
        ),
    };
    Section {
        kind: Kind::Limit,
        heading: "Limit and errors".to_owned(),
        blocks: vec![Block::Text(text), Block::Text(failed)],
    }
}

/// What failed, with an example of each kind; none where nothing did.
pub(super) fn section(results: &Results) -> Option<Section> {
    let errors = &results.errors;
    if errors.by_outcome.is_empty() {
        return None;
    }
    // An imported file has neither places in time nor, mostly, words.
    let placed = errors.by_outcome.iter().any(|failure| failure.first_s.is_some());
    let told = errors.by_outcome.iter().any(|failure| failure.example.is_some());
    let mut columns =
        vec![Column::words("kind"), Column::numbers("n", ""), Column::numbers("share", "%")];
    if placed {
        columns.extend(["first", "last"].map(|name| Column::numbers(name, "s")));
    }
    columns.push(Column::numbers("p50 until", "ms"));
    if told {
        columns.push(Column::words("example"));
    }
    let row = |failure: &Failure| {
        let share = failure.n as f64 / errors.n as f64 * 100.0;
        let mut cells = vec![kind(failure), human_count(failure.n), format!("{share:.2}")];
        if placed {
            cells.extend([cell(failure.first_s), cell(failure.last_s)]);
        }
        cells.push(cell(failure.until_failed_ms.p50));
        if told {
            cells.push(failure.example.as_ref().map_or_else(String::new, |example| {
                format!("{}: {}", shortened(&example.request_id), shortened(&example.error))
            }));
        }
        Row { role: Role::Failure, cells }
    };
    let rows = errors.by_outcome.iter().map(row).collect();
    let note = if placed {
        "First and last: when the request ended, in seconds since the run began. Until: from due to \
         the failure. Every error text is in detailed.csv."
    } else {
        "Until: from its start to the failure."
    };
    Some(Section {
        kind: Kind::Errors,
        heading: "Errors".to_owned(),
        blocks: vec![Block::Table(Table { columns, rows }), Block::Text(note.to_owned())],
    })
}

/// The outcome, with the statuses of its answers.
pub(super) fn kind(failure: &Failure) -> String {
    const STATUSES_MAX: usize = 4;
    let Failure { outcome, statuses, .. } = failure;
    if statuses.is_empty() || *statuses == [200] {
        return (*outcome).to_owned();
    }
    let named: Vec<String> = statuses.iter().take(STATUSES_MAX).map(u16::to_string).collect();
    let more = if statuses.len() > STATUSES_MAX { ", …" } else { "" };
    format!("{outcome} ({}{more})", named.join(", "))
}

/// All that failed, the largest kind first and by name; none where nothing did.
pub(super) fn in_words(results: &Results) -> Option<String> {
    let errors = &results.errors;
    let largest = errors.by_outcome.iter().rev().max_by_key(|failure| failure.n)?;
    let (all, named) = (human_count(errors.failed), kind(largest));
    let of_it = human_count(largest.n);
    Some(match (errors.failed == errors.n, largest.n == errors.failed) {
        (true, true) if errors.n > 1 => format!("all {all} requests failed: {named}"),
        (true, false) => format!("all {all} requests failed, {of_it} of them with {named}"),
        (_, true) => format!("{all} of {} requests failed: {named}", human_count(errors.n)),
        _ => {
            let n = human_count(errors.n);
            format!("{all} of {n} requests failed, {of_it} of them with {named}")
        }
    })
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(EXAMPLE_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
