//! What a batch costs.

use proofload_scheduler::{Policy, Scheduler, Store};
use proofload_scheduler_redis::Options;

use super::*;
use crate::support::{at_once, open, server, worker};

pub(super) const TESTS: &[Test] = &[
    ("a hundred containers on twenty workers take seventy commands at most", hundred_on_twenty),
    ("a steady batch is one round trip", a_steady_batch_is_one_round_trip),
    ("what is counted is what the server counts", as_the_server_counts),
];

fn hundred_on_twenty() {
    let server = server();
    let store = open(&server, "p", Options::default());
    for i in 0..20 {
        store.put_worker(worker(format!("w{i}"))).unwrap();
    }
    store.enqueue(requests((0..100).map(|i| format!("c{i}"))), NOW).unwrap();
    let mut scheduler =
        Scheduler::join(store.handle().unwrap(), "s", at_once(Policy::Spread), LEASE, NOW).unwrap();
    let mut placed = 0;
    for _ in 0..3 {
        placed += scheduler.step(NOW).unwrap().settled.placed.len();
    }
    placed += scheduler.finish(NOW).unwrap().settled.placed.len();
    assert_eq!(placed, 100);
    let counted = scheduler.store().counters().snapshot();
    let wire = counted.wire.unwrap();
    assert_eq!((counted.capacity_updates, counted.locks.taken), (20, 0));
    let all = wire.commands + wire.script_calls;
    assert!(all <= 70, "{all}: {wire:?}");
    assert_eq!(balanced(&store), [0, 0, 100]);
}

fn a_steady_batch_is_one_round_trip() {
    let server = server();
    let store = open(&server, "p", Options::default());
    for i in 0..20 {
        store.put_worker(worker(format!("w{i}"))).unwrap();
    }
    store.enqueue(requests((0..1_000).map(|i| format!("c{i}"))), NOW).unwrap();
    let mut scheduler =
        Scheduler::join(store.handle().unwrap(), "s", at_once(Policy::Spread), LEASE, NOW).unwrap();
    // The first loads the script.
    scheduler.step(NOW).unwrap();
    scheduler.step(NOW).unwrap();
    let before = scheduler.store().counters().snapshot().wire.unwrap();
    let mut placed = 0;
    for _ in 0..5 {
        placed += scheduler.step(NOW).unwrap().settled.placed.len();
    }
    let after = scheduler.store().counters().snapshot().wire.unwrap();
    assert_eq!(placed, 500);
    assert_eq!(after.round_trips - before.round_trips, 5);
    assert_eq!(after.script_loads, before.script_loads);
}

fn as_the_server_counts() {
    let server = server();
    let store = open(&server, "p", Options::default());
    for i in 0..5 {
        store.put_worker(worker(format!("w{i}"))).unwrap();
    }
    let mut scheduler =
        Scheduler::join(store.handle().unwrap(), "s", at_once(Policy::Spread), LEASE, NOW).unwrap();
    let counted = |scheduler: &Scheduler<RedisStore>| {
        [scheduler.store().counters(), store.counters()]
            .map(|counters| counters.snapshot().wire.unwrap())
            .map(|wire| wire.commands + wire.script_calls)
            .iter()
            .sum::<u64>()
    };
    let before = counted(&scheduler);
    let info_before = store.wire().info().unwrap();
    let keys = store.enqueue(requests(["a", "b", "c"]), NOW).unwrap();
    assert_eq!(run(&mut scheduler, NOW), 3);
    // The last exchange is still under way, and its calls are told with its answer.
    scheduler.finish(NOW).unwrap();
    assert!(store.enqueue(requests(["a"]), NOW).is_err());
    let on = scheduler.store().audit().unwrap().workers;
    let ended: Vec<_> = on.iter().map(|worker| (worker.key, keys.as_slice())).collect();
    assert_eq!(store.release_all(&ended).unwrap().iter().filter(|there| **there).count(), 3);
    store.remove_worker("w0").unwrap();
    let after = counted(&scheduler);
    let info_after = store.wire().info().unwrap();
    assert_eq!(after - before, info_after.commands - info_before.commands);
}
