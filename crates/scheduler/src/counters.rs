//! What a strategy has cost, counted where it happens.
//!
//! Every counter here is private and goes up in one place: the lock counters in a guard, the
//! operations in the store's calls, capacity updates where a worker's version rises, invalidations
//! where a cached slot is overwritten, lookups where a slot is read. A handle of a store has one set, so
//! that a strategy's cost stays apart from another's.
//!
//! All that anybody can do with a set is to take a [`Snapshot`]. A store outside this crate gets the
//! write side of its set when it makes it, a [`Tally`]: there is one a set, and it cannot be had later.

mod tally;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

pub use tally::Tally;

/// The counters of one strategy on one store.
#[derive(Debug)]
pub struct Counters {
    counting: AtomicBool,
    lock_taken: AtomicU64,
    lock_waited: AtomicU64,
    lock_wait_ns: AtomicU64,
    lock_held_ns: AtomicU64,
    section_entered: AtomicU64,
    section_waited: AtomicU64,
    section_wait_ns: AtomicU64,
    section_held_ns: AtomicU64,
    operations: AtomicU64,
    capacity_updates: AtomicU64,
    invalidations: AtomicU64,
    lookups: AtomicU64,
    hits: AtomicU64,
    stale: AtomicU64,
    misses: AtomicU64,
    first_loads: AtomicU64,
    has_wire: bool,
    round_trips: AtomicU64,
    commands: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    script_calls: AtomicU64,
    script_loads: AtomicU64,
}

/// How often and how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockCounts {
    /// Times taken.
    pub taken: u64,
    /// Times that it was not free at once.
    pub waited: u64,
    /// Time waited.
    pub wait: Duration,
    /// Time held.
    pub held: Duration,
}

/// Reads of cached workers while planning. `lookups = hits + stale + misses + open`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// A worker's slot was read.
    pub lookups: u64,
    /// It was still current when the plan was committed.
    pub hits: u64,
    /// It was no longer.
    pub stale: u64,
    /// It had to be loaded.
    pub misses: u64,
    /// Slots filled by the first load of the fleet, which count as none of these.
    pub first_loads: u64,
}

impl CacheCounts {
    /// Lookups of plans that are not committed yet.
    pub fn open(&self) -> u64 {
        self.lookups.saturating_sub(self.hits + self.stale + self.misses)
    }

    /// Hits over lookups that are decided; `None` without any.
    pub fn hit_rate(&self) -> Option<f64> {
        let decided = self.hits + self.stale + self.misses;
        (decided > 0).then(|| self.hits as f64 / decided as f64)
    }
}

/// What went over a wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WireCounts {
    /// Flushes that carried requests.
    pub round_trips: u64,
    /// Commands sent, those of a pipeline one by one.
    pub commands: u64,
    /// Bytes written.
    pub bytes_sent: u64,
    /// Bytes read.
    pub bytes_received: u64,
    /// Commands that the server carried out inside scripts.
    pub script_calls: u64,
    /// Scripts that the server did not have and was sent.
    pub script_loads: u64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Locks of workers.
    pub locks: LockCounts,
    /// The short section in which an in-memory store does one operation: what a server's one thread
    /// does for a store with a wire. No strategy asks for it, so it is not among the locks.
    pub section: LockCounts,
    /// Calls of the store.
    pub operations: u64,
    /// Times that a worker's capacity changed.
    pub capacity_updates: u64,
    /// Times that a cached worker was overwritten or dropped.
    pub invalidations: u64,
    /// Reads of cached workers.
    pub cache: CacheCounts,
    /// What went over the wire; `None` without one.
    pub wire: Option<WireCounts>,
}

/// Which lock a guard is of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LockKind {
    Worker,
    Section,
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

macro_rules! count {
    ($($(#[$doc:meta])* $method:ident => $field:ident;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub(crate) fn $method(&self, by: u64) {
            self.add(&self.$field, by);
        }
    )*};
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self::with(false)
    }

    fn with(has_wire: bool) -> Self {
        Self {
            counting: AtomicBool::new(true),
            lock_taken: AtomicU64::new(0),
            lock_waited: AtomicU64::new(0),
            lock_wait_ns: AtomicU64::new(0),
            lock_held_ns: AtomicU64::new(0),
            section_entered: AtomicU64::new(0),
            section_waited: AtomicU64::new(0),
            section_wait_ns: AtomicU64::new(0),
            section_held_ns: AtomicU64::new(0),
            operations: AtomicU64::new(0),
            capacity_updates: AtomicU64::new(0),
            invalidations: AtomicU64::new(0),
            lookups: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            first_loads: AtomicU64::new(0),
            has_wire,
            round_trips: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
            script_calls: AtomicU64::new(0),
            script_loads: AtomicU64::new(0),
        }
    }

    /// Stops or goes on counting: what counting costs is measured with and without.
    pub fn count(&self, on: bool) {
        self.counting.store(on, Relaxed);
    }

    #[inline]
    fn add(&self, counter: &AtomicU64, by: u64) {
        if self.counting.load(Relaxed) {
            counter.fetch_add(by, Relaxed);
        }
    }

    pub(crate) fn lock(&self, kind: LockKind, wait: Option<Duration>) {
        let (taken, waited, wait_ns) = match kind {
            LockKind::Worker => (&self.lock_taken, &self.lock_waited, &self.lock_wait_ns),
            LockKind::Section => {
                (&self.section_entered, &self.section_waited, &self.section_wait_ns)
            }
        };
        self.add(taken, 1);
        if let Some(wait) = wait {
            self.add(waited, 1);
            self.add(wait_ns, nanoseconds(wait));
        }
    }

    pub(crate) fn unlock(&self, kind: LockKind, held: Duration) {
        let counter = match kind {
            LockKind::Worker => &self.lock_held_ns,
            LockKind::Section => &self.section_held_ns,
        };
        self.add(counter, nanoseconds(held));
    }

    count! {
        operation => operations;
        capacity_update => capacity_updates;
        invalidation => invalidations;
        lookup => lookups;
        hit => hits;
        stale => stale;
        miss => misses;
        first_load => first_loads;
        round_trip => round_trips;
        command => commands;
        byte_sent => bytes_sent;
        byte_received => bytes_received;
        script_call => script_calls;
        script_load => script_loads;
    }

    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        let time = |counter: &AtomicU64| Duration::from_nanos(counter.load(Relaxed));
        Snapshot {
            locks: LockCounts {
                taken: read(&self.lock_taken),
                waited: read(&self.lock_waited),
                wait: time(&self.lock_wait_ns),
                held: time(&self.lock_held_ns),
            },
            section: LockCounts {
                taken: read(&self.section_entered),
                waited: read(&self.section_waited),
                wait: time(&self.section_wait_ns),
                held: time(&self.section_held_ns),
            },
            operations: read(&self.operations),
            capacity_updates: read(&self.capacity_updates),
            invalidations: read(&self.invalidations),
            cache: CacheCounts {
                lookups: read(&self.lookups),
                hits: read(&self.hits),
                stale: read(&self.stale),
                misses: read(&self.misses),
                first_loads: read(&self.first_loads),
            },
            wire: self.has_wire.then(|| WireCounts {
                round_trips: read(&self.round_trips),
                commands: read(&self.commands),
                bytes_sent: read(&self.bytes_sent),
                bytes_received: read(&self.bytes_received),
                script_calls: read(&self.script_calls),
                script_loads: read(&self.script_loads),
            }),
        }
    }
}
