//! A metric over many requests: mean, extremes, quantiles with their intervals.

use crate::results::{self, Figures, Intervals};
use proofload_stats::hist::Histogram;
use proofload_stats::{Confidence, Percentile, Quantile, least_n_two_sided};

/// The quantiles of every output.
pub(crate) const QUANTILES: [Quantile; 5] =
    [Quantile::P50, Quantile::P90, Quantile::P95, Quantile::P99, Quantile::P999];

/// Nanoseconds in a millisecond.
pub(crate) const MS: f64 = 1e6;
/// Nanoseconds in a microsecond.
pub(crate) const US: f64 = 1e3;

/// A quantile and the interval in which the true one lies, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) value: f64,
    /// None where the samples depend on one another over more of the run than can be measured, or
    /// where their order is not known.
    pub(crate) interval: Option<Interval>,
}

/// A distribution-free interval. A side is none where so few samples give no finite limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) lo: Option<f64>,
    pub(crate) hi: Option<f64>,
    /// Independent samples that would tell as much.
    pub(crate) n_eff: f64,
}

/// What is known of a metric, in nanoseconds. There is at least one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) n: u64,
    /// None where it could not be told of the same samples as the rest.
    pub(crate) mean: Option<f64>,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// In the order of [`QUANTILES`].
    pub(crate) points: [Point; QUANTILES.len()],
    /// From a histogram: their order is lost, and with it every interval.
    pub(crate) pooled: bool,
}

impl Summary {
    /// Summarises values given in the order of arrival; none where there are none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let points = QUANTILES.map(|q| {
            let percentile = Percentile::of(values, &sorted, q, Confidence::PERCENT_95);
            percentile.map_or(Point { value: max, interval: None }, |percentile| Point {
                value: percentile.value(),
                interval: percentile.n_eff().map(|n_eff| {
                    let (lo, hi) = percentile.interval();
                    Interval { lo, hi, n_eff }
                }),
            })
        });
        let n = values.len() as u64;
        let mean = Some(values.iter().sum::<f64>() / n as f64);
        Some(Self { n, mean, min, max, points, pooled: false })
    }

    /// Values of which only a histogram and their mean are left; none where there are none. With
    /// their order every interval is lost.
    pub(crate) fn pooled(histogram: &Histogram, mean: Option<f64>) -> Option<Self> {
        let of = |q| histogram.quantile(q).map(|value| value as f64);
        let (min, max) = (histogram.min_ns()? as f64, histogram.max_ns()? as f64);
        let points = QUANTILES.map(|q| Point { value: of(q).unwrap_or(max), interval: None });
        Some(Self { n: histogram.len(), mean, min, max, points, pooled: true })
    }

    /// The same in the unit of an output, of which `unit_ns` is the size.
    pub(crate) fn figures(&self, unit_ns: f64) -> Figures {
        // Whole nanoseconds, as the clock gives them: more digits would be made up.
        let of = |ns: f64| ns.round() / unit_ns;
        let interval = |point: Point| {
            let Interval { lo, hi, n_eff } = point.interval?;
            let n_eff = (n_eff * 10.0).round() / 10.0;
            Some(results::Interval { lo: lo.map(of), hi: hi.map(of), n_eff })
        };
        let [p50, p90, p95, p99, p999] = self.points;
        Figures {
            n: self.n,
            mean: self.mean.map(of),
            min: Some(of(self.min)),
            p50: Some(of(p50.value)),
            p90: Some(of(p90.value)),
            p95: Some(of(p95.value)),
            p99: Some(of(p99.value)),
            p999: Some(of(p999.value)),
            max: Some(of(self.max)),
            intervals: Intervals {
                p50: interval(p50),
                p90: interval(p90),
                p95: interval(p95),
                p99: interval(p99),
                p999: interval(p999),
            },
        }
    }

    /// The quantiles that so few samples cannot bound from both sides, with the independent samples
    /// there are. Of pooled values the order is lost, so there they count as they are.
    pub(crate) fn unbounded(&self) -> Option<(Option<f64>, Vec<Quantile>)> {
        let mut n_eff = self.n as f64;
        let mut quantiles = Vec::new();
        for (q, point) in QUANTILES.into_iter().zip(self.points) {
            let open = match point.interval {
                Some(interval) => interval.lo.is_none() || interval.hi.is_none(),
                None => self.pooled && self.n < least_n_two_sided(q, Confidence::PERCENT_95),
            };
            if open {
                quantiles.push(q);
                n_eff = n_eff.min(point.interval.map_or(n_eff, |interval| interval.n_eff));
            }
        }
        (!quantiles.is_empty()).then_some((Some(n_eff), quantiles))
    }

    /// The quantiles whose samples depend on one another over more of the run than can be measured.
    pub(crate) fn undecided(&self) -> Option<(Option<f64>, Vec<Quantile>)> {
        let points = QUANTILES.into_iter().zip(self.points);
        let undecided =
            |(q, point): (Quantile, Point)| (!self.pooled && point.interval.is_none()).then_some(q);
        let quantiles: Vec<Quantile> = points.filter_map(undecided).collect();
        (!quantiles.is_empty()).then_some((None, quantiles))
    }
}

#[cfg(test)]
mod tests {
    use super::{MS, Summary};

    #[test]
    fn dependence_over_the_whole_run_leaves_no_interval() {
        let rising: Vec<f64> = (0..20_000).map(f64::from).collect();
        let summary = Summary::of(&rising).unwrap();
        assert!(summary.points[0].interval.is_none(), "the median of a ramp");
        assert_eq!(summary.figures(MS).intervals.p50, None);
        assert_eq!(summary.points[0].value, 9_999.0);
        let (n_eff, quantiles) = summary.undecided().unwrap();
        assert!(n_eff.is_none() && quantiles.contains(&proofload_stats::Quantile::P50));
    }

    #[test]
    fn figures_are_whole_nanoseconds_in_the_unit_asked_for() {
        let summary = Summary::of(&[1.0, 2.0, 2.0]).unwrap();
        let figures = summary.figures(MS);
        assert_eq!((figures.mean, figures.max), (Some(0.000_002), Some(0.000_002)));
        assert!(Summary::of(&[]).is_none());
    }

    #[test]
    fn few_pooled_gaps_do_not_bound_a_tail_either() {
        let mut few = proofload_stats::hist::Histogram::new();
        (1..=65).for_each(|ms| few.record(ms * 1_000_000));
        let (n_eff, quantiles) = Summary::pooled(&few, None).unwrap().unbounded().unwrap();
        assert_eq!((n_eff, quantiles.len()), (Some(65.0), 3), "p95, p99, p99.9");
        assert!(Summary::pooled(&few, None).unwrap().undecided().is_none());
    }

    #[test]
    fn quantiles_without_a_finite_interval_are_named() {
        let few: Vec<f64> = (0..20).map(|i| f64::from(i * 7 % 20)).collect();
        let (n_eff, quantiles) = Summary::of(&few).unwrap().unbounded().unwrap();
        let labels: Vec<String> = quantiles.iter().map(|q| q.label()).collect();
        assert_eq!(
            (n_eff, labels),
            (Some(20.0), ["p90", "p95", "p99", "p999"].map(String::from).to_vec())
        );
    }
}
