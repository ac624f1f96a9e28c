//! The numbers of a run and how far to trust them: quantiles with intervals, exact proportions,
//! contrasts of two samples, histograms.
//!
//! Everything here is pure: no I/O of its own, no clock, no randomness. What it is given is values;
//! where they come from, and what a figure means, is for others. Three rules give it its shape:
//!
//! * **A rank is an integer.** [`Quantile`] is a fraction, so p99.9 of 1,000 values is the 999th.
//! * **A quantile comes with its interval, and cannot be averaged.** [`Percentile`] has no
//!   arithmetic. Figures of several parts come from their values together, or from a
//!   [`hist::Histogram`] merged by counts.
//! * **What cannot be known is said to be so, in the type.** A bound is an `Option`, since the p99
//!   of 100 values has none; [`Tau`] can be undecided.
//!
//! ```
//! # use proofload_stats::{Confidence, Percentile, Quantile};
//! let arrival: Vec<u64> = (0..1_000).map(|i| i * 7_919 % 1_000).collect();
//! let mut sorted = arrival.clone();
//! sorted.sort_unstable();
//! let p95 = Percentile::of(&arrival, &sorted, Quantile::P95, Confidence::PERCENT_95).unwrap();
//! assert_eq!((p95.value(), p95.interval()), (949, (Some(935), Some(963))));
//! ```
//!
//! Left out until something needs them: p-values, slopes, change points, the bootstrap.

mod autocorrelation;
mod confidence;
mod contrast;
pub mod hist;
mod normal;
mod percentile;
mod proportion;
mod quantile;
mod rank_sum;
mod ranks;
mod special;

pub use autocorrelation::{Tau, tau};
pub use confidence::Confidence;
pub use contrast::{Contrast, Stratum, ratio, shift};
pub use percentile::Percentile;
pub use proportion::Proportion;
pub use quantile::{Quantile, quantile};
pub use ranks::{interval_ranks, least_n_two_sided};
