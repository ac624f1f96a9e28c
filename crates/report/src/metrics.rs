//! `metrics.csv`: `metric,value,unit`, the source's rows first, with its names and two decimals.

use proofload_analysis::{Figures, Interval, Metric, Results};
use proofload_record::{NotSent, Outcome};
use std::io;

/// The metrics of which the source states the mean and three quantiles.
const SOURCE: [Metric; 3] = [Metric::Ttft, Metric::Tpot, Metric::TotalLatency];
/// What the source writes where there is nothing.
const NONE: &str = "N/A";

/// Writes the table.
pub(crate) fn write(results: &Results, out: impl io::Write) -> io::Result<()> {
    let mut table = Table(csv::Writer::from_writer(out));
    table.0.write_record(["metric", "value", "unit"])?;
    source_rows(results, &mut table)?;
    run_rows(results, &mut table)?;
    for metric in Metric::ALL {
        let figures = results.figures(metric);
        // Without the server's log its metrics would be rows of nothing.
        if !metric.is_of_server() || figures.n > 0 {
            metric_rows(metric, figures, &mut table)?;
        }
    }
    table.0.flush()
}

struct Table<W: io::Write>(csv::Writer<W>);

impl<W: io::Write> Table<W> {
    fn text(&mut self, metric: &str, value: &str, unit: &str) -> io::Result<()> {
        Ok(self.0.write_record([metric, value, unit])?)
    }

    fn count(&mut self, metric: &str, value: u64) -> io::Result<()> {
        self.text(metric, &value.to_string(), "count")
    }

    /// A number as the source writes it.
    fn rounded(&mut self, metric: &str, value: Option<f64>, unit: &str) -> io::Result<()> {
        let value = value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.2}"));
        self.text(metric, &value, unit)
    }

    /// A number in full.
    fn exact(&mut self, metric: &str, value: Option<f64>, unit: &str) -> io::Result<()> {
        let value = value.map_or_else(|| NONE.to_owned(), |value| value.to_string());
        self.text(metric, &value, unit)
    }
}

fn source_rows<W: io::Write>(results: &Results, table: &mut Table<W>) -> io::Result<()> {
    let (errors, slo) = (&results.errors, &results.slo);
    let percent = |share: Option<f64>| share.map(|share| share * 100.0);
    table.count("total_requests", errors.n)?;
    table.count("successful_requests", errors.n - errors.failed)?;
    table.count("failed_requests", errors.failed)?;
    table.rounded("error_rate", percent(errors.share), "%")?;
    table.rounded("slo_attainment_rate", percent(slo.share), "%")?;
    for metric in SOURCE {
        let figures = results.figures(metric);
        for (stat, value) in [
            ("avg", figures.mean),
            ("p50", figures.p50),
            ("p95", figures.p95),
            ("p99", figures.p99),
        ] {
            table.rounded(&format!("{stat}_{}", metric.name()), value, metric.unit())?;
        }
    }
    Ok(())
}

/// What concerns the run as a whole.
fn run_rows<W: io::Write>(results: &Results, table: &mut Table<W>) -> io::Result<()> {
    let flag = |value: bool| if value { "true" } else { "false" };
    // Shares are known to a millionth; multiplied as they are they would show digits beyond it.
    let percent = |share: Option<f64>| share.map(|share| (share * 1e8).round() / 1e6);
    table.text("simulated", flag(results.simulated), "flag")?;
    table.text("imported", flag(results.imported.is_some()), "flag")?;
    // Nobody can say it of an imported run.
    let valid = match results.validity.verdict {
        "not judged" => NONE,
        verdict => flag(verdict == "valid"),
    };
    table.text("valid", valid, "flag")?;
    table.text("balanced", flag(results.balanced), "flag")?;
    let counts = &results.counts;
    for (name, count) in [
        ("planned", counts.planned),
        ("sent", counts.sent),
        ("not_sent", counts.not_sent),
        ("not_reached", counts.not_reached),
        ("unknown", counts.unknown),
        ("rows_dropped", counts.rows_dropped),
        ("chunks_dropped", counts.chunks_dropped),
        ("responses_dropped", counts.responses_dropped),
        ("warmup_requests", counts.warmup),
        ("bodies_changed", counts.bodies_changed),
        ("models_changed", counts.models_changed),
    ] {
        table.count(name, count)?;
    }
    for (outcome, count) in Outcome::ALL.iter().zip(counts.outcomes.0) {
        table.count(&format!("outcome_{}", outcome.label()), count)?;
    }
    for (reason, count) in NotSent::ALL.iter().zip(counts.not_sent_reasons.0) {
        table.count(&format!("not_sent_{}", reason.label()), count)?;
    }
    let (errors, slo, throughput) = (&results.errors, &results.slo, &results.throughput);
    for (name, value, unit) in [
        ("error_rate_lo", percent(errors.lo), "%"),
        ("error_rate_hi", percent(errors.hi), "%"),
        ("slo_latency_limit", Some(slo.limit_ms), "ms"),
        ("slo_attainment_rate_lo", percent(slo.lo), "%"),
        ("slo_attainment_rate_hi", percent(slo.hi), "%"),
        ("requests_per_s", throughput.requests_per_s, "1/s"),
        ("tokens_per_s", throughput.tokens_per_s, "1/s"),
        ("offered_per_s", throughput.offered_per_s, "1/s"),
        ("span", throughput.span_s, "s"),
    ] {
        table.exact(name, value, unit)?;
    }
    table.count("output_tokens", results.tokens.output)?;
    table.count("prompt_tokens", results.tokens.prompt)?;
    table.text("token_source", results.tokens.source, "name")
}

/// What the source does not state of a metric.
fn metric_rows<W: io::Write>(
    metric: Metric,
    figures: &Figures,
    table: &mut Table<W>,
) -> io::Result<()> {
    let name = metric.name();
    let stated = |stat| SOURCE.contains(&metric) && ["avg", "p50", "p95", "p99"].contains(&stat);
    table.count(&format!("n_{name}"), figures.n)?;
    let intervals = &figures.intervals;
    for (stat, value, interval) in [
        ("avg", figures.mean, None),
        ("min", figures.min, None),
        ("p50", figures.p50, Some(intervals.p50)),
        ("p90", figures.p90, Some(intervals.p90)),
        ("p95", figures.p95, Some(intervals.p95)),
        ("p99", figures.p99, Some(intervals.p99)),
        ("p999", figures.p999, Some(intervals.p999)),
        ("max", figures.max, None),
    ] {
        if !stated(stat) {
            table.exact(&format!("{stat}_{name}"), value, metric.unit())?;
        }
        if let Some(interval) = interval {
            let (lo, hi) = interval.map_or((None, None), |Interval { lo, hi, .. }| (lo, hi));
            table.exact(&format!("{stat}_{name}_lo"), lo, metric.unit())?;
            table.exact(&format!("{stat}_{name}_hi"), hi, metric.unit())?;
        }
    }
    Ok(())
}
