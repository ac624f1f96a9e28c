//! Parts of a run against each other: groups, what a difference does, and the server's side.

use super::{cell, four_digits, starred};
use crate::document::{Block, Column, Kind, Role, Row, Section, Table};
use crate::metric::Metric;
use crate::results::{Figures, Group, Impact, Results, Server, Split, Unmatched};
use proofload_units::human_count;

/// So many groups of a kind are shown; results.json has them all.
const GROUPS_MAX: usize = 8;

/// So many of each bound a ratio at 95 %, if they do not depend on one another: one of the 70 ways to
/// split 4 + 4 is at most 2.5 %, one of the 20 of 3 + 3 is not.
const IMPACT_LEAST: u32 = 4;

/// The kinds of group that are shown.
const SHOWN: [&str; 3] = ["mode", "priority", "model"];

/// Tables of groups; none where nothing tells requests apart.
pub(super) fn groups(results: &Results) -> Option<Section> {
    let of = |by: &&str| -> Vec<&Group> {
        results.groups.iter().filter(|group| group.by == **by).collect()
    };
    let told_apart = SHOWN.iter().map(|by| (by, of(by))).filter(|(_, groups)| groups.len() > 1);
    let mut blocks = Vec::new();
    for (by, groups) in told_apart {
        let mut largest = groups.clone();
        largest.sort_by_key(|group| std::cmp::Reverse(group.n));
        largest.truncate(GROUPS_MAX);
        let shown =
            groups.iter().filter(|group| largest.iter().any(|other| other.name == group.name));
        blocks.push(Block::Table(table(by, shown.copied(), results.imported.is_some())));
        if groups.len() > largest.len() {
            let left_out = groups.len() - largest.len();
            blocks.push(Block::Text(format!("{left_out} more are in results.json.")));
        }
    }
    if blocks.is_empty() {
        return None;
    }
    blocks.push(Block::Text(
        "`slo`: share of all that were due with a latency within --latency-slo-ms. Groups differ in \
         more than their name. Pairs, intervals and more metrics are in results.json."
            .to_owned(),
    ));
    Some(Section { kind: Kind::Groups, heading: "Groups, latency in ms".to_owned(), blocks })
}

fn table<'r>(by: &str, groups: impl Iterator<Item = &'r Group>, is_imported: bool) -> Table {
    let measured = if is_imported {
        [(Metric::ClientDuration, "duration"), (Metric::ServerTotal, "server")]
    } else {
        [(Metric::Ttft, "ttft"), (Metric::Latency, "latency")]
    };
    let mut columns = vec![Column::words(by), Column::numbers("n", ""), Column::numbers("ok", "")];
    for (_, of) in measured {
        columns.extend(["p50", "p95"].map(|name| Column { of, ..Column::numbers(name, "ms") }));
    }
    columns.push(Column::numbers("slo", ""));
    let row = |group: &Group| {
        let mut row = vec![group.name.clone(), human_count(group.n), human_count(group.ok)];
        for (metric, _) in measured {
            let Some(Figures { p50, p95, intervals, .. }) = group.metrics.get(metric) else {
                row.extend(["-".to_owned(), "-".to_owned()]);
                continue;
            };
            row.extend([starred(*p50, intervals.p50), starred(*p95, intervals.p95)]);
        }
        row.push(group.slo.share.map_or_else(|| "-".to_owned(), |s| format!("{:.1} %", s * 100.0)));
        Row::plain(row)
    };
    let rows: Vec<Row> = groups.map(row).collect();
    let is_empty = |place: &usize| rows.iter().all(|row| row.cells[*place] == "-");
    // Whoever does not stream has no first token, and no columns of it.
    let left_out: Vec<usize> = (0..columns.len()).filter(is_empty).collect();
    let kept = |place: &usize| !left_out.contains(place);
    let columns = columns.into_iter().enumerate();
    let columns = columns.filter(|(place, _)| kept(place)).map(|(_, column)| column).collect();
    let rows = rows.into_iter().map(|row| Row {
        cells: row
            .cells
            .into_iter()
            .enumerate()
            .filter(|(place, _)| kept(place))
            .map(|(_, cell)| cell)
            .collect(),
        ..row
    });
    Table { columns, rows: rows.collect() }
}

