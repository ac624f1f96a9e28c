//! How far one sample lies from another.

use crate::rank_sum::bounding_rank;
use crate::{Confidence, Tau};

/// How far the values of one sample lie from those of another, whatever their distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contrast {
    /// The median over all pairs, one of each sample.
    pub estimate: f64,
    /// Lower limit; none where the samples cannot bound it.
    pub lower: Option<f64>,
    /// Upper limit; none where the samples cannot bound it.
    pub upper: Option<f64>,
    /// Values in the first sample and in the second.
    pub n: [u64; 2],
    /// Independent values that would tell as much; none where that is undecided, and with it the
    /// limits.
    pub n_eff: Option<[f64; 2]>,
}

/// How much larger `other` is than `base`: the median of all differences `other − base`, with the
/// interval that inverts the Mann-Whitney test. None if either is empty or holds a value that is
/// not finite.
///
/// The order of the values does not matter; `tau` says for each sample how its values depended on
/// one another, and widens the interval. It holds for what the two samples differ in, whatever that
/// is: whether that is what one wanted to compare is for the caller to know.
///
/// Takes `O((m + n) log)`: the `m · n` differences are counted and never written down.
///
/// Source: J. L. Hodges and E. L. Lehmann, "Estimates of location based on rank tests", Annals of
/// Mathematical Statistics 34 (1963), 598–611; for the interval E. L. Lehmann, same journal,
/// 1507–1512.
#[must_use]
pub fn shift(
    base: &[f64],
    other: &[f64],
    tau: [Tau; 2],
    confidence: Confidence,
) -> Option<Contrast> {
    if base.is_empty() || other.is_empty() {
        return None;
    }
    if !base.iter().chain(other).all(|value| value.is_finite()) {
        return None;
    }
    let pairs = Pairs { base: sorted(base), other: sorted(other) };
    let n = [base.len() as u64, other.len() as u64];
    let all = n[0] * n[1];
    let (left, right) = (pairs.at(all.div_ceil(2)), pairs.at(all / 2 + 1));
    let n_eff = match (tau[0].n_eff(n[0]), tau[1].n_eff(n[1])) {
        (Some(base), Some(other)) => Some([base, other]),
        _ => None,
    };
    let rank = n_eff.and_then(|worth| bounding_rank(n, worth, confidence.each_tail()));
    Some(Contrast {
        estimate: f64::midpoint(left, right),
        lower: rank.map(|rank| pairs.at(rank)),
        upper: rank.map(|rank| pairs.at(all + 1 - rank)),
        n,
        n_eff,
    })
}

/// How many times as large `other` is as `base`: [`shift`] of the logarithms. None also if a value
/// is not above 0.
#[must_use]
pub fn ratio(
    base: &[f64],
    other: &[f64],
    tau: [Tau; 2],
    confidence: Confidence,
) -> Option<Contrast> {
    let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<_>>();
    let Contrast { estimate, lower, upper, n, n_eff } =
        shift(&logs(base), &logs(other), tau, confidence)?;
    let (lower, upper) = (lower.map(f64::exp), upper.map(f64::exp));
    Some(Contrast { estimate: estimate.exp(), lower, upper, n, n_eff })
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// All differences of two sorted samples.
struct Pairs {
    base: Vec<f64>,
    other: Vec<f64>,
}

impl Pairs {
    /// The difference at a rank from 1 to `m · n`. Bisects over the floating-point numbers
    /// themselves, so that it ends at the very difference, after 64 counts at most.
    fn at(&self, rank: u64) -> f64 {
        let last = |values: &[f64]| values[values.len() - 1];
        let mut low = key(self.other[0] - last(&self.base));
        let mut high = key(last(&self.other) - self.base[0]);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.up_to(value(middle)) >= rank {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        value(low)
    }

    /// Number of differences of at most `limit`.
    fn up_to(&self, limit: f64) -> u64 {
        let mut reached = 0;
        let mut count = 0;
        for base in &self.base {
            while reached < self.other.len() && self.other[reached] - base <= limit {
                reached += 1;
            }
            count += reached as u64;
        }
        count
    }
}

/// A whole number in the order of the floating-point numbers.
fn key(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn value(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

#[cfg(test)]
mod tests {
    use super::{Contrast, ratio, shift};
    use crate::{Confidence, Tau};
    use proptest::prelude::*;

    const ONE: [Tau; 2] = [Tau::Known(1.0); 2];

    fn of(base: &[f64], other: &[f64]) -> Option<Contrast> {
        shift(base, other, ONE, Confidence::PERCENT_95)
    }

    #[test]
    fn what_has_no_contrast_is_refused() {
        for (name, base, other) in [
            ("nothing", &[] as &[f64], &[1.0] as &[f64]),
            ("infinite", &[f64::INFINITY], &[1.0]),
            ("not a number", &[1.0], &[f64::NAN]),
        ] {
            assert_eq!(of(base, other), None, "{name}");
        }
        assert_eq!(ratio(&[0.0], &[1.0], ONE, Confidence::PERCENT_95), None, "no ratio to nothing");
    }

    #[test]
    fn undecided_dependence_leaves_no_limits() {
        let values: Vec<f64> = (0..40).map(f64::from).collect();
        let tau = [Tau::Known(1.0), Tau::Undecided];
        let found = shift(&values, &values, tau, Confidence::PERCENT_95).unwrap();
        assert_eq!((found.estimate, found.lower, found.upper), (0.0, None, None));
    }

    fn values() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec((1u32..1_000).prop_map(|ms| f64::from(ms) / 8.0), 1..60)
    }

    proptest! {
        #[test]
        fn counting_finds_what_writing_down_finds(base in values(), other in values()) {
            let mut all: Vec<f64> =
                base.iter().flat_map(|x| other.iter().map(move |y| y - x)).collect();
            all.sort_by(f64::total_cmp);
            let middle = f64::midpoint(all[(all.len() - 1) / 2], all[all.len() / 2]);
            let found = of(&base, &other).unwrap();
            prop_assert_eq!(found.estimate, middle);
            if let (Some(lower), Some(upper)) = (found.lower, found.upper) {
                prop_assert!(lower <= middle && middle <= upper);
                prop_assert!(all.contains(&lower) && all.contains(&upper));
            }
        }

        #[test]
        fn a_shift_moves_it_and_swapping_mirrors_it(base in values(), other in values()) {
            let here = of(&base, &other).unwrap();
            let moved: Vec<f64> = other.iter().map(|value| value + 16.0).collect();
            let there = of(&base, &moved).unwrap();
            prop_assert_eq!(there.estimate, here.estimate + 16.0);
            prop_assert_eq!(there.lower, here.lower.map(|limit| limit + 16.0));
            let back = of(&other, &base).unwrap();
            prop_assert_eq!(back.estimate, -here.estimate);
            prop_assert_eq!(back.upper, here.lower.map(|limit| 0.0 - limit));
        }
    }
}
