//! Scheduler threads on one store, with more demand than capacity.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use proofload_scheduler::{Batching, Config, ContainerKey, Policy, Replica, Request, Store};

use crate::support::*;

const WORKERS: usize = 250;
/// 10,000 millicores hold exactly so many of 125.
const A_WORKER: usize = 80;
const CAPACITY: usize = WORKERS * A_WORKER;

/// No round takes so long; whoever has waited this long without a placement by anybody gives up.
const STUCK: Duration = Duration::from_secs(30);

/// One round: `threads` schedulers, a quarter more containers than there is room for.
fn race(threads: usize, round: u64) {
    let store = fleet((0..WORKERS).map(|i| worker(format!("w{i}"))));
    enqueue(
        &store,
        (0..CAPACITY + CAPACITY / 4).map(|i| Request::new(format!("c{i}"), cpu(125), memory(256))),
    );
    let placed = AtomicUsize::new(0);
    let results: Vec<(Vec<ContainerKey>, u64)> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|thread| {
                let (store, placed) = (&store, &placed);
                scope.spawn(move || {
                    let policy = Policy::ALL[(thread + round as usize) % 2];
                    let batching = Batching { window: Duration::ZERO, ..Batching::FIXED };
                    // Half of the rounds know how many they are.
                    let replica = match round % 2 {
                        0 => Replica { index: thread as u32, count: threads as u32 },
                        _ => Replica::ALONE,
                    };
                    let config = Config {
                        policy,
                        replica,
                        seed: round * 8 + thread as u64,
                        batching,
                        ..Config::default()
                    };
                    let mut scheduler = join(store, &format!("s{thread}"), config);
                    let (mut mine, mut idle) = (Vec::new(), 0);
                    let mut progress = (0, Instant::now());
                    // Beyond the last place, long enough that anything too much would have been placed.
                    while placed.load(Ordering::Relaxed) < CAPACITY || idle < 5 {
                        let step = scheduler.step(Duration::from_millis(1)).expect("a step");
                        placed.fetch_add(step.settled.placed.len(), Ordering::Relaxed);
                        idle = if step.is_idle() { idle + 1 } else { 0 };
                        let so_far = placed.load(Ordering::Relaxed);
                        if so_far != progress.0 {
                            progress = (so_far, Instant::now());
                        }
                        assert!(progress.1.elapsed() < STUCK, "stuck at {so_far} of {CAPACITY}");
                        mine.extend(step.settled.placed.iter().map(|placed| placed.key));
                    }
                    let counters = scheduler.store().counters().snapshot();
                    assert_eq!(counters.cache.open(), 0);
                    (mine, counters.capacity_updates)
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().expect("no panic")).collect()
    });
    let audit = store.audit();
    assert_eq!(audit.faults, Vec::<String>::new());
    assert!(audit.workers.iter().all(|worker| worker.containers == A_WORKER), "{threads} threads");
    let mut keys: Vec<_> = results.iter().flat_map(|(mine, _)| mine.iter().copied()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(
        (keys.len(), audit.placed),
        (CAPACITY, CAPACITY),
        "each placed once, and all heard of"
    );
    assert_eq!(audit.waiting + audit.leased, CAPACITY / 4, "nothing is lost");
    let updates: u64 = results.iter().map(|(_, updates)| updates).sum();
    assert_eq!(updates, audit.workers.iter().map(|worker| worker.version).sum::<u64>());
}

fn races(placements: usize) {
    let rounds = placements.div_ceil(3 * CAPACITY) as u64;
    for threads in [2, 4, 8] {
        for round in 0..rounds {
            race(threads, round);
        }
    }
}

#[test]
fn two_million_placements_by_racing_threads_fill_the_fleet_exactly() {
    races(2_040_000);
}

/// `just schedule-race`
#[test]
#[ignore = "ten times as long as the one above; `just schedule-race` runs it"]
fn twenty_million_placements_by_racing_threads_fill_the_fleet_exactly() {
    races(20_040_000);
}
