//! A fleet that was read some time ago, and what has been planned on it since.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use proofload_scheduler::{
    Gpus, Megabytes, Millicores, Request, Resources, StoreError, WorkerCache, WorkerKey,
    WorkerState,
};

use crate::choose::{From, choose};
use crate::old::locked;
use crate::primitives::Primitives;

pub(crate) struct Cached {
    cache: WorkerCache,
    /// Planned and not committed yet. Apart from the cache, so that reading a worker again does not
    /// forget it.
    planned: HashMap<WorkerKey, Resources>,
}

impl Cached {
    pub(crate) fn new(cache: WorkerCache) -> Self {
        Self { cache, planned: HashMap::new() }
    }

    /// The first load of the fleet: all workers, each read under its lock.
    pub(crate) fn fill<S: Primitives>(
        &mut self,
        store: &S,
        now: Duration,
    ) -> Result<(), StoreError> {
        for key in store.worker_keys()? {
            self.load(store, key, now)?;
        }
        self.cache.fleet_loaded();
        Ok(())
    }

    /// Reads again what is no longer in the cache.
    pub(crate) fn fill_gaps<S: Primitives>(
        &mut self,
        store: &S,
        now: Duration,
    ) -> Result<(), StoreError> {
        let cached: HashSet<WorkerKey> = self.cache.workers().map(|state| state.key).collect();
        for key in store.worker_keys()? {
            if !cached.contains(&key) {
                self.cache.lookup(key, now);
                self.load(store, key, now)?;
            }
        }
        Ok(())
    }

    fn load<S: Primitives>(
        &mut self,
        store: &S,
        worker: WorkerKey,
        now: Duration,
    ) -> Result<Option<WorkerState>, StoreError> {
        let state = locked(store, worker)?;
        match &state {
            Some(state) => self.cache.load(state.clone(), now),
            None => self.cache.invalidate(worker),
        }
        Ok(state)
    }

    /// The worker that a container should go to, and the version of it that this rests on. The slot of
    /// a worker that is chosen is looked up; if it is too old, the worker is read and looked at again.
    pub(crate) fn choose<S: Primitives>(
        &mut self,
        store: &S,
        request: &Request,
        from: From,
        now: Duration,
    ) -> Result<Option<(WorkerKey, u64)>, StoreError> {
        loop {
            let workers: Vec<&WorkerState> = self.cache.workers().collect();
            let free = |state: &WorkerState| self.free(state);
            let Some(place) = choose(request, &workers, free, from) else { return Ok(None) };
            let key = workers[place].key;
            if let Some(state) = self.cache.lookup(key, now) {
                return Ok(Some((key, state.version)));
            }
            if let Some(state) = self.load(store, key, now)?
                && request.needs.fits(&self.free(&state))
            {
                return Ok(Some((key, state.version)));
            }
        }
    }

    /// What is left in a worker beside what is planned.
    fn free(&self, state: &WorkerState) -> Resources {
        self.planned.get(&state.key).map_or(state.free, |planned| less(state.free, *planned))
    }

    /// A container is planned on a worker.
    pub(crate) fn plan(&mut self, worker: WorkerKey, request: &Request) {
        let planned = self.planned.entry(worker).or_default();
        *planned = more(*planned, request.needs);
    }

    /// What was planned on a worker is committed: it was at version `found` just before.
    pub(crate) fn settle(&mut self, worker: WorkerKey, read: u64, found: Option<u64>) {
        self.cache.settle(worker, read, found);
        self.planned.remove(&worker);
    }

    /// Drops a worker from the cache.
    pub(crate) fn invalidate(&mut self, worker: WorkerKey) {
        self.cache.invalidate(worker);
    }

    /// Overwrites a worker with what was `found` under its lock, less the container that was then
    /// placed.
    pub(crate) fn refresh(
        &mut self,
        worker: WorkerKey,
        found: Option<WorkerState>,
        request: &Request,
        placed: bool,
        now: Duration,
    ) {
        let Some(mut state) = found else { return self.cache.invalidate(worker) };
        if placed {
            state.free = less(state.free, request.needs);
            state.version += 1;
            state.containers += 1;
        }
        self.cache.load(state, now);
    }
}

pub(crate) fn less(have: Resources, taken: Resources) -> Resources {
    each(have, taken, u32::saturating_sub)
}

fn more(one: Resources, other: Resources) -> Resources {
    each(one, other, u32::saturating_add)
}

/// Both of an amount are within its range, and so is a difference; a sum that is not is more than any
/// worker has, and so is its greatest value.
fn each(a: Resources, b: Resources, of: impl Fn(u32, u32) -> u32) -> Resources {
    let cpu = i64::from(of(a.cpu.get(), b.cpu.get()));
    let memory = i64::from(of(a.memory.get(), b.memory.get()));
    let gpus = i64::from(of(a.gpus.get(), b.gpus.get()));
    Resources {
        cpu: Millicores::new(cpu).unwrap_or(Millicores::MAX),
        memory: Megabytes::new(memory).unwrap_or(Megabytes::MAX),
        gpus: Gpus::new(gpus).unwrap_or(Gpus::MAX),
    }
}
