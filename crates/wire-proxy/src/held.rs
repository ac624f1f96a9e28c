//! How long chunks were in the proxy.

use std::time::Duration;

use proofload_stats::Quantile;
use proofload_stats::hist::Histogram;

/// What has passed one way, and how long it was in the proxy: each chunk from its receipt until the write
/// of its last byte had returned. A chunk is what one read brought, at most 64 KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Bytes written.
    pub bytes: u64,
    /// Chunks written whole.
    pub chunks: u64,
    /// The shortest time of a chunk.
    pub min: Duration,
    /// The mean time of a chunk.
    pub mean: Duration,
    /// The median, to a microsecond.
    pub p50: Duration,
    /// The 99th percentile, to a microsecond.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

/// The same while it is added up.
#[derive(Default)]
pub(crate) struct Held {
    times: Histogram,
    sum: Duration,
    bytes: u64,
}

impl Held {
    pub(crate) fn chunk(&mut self, time: Duration) {
        self.times.record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        self.sum += time;
    }

    pub(crate) fn bytes(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    pub(crate) fn passed(&self) -> Passed {
        let time = |ns: Option<u64>| Duration::from_nanos(ns.unwrap_or(0));
        let chunks = self.times.len();
        Passed {
            bytes: self.bytes,
            chunks,
            min: time(self.times.min_ns()),
            mean: self
                .sum
                .checked_div(u32::try_from(chunks).unwrap_or(u32::MAX))
                .unwrap_or_default(),
            p50: time(self.times.quantile(Quantile::P50)),
            p99: time(self.times.quantile(Quantile::P99)),
            max: time(self.times.max_ns()),
        }
    }
}
