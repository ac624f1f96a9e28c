//! When to give a request up.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use proofload_record::Outcome;
use proofload_record::clock::Clock;
use tokio::time::{Instant, Sleep, sleep};

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

/// The timer of one connection, kept from request to request: setting one costs more than leaving
/// it set too early.
#[derive(Default)]
pub(crate) struct Alarm {
    /// None until it is set for the first time.
    timer: Option<Pin<Box<Sleep>>>,
    set_ns: u64,
}

/// Watches the limits of one request on one connection.
///
/// One timer serves all of them: it is set to the earliest limit and moved when it fires, or when
/// the limit that matters has come nearer; never for a chunk. An interim answer (1xx) counts as a
/// byte.
pub(crate) struct Watch<'a> {
    alarm: &'a mut Alarm,
    clock: Clock,
    timeouts: Timeouts,
    started_ns: u64,
    armed_ns: u64,
    /// When the limits were looked at last.
    looked_ns: u64,
}

impl<'a> Watch<'a> {
    /// For a request released at `started_ns` and put on its connection at `armed_ns`.
    pub(crate) fn new(
        alarm: &'a mut Alarm,
        clock: Clock,
        timeouts: Timeouts,
        started_ns: u64,
        armed_ns: u64,
    ) -> Self {
        Self { alarm, clock, timeouts, started_ns, armed_ns, looked_ns: armed_ns }
    }

    /// Ready with the limit that has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, stamps: &Stamps) -> Poll<Outcome> {
        loop {
            let (at_ns, outcome) = self.next(stamps);
            let is_early = self.alarm.set_ns <= self.look_ns(at_ns, stamps);
            match &mut self.alarm.timer {
                Some(timer) if is_early => {
                    if timer.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.looked_ns = self.clock.now_ns();
                    if self.looked_ns >= at_ns {
                        return Poll::Ready(outcome);
                    }
                }
                _ => self.looked_ns = self.clock.now_ns(),
            }
            self.set(self.look_ns(at_ns, stamps));
        }
    }

    /// When to look at the limits again, the next of which passes at `at_ns`. Nobody tells us that
    /// the head has begun, so until then it is as often as the idle limit wants.
    fn look_ns(&self, at_ns: u64, stamps: &Stamps) -> u64 {
        match stamps.first_byte_ns.get() {
            None => at_ns.min(after(self.looked_ns, self.timeouts.idle)),
            Some(_) => at_ns,
        }
    }

    fn set(&mut self, at_ns: u64) {
        let ahead = Duration::from_nanos(at_ns.saturating_sub(self.looked_ns));
        let timer = self.alarm.timer.get_or_insert_with(|| Box::pin(sleep(ahead)));
        timer.as_mut().reset(Instant::now() + ahead);
        self.alarm.set_ns = at_ns;
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
