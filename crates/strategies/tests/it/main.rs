//! What each strategy costs, counted by the store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use proofload_scheduler::{
    Batching, Gpus, Megabytes, MemoryStore, Millicores, Request, Store, Worker,
};
use proofload_strategies::{Delayed, Phase, Ran, Settings, Strategy, Work, run};

fn store(workers: u32, containers: u32) -> MemoryStore {
    let store = MemoryStore::new();
    for number in 1..=workers {
        let (cpu, memory) = (Millicores::new(10_000).unwrap(), Megabytes::new(20_480).unwrap());
        store.put_worker(Worker::new(format!("worker-{number}"), cpu, memory)).unwrap();
    }
    let request = |number| {
        let (cpu, memory) = (Millicores::new(100).unwrap(), Megabytes::new(256).unwrap());
        Request::new(format!("container-{number}"), cpu, memory)
    };
    store.enqueue((1..=containers).map(request).collect(), Duration::ZERO).unwrap();
    store
}

fn ran(strategy: Strategy, store: &MemoryStore, replicas: usize, containers: usize) -> Ran {
    let handles = (0..replicas).map(|_| store.handle()).collect();
    let work = Work::of(containers);
    run(strategy, handles, &store.handle(), &work, &Settings::default()).unwrap()
}

/// The verdict of a commit is not waited for as containers are: of a batch that its window closes, too, ours
/// hears at once.
#[test]
fn ours_does_not_idle_while_its_commit_is_under_way() {
    let store = store(20, 50);
    let ran = ran(Strategy::Ours, &store, 1, 50);
    assert_eq!(ran.placed.len(), 50);
    assert!(ran.phases.of(Phase::Window) > Duration::ZERO, "50 are no full batch");
    assert_eq!(ran.phases.of(Phase::Idle), Duration::ZERO);
}

#[test]
fn a_hundred_on_twenty_cost_what_the_sequences_say() {
    for (strategy, operations, locks, updates, invalidations, lookups) in [
        (Strategy::Old, 6_900, 2_100, 100, 0, 0),
        (Strategy::Lock, 500, 100, 100, 100, 100),
        (Strategy::Batch, 442, 40, 20, 20, 100),
        (Strategy::Ours, 5, 0, 20, 20, 100),
    ] {
        let store = store(20, 100);
        let ran = ran(strategy, &store, 1, 100);
        let counts = ran.counts;
        let name = strategy.name();
        assert_eq!((counts.operations, counts.locks.taken), (operations, locks), "{name}");
        assert_eq!(counts.capacity_updates, updates, "{name}");
        assert_eq!(
            (counts.invalidations, counts.cache.lookups),
            (invalidations, lookups),
            "{name}"
        );
        assert_eq!((counts.cache.hits, counts.cache.open()), (lookups, 0), "{name}");
        assert_eq!((ran.placed.len(), ran.given_up), (100, 0), "{name}");
        let audit = store.audit();
        assert_eq!((audit.placed, audit.faults), (100, vec![]), "{name}");
    }
}

#[test]
fn replicas_place_each_container_once_up_to_the_last_place() {
    for strategy in Strategy::ALL {
        // Twice as many as there is room for: 80 a worker, by memory.
        let store = store(2, 320);
        let ran = ran(strategy, &store, 4, 320);
        let name = strategy.name();
        assert_eq!((ran.placed.len(), ran.given_up), (160, 160), "{name}");
        let audit = store.audit();
        assert_eq!((audit.placed, audit.faults), (160, vec![]), "{name}");
        let versions: u64 = audit.workers.iter().map(|worker| worker.version).sum();
        assert_eq!(ran.counts.capacity_updates, versions, "{name}");
    }
}

#[test]
fn a_cache_that_lasts_no_time_never_hits() {
    for (strategy, misses) in [(Strategy::Lock, 100), (Strategy::Batch, 100)] {
        let settings = Settings { cache_lifetime: Duration::ZERO, ..Settings::default() };
        let store = store(20, 100);
        let work = Work::of(100);
        let ran = run(strategy, vec![store.handle()], &store.handle(), &work, &settings).unwrap();
        assert_eq!((ran.counts.cache.hits, ran.counts.cache.misses), (0, misses));
        assert_eq!(store.audit().placed, 100);
    }
}

