//! A store that knows how long its exchanges took.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use proofload_scheduler::{
    ContainerKey, Counters, Exchange, Reconciled, Refusal, Reply, Request, Status, Store,
    StoreError, Token, Worker, WorkerKey,
};

/// Time spent in calls of the store since it was last asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// Exchanges that brought a commit.
    pub(crate) update: Duration,
    /// All others.
    pub(crate) read: Duration,
}

/// Times what a store's caller waits for.
pub(crate) struct Timed<S> {
    store: S,
    spent: Arc<Mutex<Spent>>,
}

impl<S> Timed<S> {
    pub(crate) fn new(store: S, spent: Arc<Mutex<Spent>>) -> Self {
        Self { store, spent }
    }

    fn time<T>(&self, is_commit: bool, call: impl FnOnce(&S) -> T) -> T {
        let since = Instant::now();
        let answer = call(&self.store);
        let time = since.elapsed();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if is_commit {
            spent.update += time;
        } else {
            spent.read += time;
        }
        answer
    }
}

impl<S: Store> Store for Timed<S> {
    /// And whether it brought a commit.
    type Pending = (S::Pending, bool);

    fn join(&self, scheduler: &str) -> Result<Token, StoreError> {
        self.time(false, |store| store.join(scheduler))
    }

    fn submit(&self, exchange: Exchange<'_>) -> Result<Self::Pending, StoreError> {
        let is_commit = exchange.commit.is_some();
        Ok((self.time(is_commit, |store| store.submit(exchange))?, is_commit))
    }

    fn receive(&self, (pending, is_commit): Self::Pending) -> Result<Reply, StoreError> {
        self.time(is_commit, |store| store.receive(pending))
    }

    fn enqueue(
        &self,
        requests: Vec<Request>,
        now: Duration,
    ) -> Result<Vec<ContainerKey>, StoreError> {
        self.time(false, |store| store.enqueue(requests, now))
    }

    fn put_worker(&self, worker: Worker) -> Result<WorkerKey, StoreError> {
        self.time(false, |store| store.put_worker(worker))
    }

    fn set_status(&self, worker: &str, status: Status) -> Result<(), StoreError> {
        self.time(false, |store| store.set_status(worker, status))
    }

    fn remove_worker(&self, worker: &str) -> Result<Vec<Arc<Request>>, StoreError> {
        self.time(false, |store| store.remove_worker(worker))
    }

    fn requeue_at(
        &self,
        token: Token,
        containers: &[ContainerKey],
        at: Duration,
    ) -> Result<usize, StoreError> {
        self.time(false, |store| store.requeue_at(token, containers, at))
    }

    fn refuse(
        &self,
        token: Token,
        refused: &[(ContainerKey, Refusal)],
    ) -> Result<usize, StoreError> {
        self.time(false, |store| store.refuse(token, refused))
    }

    fn renew(&self, token: Token, until: Duration) -> Result<usize, StoreError> {
        self.time(false, |store| store.renew(token, until))
    }

    fn release(&self, container: &str, worker: &str) -> Result<bool, StoreError> {
        self.time(false, |store| store.release(container, worker))
    }

    fn reconcile(&self, worker: &str, has: &[String]) -> Result<Reconciled, StoreError> {
        self.time(false, |store| store.reconcile(worker, has))
    }

    fn counters(&self) -> Arc<Counters> {
        self.store.counters()
    }
}
