//! The small steps that old, lock and batch are made of.

use std::sync::Arc;
use std::time::Duration;

use proofload_scheduler::{
    ContainerKey, Counters, MemoryStore, Request, Store, StoreError, WorkerKey, WorkerLock,
    WorkerState,
};

/// A container taken out of the backlog.
#[derive(Clone, Debug)]
pub struct Popped {
    /// The container.
    pub key: ContainerKey,
    /// What it asks for.
    pub request: Arc<Request>,
    /// When it came.
    pub enqueued: Duration,
    /// What its worker gets beside the request: opaque, and empty where a store keeps it elsewhere.
    pub payload: Arc<str>,
}

/// A store on which each of these is one operation, counted by the store. Beside each stands what it is
/// on Redis.
///
/// None of it is safe in itself: a popped container is lost with whoever popped it, and a worker's
/// capacity only holds under its lock. That is what the strategies are compared for.
pub trait Primitives {
    /// A worker that nobody else can lock until it is handed to [`release`](Self::release).
    type Lock<'a>
    where
        Self: 'a;

    /// How many containers are ready (`ZCARD`).
    fn backlog_len(&self) -> Result<usize, StoreError>;
    /// Takes the first ready container (`ZPOPMIN`).
    fn pop(&self) -> Result<Option<Popped>, StoreError>;
    /// The workers that are there (`SMEMBERS`).
    fn worker_keys(&self) -> Result<Vec<WorkerKey>, StoreError>;
    /// Locks a worker, waiting for whoever has it (`SET NX`).
    fn lock(&self, worker: WorkerKey) -> Result<Self::Lock<'_>, StoreError>;
    /// Lets go of a worker (a script that compares and deletes).
    fn release(&self, lock: Self::Lock<'_>) -> Result<(), StoreError>;
    /// Reads a worker (`HGETALL`); `None`: it is gone.
    fn get(&self, worker: WorkerKey) -> Result<Option<WorkerState>, StoreError>;
    /// Makes popped containers the worker's own, each if it fits after those before it (`HSET` of its
    /// capacity; a store without a say of its own writes what was `found` under the lock, less what
    /// they take). One capacity update, if any of them fits. Returns how many did.
    fn put(&self, found: &WorkerState, containers: &[Popped]) -> Result<usize, StoreError>;
    /// Writes into a container which worker it is meant for (`HSET` of its state).
    fn assign(&self, container: &Popped, worker: WorkerKey) -> Result<(), StoreError>;
    /// Puts a container into a worker's queue (`RPUSH`), whether or not the worker is still there.
    fn push(&self, worker: WorkerKey, container: &Popped) -> Result<(), StoreError>;
    /// What the calls through this handle have cost.
    fn counters(&self) -> Arc<Counters>;
}

impl Primitives for MemoryStore {
    type Lock<'a> = WorkerLock<'a>;

    fn backlog_len(&self) -> Result<usize, StoreError> {
        Ok(self.backlog_len())
    }

    fn pop(&self) -> Result<Option<Popped>, StoreError> {
        let popped =
            |(key, request, enqueued)| Popped { key, request, enqueued, payload: Arc::default() };
        Ok(self.pop().map(popped))
    }

    fn worker_keys(&self) -> Result<Vec<WorkerKey>, StoreError> {
        Ok(self.worker_keys())
    }

    fn lock(&self, worker: WorkerKey) -> Result<WorkerLock<'_>, StoreError> {
        Ok(self.lock(worker))
    }

    fn release(&self, lock: WorkerLock<'_>) -> Result<(), StoreError> {
        drop(lock);
        Ok(())
    }

    fn get(&self, worker: WorkerKey) -> Result<Option<WorkerState>, StoreError> {
        Ok(self.get(worker))
    }

    /// It knows what is free, whatever was found.
    fn put(&self, found: &WorkerState, containers: &[Popped]) -> Result<usize, StoreError> {
        let keys: Vec<ContainerKey> = containers.iter().map(|popped| popped.key).collect();
        Ok(self.put(found.key, &keys))
    }

    fn assign(&self, container: &Popped, worker: WorkerKey) -> Result<(), StoreError> {
        self.assign(container.key, worker);
        Ok(())
    }

    fn push(&self, worker: WorkerKey, container: &Popped) -> Result<(), StoreError> {
        self.push(worker, container.key);
        Ok(())
    }

    fn counters(&self) -> Arc<Counters> {
        Store::counters(self)
    }
}
