//! What the source's way of doing it loses, doubles and overbooks: kept as it is, and found by the audit.

use std::time::Duration;

use proofload_scheduler::Request;
use proofload_scheduler_redis::wire::{Options, cmd};
use proofload_strategies::{Primitives, Steps, Work, run_steps};
use proofload_strategies_redis::RedisPrimitives;
use proofload_wire_proxy::{Direction, Ending, Fault, Plan, Proxy};

use super::{ALL, Observer, PREFIX, Test, filled, open, ran, server, settings, worker};

pub(crate) const TESTS: &[Test] = &[
    (
        "replicas place each container once up to the last place",
        replicas_place_each_container_once_up_to_the_last_place,
    ),
    (
        "a popped container is lost with whoever popped it",
        a_popped_container_is_lost_with_whoever_popped_it,
    ),
    (
        "capacity leaks where a container is charged and not handed over",
        capacity_leaks_where_a_container_is_charged_and_not_handed_over,
    ),
    ("a lock that ended lets two write", a_lock_that_ended_lets_two_write),
    ("a lock is let go of by its holder only", a_lock_is_let_go_of_by_its_holder_only),
    (
        "a connection that is cut loses what was popped",
        a_connection_that_is_cut_loses_what_was_popped,
    ),
];

fn replicas_place_each_container_once_up_to_the_last_place() {
    for steps in ALL {
        let server = server();
        // Twice as many as there is room for: 80 a worker, by memory.
        let hand = filled(&server, 2, 320);
        let ran = ran(steps, &hand, 4, 320);
        assert_eq!((ran.placed.len(), ran.given_up), (160, 160), "{steps:?}");
        let audit = hand.audit().unwrap();
        assert_eq!((audit.placed, audit.popped, audit.waiting), (160, 160, 0), "{steps:?}");
        assert_eq!(audit.faults, Vec::<String>::new(), "{steps:?}");
        let versions: u64 = audit.workers.iter().map(|worker| worker.version).sum();
        assert_eq!(ran.counts.capacity_updates, versions, "{steps:?}");
    }
}

fn a_popped_container_is_lost_with_whoever_popped_it() {
    let server = server();
    let hand = filled(&server, 2, 10);
    let crashed = open(&server);
    let lost = crashed.pop().unwrap().unwrap();
    drop(crashed);
    let ran = ran(Steps::Batch, &hand, 1, 9);
    assert!(ran.placed.iter().all(|landed| landed.container != lost.key));
    let audit = hand.audit().unwrap();
    assert_eq!((audit.placed, audit.popped, audit.waiting), (9, 1, 0));
}

fn capacity_leaks_where_a_container_is_charged_and_not_handed_over() {
    let server = server();
    let hand = filled(&server, 1, 1);
    let key = hand.worker_keys().unwrap()[0];
    let popped = hand.pop().unwrap().unwrap();
    let found = hand.get(key).unwrap().unwrap();
    assert_eq!(hand.put(&found, std::slice::from_ref(&popped)).unwrap(), 1);
    let audit = hand.audit().unwrap();
    assert_eq!((audit.placed, audit.popped), (0, 1));
    let faults = audit.faults.join("; ");
    assert!(faults.contains("free capacity is not its total less its containers"), "{faults}");
    assert!(faults.contains("counts 1 containers, its list has 0"), "{faults}");
    // Handed over twice it runs twice.
    hand.push(key, &popped).unwrap();
    assert_eq!(hand.audit().unwrap().faults, Vec::<String>::new());
    hand.push(key, &popped).unwrap();
    let faults = hand.audit().unwrap().faults.join("; ");
    assert!(faults.contains("twice in its list"), "{faults}");
}

