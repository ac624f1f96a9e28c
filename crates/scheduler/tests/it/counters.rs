//! Counters say what happened, no more and no less.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proofload_scheduler::{
    CacheCounts, Clock, Counters, Exchange, LockCounts, MemoryStore, Placer, Policy, Scheduler,
    Snapshot, Store, WireCounts, WorkerCache,
};

use crate::support::*;

/// Goes on by a microsecond whenever it is read.
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Duration {
        Duration::from_micros(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[test]
fn ours_on_100_containers_and_20_workers() {
    let store = fleet((0..20).map(|i| worker(format!("w{i}"))));
    enqueue(&store, (0..100).map(|i| container(format!("c{i}"))));
    let mut scheduler = join(&store, "a", at_once(Policy::Spread));
    for step in 0..3 {
        scheduler.step(Duration::from_millis(step)).expect("a step");
    }
    let Snapshot { locks, operations, capacity_updates, invalidations, cache, wire, .. } =
        scheduler.store().counters().snapshot();
    assert_eq!(locks, LockCounts::default());
    // To join, to load the fleet, to claim, to commit, to hear of it.
    assert_eq!(operations, 5);
    assert_eq!((capacity_updates, invalidations), (20, 20));
    assert_eq!(
        cache,
        CacheCounts { lookups: 100, hits: 100, stale: 0, misses: 0, first_loads: 20 }
    );
    assert_eq!(wire, None);
    // The handle that filled the store has a set of its own.
    assert_eq!(store.counters().snapshot().capacity_updates, 0);
}

/// What another replica changed under a plan makes its lookup stale, though the commit still fits.
#[test]
fn a_plan_on_a_worker_that_changed_is_stale() {
    let store = fleet([worker("w")]);
    let mut one = join(&store, "one", at_once(Policy::Spread));
    let mut two = join(&store, "two", at_once(Policy::Spread));
    enqueue(&store, [container("c0")]);
    one.step(Duration::ZERO).expect("claims it");
    enqueue(&store, [container("c1")]);
    for _ in 0..2 {
        two.step(Duration::ZERO).expect("claims the other, hears of it and commits it");
    }
    assert_eq!(run(&mut one, Duration::ZERO), 1);
    assert_eq!(run(&mut two, Duration::ZERO), 1);
    let cache = |scheduler: &Scheduler<MemoryStore>| scheduler.store().counters().snapshot().cache;
    assert_eq!((cache(&one).lookups, cache(&one).hits, cache(&one).stale), (1, 0, 1));
    assert_eq!((cache(&two).lookups, cache(&two).hits, cache(&two).stale), (1, 1, 0));
}

/// A scheduler that asks for the whole fleet again overwrites what it has and drops what is gone.
#[test]
fn a_fleet_that_is_loaded_again_invalidates_every_slot() {
    let store = fleet((0..5).map(|i| worker(format!("w{i}"))));
    let token = store.join("a").expect("joined");
    let whole = || {
        let exchange =
            Exchange { token, now: Duration::ZERO, commit: None, claim: None, since: None };
        store.exchange(exchange).expect("mine").delta
    };
    let mut placer = Placer::new(Policy::Spread, 0, store.counters());
    placer.apply(&whole());
    let gone = store.worker_keys()[0];
    store.remove_worker("w0").expect("there");
    placer.apply(&whole());
    let counted = store.counters().snapshot();
    assert_eq!((counted.cache.first_loads, counted.invalidations), (5, 5));
    assert_eq!((placer.free(gone), counted.cache.lookups), (None, 0));
}

#[test]
fn updates_are_exactly_the_growth_of_versions() {
    let store = fleet((0..5).map(|i| worker(format!("w{i}"))));
    enqueue(&store, (0..40).map(|i| container(format!("c{i}"))));
    let mut scheduler = join(&store, "a", at_once(Policy::Spread));
    run(&mut scheduler, Duration::ZERO);
    let released: u64 = (0..40)
        .map(|i| {
            u64::from(
                (0..5).any(|w| store.release(&format!("c{i}"), &format!("w{w}")).expect("no wire")),
            )
        })
        .sum();
    assert_eq!(released, 40);
    let updates = |handle: &MemoryStore| handle.counters().snapshot().capacity_updates;
    assert_eq!((updates(scheduler.store()), updates(&store)), (5, 40));
    assert_eq!(store.audit().workers.iter().map(|worker| worker.version).sum::<u64>(), 45);
    assert!(!store.release("c0", "w0").expect("no wire"), "twice does nothing");
    assert_eq!(updates(&store), 40);
}

#[test]
fn a_lock_is_counted_from_its_taking_to_its_drop() {
    let store = MemoryStore::with_clock(Ticking(AtomicU64::new(0)));
    let key = store.put_worker(worker("w")).expect("new");
    let other = store.put_worker(worker("x")).expect("new");
    let handle = store.handle();
    drop(handle.lock(key));
    {
        let _both = (handle.lock(key), handle.lock(other));
        assert_eq!(handle.counters().snapshot().locks.taken, 3);
    }
    let Snapshot { locks, operations, .. } = handle.counters().snapshot();
    assert_eq!((locks.taken, locks.waited, locks.wait), (3, 0, Duration::ZERO));
    // A tick for the first; of the two, each saw the ticks that the other made.
    assert_eq!(locks.held, Duration::from_micros(1 + 2 + 2));
    assert_eq!(operations, 6, "a lock and its release are an operation each");
}

#[test]
fn a_lock_that_is_taken_is_waited_for() {
    let store = MemoryStore::new();
    let key = store.put_worker(worker("w")).expect("new");
    let guard = store.lock(key);
    let waiter = store.handle();
    let counters: Arc<Counters> = waiter.counters();
    let started = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        started.0.send(()).expect("somebody listens");
        drop(waiter.lock(key));
    });
    started.1.recv().expect("it started");
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(counters.snapshot().locks.taken, 0);
    drop(guard);
    thread.join().expect("no panic");
    let locks = counters.snapshot().locks;
    assert_eq!((locks.taken, locks.waited), (1, 1));
    assert!(locks.wait > Duration::ZERO);
}

