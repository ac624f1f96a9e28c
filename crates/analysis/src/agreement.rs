//! The rows against the histogram log: two ways to one figure.

use crate::metric::Metric;
use proofload_record::Row;
use proofload_stats::hist::Histogram;
use proofload_stats::{Quantile, quantile};
use proofload_verdict::Trust;
use proofload_verdict::guard::{Disagreement, agreement, agrees};

/// The metrics that both hold.
const METRICS: [Metric; 6] = [
    Metric::Ttft,
    Metric::TotalLatency,
    Metric::Latency,
    Metric::ClientDuration,
    Metric::Tpot,
    Metric::Lateness,
];
const QUANTILES: [Quantile; 4] = [Quantile::P50, Quantile::P90, Quantile::P95, Quantile::P99];

/// Compares counts and quantiles over all rows of a run, as the log holds them: warm-up included,
/// but for the gaps between chunks.
/// `histogram` gives a metric's, merged over classes.
pub(crate) fn check(
    rows: &[Row],
    warmup_requests: u64,
    histogram: impl Fn(Metric) -> Histogram,
) -> Trust {
    let mut compared = 0;
    let mut differing = Vec::new();
    let mut compare = |metric: Metric, quantile: Option<Quantile>, rows: u64, histogram: u64| {
        compared += 1;
        let same = match quantile {
            None => rows == histogram,
            Some(_) => agrees(rows.clamp(Histogram::LOWEST_NS, Histogram::HIGHEST_NS), histogram),
        };
        if !same {
            differing.push(Disagreement { metric: metric.name(), quantile, rows, histogram });
        }
    };
    let measured = rows.iter().filter(|row| u64::from(row.index) >= warmup_requests);
    let gaps = measured.map(|row| u64::from(row.itl.count)).sum();
    compare(Metric::Itl, None, gaps, histogram(Metric::Itl).len());
    for metric in METRICS {
        // The log holds whole nanoseconds.
        let mut exact: Vec<u64> =
            rows.iter().filter_map(|row| metric.of(row)).map(|ns| ns.round() as u64).collect();
        exact.sort_unstable();
        let histogram = histogram(metric);
        compare(metric, None, exact.len() as u64, histogram.len());
        for q in QUANTILES {
            if let Some((rows, histogram)) = quantile(&exact, q).zip(histogram.quantile(q)) {
                compare(metric, Some(q), rows, histogram);
            }
        }
    }
    agreement(compared, &differing)
}
