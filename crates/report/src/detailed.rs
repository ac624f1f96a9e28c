//! `detailed.csv`: everything that is known of a request.
//!
//! The first 14 columns are those of the source's format, by its names and in its order; ours come
//! after them. `docs/metrics.md` says what each one holds.

use crate::cell::Value;
use Source::{Plan, Seen};
use proofload_analysis::Request;
use proofload_record::{End, Flags, Row, Stamp};

/// A column: its name, and where its value comes from.
pub(crate) type Column = (&'static str, Source);

/// Where a value comes from.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// Known of every planned request.
    Plan(for<'a> fn(&Request<'a>) -> Value<'a>),
    /// Seen, so blank where there is no row.
    Seen(fn(&Row) -> Value<'static>),
}

impl Source {
    /// The value for a request.
    pub(crate) fn of<'a>(self, request: &Request<'a>) -> Value<'a> {
        match self {
            Self::Plan(value) => value(request),
            Self::Seen(value) => request.row().map_or(Value::Blank, value),
        }
    }
}

pub(crate) const COLUMNS: [Column; 51] = [
    ("log_id", Plan(|_| Value::Blank)),
    REQUEST_ID,
    MODE,
    PRIORITY,
    ("http_status", Seen(status)),
    CLIENT_DURATION,
    ("provider_name", Plan(|_| Value::Blank)),
    MODEL,
    TTFT,
    TPOT,
    TOKENS,
    TOTAL_LATENCY,
    ("response_text", Plan(|_| Value::Blank)),
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
    ("due_ms", Plan(|request| Value::Millis(request.due_ns))),
    ("started_ms", Seen(|row| stamp(row.started))),
    ("connected_ms", Seen(|row| stamp(row.connected))),
    ("written_ms", Seen(|row| stamp(row.written))),
    ("first_byte_ms", Seen(|row| stamp(row.first_byte))),
    ("first_token_ms", Seen(|row| stamp(row.first_token))),
    ("last_token_ms", Seen(|row| stamp(row.last_token))),
    ("done_ms", Seen(|row| stamp(row.done))),
    ("ttft_service_ms", Seen(|row| Value::millis(row.ttft_service_ns()))),
    ("total_latency_service_ms", Seen(|row| if_ok(row, row.total_latency_service_ns()))),
    LATENCY,
    ("latency_service_ms", Seen(|row| if_ok(row, row.latency_service_ns()))),
    ("lateness_us", Seen(|row| row.lateness_ns().map_or(Value::Blank, Value::Micros))),
    ("connection_wait_ms", Seen(|row| Value::millis(row.connection_wait_ns()))),
    ("permit_wait_ms", Seen(|row| Value::Millis(row.permit_wait_ns))),
    ("dns_ms", Seen(|row| Value::Millis(row.dns_ns))),
    ("tcp_ms", Seen(|row| Value::Millis(row.tcp_ns))),
    ("tls_ms", Seen(|row| Value::Millis(row.tls_ns))),
    ("connection_reused", Seen(|row| Value::Flag(row.flags.has(Flags::REUSED)))),
    ("attempts", Seen(|row| Value::Count(row.attempts.into()))),
    ("worker", Seen(|row| Value::Count(row.worker.into()))),
    ("stream_asked", Seen(|row| Value::Flag(row.flags.has(Flags::STREAM_ASKED)))),
    ("streamed", Seen(|row| Value::Flag(row.flags.has(Flags::STREAMED)))),
    ("prompt_tokens", Seen(|row| Value::count(row.prompt_tokens))),
    ("token_source", Seen(token_source)),
    ("chunks", Seen(|row| Value::Count(row.chunks.into()))),
    ("coalesced_chunks", Seen(|row| Value::Count(row.coalesced.into()))),
    ("itl_count", Seen(|row| Value::Count(row.itl.count.into()))),
    ("itl_mean_ms", Seen(|row| Value::millis(row.itl.sum_ns.checked_div(row.itl.count.into())))),
    ("itl_max_ms", Seen(|row| Value::millis((row.itl.count > 0).then_some(row.itl.max_ns)))),
    ("bytes_out", Seen(|row| Value::Count(row.bytes_out))),
    ("bytes_in", Seen(|row| Value::Count(row.bytes_in))),
    (
        "server_request_id",
        Plan(|request| text(request.note.and_then(|note| note.server_request_id.as_deref()))),
    ),
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

/// The model that the request names; blank where the server chose.
pub(crate) const MODEL: Column =
    ("model_name", Plan(|request| text(request.class.and_then(|class| class.model.as_deref()))));

pub(crate) const OUTCOME: Column = ("outcome", Plan(|request| Value::Name(request.outcome())));

pub(crate) const WARMUP: Column = ("warmup", Plan(|request| Value::Flag(request.warmup)));

pub(crate) const CLIENT_DURATION: Column =
    ("client_duration_ms", Seen(|row| Value::millis(row.client_duration_ns())));

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

fn if_ok(row: &Row, ns: Option<u64>) -> Value<'static> {
    Value::millis(ns.filter(|_| row.end.is_ok()))
}

fn stamp(at: Stamp) -> Value<'static> {
    Value::millis(at.get())
}

fn text(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Blank, Value::Text)
}
