//! A store whose answers are lost: what has come to pass is told all the same.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use proofload_scheduler::{
    ContainerKey, Counters, Exchange, MemoryStore, Policy, Reconciled, Refusal, Reply, Request,
    Scheduler, Status, Store, StoreError, Token, Worker, WorkerKey,
};

use crate::support::*;

/// Fails the calls that an exchange is made of, and those beside it, at the numbers in `lost`.
struct Lossy {
    store: MemoryStore,
    calls: Cell<u32>,
    lost: Vec<u32>,
}

impl Lossy {
    fn call(&self) -> Result<(), StoreError> {
        self.calls.set(self.calls.get() + 1);
        match self.lost.contains(&self.calls.get()) {
            true => Err(StoreError::NoAnswer("cut".into())),
            false => Ok(()),
        }
    }
}

impl Store for Lossy {
    type Pending = Reply;

    fn join(&self, scheduler: &str) -> Result<Token, StoreError> {
        self.store.join(scheduler)
    }

    fn submit(&self, exchange: Exchange<'_>) -> Result<Reply, StoreError> {
        self.call()?;
        self.store.submit(exchange)
    }

    fn receive(&self, pending: Reply) -> Result<Reply, StoreError> {
        self.call()?;
        self.store.receive(pending)
    }

    fn enqueue(
        &self,
        requests: Vec<Request>,
        now: Duration,
    ) -> Result<Vec<ContainerKey>, StoreError> {
        self.store.enqueue(requests, now)
    }

    fn put_worker(&self, worker: Worker) -> Result<WorkerKey, StoreError> {
        self.store.put_worker(worker)
    }

    fn set_status(&self, worker: &str, status: Status) -> Result<(), StoreError> {
        self.store.set_status(worker, status)
    }

    fn remove_worker(&self, worker: &str) -> Result<Vec<Arc<Request>>, StoreError> {
        self.store.remove_worker(worker)
    }

    fn requeue_at(
        &self,
        token: Token,
        keys: &[ContainerKey],
        at: Duration,
    ) -> Result<usize, StoreError> {
        self.call()?;
        self.store.requeue_at(token, keys, at)
    }

    fn refuse(
        &self,
        token: Token,
        refused: &[(ContainerKey, Refusal)],
    ) -> Result<usize, StoreError> {
        self.call()?;
        self.store.refuse(token, refused)
    }

    fn renew(&self, token: Token, until: Duration) -> Result<usize, StoreError> {
        self.store.renew(token, until)
    }

    fn release(&self, container: &str, worker: &str) -> Result<bool, StoreError> {
        self.store.release(container, worker)
    }

    fn reconcile(&self, worker: &str, has: &[String]) -> Result<Reconciled, StoreError> {
        self.store.reconcile(worker, has)
    }

    fn counters(&self) -> Arc<Counters> {
        self.store.counters()
    }
}

/// Every single call and every two in a row are lost once.
#[test]
fn every_container_is_told_as_placed_once_whichever_call_is_lost() {
    for first in 3..40 {
        for lost in [vec![first], vec![first, first + 1]] {
            let store = fleet((0..2).map(|i| worker(format!("w{i}"))));
            // Each worker holds two; one is put back and one is too large.
            enqueue(&store, (0..5).map(|i| Request::new(format!("c{i}"), cpu(5_000), memory(1))));
            enqueue(&store, [Request::new("large", cpu(11_000), memory(1))]);
            let lossy = Lossy { store: store.handle(), calls: Cell::new(0), lost: lost.clone() };
            let mut scheduler = Scheduler::join(
                lossy,
                "a",
                at_once(Policy::Spread),
                Duration::from_secs(1),
                Duration::ZERO,
            )
            .expect("the first calls arrive");
            let mut placed = Vec::new();
            let mut refused = 0;
            for now in 0..200 {
                if let Ok(step) = scheduler.step(Duration::from_millis(now * 10)) {
                    placed.extend(step.settled.placed.into_iter().map(|placed| placed.key));
                    refused += step.refused;
                }
            }
            placed.sort_unstable();
            placed.dedup();
            let audit = store.audit();
            assert_eq!(audit.faults, Vec::<String>::new());
            assert_eq!((placed.len(), audit.placed), (4, 4), "lost: {lost:?}");
            assert_eq!((refused, store.refused().len()), (1, 1), "lost: {lost:?}");
        }
    }
}

