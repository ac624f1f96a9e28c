//! What went wrong in the scheduler that the source document describes, and can only go wrong with a
//! server: one test a defect.
//!
//! The numbers are those of the list of 13; the others are shown for the store in memory, in
//! `crates/scheduler/tests/it/defects.rs`, and as the planner is the same they hold here too.
//!
//! | number | where |
//! | --- | --- |
//! | 1 counters that grew with the containers | [`counts`](crate::counts): every figure against `INFO` |
//! | 2 a test without the dispatch | here |
//! | 3 an output that no run printed | the program's tests |
//! | 4 the fleet read by 2,100 locks that nobody counted | here; the old way's own figures: `strategies-redis` |
//! | 5 charged twice | here |
//! | 6 one worker's failure lost the others' containers | here |
//! | 7 an invalidated worker out of sight, 8 a contended one skipped | here |
//! | 9 free GPUs below zero | here, by two schedulers |
//! | 10 the order of a map, units mixed | the planner's: in memory |
//! | 11 what was popped died with the scheduler | [`kills`](crate::kills); a bad record: here |
//! | 12 a lock without fencing, and drift | [`fences`](crate::fences); drift: here |
//! | 13 the payload carried three times | here |

use std::time::{Duration, Instant};

use proofload_scheduler::{Exchange, Gpus, Policy, Scheduler, Store};
use proofload_scheduler_redis::wire::cmd;
use proofload_scheduler_redis::{Options, Parcel, RedisStore, WorkerSide};

use crate::Test;
use crate::books::Books;
use crate::support::{at_once, container, enqueue, fleet, open, run, server, wait_until, worker};

pub(super) const TESTS: &[Test] = &[
    ("defect 2: what is placed was not dispatched", dispatched),
    ("defect 4: the fleet was read by a lock a worker", no_lock_is_taken),
    ("defect 5: a container was charged twice", charged_once),
    ("defect 6: one worker's failure lost the others' containers", partial_failure),
    ("defects 7 and 8: workers were out of sight after a batch", all_in_sight),
    ("defect 9: free GPUs went below zero", gpus),
    ("defect 11: one bad record lost the whole batch", bad_record),
    ("defect 12: capacity drifted from what is owned", no_drift),
    ("defect 13: the payload went over the wire three times", payload_once),
];

const LEASE: Duration = Duration::from_secs(30);

fn join(store: &RedisStore, name: &str) -> (Scheduler<RedisStore>, Instant) {
    let since = Instant::now();
    let config = at_once(100, Policy::Spread, 0);
    let handle = store.handle().unwrap();
    (Scheduler::join(handle, name, config, LEASE, since.elapsed()).unwrap(), since)
}

fn dispatched() {
    let server = server();
    let store = fleet(&server, "p", 4);
    enqueue(&store, (0..20).map(|name| format!("c{name}")));
    let (mut scheduler, since) = join(&store, "s");
    assert_eq!(run(&mut scheduler, since), 20);
    let mut names: Vec<_> = (0..4)
        .flat_map(|at| {
            let mut side = WorkerSide::attach(store.handle().unwrap(), &format!("w{at}")).unwrap();
            side.fetch(100).unwrap()
        })
        .map(|fetched| fetched.request.id.clone())
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 20, "each reaches a worker, and one");
}

fn no_lock_is_taken() {
    let server = server();
    let store = fleet(&server, "p", 100);
    let (scheduler, _) = join(&store, "s");
    let counted = scheduler.store().counters().snapshot();
    let wire = counted.wire.unwrap();
    assert_eq!(counted.locks.taken, 0);
    // HELLO and INFO, then each script in vain, loaded, and called.
    assert_eq!((wire.commands, wire.script_loads), (2 + 2 * 3, 2), "{wire:?}");
    assert!(wire.script_calls < 12, "a hundred workers in {} calls", wire.script_calls);
}

