//! The seam between pacing and whatever answers.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use bytes::Bytes;
use proofload_openai::chat;
use proofload_record::clock::Clock;
use proofload_record::{End, Itl, Note, Row, Sink, Stamp};

/// One request, ready to go.
#[derive(Clone, Debug)]
pub struct Request {
    /// Place in the plan.
    pub index: u32,
    /// Number of its class.
    pub class: u16,
    /// The JSON body, byte for byte.
    pub body: Bytes,
    /// Whether the body asks for an event stream.
    pub stream: bool,
}

/// Whatever answers a request: a server over HTTP, or a script in a test.
///
/// One call is one request. An answer that is late, cut off or refused is still written into
/// `seen`, never an `Err`: the run goes on and the report counts it. Stamps are written as they
/// happen, so when the future is dropped (Ctrl-C) what was seen until then is kept.
/// A target belongs to one worker and never leaves its thread, so it need not be `Send`; what
/// crosses threads is the [`MakeTarget`] that every worker calls once.
pub trait Target {
    /// Sends `request` now; ready when its last byte, or its failure, has been seen.
    fn send(&self, request: &Request, seen: &mut Seen) -> impl Future<Output = ()>;
}

/// Makes a worker's own target: its connections, its buffers, nothing shared.
pub trait MakeTarget: Sync {
    /// What a worker sends to.
    type Target: Target + 'static;
    /// Called once on the thread of each worker, inside its runtime.
    fn make(&self, worker: usize, clock: Clock) -> Self::Target;
}

/// What is seen of one request while it is under way.
pub struct Seen {
    /// The row as far as it is known.
    pub row: Row,
    /// The rare parts.
    pub note: Note,
    /// The run's clock.
    pub clock: Clock,
    sink: Rc<RefCell<dyn Sink>>,
    arrivals_ns: Option<Vec<u64>>,
    text: Option<Text>,
    last_read: u64,
}

/// What an answer says, as far as it is kept.
struct Text {
    kept: String,
    limit_bytes: usize,
    truncated: bool,
}

impl Seen {
    /// Nothing seen yet. With `keep_chunks` the arrival of every content chunk is kept as well.
    #[must_use]
    pub fn new(row: Row, clock: Clock, sink: Rc<RefCell<dyn Sink>>, keep_chunks: bool) -> Self {
        let arrivals_ns = keep_chunks.then(Vec::new);
        Self { row, note: Note::default(), clock, sink, arrivals_ns, text: None, last_read: 0 }
    }

    /// From now on keeps what the answer says, up to so many bytes.
    #[must_use]
    pub fn keeping_text(mut self, limit_bytes: usize) -> Self {
        self.text = Some(Text { kept: String::new(), limit_bytes, truncated: false });
        self
    }

    /// A chunk of a stream, or a whole completion, came whose JSON is `json`; its text is kept where
    /// that was asked for.
    pub fn keep_text(&mut self, json: &str) {
        let Some(Text { kept, limit_bytes, truncated }) = &mut self.text else { return };
        if *truncated {
            return;
        }
        chat::append_text(json, kept);
        if kept.len() > *limit_bytes {
            kept.truncate(kept.floor_char_boundary(*limit_bytes));
            *truncated = true;
        }
    }

    /// A content chunk arrived at `at_ns` in the read number `read` of its connection, from 1.
    pub fn token(&mut self, at_ns: u64, read: u64) {
        match self.row.last_token.get() {
            None => self.row.first_token = Stamp::at(at_ns),
            Some(before_ns) => {
                let gap_ns = at_ns.saturating_sub(before_ns);
                self.row.itl.add(gap_ns);
                self.sink.borrow_mut().gap(self.row.index, self.row.class, gap_ns);
            }
        }
        if read == self.last_read {
            self.row.coalesced += 1;
        }
        self.last_read = read;
        self.row.last_token = Stamp::at(at_ns);
        self.row.chunks += 1;
        if let Some(arrivals_ns) = &mut self.arrivals_ns {
            arrivals_ns.push(at_ns);
        }
    }

    /// It ended so, at `done_ns`.
    pub fn end(&mut self, end: End, done_ns: u64) {
        self.row.end = end;
        self.row.done = Stamp::at(done_ns);
    }

    /// Forgets what a failed first attempt saw of an answer; due, started and the first stamps of
    /// connection and write stay.
    pub(crate) fn forget_answer(&mut self) {
        self.row.first_byte = Stamp::NONE;
        self.row.first_token = Stamp::NONE;
        self.row.last_token = Stamp::NONE;
        self.row.itl = Itl::default();
        self.row.chunks = 0;
        self.row.coalesced = 0;
        if let Some(text) = &mut self.text {
            text.kept.clear();
            text.truncated = false;
        }
    }

    /// Hands everything over to the sink; what has no end yet was cut at this moment.
    pub(crate) fn hand_over(&mut self) {
        if self.row.done == Stamp::NONE {
            self.row.done = Stamp::at(self.clock.now_ns());
        }
        let mut sink = self.sink.borrow_mut();
        if let Some(arrivals_ns) = &self.arrivals_ns {
            sink.chunks(self.row.index, arrivals_ns);
        }
        if let Some(Text { kept, truncated, .. }) =
            self.text.take().filter(|text| !text.kept.is_empty())
        {
            sink.response(self.row.index, kept, truncated);
        }
        sink.finished(&self.row, std::mem::take(&mut self.note));
    }
}
