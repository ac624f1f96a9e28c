//! A batch on a cached fleet, then one lock and one update a worker.
//!
//! A batch: `ZCARD`, a `ZPOPMIN` a request; `SMEMBERS` and, for each worker that is not cached, lock,
//! `HGETALL`, release; for each worker that the plan touches lock, `HGETALL`, `HSET`, release; for each
//! container `HSET` of its state and `RPUSH`. Each worker that was touched is dropped from the cache.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proofload_scheduler::{StoreError, WorkerCache, WorkerKey};

use crate::cached::{Cached, less};
use crate::choose::From;
use crate::primitives::{Popped, Primitives};
use crate::ran::{Batch, Landed, Phase, Ran};
use crate::strategy::Settings;
use crate::work::Work;

/// A worker's share of the plan.
struct Share {
    containers: Vec<Popped>,
    /// The version of the worker that it was planned on.
    read: u64,
}

pub(crate) fn run<S: Primitives>(
    store: &S,
    work: &Work,
    settings: &Settings,
    replica: usize,
) -> Result<Ran, StoreError> {
    let mut ran = Ran::default();
    let cache = WorkerCache::new(settings.cache_lifetime, store.counters());
    let mut cached = Cached::new(cache);
    let mut is_filled = false;
    // Turned away because another replica was faster: planned again on what is then read.
    let mut again = Vec::new();
    while !work.is_over() {
        let popped = match again.is_empty() {
            true => collect(store, work, settings, &mut ran)?,
            false => std::mem::take(&mut again),
        };
        if popped.is_empty() {
            ran.phases.time(Phase::Idle, || work.idle());
            continue;
        }
        ran.phases.time(Phase::Read, || match is_filled {
            false => cached.fill(store, work.now()),
            true => cached.fill_gaps(store, work.now()),
        })?;
        is_filled = true;

        let since = Instant::now();
        let mut shares: BTreeMap<WorkerKey, Share> = BTreeMap::new();
        let mut given_up = 0;
        for popped in popped {
            ran.decisions += 1;
            let chosen = cached.choose(store, &popped.request, From::Hash, work.now())?;
            let Some((worker, read)) = chosen else {
                given_up += 1;
                continue;
            };
            cached.plan(worker, &popped.request);
            let share = shares.entry(worker).or_insert(Share { containers: Vec::new(), read });
            share.read = read;
            share.containers.push(popped);
        }
        let decision = since.elapsed();
        ran.phases.add(Phase::Decision, decision);

        let mut batch = Batch {
            replica,
            at: Duration::ZERO,
            placed: 0,
            conflicts: 0,
            workers: shares.len(),
            decision,
            update: Duration::ZERO,
        };
        let since = Instant::now();
        let mut fit = Vec::new();
        for (&worker, share) in &shares {
            fit.push(update(store, &mut cached, worker, share)?);
        }
        batch.update = since.elapsed();
        ran.phases.add(Phase::Update, batch.update);

        let since = Instant::now();
        for ((worker, share), fit) in shares.into_iter().zip(fit) {
            for (popped, fits) in share.containers.into_iter().zip(fit) {
                if !fits {
                    batch.conflicts += 1;
                    again.push(popped);
                    continue;
                }
                store.assign(&popped, worker)?;
                store.push(worker, &popped)?;
                let wait = work.now().saturating_sub(popped.enqueued);
                ran.placed.push(Landed { container: popped.key, worker, wait });
                batch.placed += 1;
            }
        }
        ran.phases.add(Phase::Dispatch, since.elapsed());
        ran.given_up += given_up;
        work.settle(given_up + batch.placed);
        ran.total = work.now();
        batch.at = ran.total;
        ran.batches.push(batch);
    }
    Ok(ran)
}

/// Takes containers until the batch is full or its window is over.
fn collect<S: Primitives>(
    store: &S,
    work: &Work,
    settings: &Settings,
    ran: &mut Ran,
) -> Result<Vec<Popped>, StoreError> {
    let mut popped = Vec::new();
    let mut ends = None;
    loop {
        let most = settings.batching.most - popped.len();
        let ready = ran.phases.time(Phase::Read, || {
            let ready = store.backlog_len()?.min(most);
            for _ in 0..ready {
                popped.extend(store.pop()?);
            }
            Ok::<_, StoreError>(ready)
        })?;
        if popped.is_empty() || popped.len() == settings.batching.most {
            return Ok(popped);
        }
        let now = work.now();
        let ends = *ends.get_or_insert(now + settings.batching.window);
        if now >= ends || work.is_over() || (ready == 0 && settings.batching.adaptive) {
            return Ok(popped);
        }
        ran.phases.time(Phase::Window, || work.idle());
    }
}

/// Writes a worker's new capacity. Tells of each container whether it fit: under the lock that is
/// what fits into what was read, one after the other.
fn update<S: Primitives>(
    store: &S,
    cached: &mut Cached,
    worker: WorkerKey,
    share: &Share,
) -> Result<Vec<bool>, StoreError> {
    let lock = store.lock(worker)?;
    let found = store.get(worker)?;
    if let Some(found) = &found {
        store.put(found, &share.containers)?;
    }
    store.release(lock)?;
    cached.settle(worker, share.read, found.as_ref().map(|state| state.version));
    cached.invalidate(worker);
    let mut free = found.map(|state| state.free).unwrap_or_default();
    let fits = |popped: &Popped| {
        let fits = popped.request.needs.fits(&free);
        if fits {
            free = less(free, popped.request.needs);
        }
        fits
    };
    Ok(share.containers.iter().map(fits).collect())
}
