//! A store that is further away than it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use proofload_scheduler::{
    ContainerKey, Counters, Exchange, Reconciled, Refusal, Reply, Request, Status, Store,
    StoreError, Token, Worker, WorkerKey, WorkerState,
};

use crate::primitives::{Popped, Primitives};

/// A store whose every answer comes `delay` after the call at the earliest, as over a network. What it
/// counts is what the store within counts.
#[derive(Debug)]
pub struct Delayed<S> {
    store: S,
    delay: Duration,
    stop: Arc<AtomicBool>,
}

/// How often a long delay looks whether it is to end.
const LOOK: Duration = Duration::from_millis(20);

impl<S> Delayed<S> {
    /// `store`, with this delay an operation. No delay is no sleep.
    pub fn new(store: S, delay: Duration) -> Self {
        Self::until(store, delay, Arc::default())
    }

    /// The same, with no more delay once `stop` is set.
    pub fn until(store: S, delay: Duration, stop: Arc<AtomicBool>) -> Self {
        Self { store, delay, stop }
    }

    fn after<T>(&self, call: impl FnOnce(&S) -> T) -> T {
        let due = Instant::now() + self.delay;
        let answer = call(&self.store);
        self.wait(due);
        answer
    }

    fn wait(&self, due: Instant) {
        if self.delay.is_zero() {
            return;
        }
        while !self.stop.load(Relaxed) {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(LOOK));
        }
    }
}

impl<S: Primitives> Primitives for Delayed<S> {
    type Lock<'a>
        = S::Lock<'a>
    where
        S: 'a;

    fn backlog_len(&self) -> Result<usize, StoreError> {
        self.after(S::backlog_len)
    }

    fn pop(&self) -> Result<Option<Popped>, StoreError> {
        self.after(S::pop)
    }

    fn worker_keys(&self) -> Result<Vec<WorkerKey>, StoreError> {
        self.after(S::worker_keys)
    }

    fn lock(&self, worker: WorkerKey) -> Result<S::Lock<'_>, StoreError> {
        let due = Instant::now() + self.delay;
        let lock = self.store.lock(worker);
        self.wait(due);
        lock
    }

    fn release(&self, lock: S::Lock<'_>) -> Result<(), StoreError> {
        let due = Instant::now() + self.delay;
        let released = self.store.release(lock);
        self.wait(due);
        released
    }

    fn get(&self, worker: WorkerKey) -> Result<Option<WorkerState>, StoreError> {
        self.after(|store| store.get(worker))
    }

    fn put(&self, found: &WorkerState, containers: &[Popped]) -> Result<usize, StoreError> {
        self.after(|store| store.put(found, containers))
    }

    fn assign(&self, container: &Popped, worker: WorkerKey) -> Result<(), StoreError> {
        self.after(|store| store.assign(container, worker))
    }

    fn push(&self, worker: WorkerKey, container: &Popped) -> Result<(), StoreError> {
        self.after(|store| store.push(worker, container))
    }

    fn counters(&self) -> Arc<Counters> {
        self.store.counters()
    }
}

impl<S: Store> Store for Delayed<S> {
    /// The answer within, and when it is to be here.
    type Pending = (S::Pending, Instant);

    fn join(&self, scheduler: &str) -> Result<Token, StoreError> {
        self.after(|store| store.join(scheduler))
    }

    fn submit(&self, exchange: Exchange<'_>) -> Result<Self::Pending, StoreError> {
        let due = Instant::now() + self.delay;
        Ok((self.store.submit(exchange)?, due))
    }

    fn receive(&self, (pending, due): Self::Pending) -> Result<Reply, StoreError> {
        let reply = self.store.receive(pending);
        self.wait(due);
        reply
    }

    fn enqueue(
        &self,
        requests: Vec<Request>,
        now: Duration,
    ) -> Result<Vec<ContainerKey>, StoreError> {
        self.after(|store| store.enqueue(requests, now))
    }

    fn put_worker(&self, worker: Worker) -> Result<WorkerKey, StoreError> {
        self.after(|store| store.put_worker(worker))
    }

    fn set_status(&self, worker: &str, status: Status) -> Result<(), StoreError> {
        self.after(|store| store.set_status(worker, status))
    }

    fn remove_worker(&self, worker: &str) -> Result<Vec<Arc<Request>>, StoreError> {
        self.after(|store| store.remove_worker(worker))
    }

    fn requeue_at(
        &self,
        token: Token,
        containers: &[ContainerKey],
        at: Duration,
    ) -> Result<usize, StoreError> {
        self.after(|store| store.requeue_at(token, containers, at))
    }

    fn refuse(
        &self,
        token: Token,
        refused: &[(ContainerKey, Refusal)],
    ) -> Result<usize, StoreError> {
        self.after(|store| store.refuse(token, refused))
    }

    fn renew(&self, token: Token, until: Duration) -> Result<usize, StoreError> {
        self.after(|store| store.renew(token, until))
    }

    fn release(&self, container: &str, worker: &str) -> Result<bool, StoreError> {
        self.after(|store| store.release(container, worker))
    }

    fn reconcile(&self, worker: &str, has: &[String]) -> Result<Reconciled, StoreError> {
        self.after(|store| store.reconcile(worker, has))
    }

    fn counters(&self) -> Arc<Counters> {
        self.store.counters()
    }
}
