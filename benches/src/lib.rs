//! What the measurements share: arrivals that are the same every time, what a thread waited, and
//! programs that are measured from outside.

pub mod process;
pub mod scheduler;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Gaps of a Poisson process, in milliseconds; the same ones every time.
pub struct Poisson {
    per_ms: f64,
    random: ChaCha8Rng,
}

impl Poisson {
    /// `rate` arrivals a second on average.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self { per_ms: rate / 1e3, random: ChaCha8Rng::seed_from_u64(1) }
    }
}

impl Iterator for Poisson {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        let uniform: f64 = self.random.random();
        Some(-(1.0 - uniform).ln() / self.per_ms)
    }
}

/// How long the calling thread has been ready and waited for a CPU, in nanoseconds; 0 where the
/// kernel does not tell.
#[must_use]
pub fn thread_waiting_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|field| field.parse().ok()).unwrap_or(0)
}
