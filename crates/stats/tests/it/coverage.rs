//! Whether an interval holds the truth as often as it says, where the truth is known.

use proofload_stats::{Confidence, Percentile, Quantile, Stratum, shift, tau};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const REPETITIONS: u64 = 500;
const VALUES: usize = 4_000;

/// Share of repetitions whose 95 % interval holds the true quantile.
fn coverage(draw: impl Fn(&mut ChaCha8Rng) -> Vec<f64>, q: Quantile, truth: f64) -> f64 {
    let holds = |seed| {
        let arrival = draw(&mut ChaCha8Rng::seed_from_u64(seed));
        let sorted = super::reference::sorted(&arrival);
        let found = Percentile::of(&arrival, &sorted, q, Confidence::PERCENT_95).unwrap();
        let (Some(low), Some(high)) = found.interval() else {
            panic!("no bounds at seed {seed}: {found:?}");
        };
        low <= truth && truth <= high
    };
    (0..REPETITIONS).filter(|&seed| holds(seed)).count() as f64 / REPETITIONS as f64
}

fn uniform(random: &mut ChaCha8Rng) -> f64 {
    // Never 0, whose logarithm is infinite.
    1.0 - random.random::<f64>()
}

/// Independent, with mean 1.
fn exponential(random: &mut ChaCha8Rng) -> Vec<f64> {
    (0..VALUES).map(|_| -uniform(random).ln()).collect()
}

/// Each value is 0.7 of the one before and a standard normal step.
fn autoregressive(random: &mut ChaCha8Rng) -> Vec<f64> {
    let mut step = || {
        let radius = (-2.0 * uniform(random).ln()).sqrt();
        radius * (std::f64::consts::TAU * uniform(random)).cos()
    };
    let mut value = step() * STATIONARY_SD;
    let next = || {
        value = 0.7 * value + step();
        value
    };
    std::iter::repeat_with(next).take(VALUES).collect()
}

/// 1 / √(1 − 0.7²).
const STATIONARY_SD: f64 = 1.400_280_084_028_01;

#[test]
fn independent_values_are_covered() {
    for q in [Quantile::P50, Quantile::P95, Quantile::P99] {
        let covered = coverage(exponential, q, -(1.0 - q.fraction()).ln());
        assert!(covered >= 0.93, "{q}: {covered}");
    }
}

#[test]
fn dependent_values_are_covered() {
    for (q, standard_normal) in [
        (Quantile::P50, 0.0),
        (Quantile::P95, 1.644_853_626_951_472_2),
        (Quantile::P99, 2.326_347_874_040_840_8),
    ] {
        let covered = coverage(autoregressive, q, standard_normal * STATIONARY_SD);
        assert!(covered >= 0.88, "{q}: {covered}");
    }
}

#[test]
fn contrasts_of_nothing_are_covered_where_values_depend_on_each_other_too() {
    let above_0 = |values: &[f64]| tau(values.iter().map(|&value| value > 0.0));
    let holds = |seed| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let [base, other] = [1_000, 300].map(|n| {
            let mut values = autoregressive(&mut random);
            values.truncate(n);
            values
        });
        let taus = [above_0(&base), above_0(&other)];
        let found =
            shift(&[Stratum { base: &base, other: &other }], taus, Confidence::PERCENT_95).unwrap();
        found.lower.unwrap() <= 0.0 && 0.0 <= found.upper.unwrap()
    };
    let covered = (0..REPETITIONS).filter(|&seed| holds(seed)).count() as f64 / REPETITIONS as f64;
    assert!((0.9..=0.995).contains(&covered), "{covered}");
}
