//! Quantiles of a run that is not over, for whoever watches it.
//!
//! They cost the workers nothing: the writer's thread sees every row and every second's lateness
//! anyway. It counts them here and, a few times a second, shows what they have come to.

use proofload_record::Row;
use proofload_stats::Quantile;
use proofload_stats::hist::Histogram;
use std::sync::{Arc, Mutex, PoisonError};

/// Between two times that quantiles are shown, in nanoseconds.
const SHOW_EVERY_NS: u64 = 200_000_000;

/// What the times that were seen so far have come to, to 0.1 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoFar {
    /// Times seen; at least one.
    pub n: u64,
    /// Their median, in nanoseconds.
    pub p50_ns: u64,
    /// Their 99th percentile, in nanoseconds.
    pub p99_ns: u64,
}

impl SoFar {
    fn of(times: &Histogram) -> Option<Self> {
        let (p50_ns, p99_ns) = (times.quantile(Quantile::P50)?, times.quantile(Quantile::P99)?);
        Some(Self { n: times.len(), p50_ns, p99_ns })
    }
}

/// What is shown, of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) ttft: Option<SoFar>,
    pub(crate) lateness: Option<SoFar>,
}

/// The watcher's end. The lock is held for a copy of [`Seen`], by the writer and the watcher alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown(Arc<Mutex<Seen>>);

impl Shown {
    pub(crate) fn get(&self) -> Seen {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, seen: Seen) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

/// The writer's end: all times since the run began.
#[derive(Default)]
pub(crate) struct Tally {
    ttft: Histogram,
    lateness: Histogram,
    next_ns: u64,
    shown: Shown,
}

impl Tally {
    /// Nothing yet; what comes is shown at `shown`.
    pub(crate) fn new(shown: Shown) -> Self {
        Self { shown, ..Self::default() }
    }

    /// Counts a row that was written: its TTFT if it is `ok` and has one.
    pub(crate) fn add(&mut self, row: &Row) {
        if let Some(ttft_ns) = row.ttft_ns().filter(|_| row.end.is_ok()) {
            self.ttft.record(ttft_ns);
        }
    }

    /// Counts the lateness of a worker's second.
    pub(crate) fn add_lateness(&mut self, lateness: &Histogram) {
        self.lateness.merge(lateness);
    }

    /// Shows what there is at `now_ns`, if it was not shown just before.
    pub(crate) fn show(&mut self, now_ns: u64) {
        if now_ns < self.next_ns {
            return;
        }
        self.next_ns = now_ns + SHOW_EVERY_NS;
        let (ttft, lateness) = (SoFar::of(&self.ttft), SoFar::of(&self.lateness));
        self.shown.set(Seen { ttft, lateness });
    }
}

#[cfg(test)]
mod tests {
    use super::{SHOW_EVERY_NS, Seen, Shown, Tally};
    use proofload_record::{End, Outcome, Row, Stamp};
    use proofload_stats::hist::Histogram;

    fn row(ttft_ns: Option<u64>, outcome: Outcome) -> Row {
        let mut row = Row::new(0, 0, 0, Stamp::at(1_000), End::Sent(outcome));
        if let Some(ttft_ns) = ttft_ns {
            row.first_token = Stamp::at(1_000 + ttft_ns);
        }
        row
    }

    #[test]
    fn counts_all_since_the_beginning_and_shows_it_now_and_then() {
        let shown = Shown::default();
        let mut tally = Tally::new(shown.clone());
        tally.show(0);
        assert_eq!(shown.get(), Seen::default(), "nothing seen yet");

        (1..=100).for_each(|ms| tally.add(&row(Some(ms * 1_000_000), Outcome::Ok)));
        tally.add(&row(Some(1), Outcome::Truncated));
        tally.add(&row(None, Outcome::Ok));
        for us in [10, 20, 30] {
            let mut second = Histogram::new();
            second.record(us * 1_000);
            tally.add_lateness(&second);
        }
        tally.show(SHOW_EVERY_NS - 1);
        assert_eq!(shown.get(), Seen::default(), "shown just before");

        tally.show(SHOW_EVERY_NS);
        let Seen { ttft, lateness } = shown.get();
        let (ttft, lateness) = (ttft.unwrap(), lateness.unwrap());
        assert_eq!((ttft.n, lateness.n), (100, 3));
        for (found_ns, want_ns) in [
            (ttft.p50_ns, 50_000_000),
            (ttft.p99_ns, 99_000_000),
            (lateness.p50_ns, 20_000),
            (lateness.p99_ns, 30_000),
        ] {
            assert!(found_ns.abs_diff(want_ns) <= want_ns / 1_000, "{found_ns}, want {want_ns}");
        }
    }
}
