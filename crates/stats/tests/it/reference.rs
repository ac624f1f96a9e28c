//! Values that other programs computed; `fixtures/stats/README.md` says which, and how close.

use proofload_stats::{
    Confidence, Percentile, Proportion, Quantile, Stratum, Tau, interval_ranks, least_n_two_sided,
    quantile, ratio, shift, tau,
};
use serde_json::Value;

const CLOSED_FORM: f64 = 1e-9;
const TAILS: f64 = 1e-7;

/// The value at a path of keys.
pub(crate) fn reference(path: &[&str]) -> Value {
    let text = include_str!("../../../../fixtures/stats/reference.json");
    let root: Value = serde_json::from_str(text).unwrap();
    path.iter().fold(root, |value, &key| value[key].clone())
}

/// The numbers of a list.
pub(crate) fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

pub(crate) fn dataset(name: &str) -> Vec<f64> {
    numbers(&reference(&["datasets", name]))
}

pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn cases(path: &[&str]) -> Vec<Value> {
    let cases = reference(path).as_array().unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

/// The quantile of a fraction with at most three digits.
fn quantile_of(fraction: &Value) -> Quantile {
    Quantile::new((fraction.as_f64().unwrap() * 1_000.0).round() as u32, 1_000).unwrap()
}

fn confidence(share: &Value) -> Confidence {
    Confidence::new(share.as_f64().unwrap()).unwrap()
}

#[track_caller]
fn assert_close(found: f64, want: &Value, tolerance: f64, case: &Value) {
    let want = want.as_f64().unwrap();
    assert!((found - want).abs() <= tolerance * want.abs(), "{found} is not {want} in {case}");
}

#[test]
fn quantiles_by_rank() {
    for name in ["small5", "one", "two", "lat100_ms", "lat1000_us"] {
        let topic = reference(&["quantile_definitions", name]);
        let values = if topic["x"].is_null() { dataset(name) } else { numbers(&topic["x"]) };
        let sorted = sorted(&values);
        let (fractions, wanted) = (&topic["p"].as_array().unwrap(), numbers(&topic["type1"]));
        for (p, want) in fractions.iter().zip(wanted) {
            // The least and the greatest are no quantiles here but a summary's ends.
            if !matches!(p.as_f64(), Some(0.0 | 1.0)) {
                assert_eq!(quantile(&sorted, quantile_of(p)), Some(want), "{name} at {p}");
            }
        }
    }
}

#[test]
fn interval_ranks_of_the_table() {
    for case in cases(&["quantile_ci", "index_table"]) {
        let (n, q) = (case["n"].as_u64().unwrap(), quantile_of(&case["p"]));
        let found = interval_ranks(n, q, confidence(&case["conf"]));
        assert_eq!(found, (case["l"].as_u64(), case["u"].as_u64()), "{case}");
    }
}

#[test]
fn intervals_of_samples() {
    for name in ["lat100_ms", "lat1000_us"] {
        let sorted = sorted(&dataset(name));
        let at = |rank: Option<u64>| rank.map(|rank| sorted[rank as usize - 1]);
        let n = sorted.len() as u64;
        for case in cases(&["quantile_ci", "intervals", name]) {
            let q = quantile_of(&case["p"]);
            let (lower, upper) = interval_ranks(n, q, Confidence::PERCENT_95);
            assert_eq!(at(lower), case["low"].as_f64(), "{name} {case}");
            assert_eq!(at(upper), case["high"].as_f64(), "{name} {case}");
            // One side at 95 % is one of two sides at 90 %.
            let (_, upper) = interval_ranks(n, q, Confidence::new(0.9).unwrap());
            assert_eq!(at(upper), case["one_sided_upper95"].as_f64(), "{name} {case}");
        }
    }
}

#[test]
fn least_n_that_bounds_a_quantile() {
    for case in cases(&["quantile_ci", "min_n"]) {
        let (q, c) = (quantile_of(&case["p"]), confidence(&case["conf"]));
        assert_eq!(Some(least_n_two_sided(q, c)), case["two_sided_equal_tail"].as_u64(), "{case}");
    }
}

#[test]
fn exact_proportions() {
    let c = Confidence::PERCENT_95;
    for case in cases(&["proportions", "one_sample"]) {
        let (hits, trials) = (case["x"].as_u64().unwrap(), case["n"].as_u64().unwrap());
        let proportion = Proportion::new(hits, trials).unwrap();
        let (low, high) = proportion.interval(c);
        assert_close(low, &case["clopper_pearson"][0], TAILS, &case);
        assert_close(high, &case["clopper_pearson"][1], TAILS, &case);
        assert_close(proportion.upper(c), &case["one_sided_upper95_cp"], TAILS, &case);
    }
}

#[test]
fn share_over_a_limit() {
    let c = Confidence::PERCENT_95;
    for case in cases(&["slo_exceedance", "cases"]) {
        let values = dataset(case["data"].as_str().unwrap());
        let failed = case["failed_added"].as_u64().unwrap();
        let limit = case["threshold"].as_f64().unwrap();
        let over = values.iter().filter(|&&value| value > limit).count() as u64 + failed;
        let proportion = Proportion::new(over, values.len() as u64 + failed).unwrap();
        assert_eq!(Some(over), case["exceed"].as_u64(), "{case}");
        assert_close(proportion.share(), &case["share"], CLOSED_FORM, &case);
        assert_close(proportion.lower(c), &case["one_sided_lower95"], TAILS, &case);
        assert_close(proportion.upper(c), &case["one_sided_upper95"], TAILS, &case);
    }
}

#[test]
fn intervals_of_dependent_values() {
    let arrival = dataset("ar1_ms");
    let sorted = sorted(&arrival);
    for case in cases(&["autocorrelation", "quantile_ci_neff", "cases"]) {
        let q = quantile_of(&case["p"]);
        let found = Percentile::of(&arrival, &sorted, q, Confidence::PERCENT_95).unwrap();
        assert_eq!(Some(found.value()), case["nearest_rank"].as_f64(), "{case}");
        let Tau::Known(known) = tau(arrival.iter().map(|&x| x <= found.value())) else {
            panic!("undecided: {case}");
        };
        assert_close(known, &case["tau_indicator"], CLOSED_FORM, &case);
        let n_eff = found.n_eff().unwrap();
        assert_close(n_eff, &case["n_eff"], CLOSED_FORM, &case);
        let share = Proportion::of_share(q.fraction(), n_eff).unwrap();
        let (low, high) = share.interval(Confidence::PERCENT_95);
        assert_close(low, &case["cp_low"], TAILS, &case);
        assert_close(high, &case["cp_high"], TAILS, &case);
        assert_eq!(found.interval(), (case["low"].as_f64(), case["high"].as_f64()), "{case}");
        let (lower, upper) = interval_ranks(arrival.len() as u64, q, Confidence::PERCENT_95);
        let independent = (case["iid_l"].as_u64(), case["iid_u"].as_u64());
        assert_eq!((lower, upper), independent, "{case}");
    }
}

#[test]
fn contrasts_of_two_samples() {
    let independent = [Tau::Known(1.0); 2];
    for name in ["runs_a_vs_b", "runs_a_vs_c"] {
        let base = dataset("runs_a_p95_ms");
        let other = dataset(&format!("{}_p95_ms", name.replace("a_vs_", "")));
        let strata = [Stratum { base: &base, other: &other }];
        for (found, key) in [
            (shift(&strata, independent, Confidence::PERCENT_95), "shift_y_minus_x"),
            (ratio(&strata, independent, Confidence::PERCENT_95), "ratio_y_over_x"),
        ] {
            let want = reference(&["two_sample", name, &format!("hodges_lehmann_{key}")]);
            let found = found.unwrap();
            assert_close(found.estimate, &want["estimate"], CLOSED_FORM, &want);
            assert_close(found.lower.unwrap(), &want["low"], CLOSED_FORM, &want);
            assert_close(found.upper.unwrap(), &want["high"], CLOSED_FORM, &want);
        }
    }
    let (base, other) = (dataset("ties_a"), dataset("ties_b"));
    let strata = [Stratum { base: &base, other: &other }];
    let tied = shift(&strata, independent, Confidence::PERCENT_95);
    let want = reference(&["two_sample", "ties_a_vs_b"]);
    let key = "hodges_lehmann_estimate_median_of_differences";
    assert_close(tied.unwrap().estimate, &want[key], CLOSED_FORM, &want);
}
