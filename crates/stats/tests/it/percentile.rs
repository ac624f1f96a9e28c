//! Laws of a quantile and its interval, for any sample.

use proofload_stats::{Confidence, Percentile, Quantile};
use proptest::prelude::*;

const QUANTILES: [Quantile; 5] =
    [Quantile::P50, Quantile::P90, Quantile::P95, Quantile::P99, Quantile::P999];

fn percentile(arrival: &[u64], q: Quantile) -> Percentile<u64> {
    let mut sorted = arrival.to_vec();
    sorted.sort_unstable();
    Percentile::of(arrival, &sorted, q, Confidence::PERCENT_95).unwrap()
}

/// Value and bounds, where none is further out than any value.
fn outward(found: Percentile<u64>) -> (u64, u64, u64) {
    let (lower, upper) = found.interval();
    (lower.unwrap_or(0), found.value(), upper.unwrap_or(u64::MAX))
}

#[test]
fn an_empty_sample_has_no_percentile() {
    assert_eq!(Percentile::<u64>::of(&[], &[], Quantile::P50, Confidence::PERCENT_95), None);
}

#[test]
fn too_few_values_leave_the_upper_side_open() {
    let arrival: Vec<u64> = (0..100).map(|i| i * 37 % 100).collect();
    let p99 = percentile(&arrival, Quantile::P99);
    assert_eq!((p99.value(), p99.interval()), (98, (Some(96), None)));
}

#[test]
fn a_run_that_only_drifts_has_a_value_and_no_interval() {
    let arrival: Vec<u64> = (0..10_000).collect();
    let p50 = percentile(&arrival, Quantile::P50);
    assert_eq!((p50.value(), p50.interval(), p50.n_eff()), (4_999, (None, None), None));
}

#[test]
fn repeated_values_are_worth_as_many_as_differ() {
    let once: Vec<u64> = (0..1_000u64).map(|i| i * i % 7_919).collect();
    let repeated: Vec<u64> = once.iter().flat_map(|&value| [value; 20]).collect();
    let (all, some) = (percentile(&repeated, Quantile::P50), percentile(&once, Quantile::P50));
    let n_eff = all.n_eff().unwrap();
    assert!((500.0..1_500.0).contains(&n_eff), "{n_eff}");
    let (low, _, high) = outward(all);
    let (once_low, _, once_high) = outward(some);
    assert!(low.abs_diff(once_low) < 300 && high.abs_diff(once_high) < 300);
}

proptest! {
    #[test]
    fn the_interval_holds_the_value_and_all_rise_with_q(
        arrival in prop::collection::vec(0u64..10_000, 1..2_000),
    ) {
        let found = QUANTILES.map(|q| percentile(&arrival, q));
        for one in found {
            let (low, value, high) = outward(one);
            prop_assert!(low <= value && value <= high, "{one:?}");
        }
        prop_assert!(found.is_sorted_by_key(Percentile::value));
    }

    /// The value, its bounds and the dependence move with the unit and the zero of the scale.
    #[test]
    fn scale_and_shift_carry_over(
        arrival in prop::collection::vec(0u64..1_000_000, 1..500),
        scale in 1u64..1_000,
        shift in 0u64..1_000_000,
    ) {
        let moved: Vec<u64> = arrival.iter().map(|value| value * scale + shift).collect();
        for q in QUANTILES {
            let (one, other) = (percentile(&arrival, q), percentile(&moved, q));
            let carry = |bound: Option<u64>| bound.map(|bound| bound * scale + shift);
            let (lower, upper) = one.interval();
            prop_assert_eq!(other.value(), one.value() * scale + shift);
            prop_assert_eq!(other.interval(), (carry(lower), carry(upper)));
            prop_assert_eq!(other.n_eff(), one.n_eff());
        }
    }
}
