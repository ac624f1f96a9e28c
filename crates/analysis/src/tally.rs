//! Which requests count, and how those without a row are charged.

use crate::metric::Metric;
use crate::results::{Example, Failure, Tokens};
use crate::summary::{MS, Summary};
use proofload_record::{Books, Class, End, Flags, NotSent, Outcome, Row, Served};
use proofload_run_dir::{Fate, RunDir};
use proofload_verdict::slo::{Kind, Selection};
use proofload_verdict::{Attainment, Share};
use std::collections::BTreeSet;

/// Nanoseconds in a second.
const SECOND_NS: f64 = 1e9;

/// A request that counts.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    /// Number of its class; none where the run does not name it.
    pub(crate) class: u16,
    /// What was seen of it. None where it was in flight when the program was killed (lost), or the
    /// writer could not keep up (dropped).
    pub(crate) row: Option<&'a Row>,
    /// How it ended. The books tell it of those without a row, though not of which: those that
    /// failed are taken to come first.
    pub(crate) end: End,
    /// What the server's log says of it.
    pub(crate) served: Option<&'a Served>,
}

impl Case<'_> {
    /// Its value of a metric in nanoseconds, where it has one that counts.
    pub(crate) fn value(&self, metric: Metric) -> Option<f64> {
        if metric.is_of_server() {
            self.served.filter(|_| self.end.is_ok()).and_then(|served| metric.of_served(served))
        } else {
            self.row.and_then(|row| metric.of(row))
        }
    }

    /// From due to the end; of an imported row, which has no due time, what its client measured.
    /// None unless it succeeded and was seen.
    pub(crate) fn until_done_ns(&self) -> Option<u64> {
        self.row.filter(|_| self.end.is_ok()).and_then(until_done_ns)
    }
}

/// The requests that every figure is about: those reached, without the warm-up.
pub(crate) struct Tally<'a> {
    /// Rows after the warm-up, in the order of the plan.
    pub(crate) rows: &'a [Row],
    /// The requests, in the order of the plan; those without a row are among them.
    pub(crate) cases: Vec<Case<'a>>,
    /// How many they are.
    pub(crate) n: u64,
    /// Requests of the warm-up that were reached.
    pub(crate) warmup: u64,
    /// Requests of the whole run that were reached and have no row.
    pub(crate) missing: u64,
    classes: &'a [Class],
}

impl<'a> Tally<'a> {
    /// All but the warm-up of a run.
    pub(crate) fn new(dir: &'a RunDir) -> Self {
        let warmup = dir.manifest().warmup_requests;
        let all = dir.rows();
        let first = all.partition_point(|row| u64::from(row.index) < warmup);
        let rows = &all[first..];
        let mut cases = Vec::with_capacity(rows.len());
        let mut seen = all.iter().peekable();
        let mut missing_in_warmup = 0;
        for (index, planned) in (0_u32..).zip(dir.plan().iter()) {
            let row = seen.next_if(|row| row.index == index);
            let reached = row.is_some()
                || matches!(dir.fate(index), Fate::Lost | Fate::Dropped | Fate::LostOrDropped);
            if u64::from(index) < warmup {
                missing_in_warmup += u64::from(reached && row.is_none());
            } else if reached {
                let end = row.map_or(End::Sent(Outcome::Lost), |row| row.end);
                let served = dir.server().and_then(|side| side.get(index));
                cases.push(Case { class: planned.class, row, end, served });
            }
        }
        let unseen = cases.iter_mut().filter(|case| case.row.is_none());
        let missing = charge(unseen, dir.books(), all, missing_in_warmup) + missing_in_warmup;
        let warmup = first as u64 + missing_in_warmup;
        let n = cases.len() as u64;
        Self { rows, cases, n, warmup, missing, classes: dir.classes() }
    }

    /// What kind of request it is; none where the run does not name its class.
    pub(crate) fn kind(&self, case: &Case<'a>) -> Option<Kind<'a>> {
        let Class { mode, priority, model } = self.classes.get(usize::from(case.class))?;
        let served = case.served;
        let answered = || served.and_then(|served| served.model.as_deref());
        Some(Kind {
            mode: *mode,
            priority: *priority,
            selection: if model.is_some() { Selection::Direct } else { Selection::Classified },
            model: model.as_deref().or_else(answered),
            provider: served.and_then(|served| served.provider.as_deref()),
        })
    }

    /// Requests that succeeded.
    pub(crate) fn ok(&self) -> u64 {
        self.cases.iter().filter(|case| case.end.is_ok()).count() as u64
    }

    /// The share that failed.
    pub(crate) fn failed(&self) -> Share {
        let failed: Vec<bool> = self.cases.iter().map(|case| !case.end.is_ok()).collect();
        Share::in_order(&failed)
    }

    /// The ways to fail that occurred, in the order of the outcomes' codes, `not_sent` last.
    pub(crate) fn failures(&self, dir: &RunDir) -> Vec<Failure> {
        let failed = Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Ok);
        let sent = failed.map(|outcome| self.failure(dir, outcome.label(), End::Sent(outcome)));
        // Which reason they are labelled by does not matter.
        let not_sent = self.failure(dir, "not_sent", End::NotSent(NotSent::NoDescriptor));
        sent.chain([not_sent]).filter(|failure| failure.n > 0).collect()
    }

