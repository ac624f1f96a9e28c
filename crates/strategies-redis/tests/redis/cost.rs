//! Round trips, commands and locks, against the figures that the sequences give and against the server's own.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use proofload_redis_process::RedisProcess;
use proofload_scheduler::{Audit, Counters, MemoryStore, Replica, Snapshot, Store};
use proofload_scheduler_redis::RedisStore;
use proofload_strategies::{Primitives, Steps, Strategy, Work, run_ours, run_steps};

use super::{
    ALL, Observer, PREFIX, Test, address, container, filled, open, ran, server, settings, worker,
};

pub(crate) const TESTS: &[Test] = &[
    (
        "a hundred on twenty cost what the sequences say",
        a_hundred_on_twenty_cost_what_the_sequences_say,
    ),
    ("what was counted is what the server counted", what_was_counted_is_what_the_server_counted),
    ("they place as they do in memory", they_place_as_they_do_in_memory),
    ("locks that are taken are waited for", locks_that_are_taken_are_waited_for),
    ("workers take each container once and give it back", workers_take_each_container_once),
];

fn a_hundred_on_twenty_cost_what_the_sequences_say() {
    for (steps, round_trips, commands, locks, updates) in [
        (Steps::Old, 6_900, 11_100, 2_100, 100),
        (Steps::Lock, 500, 700, 100, 100),
        (Steps::Batch, 442, 522, 40, 20),
    ] {
        let server = server();
        let hand = filled(&server, 20, 100);
        let ran = ran(steps, &hand, 1, 100);
        let counts = ran.counts;
        let wire = counts.wire.unwrap();
        assert_eq!(wire.round_trips, round_trips, "{steps:?}");
        assert_eq!(wire.commands + wire.script_calls, commands, "{steps:?}");
        assert_eq!((counts.locks.taken, counts.locks.waited), (locks, 0), "{steps:?}");
        assert_eq!(
            (counts.operations, counts.capacity_updates),
            (round_trips, updates),
            "{steps:?}"
        );
        assert_eq!((wire.commands, wire.script_loads), (round_trips, 0), "{steps:?}");
        assert_eq!((ran.placed.len(), ran.given_up), (100, 0), "{steps:?}");
        let audit = hand.audit().unwrap();
        assert_eq!((audit.placed, audit.waiting, audit.popped), (100, 0, 0), "{steps:?}");
        assert_eq!(audit.faults, Vec::<String>::new(), "{steps:?}");
        let versions: u64 = audit.workers.iter().map(|worker| worker.version).sum();
        assert_eq!(versions, updates, "{steps:?}");
    }
}

fn sent(counters: &Counters) -> u64 {
    let Snapshot { wire, .. } = counters.snapshot();
    wire.map_or(0, |wire| wire.commands + wire.script_calls)
}

/// All commands that anybody sent, connections and setting up included, and ours beside the others.
fn what_was_counted_is_what_the_server_counted() {
    for strategy in Strategy::ALL {
        let server = server();
        let observer = Observer::of(&server);
        let before = observer.counted();
        let info = observer.wire.info().unwrap();
        let counters = match strategy.steps() {
            Some(steps) => counters_of_steps(steps, &server),
            None => counters_of_ours(&server),
        };
        let own = observer.counted().commands - before.commands;
        let all = own + counters.iter().map(|counters| sent(counters)).sum::<u64>();
        let name = strategy.name();
        assert_eq!(observer.wire.info().unwrap().commands - info.commands, all, "{name}");
    }
}

fn counters_of_steps(steps: Steps, server: &RedisProcess) -> Vec<Arc<Counters>> {
    let hand = filled(server, 20, 100);
    let replicas = vec![hand.handle().unwrap(), hand.handle().unwrap()];
    let counters = replicas.iter().chain([&hand]).map(Primitives::counters).collect();
    let ran = run_steps(steps, replicas, &hand, &Work::of(100), &settings()).unwrap();
    assert_eq!((ran.placed.len(), hand.audit().unwrap().placed), (100, 100), "{steps:?}");
    hand.remove_all().unwrap();
    counters
}

