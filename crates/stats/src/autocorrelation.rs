//! How much a value tells about those that follow it.

/// Lags looked at before [`tau`] gives up: 2,000 requests that still resemble each other are a run
/// that was not steady, which no correction mends.
const LAGS_MAX: u64 = 2_000;

/// Below this, dependence is within what the estimate of independent values scatters by.
const INDEPENDENT_BELOW: f64 = 1.5;

/// How many values in a row count as one: the integrated autocorrelation time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tau {
    /// At least 1, which stands for values that do not depend on each other.
    Known(f64),
    /// The values still depended on each other after 2,000 lags.
    Undecided,
}

impl Tau {
    /// Whether values are taken to be independent of one another: below 1.5.
    #[must_use]
    pub fn is_independent(self) -> bool {
        matches!(self, Self::Known(tau) if tau < INDEPENDENT_BELOW)
    }

    /// How many independent values `n` values are worth: all of them where they
    /// [are independent](Self::is_independent); none if undecided.
    #[must_use]
    pub fn n_eff(self, n: u64) -> Option<f64> {
        match self {
            Self::Known(_) if self.is_independent() => Some(n as f64),
            Self::Known(tau) => Some(n as f64 / tau),
            Self::Undecided => None,
        }
    }
}

/// The integrated autocorrelation time of an indicator in order of arrival, such as "at most the
/// p99": `−1 + 2 Σ (ρ₂ₘ + ρ₂ₘ₊₁)` over the pairs until the first that is not positive, at least 1.
///
/// An indicator that never changes shows no dependence and has 1. Takes `O(n · lags / 64)`: the
/// indicator is packed into words, and the products of a lag are their common ones. All sums are
/// integers, so where the sequence ends does not depend on rounding.
///
/// Source: C. J. Geyer, "Practical Markov chain Monte Carlo", Statistical Science 7 (1992), 473–483,
/// the initial positive sequence.
#[must_use]
pub fn tau(indicator: impl IntoIterator<Item = bool>) -> Tau {
    let bits = Bits::pack(indicator);
    let (n, ones) = (i128::from(bits.len), i128::from(bits.ones));
    // All autocovariances below are n² times their value.
    let variance = n * ones * (n - ones);
    if variance == 0 {
        return Tau::Known(1.0);
    }
    let mut sum = -1.0;
    let (mut first_ones, mut last_ones) = (0, 0);
    let mut lag = 0;
    while lag + 1 < bits.len {
        if lag + 1 >= LAGS_MAX {
            return Tau::Undecided;
        }
        let mut pair = 0;
        for lag in [lag, lag + 1] {
            // Ones among the values that have one `lag` after them, and among those that have one
            // `lag` before them: all but the last and all but the first.
            let leading = ones - last_ones;
            let trailing = ones - first_ones;
            let both = i128::from(bits.ones_in_common(lag));
            pair += n * n * both - n * ones * (leading + trailing)
                + (n - i128::from(lag)) * ones * ones;
            first_ones += i128::from(bits.get(lag));
            last_ones += i128::from(bits.get(bits.len - 1 - lag));
        }
        if pair <= 0 {
            break;
        }
        sum += 2.0 * pair as f64 / variance as f64;
        lag += 2;
    }
    Tau::Known(f64::max(sum, 1.0))
}

/// An indicator, 64 values a word; what lies beyond its end is 0.
struct Bits {
    words: Vec<u64>,
    len: u64,
    ones: u64,
}

impl Bits {
    fn pack(indicator: impl IntoIterator<Item = bool>) -> Self {
        let mut bits = Self { words: Vec::new(), len: 0, ones: 0 };
        let mut word = 0;
        for value in indicator {
            let place = bits.len % 64;
            word |= u64::from(value) << place;
            bits.ones += u64::from(value);
            bits.len += 1;
            if place == 63 {
                bits.words.push(std::mem::take(&mut word));
            }
        }
        bits.words.push(word);
        bits
    }

    fn get(&self, index: u64) -> bool {
        self.words[(index / 64) as usize] >> (index % 64) & 1 == 1
    }