/// What priority and mode change; none where there are no two of either.
pub(super) fn impacts(results: &Results) -> Option<Section> {
    let metric = |impact: &Impact| impact.metric.trim_end_matches("_ms");
    let pair = |impact: &Impact| {
        let within = impact.within.as_deref().map(|within| format!(" ({within})"));
        format!("{} / {}{}", impact.other, impact.base, within.unwrap_or_default())
    };
    let name = |impact: &Impact| format!("{} {}", metric(impact), pair(impact));
    // In the order of the names.
    let n = |impact: &Impact| {
        let [base, other] = impact.n.map(human_count);
        format!("{other} + {base}")
    };
    let mut bounded = Vec::new();
    let mut too_few: Vec<(String, Vec<&str>)> = Vec::new();
    let compared = |impact: &&Impact| impact.confounded.is_none() && impact.too_short.is_none();
    for impact in results.impacts.iter().filter(compared) {
        match (impact.lo, impact.hi) {
            (Some(lo), Some(hi)) => {
                let interval = format!("{} .. {}", four_digits(lo), four_digits(hi));
                bounded.push(Row::plain([name(impact), cell(impact.ratio), interval, n(impact)]));
            }
            _ => {
                let few = format!("{} {}", pair(impact), n(impact));
                match too_few.iter_mut().find(|(other, _)| *other == few) {
                    Some((_, metrics)) => metrics.push(metric(impact)),
                    None => too_few.push((few, vec![metric(impact)])),
                }
            }
        }
    }
    let mut blocks = Vec::new();
    if !bounded.is_empty() {
        let numbers = ["ratio", "95 % interval", "n"].map(|name| Column::numbers(name, ""));
        let columns = [Column::words("times as long")].into_iter().chain(numbers).collect();
        blocks.push(Block::Table(Table { columns, rows: bounded }));
    }
    if !too_few.is_empty() {
        let few: Vec<String> = too_few
            .into_iter()
            .map(|(few, metrics)| format!("{} {few}", metrics.join(" and ")))
            .collect();
        blocks.push(Block::Text(format!(
            "Too few to bound a ratio: {}. It takes about {IMPACT_LEAST} + {IMPACT_LEAST} \
             independent requests to one model.",
            few.join(", ")
        )));
    }
    // The same requests are confounded in the same way, whatever is measured of them.
    let confounded = results.impacts.iter().filter_map(|impact| {
        let reason = impact.confounded.as_deref()?;
        Some((reason, pair(impact)))
    });
    let too_short =
        results.impacts.iter().filter_map(|impact| Some((impact.too_short?, name(impact))));
    for (what, told) in [
        ("Confounded, so no ratio is given", by_reason(confounded)),
        ("No ratio", by_reason(too_short)),
    ] {
        if !told.is_empty() {
            blocks.push(Block::Text(format!("{what}: {}.", told.join("; "))));
        }
    }
    (!blocks.is_empty()).then(|| Section {
        kind: Kind::Impacts,
        heading: "What priority and mode change".to_owned(),
        blocks,
    })
}

/// Each reason once, after the names that it holds for.
fn by_reason<'r>(told: impl Iterator<Item = (&'r str, String)>) -> Vec<String> {
    let mut names: Vec<(&str, Vec<String>)> = Vec::new();
    for (reason, name) in told {
        match names.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => names.push((reason, vec![name])),
        }
    }
    let told =
        names.into_iter().map(|(reason, names)| format!("{}, since {reason}", names.join(", ")));
    told.collect()
}

