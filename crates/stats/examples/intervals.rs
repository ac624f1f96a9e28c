//! Quantiles with intervals, also where values depend on one another, and the ratio of two samples:
//! `cargo run -p proofload-stats --example intervals`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use proofload_stats::{Confidence, Percentile, Proportion, Quantile, Stratum, Tau, ratio};

fn main() {
    // Latencies in order of arrival: one even series, and one in which a slow minute stays slow.
    let even: Vec<u64> = (0..2_000).map(|i| 100 + i * 7_919 % 400).collect();
    let slow_spells: Vec<u64> = (0..2_000).map(|i| 100 + i / 100 % 2 * 200 + i % 7).collect();
    for (name, arrival) in [("even", &even), ("slow spells", &slow_spells)] {
        let mut sorted = arrival.clone();
        sorted.sort_unstable();
        for q in [Quantile::P50, Quantile::P99] {
            let Some(p) = Percentile::of(arrival, &sorted, q, Confidence::PERCENT_95) else {
                continue;
            };
            let (lo, hi) = p.interval();
            println!(
                "{name}: {} {} ms, 95 % interval {lo:?} to {hi:?}, as good as {:?} independent values",
                q.label(),
                p.value(),
                p.n_eff(),
            );
        }
    }

    // 1 failure in 200: the share, and how sure one can be of it.
    if let Some(failed) = Proportion::new(1, 200) {
        let (lo, hi) = failed.interval(Confidence::PERCENT_95);
        println!("failed: {:.2} %, {:.2} % to {:.2} %", failed.share() * 1e2, lo * 1e2, hi * 1e2);
    }

    // How much slower is the second sample? The median of all pairwise ratios.
    let base: Vec<f64> = (0..40).map(|i| 100.0 + f64::from(i)).collect();
    let other: Vec<f64> = base.iter().map(|ms| ms * 1.5).collect();
    let strata = [Stratum { base: &base, other: &other }];
    if let Some(found) = ratio(&strata, [Tau::Known(1.0); 2], Confidence::PERCENT_95) {
        println!("ratio {:.2}, {:?} to {:?}", found.estimate, found.lower, found.upper);
    }
}