    /// Places at which both the indicator and the indicator `lag` places on are 1.
    fn ones_in_common(&self, lag: u64) -> u64 {
        let (whole, part) = ((lag / 64) as usize, lag % 64);
        let Some((last, _)) = self.words[whole..].split_last() else { return 0 };
        let moved = self.words[whole..].windows(2);
        // A shift by 64 would be none: `<< 1 << 63 − part` is by 64 − part and never overflows.
        let common = |(word, two): (&u64, &[u64])| {
            u64::from((word & (two[0] >> part | two[1] << 1 << (63 - part))).count_ones())
        };
        let before: u64 = self.words.iter().zip(moved).map(common).sum();
        let beside_last = self.words[self.words.len() - 1 - whole];
        before + u64::from((beside_last & (last >> part)).count_ones())
    }
}

#[cfg(test)]
mod tests {
    use super::{LAGS_MAX, Tau, tau};
    use proptest::prelude::*;

    /// The definition, in floating point and without a limit.
    fn slow_tau(indicator: &[bool]) -> f64 {
        let n = indicator.len();
        let values: Vec<f64> = indicator.iter().map(|&one| f64::from(u8::from(one))).collect();
        let mean = values.iter().sum::<f64>() / n as f64;
        let covariance = |lag: usize| -> f64 {
            values.iter().zip(&values[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum()
        };
        let mut sum = -1.0;
        for lag in (0..n - 1).step_by(2) {
            let pair = (covariance(lag) + covariance(lag + 1)) / covariance(0);
            // Rounding must not decide where the exact sum is 0.
            if pair <= 1e-12 {
                break;
            }
            sum += 2.0 * pair;
        }
        f64::max(sum, 1.0)
    }

    #[test]
    fn what_alternates_or_never_changes_counts_in_full() {
        for (name, indicator) in [
            ("nothing", vec![]),
            ("one value", vec![true]),
            ("never", vec![false; 500]),
            ("always", vec![true; 500]),
            ("in turns", (0..500).map(|i| i % 2 == 0).collect()),
        ] {
            assert_eq!(tau(indicator), Tau::Known(1.0), "{name}");
        }
    }

    #[test]
    fn a_level_that_outlasts_the_lags_is_undecided() {
        let half = 4 * LAGS_MAX;
        assert_eq!(tau((0..2 * half).map(|i| i < half)), Tau::Undecided);
        assert_eq!(Tau::Undecided.n_eff(16_000), None);
        let short = LAGS_MAX / 4;
        assert!(matches!(tau((0..2 * short).map(|i| i < short)), Tau::Known(tau) if tau > 100.0));
    }

    #[test]
    fn a_little_dependence_is_none() {
        for (tau, want) in [(1.0, 300.0), (1.49, 300.0), (1.5, 200.0), (3.0, 100.0)] {
            assert_eq!(Tau::Known(tau).n_eff(300), Some(want), "{tau}");
        }
    }

    #[test]
    fn repeating_every_value_multiplies_it() {
        let once: Vec<bool> = (0..20_000u64).map(|i| i.wrapping_mul(i) % 7_919 < 3_000).collect();
        let Tau::Known(tau_once) = tau(once.iter().copied()) else { panic!("undecided") };
        let repeated = once.iter().flat_map(|&value| [value; 10]);
        let Tau::Known(tau_repeated) = tau(repeated) else { panic!("undecided") };
        let ratio = tau_repeated / tau_once;
        assert!((7.0..13.0).contains(&ratio), "{tau_once} {tau_repeated}");
    }

    proptest! {
        #[test]
        fn words_give_what_the_definition_gives(
            indicator in prop::collection::vec(prop::bool::weighted(0.3), 2..400),
            stretch in 1usize..9,
        ) {
            let indicator: Vec<bool> =
                indicator.iter().flat_map(|&value| vec![value; stretch]).collect();
            prop_assume!(indicator.contains(&true) && indicator.contains(&false));
            let want = slow_tau(&indicator);
            let Tau::Known(found) = tau(indicator) else { panic!("undecided") };
            prop_assert!((found - want).abs() <= 1e-9 * want, "{found} is not {want}");
        }
    }
}