    fn failure(&self, dir: &RunDir, outcome: &'static str, end: End) -> Failure {
        let ended = |case: &&Case<'_>| case.end.label() == end.label();
        let cases: Vec<&Case<'_>> = self.cases.iter().filter(ended).collect();
        let rows = || cases.iter().filter_map(|case| case.row);
        let until: Vec<f64> = rows().filter_map(until_done_ns).map(|ns| ns as f64).collect();
        let statuses: BTreeSet<u16> =
            rows().map(|row| row.status).filter(|status| *status > 0).collect();
        // The clocks of an imported row count from its own start.
        let placed = || rows().filter(|row| row.is_placed());
        let ends = || placed().filter_map(|row| row.done.get().or(row.due.get()));
        let seconds = |ns: u64| ns as f64 / SECOND_NS;
        Failure {
            outcome,
            n: cases.len() as u64,
            until_failed_ms: Summary::of(&until).map(|s| s.figures(MS)).unwrap_or_default(),
            statuses: statuses.into_iter().collect(),
            first_s: ends().min().map(seconds),
            last_s: ends().max().map(seconds),
            example: rows().find_map(|row| {
                Some(Example {
                    error: dir.notes().get(&row.index)?.error.as_deref()?.to_owned(),
                    request_id: dir.plan().get(row.index)?.id.to_owned(),
                })
            }),
        }
    }

    /// Where token counts come from, over what succeeded.
    pub(crate) fn tokens(&self) -> Tokens {
        let mut tokens =
            Tokens { source: "none", from_usage: 0, from_chunks: 0, output: 0, prompt: 0 };
        for row in self.rows.iter().filter(|row| row.end.is_ok()) {
            tokens.prompt += u64::from(row.prompt_tokens.unwrap_or(0));
            let Some(count) = row.completion_tokens else { continue };
            tokens.output += u64::from(count);
            if row.flags.has(Flags::USAGE) {
                tokens.from_usage += 1;
            } else {
                tokens.from_chunks += 1;
            }
        }
        tokens.source = match (tokens.from_usage, tokens.from_chunks) {
            (0, 0) => "none",
            (_, 0) => "usage",
            (0, _) => "chunks",
            _ => "mixed",
        };
        tokens
    }

    /// Requests that were due and never left, by reason.
    pub(crate) fn not_sent(&self) -> [u64; NotSent::ALL.len()] {
        let mut counts = [0; NotSent::ALL.len()];
        for row in self.rows {
            if let End::NotSent(reason) = row.end {
                counts[usize::from(reason.code())] += 1;
            }
        }
        counts
    }
}

/// The share of requests that kept to `limit_ns` from due to the end of the answer.
pub(crate) fn attainment<'a>(
    cases: impl Iterator<Item = &'a Case<'a>>,
    limit_ns: u64,
) -> Attainment {
    Attainment::of(cases.map(Case::until_done_ns), limit_ns)
}

/// Gives the requests without a row the outcomes that the books hold and no row shows: failures
/// first. What the warm-up lost is taken to have succeeded, as far as the books allow, so that no
/// failure goes uncounted. Returns how many requests there were.
fn charge<'c, 'a: 'c>(
    unseen: impl Iterator<Item = &'c mut Case<'a>>,
    books: &Books,
    rows: &[Row],
    missing_in_warmup: u64,
) -> u64 {
    let mut left = books.outcomes;
    for row in rows {
        if let End::Sent(outcome) = row.end {
            let count = &mut left[usize::from(outcome.code())];
            *count = count.saturating_sub(1);
        }
    }
    let mut spare = missing_in_warmup;
    for count in &mut left {
        let taken = spare.min(*count);
        (*count, spare) = (*count - taken, spare - taken);
    }
    let ok_last = Outcome::ALL.iter().zip(left).rev();
    let mut ends = ok_last.flat_map(|(outcome, count)| (0..count).map(move |_| *outcome));
    let mut missing = 0;
    for case in unseen {
        case.end = End::Sent(ends.next().unwrap_or(Outcome::Lost));
        missing += 1;
    }
    missing
}

fn until_done_ns(row: &Row) -> Option<u64> {
    if row.is_placed() { row.latency_ns() } else { row.client_duration_ns() }
}
