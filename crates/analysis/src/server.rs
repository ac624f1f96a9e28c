//! The server's side: what its log says, and how that fits what the client saw.

use crate::results::{ColdStarts, MissingMetric, Server, Split, Unmatched};
use crate::summary::{MS, Summary};
use crate::tally::{Case, Tally};
use proofload_record::{Row, Served, ServerSide};
use proofload_verdict::guard::{SLACK_NS, Sides};

/// What the log says of the requests that count.
pub(crate) fn results(side: &ServerSide, tally: &Tally<'_>) -> Server {
    let served = || tally.cases.iter().filter_map(|case| case.served);
    let figures = |values: Vec<f64>, unit: f64| {
        Summary::of(&values).map(|summary| summary.figures(unit)).unwrap_or_default()
    };
    let unmatched = |from: &proofload_record::Unmatched| Unmatched {
        count: from.count,
        first: from.first.clone(),
    };
    let depths = served().filter_map(|served| served.queue_depth).map(f64::from).collect();
    let loads = served().filter_map(|served| served.load_ns).map(|ns| ns as f64).collect();
    Server {
        matched: served().count() as u64,
        not_in_log: unmatched(&side.not_in_log),
        not_in_run: unmatched(&side.not_in_run),
        ambiguous: unmatched(&side.ambiguous),
        missing: side
            .missing
            .iter()
            .map(|missing| MissingMetric {
                metric: missing.metric.clone(),
                reason: missing.reason.clone(),
            })
            .collect(),
        problems: side.problems.clone(),
        queue_depth: figures(depths, 1.0),
        cold_starts: ColdStarts {
            count: served().filter(|served| served.cold_start == Some(true)).count() as u64,
            known: served().filter(|served| served.cold_start.is_some()).count() as u64,
            load_ms: figures(loads, MS),
        },
        split: split(tally),
    }
}

/// The parts of one request's latency, in nanoseconds. They add up to it, so a part that is not
/// plausible is negative and not hidden; [`sides`] counts those.
#[derive(Clone, Copy)]
pub(crate) struct Parts {
    pub(crate) client: f64,
    pub(crate) network: f64,
    pub(crate) classification: f64,
    pub(crate) queue: f64,
    pub(crate) service: f64,
    pub(crate) unexplained: f64,
}

impl Parts {
    pub(crate) fn of(row: &Row, served: &Served) -> Option<Self> {
        let (total, queue) = (served.total_ns? as f64, served.queue_wait_ns? as f64);
        let service = served.processing_ns? as f64;
        // A request that named its model was not classified.
        let classification = served.classification_ns.unwrap_or(0) as f64;
        Some(Self {
            client: row.written.since(row.due)? as f64,
            network: row.latency_service_ns()? as f64 - total,
            classification,
            queue,
            service,
            unexplained: total - classification - queue - service,
        })
    }
}

fn seen_whole<'a>(case: &Case<'a>) -> Option<(&'a Row, &'a Served)> {
    case.row.filter(|row| row.end.is_ok()).zip(case.served)
}

fn split(tally: &Tally<'_>) -> Split {
    let parts: Vec<Parts> = tally
        .cases
        .iter()
        .filter_map(seen_whole)
        .filter_map(|(row, served)| Parts::of(row, served))
        .collect();
    if parts.is_empty() {
        return Split::default();
    }
    let mean = |of: fn(&Parts) -> f64| {
        let ns = parts.iter().map(of).sum::<f64>() / parts.len() as f64;
        Some(ns.round() / MS)
    };
    Split {
        n: parts.len() as u64,
        client_ms: mean(|parts| parts.client),
        network_ms: mean(|parts| parts.network),
        classification_ms: mean(|parts| parts.classification),
        queue_ms: mean(|parts| parts.queue),
        service_ms: mean(|parts| parts.service),
        unexplained_ms: mean(|parts| parts.unexplained),
    }
}

/// How both sides fit together, for G25.
pub(crate) fn sides(tally: &Tally<'_>) -> Sides {
    let mut sides = Sides::default();
    let (mut total, mut unexplained) = (0.0, 0.0);
    for (row, served) in tally.cases.iter().filter_map(seen_whole) {
        let early = |client: Option<u64>, server: Option<u64>| {
            client
                .zip(server)
                .is_some_and(|(client, server)| server as f64 > client as f64 + SLACK_NS)
        };
        if served.total_ns.is_some() {
            sides.compared += 1;
        }
        sides.early_tokens += u64::from(early(row.ttft_service_ns(), served.ttft_ns));
        sides.early_ends += u64::from(early(row.latency_service_ns(), served.total_ns));
        if let Some(parts) = Parts::of(row, served) {
            sides.parts_over += u64::from(parts.unexplained < -SLACK_NS);
            total += served.total_ns.unwrap_or(0) as f64;
            unexplained += parts.unexplained;
        }
    }
    sides.unexplained = (total > 0.0).then_some(unexplained / total);
    sides
}

#[cfg(test)]
mod tests {
    use super::Parts;
    use proofload_record::{End, Outcome, Row, Served, Stamp};

    #[test]
    fn parts_add_up_to_the_latency() {
        let mut row = Row::new(0, 0, 0, Stamp::at(100), End::Sent(Outcome::Ok));
        (row.started, row.written, row.done) = (Stamp::at(110), Stamp::at(150), Stamp::at(1_100));
        let served = Served {
            total_ns: Some(900),
            queue_wait_ns: Some(100),
            processing_ns: Some(700),
            classification_ns: Some(60),
            ..Served::default()
        };
        let parts = Parts::of(&row, &served).unwrap();
        let all = [parts.client, parts.network, parts.classification, parts.queue, parts.service];
        assert_eq!(all, [50.0, 50.0, 60.0, 100.0, 700.0]);
        assert_eq!(parts.unexplained, 40.0);
        assert_eq!(all.iter().sum::<f64>() + parts.unexplained, row.latency_ns().unwrap() as f64);
        let without = Served { processing_ns: None, ..served };
        assert!(Parts::of(&row, &without).is_none(), "nothing is made up");
    }
}
