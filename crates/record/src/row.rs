//! The row of one request.

use crate::End;

/// A moment in nanoseconds since the run began, or none where it was never reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(u64);

impl Stamp {
    /// Never reached.
    pub const NONE: Self = Self(u64::MAX);

    /// Reached `ns` after the run began.
    #[must_use]
    pub const fn at(ns: u64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the run began, if it was reached.
    #[must_use]
    pub const fn get(self) -> Option<u64> {
        if self.0 == u64::MAX { None } else { Some(self.0) }
    }

    /// Nanoseconds from `earlier` to here, where both were reached; 0 if the order is reversed.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<u64> {
        Some(self.get()?.saturating_sub(earlier.get()?))
    }

    /// The number on disk, `u64::MAX` for none.
    #[must_use]
    pub const fn to_raw(self) -> u64 {
        self.0
    }
}

impl Default for Stamp {
    fn default() -> Self {
        Self::NONE
    }
}

/// Gaps between the content chunks of one answer (inter-token latency).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Itl {
    /// Number of gaps: content chunks less one.
    pub count: u32,
    /// Sum of the gaps in nanoseconds.
    pub sum_ns: u64,
    /// Sum of the squared gaps in square nanoseconds.
    pub sum_sq_ns2: f64,
    /// The longest gap in nanoseconds.
    pub max_ns: u64,
}

impl Itl {
    /// Counts one more gap.
    pub fn add(&mut self, gap_ns: u64) {
        self.count += 1;
        self.sum_ns += gap_ns;
        self.sum_sq_ns2 += (gap_ns as f64).powi(2);
        self.max_ns = self.max_ns.max(gap_ns);
    }
}

/// What else is true of a row, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// The request asked for an event stream.
    pub const STREAM_ASKED: Self = Self(1);
    /// The answer was an event stream.
    pub const STREAMED: Self = Self(1 << 1);
    /// Token counts come from the server's `usage`; without it, from the chunks.
    pub const USAGE: Self = Self(1 << 2);
    /// It went out on a connection that had served another request before.
    pub const REUSED: Self = Self(1 << 3);
    /// The stream ended with `[DONE]`.
    pub const DONE_SEEN: Self = Self(1 << 4);

    /// Whether all of `flag` is set.
    #[must_use]
    pub const fn has(self, flag: Self) -> bool {
        self.0 & flag.0 == flag.0
    }

    /// Sets `flag`.
    pub const fn set(&mut self, flag: Self) {
        self.0 |= flag.0;
    }

    /// Clears `flag`.
    pub const fn unset(&mut self, flag: Self) {
        self.0 &= !flag.0;
    }
}

/// Everything that is kept of one request, in a fixed size.
///
/// The clocks are in the order in which they happen; `docs/metrics.md` gives each one's exact
/// meaning and the formulas built on them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Place in the plan, from 0.
    pub index: u32,
    /// Number of its class in the run's list.
    pub class: u16,
    /// The worker that sent it.
    pub worker: u16,
    /// How it ended.
    pub end: End,
    /// Times it was put on a connection: 1, or 2 after a reused connection had died.
    pub attempts: u8,
    /// HTTP status, 0 if none came.
    pub status: u16,
    /// What else is true of it.
    pub flags: Flags,
    /// When the plan wanted it sent.
    pub due: Stamp,
    /// The pacer released it, before any wait for a permit or a connection.
    pub started: Stamp,
    /// It had a connection.
    pub connected: Stamp,
    /// First write of the request to the socket.
    pub written: Stamp,
    /// The read that brought the first plaintext byte of the answer.
    pub first_byte: Stamp,
    /// The read that brought the first chunk with content, reasoning or tool-call text.
    pub first_token: Stamp,
    /// The read that brought the last such chunk.
    pub last_token: Stamp,
    /// The read that brought the end of the answer, or the moment it failed.
    pub done: Stamp,
    /// Waiting for a permit under `--max-in-flight`, in nanoseconds.
    pub permit_wait_ns: u64,
    /// Resolving the host's name, in nanoseconds.
    pub dns_ns: u64,
    /// TCP handshake, in nanoseconds.
    pub tcp_ns: u64,
    /// TLS handshake, in nanoseconds.
    pub tls_ns: u64,
    /// Prompt tokens that the server's `usage` states.
    pub prompt_tokens: Option<u32>,
    /// Output tokens: of `usage` where given, otherwise content chunks.
    pub completion_tokens: Option<u32>,
    /// Content chunks received.
    pub chunks: u32,
    /// Content chunks that came in the same read as the one before.
    pub coalesced: u32,
    /// Bytes written to the socket for it.
    pub bytes_out: u64,
    /// Bytes read from the socket for it.
    pub bytes_in: u64,
    /// Gaps between its content chunks.
    pub itl: Itl,
}