#[test]
fn every_call_of_the_store_is_one_operation() {
    let store = fleet([worker("w")]);
    let handle = store.handle();
    let count = || handle.counters().snapshot().operations;
    let token = handle.join("a").expect("joined");
    handle.enqueue(vec![container("c")], Duration::ZERO).expect("new");
    handle.drain_worker("w").expect("there");
    handle.requeue_at(token, &[], Duration::ZERO).expect("mine");
    handle.refuse(token, &[]).expect("mine");
    handle.renew(token, Duration::ZERO).expect("mine");
    handle.release("c", "w").expect("no wire");
    handle.reconcile("w", &[]).expect("there");
    handle.remove_worker("w").expect("there");
    handle.put_worker(worker("v")).expect("new");
    assert_eq!(count(), 10);
    assert_eq!(handle.counters().snapshot().section.taken, 10);
    handle.audit();
    handle.refused();
    assert_eq!(count(), 10, "looking at the books is no operation");
}

/// Section 6 of the source's own sequences: 69 operations and 21 locks a container.
#[test]
fn the_old_sequence_is_6_900_operations_and_2_100_locks() {
    let store = fleet((0..20).map(|i| worker(format!("w{i}"))));
    enqueue(&store, (0..100).map(|i| container(format!("c{i}"))));
    let old = store.handle();
    let mut cache = WorkerCache::new(Duration::ZERO, old.counters());
    for containers in 0..100 {
        assert!(old.backlog_len() > 0);
        let (container, request, _) = old.pop().expect("it is there");
        let mut best = None;
        for worker in old.worker_keys() {
            if containers > 0 {
                assert!(cache.lookup(worker, Duration::ZERO).is_none());
            }
            let lock = old.lock(worker);
            let state = old.get(worker).expect("it is there");
            drop(lock);
            if request.needs.fits(&state.free) && best.is_none_or(|(_, cpu)| state.free.cpu > cpu) {
                best = Some((worker, state.free.cpu));
            }
            cache.load(state, Duration::ZERO);
        }
        cache.fleet_loaded();
        let (worker, _) = best.expect("it fits");
        old.assign(container, worker);
        let lock = old.lock(worker);
        old.get(worker).expect("it is there");
        assert_eq!(old.put(worker, &[container]), 1);
        drop(lock);
        assert!(old.push(worker, container));
        cache.invalidate(worker);
    }
    let Snapshot { locks, operations, capacity_updates, cache, .. } = old.counters().snapshot();
    assert_eq!((operations, locks.taken, capacity_updates), (6_900, 2_100, 100));
    assert_eq!((cache.lookups, cache.misses, cache.hits, cache.first_loads), (1_980, 1_980, 0, 20));
    assert_eq!(containers_a_worker(&store), vec![5; 20]);
}

