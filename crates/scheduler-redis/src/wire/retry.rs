//! How often a lost connection is tried again, and after how long.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Tries that get rarer, at times that differ from those of everybody else who has lost the same server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often at most.
    pub tries: u32,
    /// The longest pause before the second try; each one after it is up to twice as long.
    pub first: Duration,
    /// But never longer than this.
    pub most: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { tries: 5, first: Duration::from_millis(20), most: Duration::from_secs(1) }
    }
}

impl Retry {
    /// The pause after `failed` tries: between half of its bound and all of it, as `chance` in 0..=1 says.
    fn pause(&self, failed: u32, chance: f64) -> Duration {
        let doubled = 1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX);
        let bound = self.first.saturating_mul(doubled).min(self.most);
        bound.mul_f64(0.5 + chance / 2.0)
    }

    /// The pause after `failed` tries, by chance.
    pub(super) fn pause_by_chance(&self, failed: u32) -> Duration {
        // Keys that the standard library draws anew for each are chance enough here.
        let drawn = RandomState::new().hash_one(failed);
        self.pause(failed, drawn as f64 / u64::MAX as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_bound_and_differ() {
        let retry = Retry::default();
        for (failed, half, whole) in [
            (1, 10, 20),
            (2, 20, 40),
            (3, 40, 80),
            (6, 320, 640),
            (7, 500, 1_000),
            (99, 500, 1_000),
        ] {
            assert_eq!(retry.pause(failed, 0.0), Duration::from_millis(half), "{failed}");
            assert_eq!(retry.pause(failed, 1.0), Duration::from_millis(whole), "{failed}");
            let drawn = retry.pause_by_chance(failed);
            assert!(drawn >= Duration::from_millis(half) && drawn <= Duration::from_millis(whole));
        }
        let drawn: Vec<_> = (0..20).map(|_| retry.pause_by_chance(7)).collect();
        assert!(drawn.iter().any(|pause| *pause != drawn[0]), "{drawn:?}");
    }
}