/// The server's side; none where nobody asked its log.
pub(super) fn server(results: &Results) -> Option<Section> {
    let server = results.server.as_ref()?;
    let measured: Vec<Row> = Metric::OF_SERVER
        .into_iter()
        .map(|metric| (metric.name().replace('_', " "), results.figures(metric)))
        .chain([
            ("model load".to_owned(), &server.cold_starts.load_ms),
            ("queue depth (requests)".to_owned(), &server.queue_depth),
        ])
        .filter(|(_, figures)| figures.n > 0)
        .map(|(name, figures)| row(name, figures))
        .collect();
    let mut blocks = Vec::new();
    if !measured.is_empty() {
        let of_ms = ["mean", "p50", "p95", "p99", "max"].map(|name| Column::numbers(name, "ms"));
        let columns = [Column::words(""), Column::numbers("n", "")].into_iter();
        let columns = columns.chain(of_ms).collect();
        blocks.push(Block::Table(Table { columns, rows: measured }));
    }
    blocks.extend(split(&server.split));
    blocks.extend(notes(server).into_iter().map(Block::Text));
    Some(Section {
        kind: Kind::Server,
        heading: "The server's side, by its own log, in ms".to_owned(),
        blocks,
    })
}

fn row(name: String, figures: &Figures) -> Row {
    let Figures { n, mean, p50, p95, p99, max, intervals, .. } = figures;
    let quantiles = [(p50, intervals.p50), (p95, intervals.p95), (p99, intervals.p99)];
    let quantiles = quantiles.map(|(value, interval)| starred(*value, interval));
    let start = [name, human_count(*n), cell(*mean)].into_iter();
    Row::plain(start.chain(quantiles).chain([cell(*max)]))
}

fn split(split: &Split) -> Option<Block> {
    let parts = [
        ("client, until written", split.client_ms),
        ("network, and what neither counts", split.network_ms),
        ("classification", split.classification_ms),
        ("queue", split.queue_ms),
        ("service", split.service_ms),
        ("in the server, unexplained", split.unexplained_ms),
    ];
    let all: f64 = parts.iter().filter_map(|(_, ms)| *ms).sum();
    let row = |role: Role, name: &str, ms: Option<f64>| {
        let share = ms.map(|ms| format!("{:.1} %", ms / all.max(f64::MIN_POSITIVE) * 100.0));
        Row { role, cells: vec![name.to_owned(), cell(ms), share.unwrap_or_default()] }
    };
    (split.n > 0).then(|| {
        let of = format!("mean latency of {}", human_count(split.n));
        let numbers = ["ms", "share"].map(|name| Column::numbers(name, ""));
        let columns = [Column::words(of)].into_iter().chain(numbers).collect();
        let rows = parts.into_iter().map(|(name, ms)| row(Role::Plain, name, ms));
        let rows = rows.chain([row(Role::Sum, "latency", Some(all))]).collect();
        Block::Table(Table { columns, rows })
    })
}

fn notes(server: &Server) -> Vec<String> {
    let unmatched = |what: &str, ids: &Unmatched| {
        let named = ids.first.join(", ");
        let more = if ids.count > ids.first.len() as u64 { ", …" } else { "" };
        let named = if named.is_empty() { named } else { format!(": {named}{more}") };
        (ids.count > 0).then(|| format!("{} {what}{named}.", human_count(ids.count)))
    };
    let mut notes = vec![format!("{} requests are in the log.", human_count(server.matched))];
    notes.extend(unmatched("requests are not in it", &server.not_in_log));
    notes.extend(unmatched("rows of it belong to no request", &server.not_in_run));
    notes.extend(unmatched("ids have too many rows and are not joined", &server.ambiguous));
    if server.cold_starts.count > 0 {
        notes.push(format!(
            "A model was loaded for {} of {}.",
            human_count(server.cold_starts.count),
            human_count(server.cold_starts.known)
        ));
    }
    let missing = server.missing.iter();
    let missing =
        by_reason(missing.map(|missing| (&*missing.reason, missing.metric.replace('_', " "))));
    if !missing.is_empty() {
        notes.push(format!("What the log does not tell: {}.", missing.join("; ")));
    }
    notes.extend(server.problems.iter().map(|problem| {
        let stop = if problem.ends_with('?') { "" } else { "." };
        format!("Problem: {problem}{stop}")
    }));
    notes
}
