//! When a batch is closed, and when a container that found no place is tried again.

use std::time::Duration;

/// When the containers at hand become a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// How many containers a batch has at most; so many close it.
    pub most: usize,
    /// How long the first one waits for others.
    pub window: Duration,
    /// An empty backlog closes it too, as nothing is gained by waiting.
    pub adaptive: bool,
}

impl Batching {
    /// 100 containers or 50 ms.
    pub const FIXED: Self = Self { most: 100, window: Duration::from_millis(50), adaptive: false };
    /// 512 containers, 2 ms, or an empty backlog.
    pub const ADAPTIVE: Self = Self { most: 512, window: Duration::from_millis(2), adaptive: true };
}

impl Default for Batching {
    fn default() -> Self {
        Self::FIXED
    }
}

/// When a container that found nothing free is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first time after this; then after twice as long as the time before.
    pub first: Duration,
    /// But never after longer than this.
    pub most: Duration,
    /// How often it is tried in all before it is given up; at least once.
    pub tries: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(250), most: Duration::from_secs(5), tries: 120 }
    }
}

impl Backoff {
    /// How long a container waits that has been tried `attempts` times before.
    pub fn delay(&self, attempts: u32) -> Duration {
        self.first.saturating_mul(1_u32.checked_shl(attempts).unwrap_or(u32::MAX)).min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_bound_whatever_the_number_of_tries() {
        let backoff = Backoff::default();
        for (attempts, milliseconds) in
            [(0, 250), (1, 500), (4, 4_000), (5, 5_000), (31, 5_000), (u32::MAX, 5_000)]
        {
            assert_eq!(backoff.delay(attempts), Duration::from_millis(milliseconds), "{attempts}");
        }
    }
}
