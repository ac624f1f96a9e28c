//! Figures by the rules of Logos, and the same figures by ours.
//!
//! Logos' rules (`build_rows` of its `run_api_workload.py`, the same in both forms): a success is a
//! status from 1 to 399; times to first token, times per token and total latencies are those of
//! every row that the database knows, however it ended; the objective is judged over the total
//! latencies that there are; a quantile is interpolated between two values.

use proofload_record::{Row, Served};
use proofload_stats::{Quantile, quantile};
use serde::Serialize;

/// How many requests came out how, by the rules of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Requests that count as a success.
    pub successful: u64,
    /// Requests that count as a failure.
    pub failed: u64,
    /// Requests that kept to the latency limit.
    pub in_time: u64,
    /// Requests of which that was asked: the denominator of the attainment.
    pub judged: u64,
}

/// A figure by both sides' rules. Its name is the one in Logos' summary.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Its name.
    pub metric: String,
    /// Its unit.
    pub unit: &'static str,
    /// By Logos' rules.
    pub published: Side,
    /// By ours: over requests that succeeded, quantiles by rank. The times are still the server's.
    pub ours: Side,
}

/// A figure by the rules of one side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Its value; none where there is nothing to take it of.
    pub value: Option<f64>,
    /// Requests that are in it.
    pub n: u64,
}

/// What is known of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) row: &'a Row,
    pub(crate) served: Option<&'a Served>,
    pub(crate) limit_ns: u64,
}

impl Seen<'_> {
    /// Whether Logos counts a success.
    pub(crate) const fn theirs_ok(self) -> bool {
        matches!(self.row.status, 1..=399)
    }

    /// Whether Logos counts it as in time; none where it is not asked.
    pub(crate) fn theirs_in_time(self) -> Option<bool> {
        Some(self.total_ns()? <= self.limit_ns)
    }

    /// Whether we count a success.
    pub(crate) const fn ours_ok(self) -> bool {
        self.row.end.is_ok()
    }

    /// Whether we count it as in time: an answer, and the client had it within the limit.
    pub(crate) fn ours_in_time(self) -> bool {
        let duration_ns = self.row.client_duration_ns();
        self.ours_ok() && duration_ns.is_some_and(|ns| ns <= self.limit_ns)
    }

    /// Total latency by the server's log.
    pub(crate) fn total_ns(self) -> Option<u64> {
        self.served?.total_ns
    }

    /// Time to first token by the server's log.
    pub(crate) fn ttft_ns(self) -> Option<u64> {
        self.served?.ttft_ns
    }

    /// Time per token, as Logos computes it from those two.
    fn tpot_ns(self) -> Option<f64> {
        let tokens = self.served?.completion_tokens.filter(|&tokens| tokens > 1)?;
        let decode_ns = self.total_ns()? as f64 - self.ttft_ns()? as f64;
        Some(decode_ns / f64::from(tokens - 1))
    }
}

/// Counts by Logos' rules.
pub(crate) fn theirs(requests: &[Seen<'_>]) -> Tally {
    let count = |is: &dyn Fn(&Seen<'_>) -> bool| requests.iter().filter(|seen| is(seen)).count();
    let successful = count(&|seen| seen.theirs_ok()) as u64;
    Tally {
        successful,
        failed: requests.len() as u64 - successful,
        in_time: count(&|seen| seen.theirs_in_time() == Some(true)) as u64,
        judged: count(&|seen| seen.theirs_in_time().is_some()) as u64,
    }
}

/// Counts by ours.
pub(crate) fn ours(requests: &[Seen<'_>]) -> Tally {
    let successful = requests.iter().filter(|seen| seen.ours_ok()).count() as u64;
    Tally {
        successful,
        failed: requests.len() as u64 - successful,
        in_time: requests.iter().filter(|seen| seen.ours_in_time()).count() as u64,
        judged: requests.len() as u64,
    }
}

/// Every figure of Logos' older summary, in its order.
pub(crate) fn figures(requests: &[Seen<'_>], theirs: &Tally, ours: &Tally) -> Vec<Figure> {
    let of = |side: &dyn Fn(&Tally) -> (u64, u64)| {
        let share = |tally: &Tally| {
            let (part, n) = side(tally);
            Side { value: (n > 0).then(|| part as f64 * 100.0 / n as f64), n }
        };
        (share(theirs), share(ours))
    };
    let figure = |metric: &str, unit, (published, ours)| Figure {
        metric: metric.to_owned(),
        unit,
        published,
        ours,
    };
    let failed = of(&|tally| (tally.failed, tally.successful + tally.failed));
    let in_time = of(&|tally| (tally.in_time, tally.judged));
    let mut figures =
        vec![figure("error_rate", "%", failed), figure("slo_attainment_rate", "%", in_time)];
    let ms = |ns: Option<u64>| ns.map(|ns| ns as f64);
    for (name, unit, value) in [
        (
            "ttft",
            "ms",
            &(|seen: &Seen<'_>| ms(seen.ttft_ns())) as &dyn Fn(&Seen<'_>) -> Option<f64>,
        ),
        ("tpot", "ms/token", &|seen| seen.tpot_ns()),
        ("total_latency", "ms", &|seen| ms(seen.total_ns())),
    ] {
        let sorted = |ok_only: bool| {
            let kept = requests.iter().filter(|seen| !ok_only || seen.ours_ok());
            let mut values: Vec<f64> = kept.filter_map(value).collect();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        let (all, ok) = (sorted(false), sorted(true));
        let side = |values: &[f64], value: Option<f64>| Side {
            value: value.map(|ns| ns.round() / 1e6),
            n: values.len() as u64,
        };
        let both = |all_value, ok_value| (side(&all, all_value), side(&ok, ok_value));
        figures.push(figure(&format!("avg_{name}"), unit, both(mean(&all), mean(&ok))));
        for (label, part, q) in [
            ("p50", 0.50, Quantile::P50),
            ("p95", 0.95, Quantile::P95),
            ("p99", 0.99, Quantile::P99),
        ] {
            let both = both(interpolated(&all, part), quantile(&ok, q));
            figures.push(figure(&format!("{label}_{name}"), unit, both));
        }
    }
    figures
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// A quantile as Logos takes it: between the two values around place `part · (n - 1)`.
///
/// Source: R. J. Hyndman and Y. Fan, The American Statistician 50 (1996), definition 7.
fn interpolated(sorted: &[f64], part: f64) -> Option<f64> {
    let place = part * (sorted.len().checked_sub(1)?) as f64;
    let (below, above) = (place.floor(), place.ceil());
    let (low, high) = (sorted.get(below as usize)?, sorted.get(above as usize)?);
    Some(low + (high - low) * (place - below))
}

#[cfg(test)]
mod tests {
    use super::interpolated;

    #[test]
    fn a_published_quantile_lies_between_two_values() {
        for (sorted, part, want) in [
            (&[] as &[f64], 0.5, None),
            (&[7.0], 0.99, Some(7.0)),
            (&[1.0, 2.0], 0.5, Some(1.5)),
            (&[1.0, 2.0, 4.0], 0.75, Some(3.0)),
        ] {
            assert_eq!(interpolated(sorted, part), want, "{sorted:?} {part}");
        }
    }
}