#[test]
fn the_lock_sequence_is_500_operations_and_100_locks() {
    let store = fleet((0..20).map(|i| worker(format!("w{i}"))));
    enqueue(&store, (0..100).map(|i| container(format!("c{i}"))));
    let requests: Vec<_> = std::iter::from_fn(|| store.pop()).collect();
    let workers = store.worker_keys();
    let lock = store.handle();
    for (i, (container, ..)) in requests.iter().enumerate() {
        let worker = workers[i % 20];
        let guard = lock.lock(worker);
        lock.get(worker).expect("it is there");
        lock.put(worker, &[*container]);
        drop(guard);
        lock.push(worker, *container);
    }
    let Snapshot { locks, operations, capacity_updates, .. } = lock.counters().snapshot();
    assert_eq!((operations, locks.taken, capacity_updates), (500, 100, 100));
}

#[test]
fn a_cache_counts_hits_stale_reads_misses_and_the_first_load_apart() {
    let store = fleet([worker("a"), worker("b")]);
    let keys = store.worker_keys();
    let state = |key| store.get(key).expect("it is there");
    let mut cache = WorkerCache::new(Duration::from_millis(500), store.counters());
    for &key in &keys {
        cache.load(state(key), Duration::ZERO);
    }
    cache.fleet_loaded();
    let at = Duration::from_millis;
    for _ in 0..3 {
        assert!(cache.lookup(keys[0], at(1)).is_some());
    }
    assert!(cache.lookup(keys[1], at(1)).is_some());
    assert_eq!(store.counters().snapshot().cache.open(), 4);
    cache.settle(keys[0], 0, Some(0));
    cache.settle(keys[1], 0, Some(7));
    assert!(cache.lookup(keys[0], at(500)).is_none(), "its time is over");
    cache.load(state(keys[0]), at(500));
    cache.invalidate(keys[1]);
    cache.invalidate(keys[1]);
    assert!(cache.lookup(keys[1], at(501)).is_none());
    cache.load(state(keys[1]), at(501));
    let snapshot = store.counters().snapshot();
    assert_eq!(
        snapshot.cache,
        CacheCounts { lookups: 6, hits: 3, stale: 1, misses: 2, first_loads: 2 }
    );
    assert_eq!(snapshot.cache.hit_rate(), Some(0.5));
    assert_eq!(snapshot.invalidations, 2);
    assert_eq!(CacheCounts::default().hit_rate(), None);
}

#[test]
fn counters_that_are_switched_off_stay_as_they_are() {
    let store = fleet([worker("w")]);
    let before = store.counters().snapshot();
    store.counters().count(false);
    enqueue(&store, [container("c")]);
    drop(store.lock(store.worker_keys()[0]));
    assert_eq!(store.counters().snapshot(), before);
    store.counters().count(true);
    store.backlog_len();
    assert_eq!(store.counters().snapshot().operations, before.operations + 1);
}

/// A store outside this crate adds by what it got with its set, each to its own figure.
#[test]
fn a_store_elsewhere_counts_by_its_tally() {
    let (counters, tally) = Counters::for_store();
    assert_eq!(counters.snapshot().wire, Some(WireCounts::default()), "a wire, and nothing on it");
    tally.operation(1);
    tally.capacity_update(2);
    tally.round_trip(3);
    tally.command(4);
    tally.byte_sent(5);
    tally.byte_received(6);
    tally.script_call(7);
    tally.script_load(8);
    tally.lock(None);
    tally.lock(Some(Duration::from_nanos(9)));
    tally.unlock(Duration::from_nanos(10));
    let want = Snapshot {
        locks: LockCounts {
            taken: 2,
            waited: 1,
            wait: Duration::from_nanos(9),
            held: Duration::from_nanos(10),
        },
        operations: 1,
        capacity_updates: 2,
        wire: Some(WireCounts {
            round_trips: 3,
            commands: 4,
            bytes_sent: 5,
            bytes_received: 6,
            script_calls: 7,
            script_loads: 8,
        }),
        ..Snapshot::default()
    };
    assert_eq!(counters.snapshot(), want);
    counters.count(false);
    tally.command(1);
    assert_eq!(counters.snapshot(), want, "it goes by the set's switch");
}
