//! Many runs as one figure with its interval.

use proofload_stats::{Confidence, Contrast, Percentile, Quantile, Stratum, Tau, tau};
use serde::Serialize;

/// The median of a figure over the runs of a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Middle {
    pub(crate) n: u64,
    pub(crate) median: f64,
    /// Limits of its 95 % interval; none where so few runs cannot bound it.
    pub(crate) lower: Option<f64>,
    pub(crate) upper: Option<f64>,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Middle {
    /// Of values in the order of the runs; none of none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let found = Percentile::of(values, &sorted, Quantile::P50, Confidence::PERCENT_95)?;
        let (lower, upper) = found.interval();
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        Some(Self { n: values.len() as u64, median: found.value(), lower, upper, min, max })
    }

    /// Whether all runs say the same.
    pub(crate) fn is_exact(&self) -> bool {
        self.min == self.max
    }
}

/// How many times as large `old` is as `new`, in the order of the runs; none where either has a value
/// that is not above 0.
pub(crate) fn times(old: &[f64], new: &[f64]) -> Option<Contrast> {
    let strata = [Stratum { base: new, other: old }];
    proofload_stats::ratio(&strata, [dependence(new), dependence(old)], Confidence::PERCENT_95)
}

fn dependence(values: &[f64]) -> Tau {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let median = proofload_stats::quantile(&sorted, Quantile::P50).unwrap_or_default();
    tau(values.iter().map(|&value| value <= median))
}

/// A slope and its interval.
pub(crate) fn slope_text(slope: &Middle) -> String {
    match (slope.lower, slope.upper) {
        (Some(lower), Some(upper)) => format!("{:.2} [{lower:.2}, {upper:.2}]", slope.median),
        _ => format!("{:.2}", slope.median),
    }
}
