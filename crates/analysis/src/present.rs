//! From the results to the words and tables of a report.

mod parts;
mod verdicts;

use crate::document::{Block, Document, Section, Table};
use crate::imported;
use crate::metric::{Metric, OF_THE_RUN};
use crate::pictures::Picture;
use crate::results::{Figures, Interval, Results};
use proofload_stats::{Confidence, Quantile, least_n_two_sided};
use proofload_units::human_count;
use proofload_verdict::{Level, Trust};

/// The metrics that the tables show, with their names there.
const SHOWN: [(Metric, &str); 10] = [
    (Metric::Ttft, "ttft"),
    (Metric::TtftService, "  service"),
    (Metric::TotalLatency, "total latency"),
    (Metric::TotalLatencyService, "  service"),
    (Metric::Latency, "latency"),
    (Metric::LatencyService, "  service"),
    (Metric::Tpot, "tpot (ms/token)"),
    (Metric::Itl, "itl (pooled)"),
    (Metric::ClientDuration, "client duration"),
    (Metric::ConnectionWait, "connection wait"),
];

/// The metrics whose intervals are shown.
const BOUNDED: [(Metric, &str); 4] = [
    (Metric::Ttft, "ttft"),
    (Metric::TotalLatency, "total latency"),
    (Metric::Latency, "latency"),
    (Metric::Tpot, "tpot (ms/token)"),
];

/// Writes out `results`; `trust` is what they rest on, `pictures` what they look like.
pub(crate) fn document(results: &Results, trust: Vec<Trust>, pictures: Vec<Picture>) -> Document {
    let mut sections = vec![trust_section(trust)];
    sections.extend(verdicts::section(results));
    sections.extend([latencies(results), objective(results)]);
    sections.extend(parts::groups(results));
    sections.extend(parts::impacts(results));
    sections.extend(parts::server(results));
    sections.extend([throughput(results), charts(pictures), definitions()]);
    if let Some(file) = &results.imported {
        sections.insert(0, imported::section(file, results));
    }
    Document { title: title(results), simulated: results.simulated, sections }
}

fn title(results: &Results) -> String {
    let counts = &results.counts;
    let state = match (&results.imported, results.state.as_str()) {
        (Some(_), _) => "imported",
        (None, state) => state,
    };
    let mut title = format!("{}: {state}, {}", results.program, results.validity.verdict);
    if let Some(reason) = results.validity.reason {
        title += &format!(": {reason}");
    }
    if results.degraded {
        let reasons: Vec<&str> =
            results.end_reason.iter().chain(&results.damage).map(String::as_str).collect();
        title += "; DEGRADED";
        if !reasons.is_empty() {
            title += &format!(" ({})", reasons.join("; "));
        }
    }
    title += &format!(
        ". {} planned, {} sent, {} ok.",
        human_count(counts.planned),
        human_count(counts.sent),
        human_count(counts.ok)
    );
    title
}

