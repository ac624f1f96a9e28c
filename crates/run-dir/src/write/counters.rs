//! What a worker counts where everybody can see it.

use crate::format::block::Heartbeat;
use proofload_record::{End, NotSent, Outcome};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64};

/// Ways a request can end: every outcome, then every reason for which it never left.
const ENDS: usize = Outcome::COUNT + NotSent::ALL.len();

/// Counts of requests by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ends([u64; ENDS]);

impl Ends {
    /// Counts one more.
    pub(crate) fn add(&mut self, end: End) {
        self.0[place(end)] += 1;
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds these to the outcomes and reasons of `heartbeat`.
    pub(crate) fn add_to(&self, heartbeat: &mut Heartbeat) {
        let sums = heartbeat.outcomes.iter_mut().chain(&mut heartbeat.not_sent);
        sums.zip(self.0).for_each(|(sum, count)| *sum += count);
    }
}

fn place(end: End) -> usize {
    match end {
        End::Sent(outcome) => usize::from(outcome.code()),
        End::NotSent(reason) => Outcome::COUNT + usize::from(reason.code()),
    }
}

/// What of one kind, whose size varies, waits between a worker and the writer.
#[derive(Default)]
pub(crate) struct Budget {
    handed_bytes: AtomicU64,
    /// The one count that the writer grows, and the worker reads.
    taken_bytes: AtomicU64,
    dropped: AtomicU64,
}

impl Budget {
    /// Bytes that the writer has not taken yet. It takes no more than the worker sent, and only the
    /// worker asks, which has counted all that it sent.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        self.handed_bytes.load(Relaxed) - self.taken_bytes.load(Acquire)
    }

    pub(crate) fn add_handed(&self, bytes: u64) {
        add_many(&self.handed_bytes, bytes);
    }

    pub(crate) fn add_taken(&self, bytes: u64) {
        add_many(&self.taken_bytes, bytes);
    }

    pub(crate) fn add_dropped(&self) {
        add(&self.dropped);
    }

    /// Requests of which it was dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Acquire)
    }
}

/// The counts of one worker, in cache lines of its own. Each is written by one thread only, nearly
/// all by that worker, so adding is a load and a store, and none of it ever waits.
///
/// Every ended request is counted in exactly one of `handed` and `dropped`, after its row is in the
/// queue or lost; each only grows. So whoever reads those two has a number of ended requests that
/// is true of one moment, and finds in the queue every row that it has read of.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    released: AtomicU64,
    handed: AtomicU64,
    ended: [AtomicU64; ENDS],
    dropped: [AtomicU64; ENDS],
    pub(crate) chunks: Budget,
    pub(crate) responses: Budget,
    queued: AtomicU32,
    thread: AtomicI32,
}

impl Counters {
    // The worker's side.

    pub(crate) fn add_released(&self) {
        add(&self.released);
    }

    /// Its row is in the queue.
    pub(crate) fn add_handed(&self, end: End) {
        add(&self.ended[place(end)]);
        add(&self.handed);
    }

    /// Its row is lost.
    pub(crate) fn add_dropped(&self, end: End) {
        add(&self.ended[place(end)]);
        add(&self.dropped[place(end)]);
    }

    pub(crate) fn set_queued(&self, queued: u32) {
        self.queued.store(queued, Relaxed);
    }

    pub(crate) fn set_thread(&self, id: i32) {
        self.thread.store(id, Relaxed);
    }

    // Everybody else's.

    pub(crate) fn handed(&self) -> u64 {
        self.handed.load(Acquire)
    }

    /// Never fewer than what [`Self::handed`], [`Self::dropped`] or [`Self::ended`] gave before.
    pub(crate) fn released(&self) -> u64 {
        self.released.load(Acquire)
    }

    pub(crate) fn dropped(&self) -> Ends {
        Ends(self.dropped.each_ref().map(|count| count.load(Acquire)))
    }

    pub(crate) fn ended(&self) -> Ends {
        Ends(self.ended.each_ref().map(|count| count.load(Acquire)))
    }

    /// Requests that wait for a permit, as of the worker's last second.
    pub(crate) fn queued(&self) -> u32 {
        self.queued.load(Relaxed)
    }

    /// The kernel's id of the worker's thread, once it runs.
    pub(crate) fn thread(&self) -> Option<i32> {
        Some(self.thread.load(Relaxed)).filter(|&id| id != 0)
    }
}

fn add(count: &AtomicU64) {
    add_many(count, 1);
}

fn add_many(count: &AtomicU64, more: u64) {
    count.store(count.load(Relaxed) + more, Release);
}