fn charged_once() {
    let server = server();
    let store = fleet(&server, "p", 1);
    enqueue(&store, ["c".to_owned()]);
    let (mut scheduler, since) = join(&store, "s");
    scheduler.step(since.elapsed()).unwrap();
    assert_eq!(scheduler.finish(since.elapsed()).unwrap().claimed, 1);
    // Three times the same commit, as after lost replies.
    let now = since.elapsed();
    let token = scheduler.token();
    let mut twin = proofload_scheduler::Commit { batch: 1, ..Default::default() };
    twin.parts.push(proofload_scheduler::Part {
        worker: proofload_scheduler::WorkerKey(0),
        epoch: 1,
        count: 1,
    });
    twin.containers = Books::read(&store, 1).leased;
    let exchange = Exchange { token, now, commit: Some(&twin), claim: None, since: None };
    let verdicts: Vec<_> = (0..3).map(|_| store.exchange(exchange).unwrap().verdict).collect();
    assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "{verdicts:?}");
    // And the scheduler's own, which is that one.
    assert_eq!(run(&mut scheduler, since), 1);
    let audit = store.audit().unwrap();
    assert_eq!(audit.faults, Vec::<String>::new());
    let w = &audit.workers[0];
    assert_eq!((w.free.cpu.get(), w.free.memory.get(), w.version), (10_000 - 125, 20_480 - 256, 1));
}

fn partial_failure() {
    let server = server();
    let store = fleet(&server, "p", 3);
    enqueue(&store, (0..30).map(|name| format!("c{name}")));
    let (mut scheduler, since) = join(&store, "s");
    scheduler.step(since.elapsed()).unwrap();
    assert_eq!(scheduler.finish(since.elapsed()).unwrap().claimed, 30);
    store.remove_worker("w1").unwrap();
    scheduler.step(since.elapsed()).unwrap();
    let heard = scheduler.finish(since.elapsed()).unwrap().settled;
    assert_eq!((heard.placed.len(), heard.moved_on, heard.lost), (20, 10, 0));
    assert_eq!(run(&mut scheduler, since), 10);
    let books = Books::read(&store, 3);
    books.balance(30);
    assert_eq!(books.placed(), 30);
}

fn all_in_sight() {
    let server = server();
    let store = fleet(&server, "p", 5);
    let (mut scheduler, since) = join(&store, "s");
    for batch in 1..=4 {
        enqueue(&store, (0..10).map(|name| format!("c{batch}-{name}")));
        assert_eq!(run(&mut scheduler, since), 10);
        let each: Vec<_> = Books::read(&store, 5).queues.iter().map(Vec::len).collect();
        assert_eq!(each, [2 * batch; 5]);
    }
}

/// Two schedulers with the same picture of one worker with 8 GPUs.
fn gpus() {
    let server = server();
    let store = open(&server, "p", Options::default());
    let count = |count| Gpus::new(count).unwrap();
    store.put_worker(worker("w").with_gpus("A100", count(8))).unwrap();
    let requests = (0..10).map(|name| container(format!("c{name}")).with_gpus(count(3), ["A100"]));
    store.enqueue(requests.collect(), Duration::ZERO).unwrap();
    let since = Instant::now();
    let claims = |name| {
        let config = at_once(5, Policy::Spread, 0);
        let handle = store.handle().unwrap();
        let mut scheduler = Scheduler::join(handle, name, config, LEASE, since.elapsed()).unwrap();
        scheduler.step(since.elapsed()).unwrap();
        assert_eq!(scheduler.finish(since.elapsed()).unwrap().claimed, 5);
        scheduler
    };
    let mut both = [claims("a"), claims("b")];
    let told = both.each_mut().map(|scheduler| {
        scheduler.step(since.elapsed()).unwrap();
        let step = scheduler.finish(since.elapsed()).unwrap();
        (step.settled.placed.len(), step.settled.conflicts)
    });
    assert_eq!(told, [(2, 0), (0, 2)], "there is room for two, and the second one is turned away");
    let audit = store.audit().unwrap();
    assert_eq!(audit.faults, Vec::<String>::new());
    assert_eq!(audit.workers[0].free.gpus, count(2));
}

