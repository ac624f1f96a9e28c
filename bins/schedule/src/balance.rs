//! How evenly containers are spread over the workers, in the source's words, and how evenly they are to be.

use proofload_scheduler::Policy;
use proofload_strategies::Strategy;

use crate::grade::{Grade, Level, grade};
use crate::once::Once;
use crate::scenario::Scenario;

/// How evenly a strategy is asked to spread containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evenness {
    /// Not at all: best-fit fills workers up.
    NotAsked,
    /// Good balance.
    Even,
    /// By a hash, which is even only on the average: neither uneven nor broken in the source's words.
    ByHash {
        /// Whether the policy bounds a worker at 1.5 times its share.
        is_bounded: bool,
    },
}

impl Evenness {
    pub(crate) const fn of(scenario: &Scenario, strategy: Strategy) -> Self {
        match (strategy, scenario.policy) {
            (Strategy::Old, _) | (Strategy::Ours, Policy::Spread) => Self::Even,
            (Strategy::Lock | Strategy::Batch, _) => Self::ByHash { is_bounded: false },
            (Strategy::Ours, Policy::Affinity) => Self::ByHash { is_bounded: true },
            (Strategy::Ours, Policy::BestFit) => Self::NotAsked,
        }
    }
}

/// How evenly containers are spread; the worse is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Balance {
    Good,
    /// The source has no words for it.
    Between,
    Uneven,
    Broken,
    /// Nothing was placed.
    Undecided,
}

impl Balance {
    pub(crate) const fn grade(self) -> Grade {
        match self {
            Self::Good => grade(Level::Good, "Good balance"),
            Self::Between => grade(Level::Fair, "Outside good balance, but not uneven"),
            Self::Uneven => grade(Level::Fair, "Uneven"),
            Self::Broken => grade(Level::Bad, "Affinity broken"),
            Self::Undecided => grade(Level::Undecided, "nothing was placed"),
        }
    }

    /// The worse of the balances among workers with GPUs and without.
    pub(crate) fn of(once: &Once, scenario: &Scenario, strategy: Strategy) -> Self {
        let plain = (scenario.workers - scenario.gpu_workers) as usize;
        let with_load = |loads: Vec<usize>| loads.iter().any(|&load| load > 0).then_some(loads);
        let groups = [once.loads().take(plain).collect(), once.loads().skip(plain).collect()];
        let is_bounded = Evenness::of(scenario, strategy) == Evenness::ByHash { is_bounded: true };
        let balances = groups.into_iter().filter_map(with_load).map(|loads| {
            let bound = if is_bounded { bound(&loads) } else { 0 };
            balance(loads.into_iter(), bound)
        });
        balances.max().unwrap_or(Self::Undecided)
    }
}

/// What affinity allows a worker once these are placed: ⌈1.5 × placed / workers⌉, as the container that
/// came last is among them.
fn bound(loads: &[usize]) -> usize {
    (3 * loads.iter().sum::<usize>()).div_ceil(2 * loads.len().max(1))
}

/// Containers a worker. The source names numbers at a mean of 5: 3 to 7 are 0.6 to 1.4 times the mean
/// (whole containers, so rounded outwards), 0 to 2 beside 10 are 0.4 beside 2 times, 0 beside 20 is 0
/// beside 4 times. What lies between these has no words of the source. So many as `bound` are never
/// too many.
fn balance(loads: impl Iterator<Item = usize> + Clone, bound: usize) -> Balance {
    let (least, most) = (loads.clone().min().unwrap_or(0), loads.clone().max().unwrap_or(0));
    let (sum, workers) = loads.fold((0, 0), |(sum, workers), load| (sum + load, workers + 1));
    let mean = sum as f64 / f64::from(workers.max(1));
    let is_bounded = most <= bound;
    let (least, most) = (least as f64, most as f64);
    // No one container more or less on a worker would make it more even.
    let is_best = least >= mean.floor() && most <= mean.ceil();
    if is_best {
        Balance::Good
    } else if !is_bounded && least == 0.0 && most >= 4.0 * mean {
        Balance::Broken
    } else if !is_bounded && least <= 0.4 * mean && most >= 2.0 * mean {
        Balance::Uneven
    } else if least >= (0.6 * mean).floor() && (is_bounded || most <= (1.4 * mean).ceil()) {
        Balance::Good
    } else {
        Balance::Between
    }
}

#[cfg(test)]
mod tests {
    use super::Balance::{Between, Broken, Good, Uneven};
    use super::{balance, bound};

    #[test]
    fn balance_goes_by_the_mean() {
        for (loads, want) in [
            (&[5_usize, 5, 5, 5] as &[_], Good),
            (&[3, 7, 5, 5], Good),
            (&[3, 8, 4, 5], Between),
            (&[2, 10, 3, 5], Uneven),
            (&[0, 20, 0, 0], Broken),
            (&[0, 0, 0, 0, 25, 0], Broken),
            (&[6, 14, 10], Good),
            (&[4, 20, 6, 10], Uneven),
            (&[0, 1, 1, 0], Good),
            (&[0, 0, 0, 0, 0, 1], Good),
            (&[1, 1, 1, 1, 2, 0], Uneven),
            (&[0, 2, 0, 2], Uneven),
            (&[2, 2, 1, 3], Good),
            (&[], Good),
        ] {
            assert_eq!(balance(loads.iter().copied(), 0), want, "{loads:?}");
        }
    }

    /// Affinity keeps its bound, and is then neither uneven nor broken; beyond it, it is what it is.
    #[test]
    fn what_affinity_allows_is_not_too_much() {
        for (loads, allowed, want) in [
            (&[3_usize, 8, 4, 5] as &[_], 8, Good),
            (&[1, 8, 6, 5], 8, Between),
            (&[0, 2, 0, 2], 2, Good),
            (&[1, 1, 1, 1, 2, 0], 2, Good),
            (&[2, 10, 3, 5], 8, Uneven),
            (&[0, 20, 0, 0], 8, Broken),
        ] {
            assert_eq!(bound(loads), allowed, "{loads:?}");
            assert_eq!(balance(loads.iter().copied(), allowed), want, "{loads:?}");
        }
        assert_eq!(bound(&[]), 0);
    }
}