impl Row {
    /// A row of which nothing is known yet but where it stands in the plan.
    #[must_use]
    pub const fn new(index: u32, class: u16, worker: u16, due: Stamp, end: End) -> Self {
        Self {
            index,
            class,
            worker,
            end,
            attempts: 0,
            status: 0,
            flags: Flags(0),
            due,
            started: Stamp::NONE,
            connected: Stamp::NONE,
            written: Stamp::NONE,
            first_byte: Stamp::NONE,
            first_token: Stamp::NONE,
            last_token: Stamp::NONE,
            done: Stamp::NONE,
            permit_wait_ns: 0,
            dns_ns: 0,
            tcp_ns: 0,
            tls_ns: 0,
            prompt_tokens: None,
            completion_tokens: None,
            chunks: 0,
            coalesced: 0,
            bytes_out: 0,
            bytes_in: 0,
            itl: Itl { count: 0, sum_ns: 0, sum_sq_ns2: 0.0, max_ns: 0 },
        }
    }

    /// Whether it is known when in the run the request was. Of an imported row it is not: it has no
    /// due time, and its other clocks count from its own start.
    #[must_use]
    pub const fn is_placed(&self) -> bool {
        self.due.get().is_some()
    }

    /// Our own delay in nanoseconds: from due to released.
    #[must_use]
    pub fn lateness_ns(&self) -> Option<u64> {
        self.started.since(self.due)
    }

    /// Waiting for a connection in nanoseconds, permit, DNS, TCP and TLS included.
    #[must_use]
    pub fn connection_wait_ns(&self) -> Option<u64> {
        self.connected.since(self.started)
    }

    /// From due to the first token, in nanoseconds; none unless the answer was streamed.
    #[must_use]
    pub fn ttft_ns(&self) -> Option<u64> {
        self.first_token.since(self.due)
    }

    /// From the first write to the first token, in nanoseconds.
    #[must_use]
    pub fn ttft_service_ns(&self) -> Option<u64> {
        self.first_token.since(self.written)
    }

    /// From due to the last token, in nanoseconds; to the end where the answer was not streamed.
    #[must_use]
    pub fn total_latency_ns(&self) -> Option<u64> {
        self.last_or_done().since(self.due)
    }

    /// From the first write to the last token, or the end where it was not streamed.
    #[must_use]
    pub fn total_latency_service_ns(&self) -> Option<u64> {
        self.last_or_done().since(self.written)
    }

    /// From due to the end of the answer, in nanoseconds.
    #[must_use]
    pub fn latency_ns(&self) -> Option<u64> {
        self.done.since(self.due)
    }

    /// From the first write to the end of the answer, in nanoseconds.
    #[must_use]
    pub fn latency_service_ns(&self) -> Option<u64> {
        self.done.since(self.written)
    }

    /// From released to the end of the answer, in nanoseconds.
    #[must_use]
    pub fn client_duration_ns(&self) -> Option<u64> {
        self.done.since(self.started)
    }

