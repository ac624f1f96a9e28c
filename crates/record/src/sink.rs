//! Where a worker puts what it saw.

use crate::Row;

/// The rare parts of a request whose length varies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// What went wrong, in words; secrets are already taken out.
    pub error: Option<Box<str>>,
    /// The server's request id, where it gave one other than ours.
    pub server_request_id: Option<Box<str>>,
}

impl Note {
    /// Whether there is nothing to keep.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.error.is_none() && self.server_request_id.is_none()
    }
}

/// How a worker stood at the end of a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests started and not finished.
    pub in_flight: u32,
    /// Requests released that wait for a permit.
    pub queued: u32,
    /// Time spent spinning towards a due time since the last call, in nanoseconds.
    pub spin_ns: u64,
}

/// Takes what one worker saw. It belongs to that worker's thread, and no call may block: a sink
/// that cannot keep up drops rows and counts them, for a send must never wait for a record.
pub trait Sink {
    /// The pacer let the next request of this worker's slice go, `lateness_ns` after it was due.
    fn released(&mut self, lateness_ns: u64);
    /// Two content chunks of request `index`, which is of `class`, arrived `gap_ns` apart.
    fn gap(&mut self, index: u32, class: u16, gap_ns: u64);
    /// A request ended; called once for every one that was released.
    fn finished(&mut self, row: &Row, note: Note);
    /// When each content chunk of a request arrived; only called where chunks are kept.
    fn chunks(&mut self, index: u32, arrivals_ns: &[u64]);
    /// What a request was answered, as it came and so with whatever secrets are in it, and whether
    /// more came than that; only called where answers are kept.
    fn response(&mut self, index: u32, text: String, truncated: bool);
    /// A second has passed.
    fn tick(&mut self, load: Load);
}