/// Its holder was paused for longer than the lock lives: somebody else reads and writes, and then it goes
/// on with what it had read.
fn a_lock_that_ended_lets_two_write() {
    let server = server();
    let observer = Observer::of(&server);
    // Each takes the whole worker.
    let (paused, other) = (filled(&server, 1, 0), open(&server));
    let whole = |id: &str| {
        let total = worker(1).total;
        Request::new(id, total.cpu, total.memory)
    };
    paused.enqueue(&[whole("one"), whole("other")], "", Duration::ZERO).unwrap();
    let key = paused.worker_keys().unwrap()[0];
    let _lock = paused.lock(key).unwrap();
    let seen = paused.get(key).unwrap().unwrap();
    let gone: u64 =
        observer.wire.call(cmd("DEL").arg(format!("{{{PREFIX}}}:lock:{}", key.0))).unwrap();
    assert_eq!(gone, 1);
    let lock = other.lock(key).unwrap();
    let found = other.get(key).unwrap().unwrap();
    for (handle, found) in [(&other, &found), (&paused, &seen)] {
        let popped = handle.pop().unwrap().unwrap();
        assert_eq!(handle.put(found, std::slice::from_ref(&popped)).unwrap(), 1);
        handle.push(key, &popped).unwrap();
    }
    other.release(lock).unwrap();
    let faults = paused.audit().unwrap().faults.join("; ");
    assert!(faults.contains("booked beyond what it has"), "{faults}");
}

fn a_lock_is_let_go_of_by_its_holder_only() {
    let server = server();
    let observer = Observer::of(&server);
    let (late, holder) = (filled(&server, 1, 0), open(&server));
    let key = late.worker_keys().unwrap()[0];
    let name = format!("{{{PREFIX}}}:lock:{}", key.0);
    let lock = late.lock(key).unwrap();
    let left: i64 = observer.wire.call(cmd("PTTL").arg(&name)).unwrap();
    assert!((1..=10_000).contains(&left), "{left}");
    observer.wire.call::<()>(cmd("DEL").arg(&name)).unwrap();
    let held = holder.lock(key).unwrap();
    late.release(lock).unwrap();
    assert_eq!(observer.wire.call::<u64>(cmd("EXISTS").arg(&name)).unwrap(), 1);
    holder.release(held).unwrap();
    assert_eq!(observer.wire.call::<u64>(cmd("EXISTS").arg(&name)).unwrap(), 0);
}

/// What may be done twice is tried again; anything else ends the run, and what had been popped and not handed
/// over is lost. Nothing is there twice.
fn a_connection_that_is_cut_loses_what_was_popped() {
    for steps in ALL {
        let mut lost = 0;
        for after_bytes in [1, 500, 5_000, 9_000, 20_000] {
            let server = server();
            let hand = filled(&server, 4, 40);
            let proxy = Proxy::start(server.address(), Plan::default()).unwrap();
            let address = format!("redis://{}", proxy.address()).parse().unwrap();
            let far = RedisPrimitives::open(&address, PREFIX, Options::default()).unwrap();
            proxy.arm(Fault { ending: Ending::Cut, direction: Direction::Request, after_bytes });
            let ran = run_steps(steps, vec![far], &hand, &Work::of(40), &settings());
            assert!(!proxy.is_armed(), "{steps:?} {after_bytes}");
            let audit = hand.audit().unwrap();
            assert_eq!(audit.waiting + audit.placed + audit.popped, 40, "{steps:?}: {audit:?}");
            match ran {
                Ok(ran) => assert_eq!((ran.placed.len(), audit.placed), (40, 40), "{steps:?}"),
                Err(error) => {
                    let why = std::error::Error::source(&error).unwrap().to_string();
                    assert!(why.contains("did not answer"), "{steps:?}: {why}");
                    lost += audit.popped;
                }
            }
            let twice = ["twice", "lists of", "in the backlog", "booked beyond"];
            let faults = audit.faults.join("; ");
            assert!(!twice.iter().any(|twice| faults.contains(twice)), "{steps:?}: {faults}");
        }
        assert!(lost > 0, "{steps:?} loses containers where the source does");
    }
}