fn trust_section(trust: Vec<Trust>) -> Section {
    let counts: Vec<String> = Level::ALL
        .iter()
        .rev()
        .map(|level| (level, trust.iter().filter(|item| item.level == *level).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(level, count)| format!("{count} {}", level.label()))
        .collect();
    let heading = format!("Can I trust this? {}", counts.join(", "));
    let mut sorted = trust;
    sorted.sort_by_key(|item| std::cmp::Reverse(item.level));
    Section { heading, blocks: vec![Block::Trust(sorted)] }
}

fn latencies(results: &Results) -> Section {
    let columns = ["", "n", "mean", "p50", "p95", "p99", "p999", "max"];
    let mut rows: Vec<Vec<String>> = SHOWN
        .into_iter()
        .map(|(metric, name)| figures_row(name, results.figures(metric), metric == Metric::Itl))
        .filter(|row| row[1] != "0")
        .collect();
    for failure in &results.errors.by_outcome {
        let mut row =
            figures_row(&format!("! {}", failure.outcome), &failure.until_failed_ms, false);
        row[1] = human_count(failure.n);
        rows.push(row);
    }
    let mut blocks =
        vec![Block::Table(Table { columns: columns.map(str::to_owned).to_vec(), rows })];
    let ok = human_count(results.errors.n - results.errors.failed);
    let is_imported = results.imported.is_some();
    let from = if is_imported { "its start" } else { "due" };
    let mut notes = vec![if results.errors.failed == 0 {
        format!("All {ok} requests succeeded. `*`: no finite interval.")
    } else {
        format!(
            "Rows with `!` are requests that failed, with the time from {from} to the failure; all \
             other rows are of the {ok} that succeeded. `*`: no finite interval."
        )
    }];
    if results.counts.warmup > 0 {
        notes.push(format!(
            "Warm-up: the first {} of the plan, sent and recorded, and in no figure.",
            human_count(results.counts.warmup)
        ));
    }
    if results.counts.bodies_changed > 0 {
        notes.push(format!(
            "{} bodies were changed to ask for a stream with usage (--stream force).",
            human_count(results.counts.bodies_changed)
        ));
    }
    if results.counts.models_changed > 0 {
        notes.push(format!(
            "{} bodies were changed to name another model (--model-map); groups and charts have the \
             models that were asked for.",
            human_count(results.counts.models_changed)
        ));
    }
    let (usage, chunks) = (results.tokens.from_usage, results.tokens.from_chunks);
    notes.push(match (usage, chunks) {
        (0, 0) => "No answer stated or showed a token count.".to_owned(),
        (_, 0) => "Tokens are those of the server's usage.".to_owned(),
        (0, _) => "Tokens are content chunks: no answer stated its usage.".to_owned(),
        _ => format!(
            "Tokens are those of the server's usage in {} answers, content chunks in {}.",
            human_count(usage),
            human_count(chunks)
        ),
    });
    let coalesced = &results.itl_coalesced;
    if let Some(share) = coalesced.share.filter(|share| *share > 0.0) {
        notes.push(format!(
            "{} of {} gaps between chunks ({:.1} %) are of nothing: one read brought both chunks.",
            human_count(coalesced.coalesced),
            human_count(coalesced.gaps),
            share * 100.0
        ));
    }
    let intervals = intervals(results);
    if !is_imported && !intervals.rows.is_empty() {
        blocks.push(Block::Table(intervals));
    }
    blocks.extend(notes.into_iter().map(Block::Text));
    let heading = if is_imported {
        "Client duration in ms"
    } else {
        "Latency in ms, from due and (service) from the first write"
    };
    Section { heading: heading.to_owned(), blocks }
}

fn intervals(results: &Results) -> Table {
    let columns = ["95 % interval", "p50", "p95", "p99"];
    let rows = BOUNDED
        .into_iter()
        .map(|(metric, name)| (name, results.figures(metric)))
        .filter(|(_, figures)| figures.n > 0)
        .map(|(name, figures)| {
            let intervals = &figures.intervals;
            let cells = [intervals.p50, intervals.p95, intervals.p99].map(interval);
            std::iter::once(name.to_owned()).chain(cells).collect()
        })
        .collect();
    Table { columns: columns.map(str::to_owned).to_vec(), rows }
}

fn figures_row(name: &str, figures: &Figures, pooled: bool) -> Vec<String> {
    const PERCENT_95: Confidence = Confidence::PERCENT_95;
    let intervals = &figures.intervals;
    let starred = |q, value: Option<f64>, interval: Option<Interval>| {
        // Pooled values never have an interval; there it is asked whether they are enough.
        let enough = pooled && figures.n >= least_n_two_sided(q, PERCENT_95);
        if enough { cell(value) } else { starred(value, interval) }
    };
    vec![
        name.to_owned(),
        human_count(figures.n),
        cell(figures.mean),
        starred(Quantile::P50, figures.p50, intervals.p50),
        starred(Quantile::P95, figures.p95, intervals.p95),
        starred(Quantile::P99, figures.p99, intervals.p99),
        starred(Quantile::P999, figures.p999, intervals.p999),
        cell(figures.max),
    ]
}

fn objective(results: &Results) -> Section {
    let slo = &results.slo;
    let is_imported = results.imported.is_some();
    let measured = if is_imported { "client duration" } else { "latency" };
    let interval_of = |lo, hi| {
        if is_imported {
            "no interval: the order of arrival is not known".to_owned()
        } else {
            percent_interval(lo, hi)
        }
    };
    let text = match slo.share {
        None => "No request was due, so there is no attainment.".to_owned(),
        Some(share) => format!(
            "{} of {} requests had a {measured} of {} ms or less: {:.2} % ({}). Failures and \
             requests not sent are in the denominator as infinitely slow.",
            human_count(slo.met),
            human_count(slo.n),
            slo.limit_ms,
            share * 100.0,
            interval_of(slo.lo, slo.hi)
        ),
    };
    let errors = &results.errors;
    let failed = match errors.share {
        None => "Nothing could fail.".to_owned(),
        Some(share) => format!(
            "{} of {} failed: {:.2} % ({}).",
            human_count(errors.failed),
            human_count(errors.n),
            share * 100.0,
            interval_of(errors.lo, errors.hi)
        ),
    };
    Section {
        heading: "Objective and errors".to_owned(),
        blocks: vec![Block::Text(text), Block::Text(failed)],
    }
}

fn throughput(results: &Results) -> Section {
    if results.imported.is_some() {
        let text =
            "Not known: an imported file does not tell when its requests were sent or ended.";
        let blocks = vec![Block::Text(text.to_owned())];
        return Section { heading: "Throughput".to_owned(), blocks };
    }
    let throughput = &results.throughput;
    let lateness = &results.lateness_us;
    let rate = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), four_digits);
    Section {
        heading: "Throughput".to_owned(),
        blocks: vec![
            Block::Text(format!(
                "{} requests/s and {} output tokens/s succeeded over {} s; {} requests/s were \
                 offered.",
                rate(throughput.requests_per_s),
                rate(throughput.tokens_per_s),
                rate(throughput.span_s),
                rate(throughput.offered_per_s)
            )),
            Block::Text(format!(
                "Send lateness (ours): p50 {} us, p99 {} us, max {} us.",
                cell(lateness.p50),
                cell(lateness.p99),
                cell(lateness.max)
            )),
        ],
    }
}

