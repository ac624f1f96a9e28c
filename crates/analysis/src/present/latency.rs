//! Times as the client saw them, of what succeeded and of what failed.

use super::{cell, interval, starred};
use crate::document::{Block, Column, Kind, Role, Row, Section, Table};
use crate::metric::Metric;
use crate::results::{Figures, Interval, Results};
use proofload_stats::{Confidence, Quantile, least_n_two_sided};
use proofload_units::human_count;

/// The metrics that the table shows, with their names there.
const SHOWN: [(Role, Metric, &str); 10] = [
    (Role::Plain, Metric::Ttft, "ttft"),
    (Role::Part, Metric::TtftService, "service"),
    (Role::Plain, Metric::TotalLatency, "total latency"),
    (Role::Part, Metric::TotalLatencyService, "service"),
    (Role::Plain, Metric::Latency, "latency"),
    (Role::Part, Metric::LatencyService, "service"),
    (Role::Plain, Metric::Tpot, "tpot (ms/token)"),
    (Role::Plain, Metric::Itl, "itl (pooled)"),
    (Role::Plain, Metric::ClientDuration, "client duration"),
    (Role::Plain, Metric::ConnectionWait, "connection wait"),
];

/// The metrics whose intervals are shown.
const BOUNDED: [(Metric, &str); 4] = [
    (Metric::Ttft, "ttft"),
    (Metric::TotalLatency, "total latency"),
    (Metric::Latency, "latency"),
    (Metric::Tpot, "tpot (ms/token)"),
];

pub(super) fn section(results: &Results) -> Section {
    let shown = SHOWN.into_iter().filter(|(_, metric, _)| results.figures(*metric).n > 0);
    let mut rows: Vec<Row> = shown
        .map(|(role, metric, name)| {
            let figures = results.figures(metric);
            Row { role, cells: cells(name, figures.n, figures, metric == Metric::Itl) }
        })
        .collect();
    rows.extend(results.errors.by_outcome.iter().map(|failure| {
        let cells = cells(failure.outcome, failure.n, &failure.until_failed_ms, false);
        Row { role: Role::Failure, cells }
    }));
    let of_ms = ["mean", "p50", "p95", "p99", "p999", "max"];
    let columns = [Column::words(""), Column::numbers("n", "")].into_iter();
    let columns = columns.chain(of_ms.map(|name| Column::numbers(name, "ms"))).collect();
    let mut blocks = vec![Block::Table(Table { columns, rows })];
    let ok = human_count(results.errors.n - results.errors.failed);
    let is_imported = results.imported.is_some();
    let from = if is_imported { "its start" } else { "due" };
    let mut notes = vec![if results.errors.failed == 0 {
        let all = match results.errors.n {
            1 => "The one request".to_owned(),
            _ => format!("All {ok} requests"),
        };
        format!("{all} succeeded. `*`: no finite interval.")
    } else {
        let connected = results.figures(Metric::ConnectionWait).n;
        let others = if connected == 0 || connected == results.errors.n - results.errors.failed {
            String::new()
        } else {
            format!("connection wait is of the {} that connected; ", human_count(connected))
        };
        format!(
            "Rows named after a failure hold the time from {from} to the failure; {others}all other \
             rows are of the {ok} that succeeded. `*`: no finite interval."
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
            "{} to ask for a stream with usage (--stream force).",
            changed(results.counts.bodies_changed)
        ));
    }
    if results.counts.models_changed > 0 {
        notes.push(format!(
            "{} to name another model (--model-map); groups and charts have the models that were \
             asked for.",
            changed(results.counts.models_changed)
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
    let bounds = bounds(results);
    if !is_imported && !bounds.rows.is_empty() {
        blocks.push(Block::Table(bounds));
    }
    blocks.extend(notes.into_iter().map(Block::Text));
    let heading = if is_imported {
        "Client duration in ms"
    } else {
        "Latency in ms, from due and (service) from the first write"
    };
    Section { kind: Kind::Latency, heading: heading.to_owned(), blocks }
}

fn changed(bodies: u64) -> String {
    match bodies {
        1 => "1 body was changed".to_owned(),
        _ => format!("{} bodies were changed", human_count(bodies)),
    }
}

fn bounds(results: &Results) -> Table {
    let columns = [Column::words("95 % interval")].into_iter();
    let columns = columns.chain(["p50", "p95", "p99"].map(|name| Column::numbers(name, "ms")));
    let rows = BOUNDED
        .into_iter()
        .map(|(metric, name)| (name, results.figures(metric)))
        .filter(|(_, figures)| figures.n > 0)
        .map(|(name, figures)| {
            let intervals = &figures.intervals;
            let cells = [intervals.p50, intervals.p95, intervals.p99].map(interval);
            Row::plain(std::iter::once(name.to_owned()).chain(cells))
        })
        .collect();
    Table { columns: columns.collect(), rows }
}

fn cells(name: &str, n: u64, figures: &Figures, pooled: bool) -> Vec<String> {
    const PERCENT_95: Confidence = Confidence::PERCENT_95;
    let intervals = &figures.intervals;
    let starred = |q, value: Option<f64>, interval: Option<Interval>| {
        // Pooled values never have an interval; there it is asked whether they are enough.
        let enough = pooled && figures.n >= least_n_two_sided(q, PERCENT_95);
        if enough { cell(value) } else { starred(value, interval) }
    };
    vec![
        name.to_owned(),
        human_count(n),
        cell(figures.mean),
        starred(Quantile::P50, figures.p50, intervals.p50),
        starred(Quantile::P95, figures.p95, intervals.p95),
        starred(Quantile::P99, figures.p99, intervals.p99),
        starred(Quantile::P999, figures.p999, intervals.p999),
        cell(figures.max),
    ]
}
