//! What a run came to.

use std::time::{Duration, Instant};

use proofload_scheduler::{CacheCounts, ContainerKey, LockCounts, Snapshot, WireCounts, WorkerKey};

/// What time is spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Taking containers and reading workers; with ours the first load of the fleet, too.
    Read,
    /// Choosing workers.
    Decision,
    /// Writing capacity, with the locks around it.
    Update,
    /// Telling containers and workers of each other.
    Dispatch,
    /// Waiting until the window of a batch is over.
    Window,
    /// Waiting for containers.
    Idle,
}

impl Phase {
    /// All of them, in the order in which they come.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Decision, Self::Update, Self::Dispatch, Self::Window, Self::Idle];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Decision => "decision",
            Self::Update => "update",
            Self::Dispatch => "dispatch",
            Self::Window => "window",
            Self::Idle => "idle",
        }
    }
}

/// Time by phase; of several replicas the sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases([Duration; Phase::ALL.len()]);

impl Phases {
    /// The time that a phase took.
    #[must_use]
    pub const fn of(&self, phase: Phase) -> Duration {
        self.0[phase as usize]
    }

    /// Time that was spent on it.
    pub fn add(&mut self, phase: Phase, time: Duration) {
        self.0[phase as usize] += time;
    }

    pub(crate) fn time<T>(&mut self, phase: Phase, act: impl FnOnce() -> T) -> T {
        let since = Instant::now();
        let done = act();
        self.add(phase, since.elapsed());
        done
    }
}

/// Containers that were planned together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Which of the replicas planned it, from 0.
    pub replica: usize,
    /// When it was done.
    pub at: Duration,
    /// Containers that got their place.
    pub placed: usize,
    /// Containers that were turned away by the store.
    pub conflicts: usize,
    /// Workers that it went to.
    pub workers: usize,
    /// Time for choosing.
    pub decision: Duration,
    /// Time for writing capacity.
    pub update: Duration,
}

/// A container in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landed {
    /// The container.
    pub container: ContainerKey,
    /// The worker.
    pub worker: WorkerKey,
    /// From when it came until it was placed.
    pub wait: Duration,
}

/// What a run came to. Counts are the store's.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// From the beginning until the last container was placed or given up.
    pub total: Duration,
    /// Where the time went.
    pub phases: Phases,
    /// Batches, in the order of their replicas; old and lock have one a container.
    pub batches: Vec<Batch>,
    /// Containers placed, in order.
    pub placed: Vec<Landed>,
    /// How often a worker was chosen for a container, or found to be none.
    pub decisions: u64,
    /// Containers for which there was no place.
    pub given_up: usize,
    /// What it cost: what the replicas' counters went up by while they ran.
    pub counts: Snapshot,
}

impl Ran {
    /// Takes in what another replica did.
    pub fn join(&mut self, other: Self) {
        self.total = self.total.max(other.total);
        for phase in Phase::ALL {
            self.phases.add(phase, other.phases.of(phase));
        }
        self.batches.extend(other.batches);
        self.placed.extend(other.placed);
        self.decisions += other.decisions;
        self.given_up += other.given_up;
        self.counts = sum(self.counts, other.counts);
    }
}

/// What was counted between two moments of one set of counters.
pub(crate) fn difference(after: Snapshot, before: Snapshot) -> Snapshot {
    each(after, before, u64::saturating_sub, Duration::saturating_sub)
}

fn sum(a: Snapshot, b: Snapshot) -> Snapshot {
    each(a, b, u64::saturating_add, Duration::saturating_add)
}

fn each(
    a: Snapshot,
    b: Snapshot,
    count: fn(u64, u64) -> u64,
    time: fn(Duration, Duration) -> Duration,
) -> Snapshot {
    let locks = |a: LockCounts, b: LockCounts| LockCounts {
        taken: count(a.taken, b.taken),
        waited: count(a.waited, b.waited),
        wait: time(a.wait, b.wait),
        held: time(a.held, b.held),
    };
    let wire = |a: WireCounts, b: WireCounts| WireCounts {
        round_trips: count(a.round_trips, b.round_trips),
        commands: count(a.commands, b.commands),
        bytes_sent: count(a.bytes_sent, b.bytes_sent),
        bytes_received: count(a.bytes_received, b.bytes_received),
        script_calls: count(a.script_calls, b.script_calls),
        script_loads: count(a.script_loads, b.script_loads),
    };
    Snapshot {
        locks: locks(a.locks, b.locks),
        section: locks(a.section, b.section),
        operations: count(a.operations, b.operations),
        capacity_updates: count(a.capacity_updates, b.capacity_updates),
        invalidations: count(a.invalidations, b.invalidations),
        cache: CacheCounts {
            lookups: count(a.cache.lookups, b.cache.lookups),
            hits: count(a.cache.hits, b.cache.hits),
            stale: count(a.cache.stale, b.cache.stale),
            misses: count(a.cache.misses, b.cache.misses),
            first_loads: count(a.cache.first_loads, b.cache.first_loads),
        },
        wire: match (a.wire, b.wire) {
            (Some(a), Some(b)) => Some(wire(a, b)),
            (a, b) => a.or(b),
        },
    }
}
