//! When to give a request up.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use proofload_record::Outcome;
use proofload_record::clock::Clock;
use tokio::time::{Instant, Sleep};

use super::io::Stamps;

/// Limits of one request; each makes an outcome of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name, TCP and TLS together.
    pub connect: Duration,
    /// From the last write of the request to the first byte of the answer.
    pub first_byte: Duration,
    /// Between two reads of an answer.
    pub idle: Duration,
    /// From released to the end, waits for permit and connection included.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(300),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(1_200),
        }
    }
}

/// Watches the limits of one request on one connection.
///
/// One timer serves all of them: it is set to the earliest limit and moved when it fires, or when
/// the limit that matters has come nearer; never for a chunk. An interim answer (1xx) counts as a
/// byte.
pub(crate) struct Watch<'a> {
    timer: Pin<&'a mut Sleep>,
    set_ns: u64,
    clock: Clock,
    timeouts: Timeouts,
    started_ns: u64,
    armed_ns: u64,
}

impl<'a> Watch<'a> {
    /// For a request released at `started_ns` and put on its connection now. The timer is the
    /// caller's so that it can live on the stack.
    pub(crate) fn new(
        timer: Pin<&'a mut Sleep>,
        clock: Clock,
        timeouts: Timeouts,
        started_ns: u64,
    ) -> Self {
        let armed_ns = clock.now_ns();
        Self { timer, set_ns: u64::MAX, clock, timeouts, started_ns, armed_ns }
    }

    /// Ready with the limit that has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, stamps: &Stamps) -> Poll<Outcome> {
        loop {
            let (at_ns, outcome) = self.next(stamps);
            // Nobody tells us that the head has begun, so until then the timer looks as often as
            // the idle limit wants.
            let look_ns = match stamps.first_byte_ns.get() {
                None => at_ns.min(after(self.clock.now_ns(), self.timeouts.idle)),
                Some(_) => at_ns,
            };
            if look_ns < self.set_ns {
                self.set(look_ns);
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if self.clock.now_ns() >= at_ns {
                return Poll::Ready(outcome);
            }
            self.set(look_ns);
        }
    }

    fn set(&mut self, at_ns: u64) {
        let ahead = Duration::from_nanos(at_ns.saturating_sub(self.clock.now_ns()));
        self.timer.as_mut().reset(Instant::now() + ahead);
        self.set_ns = at_ns;
    }

    /// The limit that comes next.
    fn next(&self, stamps: &Stamps) -> (u64, Outcome) {
        let total_ns = after(self.started_ns, self.timeouts.total);
        let (part_ns, outcome) = if stamps.first_byte_ns.get().is_none() {
            let from_ns = stamps.last_write_ns.get().unwrap_or(self.armed_ns);
            (after(from_ns, self.timeouts.first_byte), Outcome::TimeoutFirstByte)
        } else {
            (after(stamps.read_ns.get(), self.timeouts.idle), Outcome::TimeoutIdle)
        };
        if total_ns <= part_ns { (total_ns, Outcome::TimeoutTotal) } else { (part_ns, outcome) }
    }
}

fn after(ns: u64, limit: Duration) -> u64 {
    ns.saturating_add(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX))
}
