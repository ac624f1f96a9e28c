//! Which requests count, and how those without a row are charged.

use crate::results::{Failure, Tokens};
use crate::summary::{MS, Summary};
use proofload_record::{Books, End, Flags, NotSent, Outcome, Row};
use proofload_verdict::{Attainment, Share};

/// The requests that every figure is about: those reached, without the warm-up.
///
/// A request can have been reached and have no row: it was in flight when the program was killed
/// (lost), or the writer could not keep up (dropped). Its outcome is in the books, its times are
/// not, so it is charged as one that did not keep to any limit.
pub(crate) struct Tally<'a> {
    /// Rows after the warm-up, in the order of the plan.
    pub(crate) rows: &'a [Row],
    /// Requests after the warm-up that were reached.
    pub(crate) n: u64,
    /// Requests of the warm-up that were reached.
    pub(crate) warmup: u64,
    /// Requests without a row, by outcome.
    unseen: [u64; Outcome::COUNT],
}

impl<'a> Tally<'a> {
    /// `rows` are all of a run in the order of the plan, `warmup` the first of the plan to leave
    /// out.
    pub(crate) fn new(rows: &'a [Row], books: &Books, warmup: u64) -> Self {
        let mut unseen = books.outcomes;
        for row in rows {
            if let End::Sent(outcome) = row.end {
                let count = &mut unseen[usize::from(outcome.code())];
                *count = count.saturating_sub(1);
            }
        }
        let first = rows.partition_point(|row| u64::from(row.index) < warmup);
        let rows = &rows[first..];
        let n = rows.len() as u64 + unseen.iter().sum::<u64>();
        Self { rows, n, warmup: books.offered().saturating_sub(n), unseen }
    }

    /// Requests without a row.
    pub(crate) fn missing(&self) -> u64 {
        self.unseen.iter().sum()
    }

    /// Requests that succeeded.
    pub(crate) fn ok(&self) -> u64 {
        let seen = self.rows.iter().filter(|row| row.end.is_ok()).count() as u64;
        seen + self.unseen[usize::from(Outcome::Ok.code())]
    }

    /// The share that failed.
    pub(crate) fn failed(&self) -> Share {
        let unseen = Outcome::ALL.iter().zip(self.unseen).flat_map(|(outcome, count)| {
            let failed = *outcome != Outcome::Ok;
            (0..count).map(move |_| failed)
        });
        let failed: Vec<bool> =
            self.rows.iter().map(|row| !row.end.is_ok()).chain(unseen).collect();
        Share::in_order(&failed)
    }

    /// The share whose latency kept to `limit_ns`.
    pub(crate) fn attainment(&self, limit_ns: u64) -> Attainment {
        let seen = self.rows.iter().map(|row| row.latency_ns().filter(|_| row.end.is_ok()));
        Attainment::of(seen.chain((0..self.missing()).map(|_| None)), limit_ns)
    }

    /// The ways to fail that occurred, in the order of the outcomes' codes, `not_sent` last.
    pub(crate) fn failures(&self) -> Vec<Failure> {
        let sent =
            Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Ok).map(|outcome| {
                let ended = |row: &&Row| row.end == End::Sent(outcome);
                self.failure(outcome.label(), ended, self.unseen[usize::from(outcome.code())])
            });
        let not_sent = |row: &&Row| matches!(row.end, End::NotSent(_));
        sent.chain([self.failure("not_sent", not_sent, 0)])
            .filter(|failure| failure.n > 0)
            .collect()
    }

    fn failure(
        &self,
        outcome: &'static str,
        ended: impl Fn(&&Row) -> bool,
        unseen: u64,
    ) -> Failure {
        let rows: Vec<&Row> = self.rows.iter().filter(ended).collect();
        let until: Vec<f64> =
            rows.iter().filter_map(|row| row.latency_ns()).map(|ns| ns as f64).collect();
        Failure {
            outcome,
            n: rows.len() as u64 + unseen,
            until_failed_ms: Summary::of(&until).map(|s| s.figures(MS)).unwrap_or_default(),
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
