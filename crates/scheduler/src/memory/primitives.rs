//! The small steps that a scheduler with a key-value store takes: each call is one operation.
//!
//! They are here so that other strategies run on the same store as ours and are counted by the same
//! counters. None of them is part of the [`Store`](crate::Store): a popped container is lost with
//! whoever popped it, and a worker's capacity is only safe under its lock.

use std::sync::Arc;
use std::time::Duration;

use super::MemoryStore;
use super::containers::State;
use super::lock::WorkerLock;
use crate::request::Request;
use crate::store::{ContainerKey, WorkerKey, WorkerState};

impl MemoryStore {
    /// How many containers are ready (`ZCARD`).
    pub fn backlog_len(&self) -> usize {
        self.operation(|ledger, _| ledger.ready.values().map(std::collections::VecDeque::len).sum())
    }

    /// Takes the first ready container out of the backlog, for good (`ZPOPMIN`).
    pub fn pop(&self) -> Option<(ContainerKey, Arc<Request>, Duration)> {
        self.operation(|ledger, _| {
            let key = loop {
                let mut band = ledger.ready.first_entry()?;
                match band.get_mut().pop_front() {
                    Some(key) => break key,
                    None => drop(band.remove()),
                }
            };
            let container = ledger.containers.get_mut(key)?;
            container.state = State::Popped;
            Some((key, Arc::clone(&container.request), container.enqueued))
        })
    }

    /// The workers that are there (`SMEMBERS`).
    pub fn worker_keys(&self) -> Vec<WorkerKey> {
        self.operation(|ledger, _| ledger.fleet.keys().collect())
    }

    /// Locks a worker, waiting for whoever has it (`SET NX`).
    pub fn lock(&self, worker: WorkerKey) -> WorkerLock<'_> {
        self.counters.operation(1);
        self.shared.locks.lock(worker, &self.counters, &*self.shared.clock)
    }

    /// Reads a worker (`HGETALL`).
    pub fn get(&self, worker: WorkerKey) -> Option<WorkerState> {
        self.operation(|ledger, _| ledger.fleet.get(worker).map(|_| ledger.fleet.state(worker)))
    }

    /// Writes what a worker now has to carry (`HSET` of its capacity): these popped containers become
    /// its own, each if it fits. One capacity update, if any does. Returns how many did.
    pub fn put(&self, worker: WorkerKey, containers: &[ContainerKey]) -> usize {
        self.operation(|ledger, counters| {
            let mut placed = 0;
            for &key in containers {
                let Some(container) = ledger.containers.get_mut(key) else { continue };
                if container.state != State::Popped {
                    continue;
                }
                if let Some(position) = ledger.fleet.own(worker, key, &container.request.needs) {
                    container.state = State::Placed { worker, position };
                    placed += 1;
                }
            }
            if placed > 0 {
                ledger.fleet.updated(worker, counters);
            }
            placed
        })
    }

    /// Writes the worker that a container is meant for into the container (`HSET` of its state).
    pub fn assign(&self, container: ContainerKey, worker: WorkerKey) {
        self.operation(|ledger, _| {
            if let Some(container) = ledger.containers.get_mut(container) {
                container.assigned = Some(worker);
            }
        });
    }

    /// Puts a container into a worker's queue (`RPUSH`). `false`: the worker is gone.
    pub fn push(&self, worker: WorkerKey, container: ContainerKey) -> bool {
        self.operation(|ledger, _| ledger.fleet.push(worker, container))
    }

    /// A worker fetches its queue.
    pub fn fetch(&self, worker: WorkerKey) -> Vec<ContainerKey> {
        self.operation(|ledger, _| {
            let mut fetched = ledger.fleet.fetch(worker);
            // What ended before it was fetched is not started any more.
            fetched.retain(|&container| ledger.containers.get(container).is_some());
            fetched
        })
    }
}
