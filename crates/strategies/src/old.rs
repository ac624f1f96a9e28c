//! A container at a time, and for each the whole fleet, worker by worker under its lock.
//!
//! A container: `ZCARD`, `ZPOPMIN`, `SMEMBERS`; for each worker lock, `HGETALL`, release; `HSET` of
//! the container's state; lock, `HGETALL`, `HSET`, release of the worker chosen; `RPUSH`.

use std::slice;
use std::time::Instant;

use proofload_scheduler::{StoreError, WorkerKey, WorkerState};

use crate::choose::{From, choose};
use crate::primitives::{Popped, Primitives};
use crate::ran::{Batch, Landed, Phase, Ran};
use crate::work::Work;

pub(crate) fn run<S: Primitives>(
    store: &S,
    work: &Work,
    replica: usize,
) -> Result<Ran, StoreError> {
    let mut ran = Ran::default();
    while !work.is_over() {
        let popped = ran.phases.time(Phase::Read, || match store.backlog_len()? {
            0 => Ok(None),
            _ => store.pop(),
        })?;
        let Some(popped) = popped else {
            ran.phases.time(Phase::Idle, || work.idle());
            continue;
        };
        // Where another replica was faster, the fleet is read again.
        while !one(store, &popped, work, replica, &mut ran)? {}
        work.settle(1);
        ran.total = work.now();
    }
    Ok(ran)
}

/// Gives whether the container is settled.
fn one<S: Primitives>(
    store: &S,
    popped: &Popped,
    work: &Work,
    replica: usize,
    ran: &mut Ran,
) -> Result<bool, StoreError> {
    let workers = ran.phases.time(Phase::Read, || fleet(store))?;
    let since = Instant::now();
    let seen: Vec<&WorkerState> = workers.iter().collect();
    let chosen = choose(&popped.request, &seen, |state| state.free, From::First);
    let decision = since.elapsed();
    ran.phases.add(Phase::Decision, decision);
    ran.decisions += 1;
    let Some(worker) = chosen.map(|place| workers[place].key) else {
        ran.given_up += 1;
        return Ok(true);
    };
    ran.phases.time(Phase::Dispatch, || store.assign(popped, worker))?;
    let since = Instant::now();
    let lock = store.lock(worker)?;
    let found = store.get(worker)?;
    let placed = match &found {
        Some(found) => store.put(found, slice::from_ref(popped))?,
        None => 0,
    };
    store.release(lock)?;
    let update = since.elapsed();
    ran.phases.add(Phase::Update, update);
    if placed > 0 {
        ran.phases.time(Phase::Dispatch, || store.push(worker, popped))?;
        let wait = work.now().saturating_sub(popped.enqueued);
        ran.placed.push(Landed { container: popped.key, worker, wait });
    }
    let (at, conflicts) = (work.now(), 1 - placed);
    ran.batches.push(Batch { replica, at, placed, conflicts, workers: placed, decision, update });
    Ok(placed > 0)
}

/// All workers, each read under its lock.
pub(crate) fn fleet<S: Primitives>(store: &S) -> Result<Vec<WorkerState>, StoreError> {
    let mut workers = Vec::new();
    for key in store.worker_keys()? {
        workers.extend(locked(store, key)?);
    }
    Ok(workers)
}

/// A worker, read under its lock.
pub(crate) fn locked<S: Primitives>(
    store: &S,
    worker: WorkerKey,
) -> Result<Option<WorkerState>, StoreError> {
    let lock = store.lock(worker)?;
    let state = store.get(worker)?;
    store.release(lock)?;
    Ok(state)
}
