//! Many runs as one figure with its interval.

use proofload_stats::{
    Confidence, Contrast, Percentile, Quantile, Stratum, Tau, least_n_two_sided, tau,
};
use serde::Serialize;

/// The median of a figure over the runs of a strategy; of an even number the lower of the two in the
/// middle, so that it is a figure of a run.
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

    /// Independent runs from which it has an interval.
    pub(crate) fn least_n() -> u64 {
        least_n_two_sided(Quantile::P50, Confidence::PERCENT_95)
    }

    /// Whether all runs say the same.
    pub(crate) fn is_exact(&self) -> bool {
        self.min == self.max
    }
}

/// How many times as large `old` is as `new`, both in the order of the runs: the median of the ratios of
/// all pairs of a run of one and a run of the other. None where either has a value that is not above 0.
pub(crate) fn times(old: &[f64], new: &[f64]) -> Option<Contrast> {
    let strata = [Stratum { base: new, other: old }];
    proofload_stats::ratio(&strata, [dependence(new), dependence(old)], Confidence::PERCENT_95)
}

/// By how much `new` is more than `old`, likewise.
pub(crate) fn points(old: &[f64], new: &[f64]) -> Option<Contrast> {
    let strata = [Stratum { base: old, other: new }];
    proofload_stats::shift(&strata, [dependence(old), dependence(new)], Confidence::PERCENT_95)
}

/// What an interval of `n` runs lacks, where `least` independent ones would have one.
pub(crate) fn needs(n: u64, least: u64) -> String {
    match n < least {
        true => format!("needs {least} runs"),
        // They depend on each other, so they are worth fewer.
        false => format!("needs > {n} runs"),
    }
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
        _ => format!("{:.2} [needs > {} rounds]", slope.median, slope.n),
    }
}
