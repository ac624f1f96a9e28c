//! How fast a run is now.

use std::collections::VecDeque;

use crate::Snapshot;

/// Rates are of this long before now: a stall must show, and a gap between two requests must not.
const OVER_NS: u64 = 5_000_000_000;

/// Requests per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rates {
    /// Let go.
    pub(crate) offered: f64,
    /// Ended well.
    pub(crate) completed: f64,
}

/// The last few seconds of a run.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// From five seconds ago, or the beginning, to the last look.
    seen: VecDeque<Counts>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    at_ns: u64,
    released: u64,
    ok: u64,
}

impl Pace {
    /// The rates of the five seconds that end with `now`, or of the run where it is younger.
    pub(crate) fn add(&mut self, now: &Snapshot) -> Rates {
        let now = Counts { at_ns: now.elapsed_ns, released: now.released, ok: now.ok };
        if self.seen.is_empty() {
            self.seen.push_back(Counts::default());
        }
        self.seen.push_back(now);
        while self.seen.get(1).is_some_and(|next| next.at_ns.saturating_add(OVER_NS) <= now.at_ns) {
            self.seen.pop_front();
        }
        let from = self.seen.front().copied().unwrap_or_default();
        let over_ns = now.at_ns.saturating_sub(from.at_ns);
        if over_ns == 0 {
            return Rates::default();
        }
        let rate = |to: u64, from: u64| to.saturating_sub(from) as f64 * 1e9 / over_ns as f64;
        Rates { offered: rate(now.released, from.released), completed: rate(now.ok, from.ok) }
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use crate::Snapshot;

    #[test]
    fn rates_are_of_the_last_five_seconds() {
        let mut pace = Pace::default();
        for (at_ms, released, ok, want) in [
            (0, 0, 0, (0.0, 0.0)),
            (500, 50, 25, (100.0, 50.0)),
            (1_000, 100, 75, (100.0, 75.0)),
            (4_000, 400, 375, (100.0, 93.75)),
            (6_000, 600, 375, (100.0, 60.0)),
            (9_500, 950, 375, (100.0, 0.0)),
            // Nobody looked for a minute.
            (69_500, 1_550, 975, (10.0, 10.0)),
        ] {
            let elapsed_ns = at_ms * 1_000_000;
            let rates = pace.add(&Snapshot { released, ok, elapsed_ns, ..Snapshot::default() });
            assert_eq!((rates.offered, rates.completed), want, "at {at_ms} ms");
        }
    }
}
