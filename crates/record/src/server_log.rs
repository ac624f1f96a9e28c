//! What a server writes about a request in its own log, and the seam that takes it.

/// A server's own account of one request. Times are wall time, as a log holds them.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerRow {
    /// The id that the client sent or the server made up.
    pub request_id: String,
    /// The model that answered.
    pub model: String,
    /// `interactive` or `batch`, where the request said so.
    pub mode: Option<String>,
    /// 1, 5 or 10, where the request said so.
    pub priority: Option<u8>,
    /// Nanoseconds since the Unix epoch at which the request had been read.
    pub arrived_wall_ns: u64,
    /// Time in the queue, in nanoseconds.
    pub queue_wait_ns: u64,
    /// Requests waiting before it when it arrived.
    pub queue_depth: u32,
    /// Choosing a model for it, in nanoseconds; none where the request named one.
    pub classification_ns: Option<u64>,
    /// From arrival to the first token, in nanoseconds.
    pub ttft_ns: Option<u64>,
    /// From arrival to the end, in nanoseconds.
    pub total_ns: u64,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens written.
    pub completion_tokens: u32,
    /// The status sent.
    pub status: u16,
}

/// Takes a server's log rows, in the order in which requests end. Called on the server's thread,
/// so it must be quick: a writer hands the row to a thread of its own.
pub trait ServerLog: Send {
    /// One request has ended.
    fn log(&mut self, row: ServerRow);
}
