//! A quantile of one sample, with all that is needed to judge it.

use crate::quantile::at_rank;
use crate::ranks::n_eff_interval_ranks;
use crate::{Confidence, Quantile, interval_ranks, quantile, tau};

/// A quantile of one sample and its interval.
///
/// It has no arithmetic, because percentiles of parts say nothing of the whole: the mean of ten p99
/// is not a p99, nor is the largest. Take the values together, or merge histograms.
///
/// ```compile_fail,E0369
/// # use proofload_stats::Percentile;
/// fn mean(one: Percentile<f64>, other: Percentile<f64>) -> f64 {
///     (one + other) / 2.0
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentile<T> {
    value: T,
    lower: Option<T>,
    upper: Option<T>,
    n_eff: Option<f64>,
}

impl<T: Copy + PartialOrd> Percentile<T> {
    /// The quantile of the values in `arrival`, in order of arrival, and `sorted`, the same sorted
    /// upwards; none of no values.
    ///
    /// The values are taken to be independent while [`tau`] of "at most the quantile" says so
    /// ([`Tau::is_independent`](crate::Tau::is_independent)). Beyond, the interval is that of as
    /// many values as they are worth; where `tau` is undecided there is none. An interval that took
    /// dependent values for independent ones would hold the truth in half of all runs while it
    /// claims 95 %.
    #[must_use]
    pub fn of(arrival: &[T], sorted: &[T], q: Quantile, confidence: Confidence) -> Option<Self> {
        debug_assert_eq!(arrival.len(), sorted.len(), "the same values twice");
        let value = quantile(sorted, q)?;
        let n = sorted.len() as u64;
        let tau = tau(arrival.iter().map(|&seen| seen <= value));
        let (lower, upper) = if tau.is_independent() {
            interval_ranks(n, q, confidence)
        } else {
            n_eff_interval_ranks(n, tau, q, confidence)
        };
        let bound = |rank: Option<u64>| rank.and_then(|rank| at_rank(sorted, rank));
        let (lower, upper) = (bound(lower), bound(upper));
        Some(Self { value, lower, upper, n_eff: tau.n_eff(n) })
    }
}

impl<T: Copy> Percentile<T> {
    /// The value at its integer rank.
    #[must_use]
    pub const fn value(&self) -> T {
        self.value
    }

    /// Its lower and upper limit; none where the sample cannot bound it.
    #[must_use]
    pub const fn interval(&self) -> (Option<T>, Option<T>) {
        (self.lower, self.upper)
    }

    /// How many independent values the interval rests on: all where they did not depend on each
    /// other, fewer where they did; none where that is undecided.
    #[must_use]
    pub const fn n_eff(&self) -> Option<f64> {
        self.n_eff
    }
}
