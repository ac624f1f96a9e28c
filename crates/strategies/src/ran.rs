//! What a run came to.

use std::time::{Duration, Instant};

use proofload_scheduler::{ContainerKey, Snapshot, WorkerKey};

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

    pub(crate) fn add(&mut self, phase: Phase, time: Duration) {
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
    /// What it cost.
    pub counts: Snapshot,
}

impl Ran {
    /// Takes in what another replica did.
    pub(crate) fn join(&mut self, other: Self) {
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

fn sum(mut a: Snapshot, b: Snapshot) -> Snapshot {
    for (a, b) in [(&mut a.locks, b.locks), (&mut a.section, b.section)] {
        a.taken += b.taken;
        a.waited += b.waited;
        a.wait += b.wait;
        a.held += b.held;
    }
    a.operations += b.operations;
    a.capacity_updates += b.capacity_updates;
    a.invalidations += b.invalidations;
    a.cache.lookups += b.cache.lookups;
    a.cache.hits += b.cache.hits;
    a.cache.stale += b.cache.stale;
    a.cache.misses += b.cache.misses;
    a.cache.first_loads += b.cache.first_loads;
    a.wire = match (a.wire, b.wire) {
        (Some(mut a), Some(b)) => {
            a.round_trips += b.round_trips;
            a.commands += b.commands;
            a.bytes_sent += b.bytes_sent;
            a.bytes_received += b.bytes_received;
            Some(a)
        }
        (a, b) => a.or(b),
    };
    a
}