#[test]
fn gpus_go_where_gpus_are_and_nothing_else_does() {
    for strategy in Strategy::ALL {
        let store = MemoryStore::new();
        let (cpu, memory) = (Millicores::new(10_000).unwrap(), Megabytes::new(20_480).unwrap());
        let eight = Gpus::new(8).unwrap();
        store.put_worker(Worker::new("plain", cpu, memory)).unwrap();
        store.put_worker(Worker::new("h100", cpu, memory).with_gpus("H100", eight)).unwrap();
        let request = |number: u32| {
            let (cpu, memory) = (Millicores::new(100).unwrap(), Megabytes::new(256).unwrap());
            let request = Request::new(format!("container-{number}"), cpu, memory);
            let one = Gpus::new(1).unwrap();
            if number.is_multiple_of(2) { request.with_gpus(one, ["H100"]) } else { request }
        };
        store.enqueue((1..=20).map(request).collect(), Duration::ZERO).unwrap();
        let ran = ran(strategy, &store, 1, 20);
        let loads: Vec<_> = store.audit().workers.iter().map(|w| w.containers).collect();
        assert_eq!((loads, ran.given_up), (vec![10, 8], 2), "{}", strategy.name());
    }
}

#[test]
fn a_delay_is_waited_for_at_each_operation_and_counted_as_none() {
    let delay = Duration::from_millis(2);
    let store = store(20, 100);
    let far = |handle| Delayed::new(handle, delay);
    let work = Work::of(100);
    let handles = vec![far(store.handle())];
    let settings = Settings { batching: Batching::FIXED, ..Settings::default() };
    let ran = run(Strategy::Batch, handles, &far(store.handle()), &work, &settings).unwrap();
    assert_eq!(ran.counts.operations, 442);
    assert!(ran.total >= delay * 442, "{:?}", ran.total);
    // One lock, read, write and release a worker.
    assert!(ran.phases.of(Phase::Update) >= delay * 80, "{:?}", ran.phases);
}

#[test]
fn the_time_for_decisions_is_that_of_the_batches() {
    for strategy in Strategy::ALL {
        let ran = ran(strategy, &store(20, 100), 1, 100);
        let batches: Duration = ran.batches.iter().map(|batch| batch.decision).sum();
        assert_eq!(ran.phases.of(Phase::Decision), batches, "{}", strategy.name());
        assert_eq!(ran.decisions, 100, "{}", strategy.name());
    }
}

/// A container of old is 69 operations: with an hour each it ends at the stop alone.
#[test]
fn a_delay_ends_when_the_run_is_stopped() {
    let store = store(20, 100);
    let stop = Arc::new(AtomicBool::new(false));
    let far = |handle| Delayed::until(handle, Duration::from_secs(3_600), Arc::clone(&stop));
    let (replicas, hand) = (vec![far(store.handle())], far(store.handle()));
    let work = Work::until(100, Arc::clone(&stop));
    let ran = std::thread::scope(|scope| {
        let running = scope
            .spawn(|| run(Strategy::Old, replicas, &hand, &work, &Settings::default()).unwrap());
        std::thread::sleep(Duration::from_millis(50));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        running.join().unwrap()
    });
    assert!(ran.placed.len() <= 1, "{}", ran.placed.len());
}

#[test]
fn a_run_that_is_stopped_ends() {
    for strategy in Strategy::ALL {
        let store = store(2, 1);
        // One that never comes is waited for.
        let work = Work::until(2, Arc::new(AtomicBool::new(true)));
        let handles = vec![store.handle()];
        let ran = run(strategy, handles, &store.handle(), &work, &Settings::default()).unwrap();
        assert_eq!(ran.placed.len(), 0, "{}", strategy.name());
    }
}