fn counters_of_ours(server: &RedisProcess) -> Vec<Arc<Counters>> {
    let options = proofload_scheduler_redis::Options::default();
    let hand = RedisStore::open(&address(server), PREFIX, options).unwrap();
    for number in 1..=20 {
        hand.put_worker(worker(number)).unwrap();
    }
    hand.enqueue((1..=100).map(container).collect(), Duration::ZERO).unwrap();
    let replica = hand.handle().unwrap();
    let counters = vec![replica.counters(), hand.counters()];
    let replicas = vec![(Replica::ALONE, replica)];
    let ran = run_ours(replicas, &Work::of(100), &settings()).unwrap();
    assert_eq!((ran.placed.len(), hand.audit().unwrap().placed), (100, 100));
    hand.remove_all().unwrap();
    counters
}

fn they_place_as_they_do_in_memory() {
    for steps in ALL {
        let server = server();
        // A batch that is full is not held open, and so takes no looks at the backlog that time decides.
        let hand = filled(&server, 7, 100);
        let there = ran(steps, &hand, 1, 100);
        let store = MemoryStore::new();
        for number in 1..=7 {
            store.put_worker(worker(number)).unwrap();
        }
        store.enqueue((1..=100).map(container).collect(), Duration::ZERO).unwrap();
        let handles = vec![store.handle()];
        let here = run_steps(steps, handles, &store.handle(), &Work::of(100), &settings()).unwrap();
        let loads = |audit: Audit| -> Vec<_> {
            audit.workers.iter().map(|w| (w.id.clone(), w.containers, w.free, w.version)).collect()
        };
        assert_eq!(loads(hand.audit().unwrap()), loads(store.audit()), "{steps:?}");
        assert_eq!(there.counts.operations, here.counts.operations, "{steps:?}");
        assert_eq!(there.counts.cache, here.counts.cache, "{steps:?}");
    }
}

fn locks_that_are_taken_are_waited_for() {
    let server = server();
    let hand = filled(&server, 1, 0);
    let key = hand.worker_keys().unwrap()[0];
    let other = open(&server);
    let began = Instant::now();
    let held = hand.lock(key).unwrap();
    let waited = thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let before = other.counters().snapshot();
            let lock = other.lock(key).unwrap();
            let after = other.counters().snapshot();
            other.release(lock).unwrap();
            (before, after)
        });
        thread::sleep(Duration::from_millis(30));
        hand.release(held).unwrap();
        let most = began.elapsed();
        let (before, after) = waiting.join().unwrap();
        (before, after, most)
    });
    let (before, after, most) = waited;
    assert_eq!((after.locks.taken, after.locks.waited), (1, 1));
    assert!(after.locks.wait > Duration::ZERO);
    // Each try is a round trip; the lock is one operation.
    let tries = after.wire.unwrap().round_trips - before.wire.unwrap().round_trips;
    assert!(tries >= 2, "{tries}");
    assert_eq!(after.operations - before.operations, 1);
    let counts = hand.counters().snapshot().locks;
    assert_eq!((counts.taken, counts.waited), (1, 0));
    assert!(counts.held >= Duration::from_millis(30) && counts.held <= most, "{counts:?}");
}

fn workers_take_each_container_once() {
    for steps in ALL {
        let server = server();
        let hand = filled(&server, 7, 100);
        ran(steps, &hand, 1, 100);
        let fresh = open(&server);
        let mut seen = std::collections::BTreeSet::new();
        for key in hand.worker_keys().unwrap() {
            // More than some of them have, fewer than others.
            loop {
                let taken = fresh.take(key, 8).unwrap();
                if taken.is_empty() {
                    break;
                }
                for container in &taken {
                    assert!(seen.insert(container.request.id.clone()), "{steps:?}");
                }
                fresh.give_back(key, &taken).unwrap();
                // Nobody gives back what was not taken.
                if hand.get(key).unwrap().unwrap().containers == 0 {
                    let error = fresh.give_back(key, &taken).unwrap_err().to_string();
                    assert!(error.contains("more would be given back"), "{error}");
                }
            }
        }
        assert_eq!(seen.len(), 100, "{steps:?}");
        let audit = hand.audit().unwrap();
        assert_eq!((audit.placed, audit.faults), (0, Vec::new()), "{steps:?}");
    }
}
