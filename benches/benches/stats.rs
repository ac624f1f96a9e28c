//! What the figures of a run cost, by its number of rows.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use proofload_stats::hist::Histogram;
use proofload_stats::{Confidence, Percentile, Quantile, interval_ranks, quantile, tau};
use std::hint::black_box;

const ROWS: [u64; 3] = [1_000, 100_000, 1_000_000];
const QUANTILES: [Quantile; 5] =
    [Quantile::P50, Quantile::P90, Quantile::P95, Quantile::P99, Quantile::P999];

/// Times of 1 to 1,001 ms in an order that shows no dependence; the same on every machine.
fn times_ns(rows: u64) -> Vec<u64> {
    let mix = |i: u64| {
        let z = i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        1_000_000 + (z ^ (z >> 31)) % 1_000_000_000
    };
    (1..=rows).map(mix).collect()
}

/// Sorting the rows, which is nearly all that a quantile costs.
fn quantiles(c: &mut Criterion) {
    let mut group = c.benchmark_group("stats/quantiles");
    for rows in ROWS {
        let times = times_ns(rows);
        group.throughput(Throughput::Elements(rows));
        group.bench_function(BenchmarkId::from_parameter(rows), |b| {
            let sort_and_look = |times: &mut Vec<u64>| {
                times.sort_unstable();
                QUANTILES.map(|q| quantile(times, q))
            };
            b.iter_batched_ref(|| times.clone(), sort_and_look, BatchSize::LargeInput);
        });
    }
    group.finish();
}

/// A quantile with its dependence and interval, once the rows are sorted.
fn intervals(c: &mut Criterion) {
    let mut group = c.benchmark_group("stats/interval");
    for rows in ROWS {
        let arrival = times_ns(rows);
        let mut sorted = arrival.clone();
        sorted.sort_unstable();
        group.throughput(Throughput::Elements(rows));
        group.bench_function(BenchmarkId::new("p99", rows), |b| {
            b.iter(|| Percentile::of(&arrival, &sorted, Quantile::P99, Confidence::PERCENT_95));
        });
        // The median's tails are the widest, so its ranks cost most.
        group.bench_function(BenchmarkId::new("ranks_p50", rows), |b| {
            b.iter(|| interval_ranks(black_box(rows), Quantile::P50, Confidence::PERCENT_95));
        });
    }
    group.finish();
}

/// The dependence of rows, at its cheapest (none) and its dearest (a drift, through every lag).
fn dependence(c: &mut Criterion) {
    let mut group = c.benchmark_group("stats/tau");
    for rows in ROWS {
        let arrival = times_ns(rows);
        group.throughput(Throughput::Elements(rows));
        group.bench_function(BenchmarkId::new("independent", rows), |b| {
            b.iter(|| tau(arrival.iter().map(|&ns| ns <= 500_000_000)));
        });
        group.bench_function(BenchmarkId::new("drift", rows), |b| {
            b.iter(|| tau((0..black_box(rows)).map(|i| i <= rows / 2)));
        });
    }
    group.finish();
}

/// What a gap between tokens costs the worker that records it, and a quantile of them the reader.
fn histogram(c: &mut Criterion) {
    let times = times_ns(10_000);
    let mut histogram = Histogram::new();
    let mut group = c.benchmark_group("stats/histogram");
    group.throughput(Throughput::Elements(times.len() as u64));
    group.bench_function("record", |b| {
        b.iter(|| times.iter().for_each(|&ns| histogram.record(ns)));
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("quantile", |b| b.iter(|| histogram.quantile(black_box(Quantile::P99))));
    group.finish();
}

criterion_group!(benches, quantiles, intervals, dependence, histogram);
criterion_main!(benches);
