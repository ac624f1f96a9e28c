//! A run of known rows: how they are written, and what reading them must give.

use proofload_record::{Served, ServerResult, ServerRow, ServerSide};
use proofload_server_log::{Late, Mapping, ReadError, Run, Source, Wanted, Writer, read};
use std::time::Duration;

/// When the run began, as wall time in nanoseconds.
pub(crate) const BEGAN_NS: u64 = 1_764_064_800_000_000_000;
/// First part of its ids.
pub(crate) const RUN: &str = "0123456789ab";

const MS: u64 = 1_000_000;

/// When the client wrote request `index`.
pub(crate) fn written_ns(index: u32) -> u64 {
    BEGAN_NS + u64::from(index) * 10 * MS
}

pub(crate) fn id(index: u32) -> String {
    format!("{RUN}-{index}")
}

/// What the server logs of request `index`, a millisecond after it was written.
pub(crate) fn row(index: u32) -> ServerRow {
    let number = u64::from(index);
    ServerRow {
        request_id: id(index),
        provider: "simulator".to_owned(),
        model: Some(if index.is_multiple_of(2) { "even" } else { "it's \"odd\"" }.to_owned()),
        mode: Some("interactive".to_owned()),
        priority: Some(10),
        arrived_wall_ns: written_ns(index) + MS,
        enqueued_ns: Some(2 * MS),
        scheduled_ns: Some((5 + number) * MS),
        queue_depth: Some(index),
        queue_depth_scheduled: Some(index / 2),
        classification_ns: (index == 0).then_some(1_500_000),
        cold_start: Some(index == 1),
        load_ns: (index == 1).then_some(250_000),
        ttft_ns: Some((20 + number) * MS),
        total_ns: (50 + number) * MS,
        prompt_tokens: Some(100 + index),
        completion_tokens: 7 + index,
        status: 200,
        result: if index == 2 { ServerResult::Error } else { ServerResult::Success },
    }
}

/// What reading [`row`] must give, but for the log's own number.
pub(crate) fn served(index: u32) -> Served {
    let row = row(index);
    let (enqueued_ns, scheduled_ns) = (row.enqueued_ns.unwrap(), row.scheduled_ns.unwrap());
    Served {
        index,
        log_id: None,
        arrived_wall_ns: Some(row.arrived_wall_ns),
        queue_wait_ns: Some(scheduled_ns - enqueued_ns),
        processing_ns: Some(row.total_ns - scheduled_ns),
        ttft_ns: row.ttft_ns,
        total_ns: Some(row.total_ns),
        classification_ns: row.classification_ns,
        load_ns: row.load_ns,
        cold_start: row.cold_start,
        queue_depth: row.queue_depth,
        queue_depth_scheduled: row.queue_depth_scheduled,
        prompt_tokens: row.prompt_tokens,
        completion_tokens: Some(row.completion_tokens),
        provider: Some(row.provider.as_str().into()),
        model: row.model.as_deref().map(Into::into),
        result: Some(row.result.label().into()),
    }
}

pub(crate) fn write(source: &Source, rows: impl IntoIterator<Item = ServerRow>) {
    let (writer, mut log) = Writer::start(source.clone()).unwrap();
    for row in rows {
        log.log(row);
    }
    drop(log);
    writer.finish().unwrap();
}

/// An answered request that is looked for by our id.
pub(crate) fn want(index: u32) -> Wanted {
    let written_wall_ns = written_ns(index);
    Wanted { id: id(index), attempts: 1, answered: true, written_wall_ns }
}

/// Looks for `wanted`, each at its place in the plan.
pub(crate) fn look(
    source: &Source,
    mapping: &Mapping,
    wanted: &[Option<Wanted>],
    late: Duration,
) -> Result<ServerSide, ReadError> {
    let find = |index: u32| wanted.get(index as usize).cloned().flatten();
    let planned = wanted.len() as u32;
    let run = Run { run_id: RUN, planned, began_wall_ns: BEGAN_NS, wanted: &find };
    read(source, mapping, &run, Late::of(late))
}

/// Looks once for the first `count` requests in a log of the schema that is built in.
pub(crate) fn look_for(source: &Source, count: u32) -> ServerSide {
    let wanted: Vec<_> = (0..count).map(|index| Some(want(index))).collect();
    look(source, &Mapping::logos(), &wanted, Duration::ZERO).unwrap()
}

/// The rows without the log's own numbers.
pub(crate) fn rows_of(side: &ServerSide) -> Vec<Served> {
    side.rows.iter().cloned().map(|row| Served { log_id: None, ..row }).collect()
}

/// Why a metric is missing; empty where it is not.
pub(crate) fn reason<'a>(side: &'a ServerSide, metric: &str) -> &'a str {
    let missing = side.missing.iter().find(|missing| missing.metric == metric);
    missing.map_or("", |missing| missing.reason.as_str())
}

/// Everything that is wrong, in one text.
pub(crate) fn problems(side: &ServerSide) -> String {
    side.problems.join("\n")
}