fn charts(pictures: Vec<Picture>) -> Section {
    let blocks = pictures.into_iter().map(Block::Chart).collect();
    Section { heading: "Charts".to_owned(), blocks }
}

fn definitions() -> Section {
    let term = |metric: Metric| (metric.key().to_owned(), metric.formula().to_owned());
    let of_the_run = OF_THE_RUN.map(|(name, formula)| (name.to_owned(), formula.to_owned()));
    let terms = Metric::ALL.into_iter().map(term).chain(of_the_run).collect();
    Section { heading: "Definitions".to_owned(), blocks: vec![Block::Terms(terms)] }
}

fn percent_interval(lo: Option<f64>, hi: Option<f64>) -> String {
    match (lo, hi) {
        (Some(lo), Some(hi)) => {
            format!("95 % interval {:.2} to {:.2} %", lo * 100.0, hi * 100.0)
        }
        _ => "95 % interval undecided".to_owned(),
    }
}

fn interval(interval: Option<Interval>) -> String {
    match interval {
        None => "undecided".to_owned(),
        Some(Interval { lo: None, hi: None, .. }) => "none".to_owned(),
        Some(Interval { lo, hi: None, .. }) => format!(">= {}", cell(lo)),
        Some(Interval { lo: None, hi, .. }) => format!("<= {}", cell(hi)),
        Some(Interval { lo, hi, .. }) => format!("{} .. {}", cell(lo), cell(hi)),
    }
}

/// A quantile, with a star where it has no finite interval.
fn starred(value: Option<f64>, interval: Option<Interval>) -> String {
    let bounded = interval.is_some_and(|interval| interval.lo.is_some() && interval.hi.is_some());
    if bounded || value.is_none() { cell(value) } else { cell(value) + "*" }
}

fn cell(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), four_digits)
}

/// Four digits, but never fewer than three decimals' worth of nothing: `0.012`, `1.235`, `123.5`,
/// `12346`.
fn four_digits(value: f64) -> String {
    let decimals = match value.abs() {
        size if size < 10.0 => 3,
        size if size < 100.0 => 2,
        size if size < 1_000.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::four_digits;

    #[test]
    fn numbers_keep_four_digits() {
        for (value, want) in [
            (0.0, "0.000"),
            (0.012_4, "0.012"),
            (1.234_5, "1.234"),
            (12.345, "12.35"),
            (123.45, "123.5"),
            (1_234.5, "1234"),
            (1_200_000.0, "1200000"),
        ] {
            assert_eq!(four_digits(value), want);
        }
    }
}
