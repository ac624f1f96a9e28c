//! A store in this process's memory, for any number of scheduler threads.
//!
//! Each call runs in one short section, as a server with one thread would run it. The state itself is
//! the `ledger`, which knows neither threads nor clocks. Beside the [`Store`] there are the small steps
//! that other ways of scheduling are made of: see `primitives`.

mod audit;
mod containers;
mod fleet;
mod ledger;
mod lock;
mod primitives;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::clock::{Clock, MonotonicClock};
use crate::counters::Counters;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::store::{
    ContainerKey, Exchange, Reconciled, Reply, Store, StoreError, Token, WorkerKey,
};
use crate::worker::{Status, Worker};
pub use audit::{Audit, WorkerAudit};
pub(crate) use ledger::Ledger;
pub use lock::WorkerLock;
use lock::{Locks, Section};

/// A handle of an in-memory store, with counters of its own.
pub struct MemoryStore {
    shared: Arc<Shared>,
    counters: Arc<Counters>,
}

struct Shared {
    ledger: Mutex<Ledger>,
    locks: Locks,
    clock: Box<dyn Clock>,
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").field("counters", &self.counters).finish_non_exhaustive()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store that times its locks by the machine's clock.
    pub fn new() -> Self {
        Self::with_clock(MonotonicClock::default())
    }

    /// An empty store that times its locks by this clock.
    pub fn with_clock(clock: impl Clock + 'static) -> Self {
        let shared =
            Shared { ledger: Mutex::default(), locks: Locks::default(), clock: Box::new(clock) };
        Self { shared: Arc::new(shared), counters: Arc::new(Counters::new()) }
    }

    /// Another handle of the same store, with counters that start at zero.
    #[must_use]
    pub fn handle(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), counters: Arc::new(Counters::new()) }
    }

    fn section(&self) -> Section<'_> {
        Section::enter(&self.shared.ledger, &self.counters, &*self.shared.clock)
    }

    /// One operation on the state.
    fn operation<T>(&self, run: impl FnOnce(&mut Ledger, &Counters) -> T) -> T {
        let mut section = self.section();
        self.counters.operation(1);
        run(&mut section, &self.counters)
    }

    /// What has been refused for good so far, with the reasons, in order.
    pub fn refused(&self) -> Vec<(String, Refusal)> {
        self.section().refused.clone()
    }
}

impl Store for MemoryStore {
    /// There is nothing to wait for: the answer is there when the call is made.
    type Pending = Reply;

    fn join(&self, scheduler: &str) -> Result<Token, StoreError> {
        Ok(self.operation(|ledger, _| ledger.join(scheduler)))
    }

    fn submit(&self, exchange: Exchange<'_>) -> Result<Reply, StoreError> {
        self.operation(|ledger, counters| ledger.exchange(&exchange, counters))
    }

    fn receive(&self, pending: Reply) -> Result<Reply, StoreError> {
        Ok(pending)
    }

    fn enqueue(
        &self,
        requests: Vec<Request>,
        now: Duration,
    ) -> Result<Vec<ContainerKey>, StoreError> {
        self.operation(|ledger, _| ledger.enqueue(requests, now))
    }

    fn put_worker(&self, worker: Worker) -> Result<WorkerKey, StoreError> {
        self.operation(|ledger, _| ledger.fleet.put(worker))
    }

    fn set_status(&self, worker: &str, status: Status) -> Result<(), StoreError> {
        self.operation(|ledger, _| ledger.fleet.set_status(worker, status))
    }

    fn remove_worker(&self, worker: &str) -> Result<Vec<Arc<Request>>, StoreError> {
        self.operation(|ledger, _| ledger.remove_worker(worker))
    }

    fn requeue_at(
        &self,
        token: Token,
        containers: &[ContainerKey],
        at: Duration,
    ) -> Result<usize, StoreError> {
        self.operation(|ledger, _| ledger.requeue_at(token, containers, at))
    }

    fn refuse(
        &self,
        token: Token,
        refused: &[(ContainerKey, Refusal)],
    ) -> Result<usize, StoreError> {
        self.operation(|ledger, _| ledger.refuse(token, refused))
    }

    fn renew(&self, token: Token, until: Duration) -> Result<usize, StoreError> {
        self.operation(|ledger, _| ledger.renew(token, until))
    }

    fn release(&self, container: &str, worker: &str) -> Result<bool, StoreError> {
        Ok(self.operation(|ledger, counters| ledger.release(container, worker, counters)))
    }

    fn reconcile(&self, worker: &str, has: &[String]) -> Result<Reconciled, StoreError> {
        self.operation(|ledger, counters| ledger.reconcile(worker, has, counters))
    }

    fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}

#[cfg(test)]
mod tests;
