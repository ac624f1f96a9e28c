//! The one thing here that reads a clock: how long locks are waited for and held.

use std::time::{Duration, Instant};

/// Tells the time since some moment that stays the same.
pub trait Clock: Send + Sync {
    /// The time.
    fn now(&self) -> Duration;
}

/// The machine's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct MonotonicClock(Instant);

impl Default for MonotonicClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for MonotonicClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}
