//! Cached workers for strategies that read the fleet now and then and plan on what they read.
//!
//! Ours has no use for it: its snapshot is kept up by every exchange. It counts in the same way.

use std::sync::Arc;
use std::time::Duration;

use crate::counters::Counters;
use crate::store::{WorkerKey, WorkerState};

/// Workers as they were when they were read, each for a limited time.
#[derive(Debug)]
pub struct WorkerCache {
    slots: Vec<Slot>,
    lifetime: Duration,
    /// The fleet has been loaded once.
    loaded: bool,
    counters: Arc<Counters>,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    cached: Option<(WorkerState, Duration)>,
    /// Lookups whose plan is not committed yet.
    open: u64,
}

impl WorkerCache {
    /// An empty cache whose workers are good for `lifetime`, counting into `counters`.
    pub fn new(lifetime: Duration, counters: Arc<Counters>) -> Self {
        Self { slots: Vec::new(), lifetime, loaded: false, counters }
    }

    fn slot(&mut self, worker: WorkerKey) -> &mut Slot {
        let at = worker.0 as usize;
        if self.slots.len() <= at {
            self.slots.resize(at + 1, Slot::default());
        }
        &mut self.slots[at]
    }

    /// Reads a worker's slot while planning: a lookup. `None`: a miss; read the worker from the store
    /// and [`load`](Self::load) it. Otherwise the lookup stays open until [`settle`](Self::settle).
    pub fn lookup(&mut self, worker: WorkerKey, now: Duration) -> Option<&mut WorkerState> {
        self.counters.lookup(1);
        let lifetime = self.lifetime;
        let at = worker.0 as usize;
        let good = self.slots.get(at).is_some_and(|slot| {
            slot.cached.as_ref().is_some_and(|(_, since)| now.saturating_sub(*since) < lifetime)
        });
        if !good {
            self.counters.miss(1);
            return None;
        }
        let slot = &mut self.slots[at];
        slot.open += 1;
        slot.cached.as_mut().map(|(state, _)| state)
    }

    /// Fills a slot with what the store says. Filling one that was full is an invalidation. Until
    /// [`fleet_loaded`](Self::fleet_loaded) it is part of the first load.
    pub fn load(&mut self, state: WorkerState, now: Duration) {
        let first = !self.loaded;
        let was_full = self.slot(state.key).cached.replace((state, now)).is_some();
        if was_full {
            self.counters.invalidation(1);
        } else if first {
            self.counters.first_load(1);
        }
    }

    /// The first load of the fleet is over: from now on a slot that is not there is a miss.
    pub fn fleet_loaded(&mut self) {
        self.loaded = true;
    }

    /// Empties a slot: an invalidation, if it was full.
    pub fn invalidate(&mut self, worker: WorkerKey) {
        if self.slot(worker).cached.take().is_some() {
            self.counters.invalidation(1);
        }
    }

    /// A plan is committed: the worker was at version `found` just before. Its open lookups were hits if
    /// that is the version that they read, which is `read`, and stale otherwise.
    pub fn settle(&mut self, worker: WorkerKey, read: u64, found: Option<u64>) {
        let open = std::mem::take(&mut self.slot(worker).open);
        if found == Some(read) {
            self.counters.hit(open);
        } else {
            self.counters.stale(open);
        }
    }

    /// Workers in the cache, however old.
    pub fn workers(&self) -> impl Iterator<Item = &WorkerState> {
        self.slots.iter().filter_map(|slot| slot.cached.as_ref().map(|(state, _)| state))
    }
}