/// A batch may wait for longer than its lease: the window, or a store that turns it away again and again.
#[test]
fn a_batch_that_waits_longer_than_its_lease_is_held() {
    let lease = Duration::from_secs(1);
    let store = fleet([worker("w")]);
    enqueue(&store, (0..3).map(|i| container(format!("c{i}"))));
    let mut config = at_once(Policy::Spread);
    config.batching.window = Duration::from_secs(10);
    let mut patient =
        Scheduler::join(store.handle(), "patient", config, lease, Duration::ZERO).expect("joined");
    let mut other = join(&store, "other", at_once(Policy::Spread));
    let operations =
        |scheduler: &Scheduler<MemoryStore>| scheduler.store().counters().snapshot().operations;
    let (before, mut steps, mut placed) = (operations(&patient), 0, 0);
    for now in (0..11_000).step_by(100).map(Duration::from_millis) {
        placed += patient.step(now).expect("a step").settled.placed.len();
        steps += 1;
        assert_eq!(other.step(now).expect("a step").claimed, 0, "taken away at {now:?}");
    }
    assert_eq!(placed, 3);
    // One call a step, and one for each third of the lease, from its first third on.
    let renewals = operations(&patient) - before - steps;
    assert!((20..=30).contains(&renewals), "{renewals}");
}

/// In steady state there is one call a batch, however many leases long that goes on.
#[test]
fn batches_that_are_soon_placed_are_never_renewed() {
    let lease = Duration::from_secs(1);
    let store = fleet([worker("w")]);
    let config = at_once(Policy::Spread);
    let mut scheduler =
        Scheduler::join(store.handle(), "a", config, lease, Duration::ZERO).expect("joined");
    let operations =
        |scheduler: &Scheduler<MemoryStore>| scheduler.store().counters().snapshot().operations;
    let (before, mut placed) = (operations(&scheduler), 0);
    for step in 0..500_u64 {
        let now = Duration::from_millis(100 * step);
        store.enqueue(vec![container(format!("c{step}"))], now).expect("new");
        for container in scheduler.step(now).expect("a step").settled.placed {
            placed += 1;
            assert!(store.release(&container.request.id, "w").expect("there"));
        }
    }
    assert!(placed > 490, "{placed}");
    assert_eq!(operations(&scheduler) - before, 500);
}

/// What an exchange claimed whose answer was lost comes back with its lease, although the scheduler holds
/// others for longer than that all the time: it does not renew what it does not know of.
#[test]
fn what_a_lost_answer_has_claimed_comes_back_while_others_are_held() {
    let lease = Duration::from_secs(1);
    // The fifth call is sent with a claim of `astray`, and of the sixth the answer should have come.
    for lost in [5, 6] {
        let store = fleet([worker("w")]);
        let lossy = Lossy { store: store.handle(), calls: Cell::new(0), lost: vec![lost] };
        let mut config = at_once(Policy::Spread);
        config.batching.window = Duration::from_secs(10);
        let mut patient =
            Scheduler::join(lossy, "patient", config, lease, Duration::ZERO).expect("joined");
        enqueue(&store, [container("held-0")]);
        let mut placed = Vec::new();
        for now in (0..40_000).step_by(100) {
            if now == 100 {
                enqueue(&store, [container("astray")]);
            } else if now > 0 && now % 5_000 == 0 {
                enqueue(&store, [container(format!("held-{now}"))]);
            }
            if let Ok(step) = patient.step(Duration::from_millis(now)) {
                placed.extend(step.settled.placed.iter().map(|placed| placed.request.id.clone()));
            }
        }
        assert!(placed.contains(&"astray".to_owned()), "lost {lost}: {placed:?}");
        assert_eq!(store.audit().faults, Vec::<String>::new());
    }
}
