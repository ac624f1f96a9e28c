//! How far one sample lies from another.

use crate::rank_sum::bounding_rank;
use crate::{Confidence, Tau};

/// Steps that may guess where a rank lies; what is left is found by halving.
const GUESSES: u32 = 48;

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

/// Two samples that are compared with each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stratum<'a> {
    /// What is compared with.
    pub base: &'a [f64],
    /// What is compared.
    pub other: &'a [f64],
}

/// How much larger `other` is than `base`: the median of all differences `other − base` within
/// strata, with the interval that inverts the Mann-Whitney test, or that of the sum of its
/// statistics where there are several strata. None if no stratum has values on both sides, or any
/// value is not finite.
///
/// Values of different strata are never compared, so what tells strata apart cannot be what the
/// contrast is due to. The order of the values does not matter; `tau` says for each sample how its
/// values depended on one another, and widens the interval. It holds for what the two samples
/// differ in, whatever that is: whether that is what one wanted to compare is for the caller to
/// know.
///
/// Takes `O((m + n) log)`: the `m · n` differences are counted and never written down.
///
/// Source: J. L. Hodges and E. L. Lehmann, "Estimates of location based on rank tests", Annals of
/// Mathematical Statistics 34 (1963), 598–611; for the interval E. L. Lehmann, same journal,
/// 1507–1512; for strata Ph. van Elteren, Bulletin of the International Statistical Institute 37
/// (1960), 351–361, with equal weights.
#[must_use]
pub fn shift(strata: &[Stratum<'_>], tau: [Tau; 2], confidence: Confidence) -> Option<Contrast> {
    let whole = |stratum: &&Stratum<'_>| !stratum.base.is_empty() && !stratum.other.is_empty();
    let strata: Vec<&Stratum<'_>> = strata.iter().filter(whole).collect();
    let all_finite = |stratum: &&Stratum<'_>| {
        stratum.base.iter().chain(stratum.other).all(|value| value.is_finite())
    };
    if strata.is_empty() || !strata.iter().all(all_finite) {
        return None;
    }
    let sizes: Vec<[u64; 2]> =
        strata.iter().map(|of| [of.base.len() as u64, of.other.len() as u64]).collect();
    let n = [0, 1].map(|side| sizes.iter().map(|of| of[side]).sum::<u64>());
    let all: u64 = sizes.iter().map(|[base, other]| base * other).sum();
    let pairs = Pairs(strata.iter().map(|of| [of.base, of.other].map(sorted)).collect::<Vec<_>>());
    let (left, right) = (pairs.at(all.div_ceil(2)), pairs.at(all / 2 + 1));
    let n_eff = match (tau[0].n_eff(n[0]), tau[1].n_eff(n[1])) {
        (Some(base), Some(other)) => Some([base, other]),
        _ => None,
    };
    let rank = n_eff.and_then(|n_eff| {
        let worth = [n_eff[0] / n[0] as f64, n_eff[1] / n[1] as f64];
        bounding_rank(&sizes, worth, confidence.each_tail())
    });
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
pub fn ratio(strata: &[Stratum<'_>], tau: [Tau; 2], confidence: Confidence) -> Option<Contrast> {
    let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<_>>();
    let logs: Vec<[Vec<f64>; 2]> =
        strata.iter().map(|of| [logs(of.base), logs(of.other)]).collect();
    let strata: Vec<Stratum<'_>> =
        logs.iter().map(|[base, other]| Stratum { base, other }).collect();
    let Contrast { estimate, lower, upper, n, n_eff } = shift(&strata, tau, confidence)?;
    let (lower, upper) = (lower.map(f64::exp), upper.map(f64::exp));
    Some(Contrast { estimate: estimate.exp(), lower, upper, n, n_eff })
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// All differences within strata of two sorted samples, neither of them empty.
struct Pairs(Vec<[Vec<f64>; 2]>);

impl Pairs {
    /// The difference at a rank from 1 to the number of differences.
    ///
    /// Narrows down, by counting, between which floating-point numbers it lies, until there are few
    /// enough differences between them to be written down. Two of three steps go where the rank
    /// should lie, once a little above and once a little below it; the third halves the
    /// floating-point numbers themselves, so that it ends whatever the distribution, ties included.
    fn at(&self, rank: u64) -> f64 {
        let last = |values: &[f64]| values[values.len() - 1];
        let lowest = self.0.iter().map(|[base, other]| key(other[0] - last(base)));
        let highest = self.0.iter().map(|[base, other]| key(last(other) - base[0]));
        let mut low = lowest.min().unwrap_or_default();
        let mut high = highest.max().unwrap_or_default();
        let few: u64 = self.0.iter().map(|[base, other]| (base.len() + other.len()) as u64).sum();
        // It is above `floor`, as which so many differences are not larger, and not above `high`.
        let (mut floor, mut below) = (f64::NEG_INFINITY, 0);
        let mut up_to = self.up_to(value(high));
        let mut steps = (0..GUESSES).chain(std::iter::repeat(2));
        while low < high {
            let between = up_to - below;
            if between <= few {
                let mut differences = self.between(floor, value(high));
                let place = (rank - below - 1) as usize;
                return *differences.select_nth_unstable_by(place, f64::total_cmp).1;
            }
            let guess = |share: f64| {
                let (from, to) = (value(low), value(high));
                let wanted = (rank - below) as f64 / between as f64 + share;
                key(from + (to - from) * wanted.clamp(0.0, 1.0)).clamp(low, high - 1)
            };
            let middle = match steps.next().unwrap_or(2) % 3 {
                0 => guess(1.0 / 32.0),
                1 => guess(-1.0 / 32.0),
                _ => low + (high - low) / 2,
            };
            let count = self.up_to(value(middle));
            if count >= rank {
                (high, up_to) = (middle, count);
            } else {
                (low, floor, below) = (middle + 1, value(middle), count);
            }
        }
        value(low)
    }

    /// The differences above `floor` and at most `limit`.
    fn between(&self, floor: f64, limit: f64) -> Vec<f64> {
        let mut found = Vec::new();
        for [bases, others] in &self.0 {
            let (mut from, mut to) = (0, 0);
            for base in bases {
                let reaches = |place: usize, limit| {
                    others.get(place).is_some_and(|other| other - base <= limit)
                };
                while reaches(from, floor) {
                    from += 1;
                }
                while reaches(to, limit) {
                    to += 1;
                }
                found.extend(others[from..to].iter().map(|other| other - base));
            }
        }
        found
    }

    /// Number of differences of at most `limit`.
    fn up_to(&self, limit: f64) -> u64 {
        let mut count = 0;
        for [bases, others] in &self.0 {
            let mut reached = 0;
            for base in bases {
                while reached < others.len() && others[reached] - base <= limit {
                    reached += 1;
                }
                count += reached as u64;
            }
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
    use super::{Contrast, Stratum, ratio, shift};
    use crate::{Confidence, Tau};
    use proptest::prelude::*;

    const ONE: [Tau; 2] = [Tau::Known(1.0); 2];

    fn of(base: &[f64], other: &[f64]) -> Option<Contrast> {
        shift(&[Stratum { base, other }], ONE, Confidence::PERCENT_95)
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
        let to_nothing = [Stratum { base: &[0.0], other: &[1.0] }];
        assert_eq!(ratio(&to_nothing, ONE, Confidence::PERCENT_95), None, "no ratio to nothing");
    }

    #[test]
    fn undecided_dependence_leaves_no_limits() {
        let values: Vec<f64> = (0..40).map(f64::from).collect();
        let tau = [Tau::Known(1.0), Tau::Undecided];
        let strata = [Stratum { base: &values, other: &values }];
        let found = shift(&strata, tau, Confidence::PERCENT_95).unwrap();
        assert_eq!((found.estimate, found.lower, found.upper), (0.0, None, None));
    }

    #[test]
    fn strata_are_not_compared_with_each_other() {
        // Twice as long within each, and of the slow stratum more on the base's side.
        let fast = [1.0, 1.5, 1.25, 1.75, 1.125].map(|ms| [ms, 2.0 * ms]);
        let slow = fast.map(|pair| pair.map(|ms| 100.0 * ms));
        let side =
            |of: &[[f64; 2]], side: usize| -> Vec<f64> { of.iter().map(|p| p[side]).collect() };
        let samples = [
            [[side(&fast, 0), side(&fast, 0)].concat(), side(&fast, 1)],
            [side(&slow, 0), [side(&slow, 1), side(&slow, 1)].concat()],
        ];
        let strata = samples.each_ref().map(|[base, other]| Stratum { base, other });
        let found = ratio(&strata, ONE, Confidence::PERCENT_95).unwrap();
        assert!((found.estimate - 2.0).abs() < 1e-12, "{found:?}");
        assert_eq!(found.n, [15, 15]);
        let (lower, upper) = (found.lower.unwrap(), found.upper.unwrap());
        assert!(lower > 1.3 && upper < 2.8, "{found:?}");
        let empty = Stratum { base: &[], other: &[1.0] };
        let with_empty = [strata[0], empty, strata[1]];
        assert_eq!(ratio(&with_empty, ONE, Confidence::PERCENT_95), Some(found));
    }

    /// Spread out, or with many ties, or with a long tail.
    fn values() -> impl Strategy<Value = Vec<f64>> {
        let eighths = |ms: u32| f64::from(ms) / 8.0;
        prop_oneof![
            prop::collection::vec((1u32..1_000).prop_map(eighths), 1..60),
            prop::collection::vec((1u32..4).prop_map(eighths), 1..60),
            prop::collection::vec((0u32..20).prop_map(|power| f64::from(1 << power)), 1..60),
        ]
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
