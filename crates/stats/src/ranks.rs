//! Between which ranks of a sorted sample the true quantile lies, whatever the distribution.

use crate::special::binom_ppf;
use crate::{Confidence, Proportion, Quantile, Tau};

/// The ranks, from 1, of the two values between which the true quantile lies with at least the given
/// confidence, if the `n` values do not depend on each other. None: no value bounds it on that side,
/// because there are too few; see [`least_n_two_sided`].
///
/// Takes `O(√n log n)`. Should the beta function ever fail to converge there is no bound, which
/// claims nothing.
///
/// Source: G. J. Hahn and W. Q. Meeker, "Statistical Intervals" (1991), section 5.2.
#[must_use]
pub fn interval_ranks(n: u64, q: Quantile, confidence: Confidence) -> (Option<u64>, Option<u64>) {
    let tail = confidence.each_tail();
    let at = |chance| binom_ppf(chance, n, q.fraction()).ok();
    let lower = at(tail).filter(|&rank| rank >= 1);
    let upper = at(1.0 - tail).map(|rank| rank + 1).filter(|&rank| rank <= n);
    (lower, upper)
}

/// As [`interval_ranks`], where `n` values are worth only `n / tau`: the Clopper-Pearson limits of
/// the fraction at that many trials, turned into ranks among the `n`.
///
/// No bound where `tau` is undecided. None either where as few independent values could not bound
/// the quantile: many copies of the same few do not help.
pub(crate) fn n_eff_interval_ranks(
    n: u64,
    tau: Tau,
    q: Quantile,
    confidence: Confidence,
) -> (Option<u64>, Option<u64>) {
    let n_eff = tau.n_eff(n).unwrap_or(0.0);
    let Some(proportion) = Proportion::of_share(q.fraction(), n_eff) else {
        return (None, None);
    };
    let (low, high) = proportion.interval(confidence);
    let bounded = |share: f64| share.powf(n_eff) <= confidence.each_tail();
    let lower = Some((n as f64 * low).floor() as u64)
        .filter(|&rank| rank >= 1 && bounded(1.0 - q.fraction()));
    let upper = Some((n as f64 * high).ceil() as u64 + 1)
        .filter(|&rank| rank <= n && bounded(q.fraction()));
    (lower, upper)
}

/// The least number of independent values with which [`interval_ranks`] has both bounds: 368 for
/// p99 at 95 %.
#[must_use]
pub fn least_n_two_sided(q: Quantile, confidence: Confidence) -> u64 {
    // The least n with share^n <= tail, for the share on the scarcer side.
    let share = f64::max(q.fraction(), 1.0 - q.fraction());
    (confidence.each_tail().ln() / share.ln()).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::{interval_ranks, least_n_two_sided, n_eff_interval_ranks};
    use crate::{Confidence, Quantile, Tau};
    use proptest::prelude::*;

    const C: Confidence = Confidence::PERCENT_95;

    #[test]
    fn copies_of_too_few_values_bound_nothing() {
        // 100 independent values do not bound p99, so 10,000 that are worth 100 must not either.
        let (lower, upper) = n_eff_interval_ranks(10_000, Tau::Known(100.0), Quantile::P99, C);
        assert!(lower.is_some());
        assert_eq!(upper, None);
        let (_, upper) = n_eff_interval_ranks(36_900, Tau::Known(100.0), Quantile::P99, C);
        assert!(upper.is_some(), "worth 369");
        assert_eq!(n_eff_interval_ranks(10_000, Tau::Undecided, Quantile::P50, C), (None, None));
        assert_eq!(n_eff_interval_ranks(0, Tau::Known(1.0), Quantile::P50, C), (None, None));
        assert_eq!(interval_ranks(0, Quantile::P50, C), (None, None));
    }

    #[test]
    fn a_million_rows_have_narrow_intervals() {
        // Normal approximation: 500,000 ± 1.96 · 500.
        assert_eq!(interval_ranks(1_000_000, Quantile::P50, C), (Some(499_020), Some(500_981)));
    }

    fn quantiles() -> impl Strategy<Value = Quantile> {
        (1u32..1_000).prop_map(|num| Quantile::new(num, 1_000).unwrap())
    }

    /// Ranks as numbers that widen: no bound is further out than any rank.
    fn outward(n: u64, (lower, upper): (Option<u64>, Option<u64>)) -> (u64, u64) {
        (lower.unwrap_or(0), upper.unwrap_or(n + 1))
    }

    proptest! {
        #[test]
        fn both_bounds_are_there_from_the_least_n_on(q in quantiles(), share in 0.5..0.999) {
            let confidence = Confidence::new(share).unwrap();
            let least = least_n_two_sided(q, confidence);
            let bounded = |n| matches!(interval_ranks(n, q, confidence), (Some(_), Some(_)));
            prop_assert!(bounded(least));
            prop_assert!(!bounded(least - 1));
        }

        #[test]
        fn ranks_hold_the_estimate_and_widen_with_tau(
            q in quantiles(), n in 1u64..20_000, tau in 1.0..50.0, more in 1.0..3.0,
        ) {
            let rank = q.rank(n);
            let independent = outward(n, interval_ranks(n, q, C));
            let some = outward(n, n_eff_interval_ranks(n, Tau::Known(tau), q, C));
            let much = outward(n, n_eff_interval_ranks(n, Tau::Known(tau * more), q, C));
            for (low, high) in [independent, some, much] {
                prop_assert!(low <= rank && rank <= high, "{low} {rank} {high}");
            }
            prop_assert!(some.0 <= independent.0 && independent.1 <= some.1);
            prop_assert!(much.0 <= some.0 && some.1 <= much.1, "{much:?} {some:?}");
        }

        #[test]
        fn ranks_rise_with_the_quantile(a in quantiles(), b in quantiles(), n in 1u64..20_000) {
            let (less, more) = if a.fraction() < b.fraction() { (a, b) } else { (b, a) };
            prop_assert!(less.rank(n) <= more.rank(n));
            let (less, more) = (interval_ranks(n, less, C), interval_ranks(n, more, C));
            let (less, more) = (outward(n, less), outward(n, more));
            prop_assert!(less.0 <= more.0 && less.1 <= more.1, "{less:?} {more:?}");
        }
    }
}
