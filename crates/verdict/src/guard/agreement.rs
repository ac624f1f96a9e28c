//! G39: do two independent ways of counting come to the same figures?

use crate::{Level, Trust};
use proofload_stats::Quantile;
use proofload_units::human_duration;

const TITLE: &str = "rows against histograms";

/// Share of a value by which the histogram may be off: it keeps three digits.
pub const TOLERANCE_SHARE: f64 = 0.001;
/// What it may be off beside that: it counts whole microseconds.
pub const TOLERANCE_NS: u64 = 1_000;

/// A quantile that the rows and the histogram log state differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The metric.
    pub metric: &'static str,
    /// What is stated differently; none means the number of samples.
    pub quantile: Option<Quantile>,
    /// By the rows: nanoseconds, or samples.
    pub rows: u64,
    /// By the histogram log: nanoseconds, or samples.
    pub histogram: u64,
}

/// Whether a histogram's value agrees with the exact one, both in nanoseconds.
#[must_use]
pub fn agrees(exact_ns: u64, histogram_ns: u64) -> bool {
    let tolerance = (exact_ns as f64 * TOLERANCE_SHARE) as u64 + TOLERANCE_NS;
    exact_ns.abs_diff(histogram_ns) <= tolerance
}

/// G39: the rows and the histogram log, written apart, agree. `compared` counts the figures that
/// were looked at.
#[must_use]
pub fn agreement(compared: usize, differing: &[Disagreement]) -> Trust {
    if differing.is_empty() {
        let evidence = format!("{compared} figures found in two ways are the same");
        return Trust { id: "G39", title: TITLE, level: Level::Ok, evidence, remedy: None };
    }
    let parts: Vec<String> = differing.iter().map(Disagreement::to_string).collect();
    Trust {
        id: "G39",
        title: TITLE,
        level: Level::Warn,
        evidence: format!("{} of {compared} differ: {}", differing.len(), parts.join("; ")),
        remedy: Some("trust the rows; please report it with the run directory"),
    }
}

/// G39 where rows are missing: the two hold different requests, so nothing can be compared.
#[must_use]
pub fn agreement_unknown() -> Trust {
    Trust {
        id: "G39",
        title: TITLE,
        level: Level::Note,
        evidence: "not compared, since rows are missing".to_owned(),
        remedy: None,
    }
}

impl std::fmt::Display for Disagreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { metric, quantile, rows, histogram } = self;
        match quantile {
            None => write!(f, "{metric} has {rows} samples by rows, {histogram} by histogram"),
            Some(q) => write!(
                f,
                "{metric} {} is {} by rows, {} by histogram",
                q.label(),
                human_duration(*rows),
                human_duration(*histogram)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Disagreement, agreement, agrees};
    use crate::Level;
    use proofload_stats::Quantile;

    #[test]
    fn a_thousandth_and_a_microsecond_are_allowed() {
        for (exact, histogram, want) in [
            (0, 1_000, true),
            (0, 1_001, false),
            (50_000_000, 50_051_000, true),
            (50_000_000, 50_051_001, false),
            (50_000_000, 49_949_000, true),
            (50_000_000, 49_948_999, false),
        ] {
            assert_eq!(agrees(exact, histogram), want, "{exact} {histogram}");
        }
    }

    #[test]
    fn a_figure_that_differs_is_named() {
        assert_eq!(agreement(20, &[]).level, Level::Ok);
        let trust = agreement(
            20,
            &[
                Disagreement {
                    metric: "ttft_ms",
                    quantile: Some(Quantile::P99),
                    rows: 2_000_000,
                    histogram: 3_000_000,
                },
                Disagreement { metric: "tpot_ms", quantile: None, rows: 7, histogram: 8 },
            ],
        );
        assert_eq!(trust.level, Level::Warn);
        assert_eq!(
            trust.evidence,
            "2 of 20 differ: ttft_ms p99 is 2.00 ms by rows, 3.00 ms by histogram; \
             tpot_ms has 7 samples by rows, 8 by histogram"
        );
    }
}
