//! A quantile of one sample, with all that is needed to judge it.

use crate::quantile::at_rank;
use crate::{
    Confidence, Quantile, Tau, interval_ranks, least_n_two_sided, n_eff_interval_ranks, quantile,
    tau,
};

/// Below this, dependence is within what the estimate of independent values scatters by.
const TAU_INDEPENDENT: f64 = 1.5;

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
    quantile: Quantile,
    confidence: Confidence,
    n: u64,
    tau: Tau,
    value: T,
    lower: Option<T>,
    upper: Option<T>,
}

impl<T: Copy + PartialOrd> Percentile<T> {
    /// The quantile of the values in `arrival`, in order of arrival, and `sorted`, the same sorted
    /// upwards; none of no values.
    ///
    /// The values are taken to be independent while [`tau`] of "at most the quantile" stays below
    /// 1.5. Beyond, the interval is that of as many values as they are worth; where `tau` is
    /// undecided there is none. An interval that took dependent values for independent ones would
    /// hold the truth in half of all runs while it claims 95 %.
    #[must_use]
    pub fn of(arrival: &[T], sorted: &[T], q: Quantile, confidence: Confidence) -> Option<Self> {
        debug_assert_eq!(arrival.len(), sorted.len(), "the same values twice");
        let value = quantile(sorted, q)?;
        let n = sorted.len() as u64;
        let tau = tau(arrival.iter().map(|&seen| seen <= value));
        let (lower, upper) = match tau {
            Tau::Known(known) if known < TAU_INDEPENDENT => interval_ranks(n, q, confidence),
            dependent => n_eff_interval_ranks(n, dependent, q, confidence),
        };
        let bound = |rank: Option<u64>| rank.and_then(|rank| at_rank(sorted, rank));
        let (lower, upper) = (bound(lower), bound(upper));
        Some(Self { quantile: q, confidence, n, tau, value, lower, upper })
    }
}

impl<T: Copy> Percentile<T> {
    /// Which quantile.
    #[must_use]
    pub const fn quantile(&self) -> Quantile {
        self.quantile
    }

    /// How sure its interval is.
    #[must_use]
    pub const fn confidence(&self) -> Confidence {
        self.confidence
    }

    /// Number of values behind it.
    #[must_use]
    pub const fn n(&self) -> u64 {
        self.n
    }

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

    /// How the values depended on each other.
    #[must_use]
    pub const fn tau(&self) -> Tau {
        self.tau
    }

    /// How many independent values the interval rests on: `n` where they did not depend on each
    /// other, fewer where they did; none where that is undecided.
    #[must_use]
    pub fn n_eff(&self) -> Option<f64> {
        match self.tau {
            Tau::Known(known) if known < TAU_INDEPENDENT => Some(self.n as f64),
            tau => tau.n_eff(self.n),
        }
    }

    /// How many independent values it takes to bound it on both sides.
    #[must_use]
    pub fn least_n(&self) -> u64 {
        least_n_two_sided(self.quantile, self.confidence)
    }
}
