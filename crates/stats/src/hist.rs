//! Histograms of times, and their log on disk.
//!
//! Requests have rows, and their quantiles come from those. A histogram is for what has no row: the
//! gaps between tokens, a second of a run, a view of what happens now; and it is a second way to a
//! figure that rows give, to check it by. Histograms of one configuration merge exactly, because
//! counts are added: the quantile of a merged histogram is that of all values together, which no
//! mean of quantiles is.
//!
//! ```
//! # use proofload_stats::{Quantile, hist::Histogram};
//! let (mut one, mut other) = (Histogram::new(), Histogram::new());
//! (1..=90).for_each(|ms| one.record(ms * 1_000_000));
//! (91..=100).for_each(|ms| other.record(ms * 1_000_000));
//! one.merge(&other);
//! let p99_ns = one.quantile(Quantile::P99).unwrap();
//! assert!(p99_ns.abs_diff(99_000_000) <= 99_000);
//! ```
//!
//! [`LogWriter`] and [`LogReader`] speak the interval log that the HdrHistogram tools of other
//! languages read and write. Left out: other ranges and digits, correction for coordinated omission
//! (every time here counts from when a request was due), and log formats before version 2.

mod log;

pub use log::{Interval, LogError, LogReader, LogWriter};

use crate::Quantile;
use hdrhistogram::Histogram as Hdr;
use std::fmt;

/// Values are whole microseconds in the buckets.
const BUCKET_NS: u64 = 1_000;
const LOWEST_US: u64 = 1;
const HIGHEST_US: u64 = 3_600_000_000;
const DIGITS: u8 = 3;

/// How often each time was seen, from 1 µs to 1 h at three significant digits: a quantile is off by
/// at most half a microsecond and 0.1 %.
///
/// Takes 94,208 bytes however much is recorded. A time outside the range counts as the nearest end
/// of it. A bucket holds up to 4,294,967,295 times.
#[derive(Clone, PartialEq)]
pub struct Histogram {
    counts: Hdr<u32>,
    // Exact, where the buckets are not: a bucket's upper end lies above the longest time seen.
    min_ns: u64,
    max_ns: u64,
}

impl Histogram {
    /// The shortest time that is told apart, in nanoseconds.
    pub const LOWEST_NS: u64 = LOWEST_US * BUCKET_NS;
    /// The longest time that is told apart, in nanoseconds.
    pub const HIGHEST_NS: u64 = HIGHEST_US * BUCKET_NS;

    /// An empty histogram.
    #[must_use]
    pub fn new() -> Self {
        let counts = Hdr::new_with_bounds(LOWEST_US, HIGHEST_US, DIGITS)
            .expect("the range and digits are constants that it takes");
        Self { counts, min_ns: u64::MAX, max_ns: 0 }
    }

    /// Counts a time of `ns` nanoseconds.
    pub fn record(&mut self, ns: u64) {
        let ns = ns.clamp(Self::LOWEST_NS, Self::HIGHEST_NS);
        self.counts.saturating_record((ns + BUCKET_NS / 2) / BUCKET_NS);
        self.min_ns = self.min_ns.min(ns);
        self.max_ns = self.max_ns.max(ns);
    }

    /// Adds everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.counts.add(&other.counts).expect("every histogram here has the same range");
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// Forgets everything; takes no time where there is nothing to forget.
    pub fn reset(&mut self) {
        if !self.is_empty() {
            self.counts.reset();
            self.min_ns = u64::MAX;
            self.max_ns = 0;
        }
    }

    /// Number of times recorded.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.counts.len()
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The shortest time recorded, in nanoseconds. Exact, but for one that was read from a log: that
    /// has the lower end of its bucket.
    #[must_use]
    pub fn min_ns(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.min_ns)
    }

    /// The longest time recorded, in nanoseconds. Exact, but for one that was read from a log that
    /// another program wrote: that has the upper end of its bucket.
    #[must_use]
    pub fn max_ns(&self) -> Option<u64> {
        (!self.is_empty()).then_some(self.max_ns)
    }

    /// The time at `rank`, counted from 1, in nanoseconds: the upper end of its bucket, but never
    /// outside what was recorded. None if there is no such rank.
    #[must_use]
    pub fn value_at_rank(&self, rank: u64) -> Option<u64> {
        let n = self.len();
        if rank == 0 || rank > n {
            return None;
        }
        // The library takes a fraction and rounds the rank up. Half a rank less than ours rounds up
        // to ours whatever the last bit of the fraction, which `rank / n` itself does not.
        let us = self.counts.value_at_quantile((rank as f64 - 0.5) / n as f64);
        Some((us * BUCKET_NS).clamp(self.min_ns, self.max_ns))
    }

    /// The time at quantile `q`, in nanoseconds; none of no values.
    #[must_use]
    pub fn quantile(&self, q: Quantile) -> Option<u64> {
        self.value_at_rank(q.rank(self.len()))
    }

    /// Wraps counts that were read from a log, with the longest time where the log states it.
    fn from_counts(counts: Hdr<u32>, stated_max_ns: u64) -> Self {
        if counts.is_empty() {
            return Self::new();
        }
        let (low_us, high_us) = (counts.lowest_equivalent(counts.max()), counts.max());
        // Other writers state the maximum in units of their own: believe it only if it is possible.
        let in_bucket = (low_us..=high_us).contains(&((stated_max_ns + BUCKET_NS / 2) / BUCKET_NS));
        let max_ns = if in_bucket { stated_max_ns } else { high_us * BUCKET_NS };
        let min_ns = counts.min().max(LOWEST_US) * BUCKET_NS;
        Self { counts, min_ns: min_ns.min(max_ns), max_ns }
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Histogram {
    /// Not the 23,552 buckets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("len", &self.len())
            .field("min_ns", &self.min_ns())
            .field("max_ns", &self.max_ns())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Histogram;

    #[test]
    fn its_size_is_what_its_documentation_says() {
        assert_eq!(Histogram::new().counts.distinct_values() * size_of::<u32>(), 94_208);
    }
}
