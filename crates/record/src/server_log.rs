//! What a server writes about a request in its own log: the seam that takes it, and what a reader
//! of such a log makes of it.

use std::sync::Arc;

/// A server's own account of one request, for a log to be written. Times are wall time, as a log
/// holds them.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerRow {
    /// The id that the client sent or the server made up.
    pub request_id: String,
    /// Who runs the model.
    pub provider: String,
    /// The model that answered; none where the request was refused before one was known.
    pub model: Option<String>,
    /// `interactive` or `batch`, where the request said so.
    pub mode: Option<String>,
    /// 1, 5 or 10, where the request said so.
    pub priority: Option<u8>,
    /// Nanoseconds since the Unix epoch at which the request had been read.
    pub arrived_wall_ns: u64,
    /// From arrival to the queue, in nanoseconds; none where it never came there.
    pub enqueued_ns: Option<u64>,
    /// From arrival to a slot, in nanoseconds; none where it never had one.
    pub scheduled_ns: Option<u64>,
    /// Requests waiting before it when it came to the queue.
    pub queue_depth: Option<u32>,
    /// Requests that still waited when it got its slot.
    pub queue_depth_scheduled: Option<u32>,
    /// Choosing a model for it, in nanoseconds; none where the request named one.
    pub classification_ns: Option<u64>,
    /// Whether it was the first request of its model; none where it never had a slot.
    pub cold_start: Option<bool>,
    /// Loading the model for it, in nanoseconds.
    pub load_ns: Option<u64>,
    /// From arrival to the first token, in nanoseconds.
    pub ttft_ns: Option<u64>,
    /// From arrival to the end, in nanoseconds.
    pub total_ns: u64,
    /// Tokens of the prompt.
    pub prompt_tokens: Option<u32>,
    /// Tokens written.
    pub completion_tokens: u32,
    /// The status sent; 0 for none.
    pub status: u16,
    /// How it ended, as the server sees it.
    pub result: ServerResult,
}

/// How a request ended, as the server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerResult {
    /// Answered in full.
    Success,
    /// Refused, failed, or cut off by either side.
    Error,
}

impl ServerResult {
    /// The name in a log.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
        }
    }
}

/// Takes a server's log rows, in the order in which requests end. Called on the server's thread,
/// so it must be quick: a writer hands the row to a thread of its own.
pub trait ServerLog: Send {
    /// One request has ended.
    fn log(&mut self, row: ServerRow);
}

/// What a server's log says of one planned request. What the log does not hold is none.
///
/// Durations are differences within the log, so they are right whatever the server's clock shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Served {
    /// Place in the plan, from 0.
    pub index: u32,
    /// The log's own number of the row.
    pub log_id: Option<i64>,
    /// When the server had the request: nanoseconds since the Unix epoch, by the server's clock.
    pub arrived_wall_ns: Option<u64>,
    /// From the queue to a slot, in nanoseconds.
    pub queue_wait_ns: Option<u64>,
    /// From the slot to the end, in nanoseconds.
    pub processing_ns: Option<u64>,
    /// From arrival to the first token, in nanoseconds.
    pub ttft_ns: Option<u64>,
    /// From arrival to the end, in nanoseconds.
    pub total_ns: Option<u64>,
    /// Choosing a model for it, in nanoseconds.
    pub classification_ns: Option<u64>,
    /// Loading a model for it, in nanoseconds.
    pub load_ns: Option<u64>,
    /// Whether a model was loaded for it.
    pub cold_start: Option<bool>,
    /// Requests waiting when it came to the queue.
    pub queue_depth: Option<u32>,
    /// Requests waiting when it left the queue.
    pub queue_depth_scheduled: Option<u32>,
    /// Tokens of the prompt.
    pub prompt_tokens: Option<u32>,
    /// Tokens written.
    pub completion_tokens: Option<u32>,
    /// Who ran the model. Rows share the text.
    pub provider: Option<Arc<str>>,
    /// The model that answered. Rows share the text.
    pub model: Option<Arc<str>>,
    /// How it ended in the server's words, such as `success`. Rows share the text.
    pub result: Option<Arc<str>>,
}

/// What the server's log says of a run, and what it does not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerSide {
    /// Where the log is, without user and password.
    pub source: String,
    /// By plan index, each at most once.
    pub rows: Vec<Served>,
    /// Requests that reached a connection and are not in the log, by the id that was looked for.
    pub not_in_log: Unmatched,
    /// Rows of the log that carry an id of this run and belong to no request that was looked for.
    pub not_in_run: Unmatched,
    /// Ids with more rows in the log than the request was sent times; none of these is joined.
    pub ambiguous: Unmatched,
    /// What no row of the log holds, and why.
    pub missing: Vec<Missing>,
    /// What makes the server's side incomplete or doubtful, in words; the run is degraded by it.
    pub problems: Vec<String>,
}

/// Ids without a counterpart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unmatched {
    /// How many.
    pub count: u64,
    /// The first [`Unmatched::NAMED_MAX`] of them.
    pub first: Vec<String>,
}

impl Unmatched {
    /// So many are named.
    pub const NAMED_MAX: usize = 10;

    /// One more.
    pub fn add(&mut self, id: &str) {
        self.count += 1;
        if self.first.len() < Self::NAMED_MAX {
            self.first.push(id.to_owned());
        }
    }
}

/// Something that no row of the log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its name, that of the column in `server.csv` without the unit: `queue_wait`, `ttft`, …
    pub metric: String,
    /// Why, in words.
    pub reason: String,
}

impl ServerSide {
    /// What the log says of request `index`.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<&Served> {
        let at = self.rows.binary_search_by_key(&index, |row| row.index).ok()?;
        Some(&self.rows[at])
    }

    /// Whether something is missing that should be there; the run is then degraded.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        !self.problems.is_empty()
    }
}
