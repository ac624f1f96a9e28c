//! What a histogram keeps of the values it was given.

use crate::reference::{dataset, reference};
use proofload_stats::hist::Histogram;
use proofload_stats::{Quantile, quantile};
use proptest::prelude::*;

const QUANTILES: [Quantile; 5] =
    [Quantile::P50, Quantile::P90, Quantile::P95, Quantile::P99, Quantile::P999];

fn recorded(values_ns: impl IntoIterator<Item = u64>) -> Histogram {
    let mut histogram = Histogram::new();
    values_ns.into_iter().for_each(|ns| histogram.record(ns));
    histogram
}

fn lat1000_ns() -> Vec<u64> {
    dataset("lat1000_us").iter().map(|us| *us as u64 * 1_000).collect()
}

#[test]
fn quantiles_are_those_of_the_python_port() {
    let histogram = recorded(lat1000_ns());
    for (q, key) in [
        (Quantile::P50, "50"),
        (Quantile::P90, "90"),
        (Quantile::P95, "95"),
        (Quantile::P99, "99"),
        (Quantile::P999, "99.9"),
    ] {
        let want_us = reference(&["hdr", "hdr_value_at_percentile", key]).as_u64().unwrap();
        assert_eq!(histogram.quantile(q), Some(want_us * 1_000), "{q}");
    }
}

#[test]
fn the_ends_are_what_was_recorded_and_not_the_bucket() {
    let histogram = recorded(lat1000_ns());
    let true_max = reference(&["hdr", "max_is_clamped", "true_max"]).as_u64().unwrap() * 1_000;
    assert_eq!(histogram.max_ns(), Some(true_max));
    assert_eq!(histogram.value_at_rank(1_000), Some(true_max));
    assert_eq!(histogram.min_ns(), Some(20_609_000));
}

#[test]
fn a_rank_in_floating_point_would_be_wrong_here() {
    let trap = reference(&["hdr", "float_rank_trap"]);
    let histogram = recorded(lat1000_ns());
    let found_us = histogram.quantile(Quantile::P999).unwrap() / 1_000;
    let (right, wrong) = (trap["value_right"].as_u64().unwrap(), trap["value_wrong"].as_u64());
    assert!(found_us.abs_diff(right) < right / 1_000, "{found_us}");
    assert_ne!(Some(found_us), wrong);
}

#[test]
fn what_is_out_of_range_counts_at_the_end() {
    let histogram = recorded([0, 999, u64::MAX]);
    assert_eq!(histogram.len(), 3);
    assert_eq!(histogram.min_ns(), Some(Histogram::LOWEST_NS));
    assert_eq!(histogram.value_at_rank(2), Some(Histogram::LOWEST_NS));
    assert_eq!(histogram.max_ns(), Some(Histogram::HIGHEST_NS));
}

#[test]
fn ranks_that_do_not_exist_have_no_value() {
    let mut histogram = recorded([5_000]);
    assert_eq!((histogram.value_at_rank(0), histogram.value_at_rank(2)), (None, None));
    histogram.reset();
    assert_eq!(histogram, Histogram::new());
    assert_eq!((histogram.min_ns(), histogram.max_ns()), (None, None));
    assert_eq!(histogram.quantile(Quantile::P50), None);
}

/// Averages of quantiles are not quantiles; merged counts are.
#[test]
fn merged_parts_are_the_whole_and_their_mean_is_not() {
    let values = lat1000_ns();
    let parts: Vec<Histogram> =
        values.chunks(100).map(|part| recorded(part.iter().copied())).collect();
    let mean_ns = parts.iter().map(|part| part.quantile(Quantile::P99).unwrap()).sum::<u64>() / 10;
    let mut merged = Histogram::new();
    parts.iter().for_each(|part| merged.merge(part));
    assert_eq!(merged, recorded(values));
    let wrong_us = reference(&["hdr", "average_of_10_part_p99s_WRONG"]).as_f64().unwrap();
    assert!((mean_ns as f64 / 1_000.0 - wrong_us).abs() < 1.0);
    assert!(merged.quantile(Quantile::P99).unwrap() > mean_ns * 3 / 2);
}

fn times_ns() -> impl Strategy<Value = Vec<u64>> {
    let time = prop_oneof![0u64..100_000, 0u64..10_000_000_000, 0..2 * Histogram::HIGHEST_NS];
    prop::collection::vec(time, 1..400)
}

proptest! {
    #[test]
    fn every_rank_is_within_a_thousandth_of_the_value_there(values in times_ns()) {
        let histogram = recorded(values.iter().copied());
        let mut sorted: Vec<u64> = values
            .iter()
            .map(|ns| *ns.clamp(&Histogram::LOWEST_NS, &Histogram::HIGHEST_NS))
            .collect();
        sorted.sort_unstable();
        for (rank, &want) in (1..).zip(&sorted) {
            let found = histogram.value_at_rank(rank).unwrap();
            prop_assert!(found.abs_diff(want) <= want / 1_000 + 500, "{rank}: {found}, {want}");
        }
        for q in QUANTILES {
            prop_assert_eq!(histogram.quantile(q), histogram.value_at_rank(q.rank(histogram.len())));
            prop_assert!(quantile(&sorted, q).is_some());
        }
    }

    #[test]
    fn merging_in_any_order_gives_the_whole(values in times_ns(), at in any::<prop::sample::Index>()) {
        let (head, tail) = values.split_at(at.index(values.len() + 1));
        let (head, tail) = (recorded(head.iter().copied()), recorded(tail.iter().copied()));
        let whole = recorded(values);
        for (into, from) in [(&head, &tail), (&tail, &head)] {
            let mut merged = into.clone();
            merged.merge(from);
            prop_assert_eq!(&merged, &whole);
        }
    }
}
