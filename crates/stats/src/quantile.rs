//! Which quantile, and the value at it.

use std::fmt;

/// A quantile as an exact fraction, so that its rank is found in integers.
///
/// In floating point 99.9 / 100 is 0.9990000000000001, and the p99.9 of 1,000 values becomes their
/// maximum. Here it is 999 / 1,000 and the rank is 999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quantile {
    // The denominator is a power of ten from 100 on, and no smaller one would do.
    den: u32,
    num: u32,
}

impl Quantile {
    /// The median.
    pub const P50: Self = Self { num: 50, den: 100 };
    /// The 90th percentile.
    pub const P90: Self = Self { num: 90, den: 100 };
    /// The 95th percentile.
    pub const P95: Self = Self { num: 95, den: 100 };
    /// The 99th percentile.
    pub const P99: Self = Self { num: 99, den: 100 };
    /// The 99.9th percentile.
    pub const P999: Self = Self { num: 999, den: 1_000 };

    /// The quantile `num / den`; none unless `den` is a power of ten from 100 to 10⁹ and the
    /// fraction lies strictly between 0 and 1.
    #[must_use]
    pub fn new(mut num: u32, mut den: u32) -> Option<Self> {
        let power_of_ten = den >= 100 && 10u32.pow(den.ilog10()) == den;
        if !power_of_ten || num == 0 || num >= den {
            return None;
        }
        while den > 100 && num.is_multiple_of(10) {
            (num, den) = (num / 10, den / 10);
        }
        Some(Self { num, den })
    }

    /// The name in every output: `p50`, `p99`, `p999`; the digits after the point.
    #[must_use]
    pub fn label(self) -> String {
        self.to_string()
    }

    /// The fraction as a floating-point number.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// The rank of the quantile in `n` sorted values, counted from 1: `⌈n · num / den⌉`. It is 0
    /// for no values.
    ///
    /// Source: R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The American
    /// Statistician 50 (1996), 361–365, definition 1.
    #[must_use]
    pub fn rank(self, n: u64) -> u64 {
        let rank = (u128::from(n) * u128::from(self.num)).div_ceil(u128::from(self.den));
        // At most n, since the fraction is below 1.
        rank as u64
    }
}

impl fmt::Display for Quantile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.den.ilog10() as usize;
        write!(f, "p{:0digits$}", self.num)
    }
}

/// The value at quantile `q` of values sorted upwards, by its integer rank; none of no values.
#[must_use]
pub fn quantile<T: Copy>(sorted: &[T], q: Quantile) -> Option<T> {
    at_rank(sorted, q.rank(sorted.len() as u64))
}

/// The value at a rank counted from 1.
pub(crate) fn at_rank<T: Copy>(sorted: &[T], rank: u64) -> Option<T> {
    sorted.get(usize::try_from(rank.checked_sub(1)?).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::{Quantile, quantile};

    #[test]
    fn a_label_holds_the_digits_after_the_point() {
        for (num, den, label) in [
            (50, 100, "p50"),
            (5, 100, "p05"),
            (99, 100, "p99"),
            (990, 1_000, "p99"),
            (999, 1_000, "p999"),
            (99_999, 100_000, "p99999"),
        ] {
            assert_eq!(Quantile::new(num, den).unwrap().label(), label, "{num}/{den}");
        }
        assert_eq!(Quantile::new(500, 1_000), Some(Quantile::P50));
    }

    #[test]
    fn what_is_no_quantile_is_refused() {
        for (num, den) in [(0, 100), (100, 100), (101, 100), (1, 2), (5, 10), (1, 300), (1, 0)] {
            assert_eq!(Quantile::new(num, den), None, "{num}/{den}");
        }
    }

    #[test]
    fn the_quantile_of_the_first_integers_is_its_rank() {
        for n in 1..=1_000u64 {
            let sorted: Vec<u64> = (1..=n).collect();
            for (q, num, den) in [
                (Quantile::P50, 1, 2),
                (Quantile::P90, 9, 10),
                (Quantile::P95, 19, 20),
                (Quantile::P99, 99, 100),
                (Quantile::P999, 999, 1_000),
            ] {
                // The least k with k / n >= num / den, found without the function under test.
                let want = (1..=n).find(|k| k * den >= n * num);
                assert_eq!(quantile(&sorted, q), want, "{q} of {n}");
            }
        }
        assert_eq!(quantile::<u64>(&[], Quantile::P50), None);
    }
}
