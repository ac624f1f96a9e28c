//! `detailed.csv`: everything that is known of a request.
//!
//! The first 14 columns are those of the source's format, by its names and in its order; ours come
//! after them. `docs/metrics.md` says what each one holds.

use crate::cell::Value;
use Source::{Kept, Logged, Measured, Plan, Seen, Sent};
use proofload_analysis::Request;
use proofload_record::{End, Flags, Row, Served, Stamp};
use proofload_run_dir::Response;

/// A column: its name, and where its value comes from.
pub(crate) type Column = (&'static str, Source);

/// Where a value comes from.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// Known of every planned request.
    Plan(for<'a> fn(&Request<'a>) -> Value<'a>),
    /// Seen, so blank where there is no row.
    Seen(fn(&Row) -> Value<'static>),
    /// Measured by our own client, so blank in an imported row, too.
    Measured(fn(&Row) -> Value<'static>),
    /// The same of a request that was sent: one that was not has no such time, rather than none.
    Sent(fn(&Row) -> Value<'static>),
    /// By the server's own log, so blank where the log does not have the request.
    Logged(for<'a> fn(&'a Served) -> Value<'a>),
    /// Of the answer's text, so blank where the run did not keep it.
    Kept(for<'a> fn(&'a Response) -> Value<'a>),
}

impl Source {
    /// The value for a request and the text that it was answered.
    pub(crate) fn of<'a>(self, request: &Request<'a>, text: Option<&'a Response>) -> Value<'a> {
        match self {
            Self::Plan(value) => value(request),
            Self::Logged(value) => request.served.map_or(Value::Blank, value),
            Self::Kept(value) => text.map_or(Value::Blank, value),
            Self::Seen(value) => request.row().map_or(Value::Blank, value),
            Self::Measured(value) => {
                request.row().filter(|row| row.is_placed()).map_or(Value::Blank, value)
            }
            Self::Sent(value) => {
                let row = request.row().filter(|row| row.is_placed() && is_sent(row));
                row.map_or(Value::Blank, value)
            }
        }
    }
}

pub(crate) const COLUMNS: [Column; 62] = [
    ("log_id", Logged(|served| served.log_id.map_or(Value::Blank, Value::Number))),
    REQUEST_ID,
    MODE,
    PRIORITY,
    ("http_status", Seen(status)),
    CLIENT_DURATION,
    ("provider_name", Logged(|served| text(served.provider.as_deref()))),
    MODEL,
    TTFT,
    TPOT,
    TOKENS,
    TOTAL_LATENCY,
    ("response_text", Kept(|response| Value::Text(&response.text))),
    ("error", Plan(|request| text(request.note.and_then(|note| note.error.as_deref())))),
    OUTCOME,
    (
        "not_sent_reason",
        Seen(|row| match row.end {
            End::NotSent(reason) => Value::Name(reason.label()),
            End::Sent(_) => Value::Blank,
        }),
    ),
    WARMUP,
    ("plan_index", Plan(|request| Value::Count(request.index.into()))),
    ("due_ms", Plan(|request| stamp(Stamp::at(request.due_ns)))),
    ("started_ms", Measured(|row| stamp(row.started))),
    ("connected_ms", Measured(|row| stamp(row.connected))),
    ("written_ms", Measured(|row| stamp(row.written))),
    ("first_byte_ms", Measured(|row| stamp(row.first_byte))),
    ("first_token_ms", Measured(|row| stamp(row.first_token))),
    ("last_token_ms", Measured(|row| stamp(row.last_token))),
    ("done_ms", Measured(|row| stamp(row.done))),
    ("ttft_service_ms", Measured(|row| Value::millis(row.ttft_service_ns()))),
    ("total_latency_service_ms", Measured(|row| if_ok(row, row.total_latency_service_ns()))),
    LATENCY,
    ("latency_service_ms", Measured(|row| if_ok(row, row.latency_service_ns()))),
    ("lateness_us", Measured(|row| row.lateness_ns().map_or(Value::Blank, Value::Micros))),
    ("connection_wait_ms", Measured(|row| Value::millis(row.connection_wait_ns()))),
    ("permit_wait_ms", Sent(|row| Value::Millis(row.permit_wait_ns))),
    ("dns_ms", Sent(|row| Value::Millis(row.dns_ns))),
    ("tcp_ms", Sent(|row| Value::Millis(row.tcp_ns))),
    ("tls_ms", Sent(|row| Value::Millis(row.tls_ns))),
    ("connection_reused", Sent(|row| Value::Flag(row.flags.has(Flags::REUSED)))),
    ("attempts", Measured(|row| Value::Count(row.attempts.into()))),
    ("worker", Measured(|row| Value::Count(row.worker.into()))),
    ("stream_asked", Measured(|row| Value::Flag(row.flags.has(Flags::STREAM_ASKED)))),
    ("streamed", Measured(|row| Value::Flag(row.flags.has(Flags::STREAMED)))),
    ("prompt_tokens", Seen(|row| Value::count(row.prompt_tokens))),
    ("token_source", Seen(token_source)),
    ("chunks", Measured(|row| Value::Count(row.chunks.into()))),
    ("coalesced_chunks", Measured(|row| Value::Count(row.coalesced.into()))),
    ("itl_count", Measured(|row| Value::Count(row.itl.count.into()))),
    (
        "itl_mean_ms",
        Measured(|row| Value::millis(row.itl.sum_ns.checked_div(row.itl.count.into()))),
    ),
    ("itl_max_ms", Measured(|row| Value::millis((row.itl.count > 0).then_some(row.itl.max_ns)))),
    ("bytes_out", Measured(|row| Value::Count(row.bytes_out))),
    ("bytes_in", Measured(|row| Value::Count(row.bytes_in))),
    (
        "server_request_id",
        Plan(|request| text(request.note.and_then(|note| note.server_request_id.as_deref()))),
    ),
    ("queue_wait_ms", Logged(|served| Value::millis(served.queue_wait_ns))),
    ("processing_ms", Logged(|served| Value::millis(served.processing_ns))),
    ("server_ttft_ms", Logged(|served| Value::millis(served.ttft_ns))),
    ("server_total_ms", Logged(|served| Value::millis(served.total_ns))),
    ("classification_ms", Logged(|served| Value::millis(served.classification_ns))),
    ("cold_start", Logged(|served| served.cold_start.map_or(Value::Blank, Value::Flag))),
    ("load_duration_ms", Logged(|served| Value::millis(served.load_ns))),
    ("queue_depth_at_arrival", Logged(|served| Value::count(served.queue_depth))),
    ("queue_depth_at_schedule", Logged(|served| Value::count(served.queue_depth_scheduled))),
    ("result_status", Logged(|served| text(served.result.as_deref()))),
    ("response_truncated", Kept(|response| Value::Flag(response.truncated))),
];

pub(crate) const REQUEST_ID: Column = ("request_id", Plan(|request| Value::Text(request.id)));

pub(crate) const MODE: Column = (
    "mode",
    Plan(|request| request.class.map_or(Value::Blank, |class| Value::Name(class.mode.label()))),
);

pub(crate) const PRIORITY: Column = (
    "priority",
    Plan(|request| request.class.map_or(Value::Blank, |class| Value::Name(class.priority.label()))),
);

/// The model that the request names; where the server chose, the one that its log says answered.
pub(crate) const MODEL: Column = (
    "model_name",
    Plan(|request| {
        let asked = request.class.and_then(|class| class.model.as_deref());
        let answered = || request.served.and_then(|served| served.model.as_deref());
        text(asked.or_else(answered))
    }),
);

pub(crate) const OUTCOME: Column = ("outcome", Plan(|request| Value::Name(request.outcome())));

pub(crate) const WARMUP: Column = ("warmup", Plan(|request| Value::Flag(request.warmup)));

pub(crate) const CLIENT_DURATION: Column = (
    "client_duration_ms",
    Seen(|row| Value::millis(row.client_duration_ns().filter(|_| is_sent(row)))),
);

/// Seen of a failed answer too: its first token came, whatever came after.
pub(crate) const TTFT: Column = ("ttft_ms", Seen(|row| Value::millis(row.ttft_ns())));

/// Of a whole answer only.
pub(crate) const TPOT: Column =
    ("tpot_ms", Seen(|row| if_ok(row, row.tpot_ns().map(|ns| ns.round() as u64))));

pub(crate) const TOKENS: Column = ("tokens", Seen(|row| Value::count(row.completion_tokens)));

/// Of a whole answer only: half an answer has no last token.
pub(crate) const TOTAL_LATENCY: Column =
    ("total_latency_ms", Seen(|row| if_ok(row, row.total_latency_ns())));

/// Of a whole answer only.
pub(crate) const LATENCY: Column = ("latency_ms", Seen(|row| if_ok(row, row.latency_ns())));

/// The status; 0 where none came, as in the source.
pub(crate) fn status(row: &Row) -> Value<'static> {
    Value::Count(row.status.into())
}

fn token_source(row: &Row) -> Value<'static> {
    match row.completion_tokens {
        None => Value::Blank,
        Some(_) if row.flags.has(Flags::USAGE) => Value::Name("usage"),
        Some(_) => Value::Name("chunks"),
    }
}

const fn is_sent(row: &Row) -> bool {
    matches!(row.end, End::Sent(_))
}

fn if_ok(row: &Row, ns: Option<u64>) -> Value<'static> {
    Value::millis(ns.filter(|_| row.end.is_ok()))
}

fn stamp(at: Stamp) -> Value<'static> {
    Value::millis(at.get())
}

fn text(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Blank, Value::Text)
}
