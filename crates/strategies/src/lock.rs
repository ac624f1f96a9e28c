//! A container at a time on a cached fleet: lock, `HGETALL`, `HSET`, release, `RPUSH`.
//!
//! Its requests are handed to it, and so is the fleet with which it begins; both go through a handle
//! of somebody else.

use std::slice;
use std::time::Instant;

use proofload_scheduler::{StoreError, WorkerCache};

use crate::cached::Cached;
use crate::choose::From;
use crate::primitives::{Popped, Primitives};
use crate::ran::{Batch, Landed, Phase, Ran};
use crate::strategy::Settings;
use crate::work::Work;

pub(crate) fn run<S: Primitives>(
    store: &S,
    hand: &S,
    work: &Work,
    settings: &Settings,
    replica: usize,
) -> Result<Ran, StoreError> {
    let mut ran = Ran::default();
    let cache = WorkerCache::new(settings.cache_lifetime, store.counters());
    let mut cached = Cached::new(cache);
    ran.phases.time(Phase::Idle, || cached.fill(hand, work.now()))?;
    while !work.is_over() {
        let Some(popped) = ran.phases.time(Phase::Idle, || hand.pop())? else {
            ran.phases.time(Phase::Idle, || work.idle());
            continue;
        };
        // Where another replica was faster, the worker has been read again, and another is chosen.
        while !one(store, &mut cached, &popped, work, replica, &mut ran)? {}
        work.settle(1);
        ran.total = work.now();
    }
    Ok(ran)
}

/// Gives whether the container is settled.
fn one<S: Primitives>(
    store: &S,
    cached: &mut Cached,
    popped: &Popped,
    work: &Work,
    replica: usize,
    ran: &mut Ran,
) -> Result<bool, StoreError> {
    let since = Instant::now();
    let chosen = cached.choose(store, &popped.request, From::Hash, work.now())?;
    let decision = since.elapsed();
    ran.phases.add(Phase::Decision, decision);
    ran.decisions += 1;
    let Some((worker, read)) = chosen else {
        ran.given_up += 1;
        return Ok(true);
    };
    let since = Instant::now();
    let lock = store.lock(worker)?;
    let found = store.get(worker)?;
    let placed = match &found {
        Some(found) => store.put(found, slice::from_ref(popped))?,
        None => 0,
    };
    store.release(lock)?;
    cached.settle(worker, read, found.as_ref().map(|state| state.version));
    cached.refresh(worker, found, &popped.request, placed > 0, work.now());
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