/// Somebody has written into a record what cannot be read.
fn bad_record() {
    for (what, bytes) in [
        ("nothing", &b""[..]),
        ("a few bytes", &b"bad"[..]),
        ("a record that goes on", &[b'\xff'; 200][..]),
    ] {
        let server = server();
        let store = fleet(&server, "p", 2);
        enqueue(&store, (0..20).map(|name| format!("c{name}")));
        let hash = format!("{{{}}}:records", store.prefix());
        let mut keys: Vec<Vec<u8>> = store.wire().call(cmd("HKEYS").arg(&hash)).unwrap();
        keys.sort_unstable();
        store.wire().call::<()>(cmd("HSET").arg(&hash).arg(&keys[7]).arg(bytes)).unwrap();
        let (mut scheduler, since) = join(&store, "s");
        let mut placed = 0;
        wait_until("the good ones have their places", || {
            placed += scheduler.step(since.elapsed()).unwrap().settled.placed.len();
            placed == 19
        });
        let refused = store.refused().unwrap();
        assert_eq!(refused.len(), 1, "{what}: {refused:?}");
        assert!(refused[0].1.contains("cannot be read"), "{what}: {refused:?}");
        // It is out of the way, and so are its name and payload.
        Books::read(&store, 2).balance(19);
    }
}

fn no_drift() {
    let server = server();
    let store = fleet(&server, "p", 4);
    let (mut scheduler, since) = join(&store, "s");
    for round in 0..20 {
        enqueue(&store, (0..40).map(|name| format!("c{round}-{name}")));
        assert_eq!(run(&mut scheduler, since), 40);
        let books = Books::read(&store, 4);
        books.balance(40);
        // Everything is told twice, by the right worker and by another.
        let wrong: Vec<_> = books
            .parts()
            .into_iter()
            .map(|(worker, keys)| (proofload_scheduler::WorkerKey((worker.0 + 1) % 4), keys))
            .collect();
        let times = |parts| store.release_all(parts).unwrap().iter().filter(|done| **done).count();
        assert_eq!((times(&wrong), times(&books.parts()), times(&books.parts())), (0, 40, 0));
    }
    let audit = store.audit().unwrap();
    assert_eq!(audit.faults, Vec::<String>::new());
    assert!(audit.workers.iter().all(|w| w.free == worker("w").total), "{audit:?}");
}

fn payload_once() {
    const BYTES: usize = 20_000;
    let server = server();
    let store = fleet(&server, "p", 4);
    let parcels: Vec<_> = (0..50)
        .map(|at| Parcel { request: container(format!("c{at}")), payload: vec![b'x'; BYTES] })
        .collect();
    store.enqueue_parcels(&parcels, Duration::ZERO).unwrap();
    let (mut scheduler, since) = join(&store, "s");
    assert_eq!(run(&mut scheduler, since), 50);
    let wire = scheduler.store().counters().snapshot().wire.unwrap();
    let bytes = wire.bytes_sent + wire.bytes_received;
    assert!(bytes < 5 * BYTES as u64, "a scheduler carries names only: {bytes} bytes");
    let mut carried = 0;
    for at in 0..4 {
        let mut side = WorkerSide::attach(store.handle().unwrap(), &format!("w{at}")).unwrap();
        for fetched in side.fetch(100).unwrap() {
            assert_eq!(fetched.payload.len(), BYTES);
            carried += 1;
        }
        side.acknowledge().unwrap();
    }
    assert_eq!(carried, 50);
    let left: usize =
        store.wire().call(cmd("HLEN").arg(format!("{{{}}}:payloads", store.prefix()))).unwrap();
    assert_eq!(left, 0, "what a worker has need not be kept");
}