    /// Time per output token after the first, in nanoseconds; none below two tokens, where the
    /// answer was not streamed, or where one read brought all of it: then no time lies between its
    /// tokens that anybody could have seen.
    #[must_use]
    pub fn tpot_ns(&self) -> Option<f64> {
        let tokens = self.completion_tokens.filter(|&tokens| tokens >= 2)?;
        let decode_ns = self.last_token.since(self.first_token).filter(|&ns| ns > 0)?;
        Some(decode_ns as f64 / f64::from(tokens - 1))
    }

    fn last_or_done(&self) -> Stamp {
        if self.flags.has(Flags::STREAMED) { self.last_token } else { self.done }
    }
}

#[cfg(test)]
mod tests {
    use super::{Flags, Itl, Row, Stamp};
    use crate::{End, Outcome};

    fn streamed() -> Row {
        let mut row = Row::new(0, 0, 0, Stamp::at(100), End::Sent(Outcome::Ok));
        row.started = Stamp::at(110);
        row.connected = Stamp::at(140);
        row.written = Stamp::at(150);
        row.first_token = Stamp::at(400);
        row.last_token = Stamp::at(1_000);
        row.done = Stamp::at(1_100);
        row.completion_tokens = Some(4);
        row.flags.set(Flags::STREAMED);
        row
    }

    #[test]
    fn every_latency_counts_from_due_and_its_service_form_from_the_write() {
        let row = streamed();
        for (name, found, want) in [
            ("lateness", row.lateness_ns(), 10),
            ("connection wait", row.connection_wait_ns(), 30),
            ("ttft", row.ttft_ns(), 300),
            ("ttft service", row.ttft_service_ns(), 250),
            ("total latency", row.total_latency_ns(), 900),
            ("total latency service", row.total_latency_service_ns(), 850),
            ("latency", row.latency_ns(), 1_000),
            ("latency service", row.latency_service_ns(), 950),
            ("client duration", row.client_duration_ns(), 990),
        ] {
            assert_eq!(found, Some(want), "{name}");
        }
        assert_eq!(row.tpot_ns(), Some(200.0));
    }

    #[test]
    fn what_was_not_observed_is_none() {
        let mut row = streamed();
        row.flags = Flags(0);
        row.first_token = Stamp::NONE;
        row.last_token = Stamp::NONE;
        assert_eq!(row.ttft_ns(), None);
        assert_eq!(row.tpot_ns(), None);
        assert_eq!(row.total_latency_ns(), Some(1_000), "unstreamed: to the end");
        let mut single = streamed();
        single.completion_tokens = Some(1);
        assert_eq!(single.tpot_ns(), None);
        let mut at_once = streamed();
        at_once.last_token = at_once.first_token;
        assert_eq!(at_once.tpot_ns(), None, "all tokens in one read");
    }

    #[test]
    fn a_row_without_a_due_time_has_only_what_its_client_measured() {
        let mut row = Row::new(0, 0, 0, Stamp::NONE, End::Sent(Outcome::Ok));
        assert!(!row.is_placed() && streamed().is_placed());
        (row.started, row.done) = (Stamp::at(0), Stamp::at(7));
        assert_eq!(row.client_duration_ns(), Some(7));
        for (name, found) in [
            ("lateness", row.lateness_ns()),
            ("ttft", row.ttft_ns()),
            ("total latency", row.total_latency_ns()),
            ("latency", row.latency_ns()),
            ("latency service", row.latency_service_ns()),
            ("connection wait", row.connection_wait_ns()),
        ] {
            assert_eq!(found, None, "{name}");
        }
    }

    #[test]
    fn gaps_add_up() {
        let mut itl = Itl::default();
        for gap in [3, 4] {
            itl.add(gap);
        }
        assert_eq!(itl, Itl { count: 2, sum_ns: 7, sum_sq_ns2: 25.0, max_ns: 4 });
    }
}
