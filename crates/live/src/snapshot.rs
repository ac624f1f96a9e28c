//! How far a run has come, and that in one line.

use proofload_units::{human_count, human_duration};

/// How far a run has come. Counts are of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// In the plan.
    pub planned: u64,
    /// Let go so far.
    pub released: u64,
    /// Ended so far, well or badly.
    pub finished: u64,
    /// Ended well so far.
    pub ok: u64,
    /// Let go and not ended.
    pub in_flight: u64,
    /// Since the run began, in nanoseconds.
    pub elapsed_ns: u64,
    /// From the first to the last due time of the plan, in nanoseconds.
    pub span_ns: u64,
    /// Tokens received so far, where they are counted.
    pub tokens: Option<u64>,
}

impl Snapshot {
    /// Everything in one line of at most `columns` characters. What matters less stands further
    /// right and is left out where there is no room; the time and SIMULATED always stay.
    pub(crate) fn line(&self, simulated: bool, columns: usize) -> String {
        let mut line = if simulated { "SIMULATED ".to_owned() } else { String::new() };
        line.push_str(&human_duration(self.elapsed_ns));
        if self.elapsed_ns < self.span_ns {
            line.push_str(" of ");
            line.push_str(&human_duration(self.span_ns));
        }
        let failed = self.finished.saturating_sub(self.ok);
        let parts = [
            Some(format!("{}/{} sent", human_count(self.released), human_count(self.planned))),
            (failed > 0).then(|| format!("{} failed", human_count(failed))),
            Some(format!("{} in flight", human_count(self.in_flight))),
            self.tokens_per_second().map(|rate| format!("{} tokens/s", human_count(rate))),
        ];
        for part in parts.into_iter().flatten() {
            if line.chars().count() + 2 + part.chars().count() > columns {
                break;
            }
            line.push_str(", ");
            line.push_str(&part);
        }
        line
    }

    fn tokens_per_second(&self) -> Option<u64> {
        let per_second =
            u128::from(self.tokens?) * 1_000_000_000 / u128::from(self.elapsed_ns.max(1));
        u64::try_from(per_second).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Snapshot;
    use proptest::prelude::*;

    fn midway() -> Snapshot {
        Snapshot {
            planned: 12_000,
            released: 1_234,
            finished: 1_200,
            ok: 1_197,
            in_flight: 34,
            elapsed_ns: 12_340_000_000,
            span_ns: 60_000_000_000,
            tokens: None,
        }
    }

    #[test]
    fn says_what_matters_first() {
        let all_well = Snapshot { ok: 1_200, tokens: Some(24_680), ..midway() };
        let tail = Snapshot { elapsed_ns: 75_000_000_000, released: 12_000, ..midway() };
        for (name, snapshot, simulated, columns, want) in [
            (
                "midway",
                midway(),
                false,
                80,
                "12.3 s of 60.0 s, 1,234/12,000 sent, 3 failed, 34 in flight",
            ),
            (
                "simulated",
                midway(),
                true,
                80,
                "SIMULATED 12.3 s of 60.0 s, 1,234/12,000 sent, 3 failed, 34 in flight",
            ),
            (
                "no failure, tokens counted",
                all_well,
                false,
                80,
                "12.3 s of 60.0 s, 1,234/12,000 sent, 34 in flight, 2,000 tokens/s",
            ),
            (
                "past the last due time",
                tail,
                false,
                80,
                "75.0 s, 12,000/12,000 sent, 3 failed, 34 in flight",
            ),
            ("narrow", midway(), true, 50, "SIMULATED 12.3 s of 60.0 s, 1,234/12,000 sent"),
            ("before the start", Snapshot::default(), false, 80, "0 ns, 0/0 sent, 0 in flight"),
        ] {
            assert_eq!(snapshot.line(simulated, columns), want, "{name}");
        }
    }

    proptest! {
        #[test]
        fn fits_a_terminal(counts: [u64; 6], times: [u64; 2], simulated: bool) {
            let [planned, released, finished, ok, in_flight, tokens] = counts;
            let [elapsed_ns, span_ns] = times;
            let tokens = Some(tokens);
            let snapshot = Snapshot {
                planned, released, finished, ok, in_flight, elapsed_ns, span_ns, tokens,
            };
            let line = snapshot.line(simulated, 80);
            prop_assert!(line.chars().count() <= 80, "{line}");
            prop_assert_eq!(line.starts_with("SIMULATED "), simulated);
        }
    }
}
