//! What a handle remembers of the store between its calls.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proofload_scheduler::{Worker, WorkerKey};

/// Names of workers and their registrations, valid in one incarnation of the store.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) incarnation: Option<u64>,
    /// The greatest revision seen in it.
    pub(crate) seen: Option<u64>,
    /// The caller's latest time.
    pub(crate) now: Duration,
    names: HashMap<Box<str>, WorkerKey>,
    /// By key: the epoch of the registration.
    workers: Vec<Option<(u32, Arc<Worker>)>>,
}

impl Known {
    /// Another incarnation: what was known is of no use.
    pub(crate) fn enter(&mut self, incarnation: u64) {
        if self.incarnation != Some(incarnation) {
            *self = Self { incarnation: Some(incarnation), now: self.now, ..Self::default() };
        }
    }

    pub(crate) fn key(&self, name: &str) -> Option<WorkerKey> {
        self.names.get(name).copied()
    }

    pub(crate) fn name_is(&mut self, name: &str, key: WorkerKey) {
        self.names.insert(name.into(), key);
    }

    /// How many keys of workers have been seen.
    pub(crate) fn workers(&self) -> usize {
        self.workers.len()
    }

    pub(crate) fn worker(&self, key: WorkerKey) -> Option<&Arc<Worker>> {
        self.workers.get(key.0 as usize)?.as_ref().map(|(_, worker)| worker)
    }

    /// The registration of this life of the worker.
    pub(crate) fn registration(&self, key: WorkerKey, epoch: u32) -> Option<&Arc<Worker>> {
        let (known, worker) = self.workers.get(key.0 as usize)?.as_ref()?;
        (*known == epoch).then_some(worker)
    }

    pub(crate) fn registered(&mut self, key: WorkerKey, epoch: u32, worker: Arc<Worker>) {
        let at = key.0 as usize;
        if self.workers.len() <= at {
            self.workers.resize(at + 1, None);
        }
        if self.names.get(worker.id.as_str()) != Some(&key) {
            self.names.insert(worker.id.as_str().into(), key);
        }
        self.workers[at] = Some((epoch, worker));
    }
}
