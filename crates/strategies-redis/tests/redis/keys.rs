//! What belongs to whom under a prefix.

use std::time::Duration;

use proofload_scheduler::{Megabytes, Millicores, Request, StoreError, Worker};
use proofload_scheduler_redis::wire::{Options, WireError, cmd};
use proofload_strategies::{Primitives, Steps};
use proofload_strategies_redis::{OpenError, RedisPrimitives};

use super::{Observer, PREFIX, Test, address, container, filled, open, ran, server, worker};

pub(crate) const TESTS: &[Test] = &[
    (
        "everything of a run is removed and nothing else",
        everything_of_a_run_is_removed_and_nothing_else,
    ),
    ("keys of others are left alone", keys_of_others_are_left_alone),
    ("what is no worker and no container is told", what_is_no_worker_and_no_container_is_told),
    ("what cannot be taken is not taken", what_cannot_be_taken_is_not_taken),
    ("a server that is not there is named", a_server_that_is_not_there_is_named),
];

fn size(observer: &Observer) -> u64 {
    observer.wire.call(&cmd("DBSIZE")).unwrap()
}

fn set(observer: &Observer, key: &str) {
    observer.wire.call::<()>(cmd("SET").arg(key).arg("planted")).unwrap();
}

fn everything_of_a_run_is_removed_and_nothing_else() {
    let server = server();
    let observer = Observer::of(&server);
    let hand = filled(&server, 5, 1_200);
    let others = ["other", "{tes}:backlog", "{test}:other", "{test}x:backlog"];
    for key in others {
        set(&observer, key);
    }
    ran(Steps::Old, &hand, 1, 50);
    let lock = hand.lock(hand.worker_keys().unwrap()[0]).unwrap();
    assert!(size(&observer) > 60);
    hand.remove_all().unwrap();
    assert_eq!(size(&observer), others.len() as u64);
    // Nothing comes back with whoever still is at it.
    hand.release(lock).unwrap();
    assert_eq!(size(&observer), others.len() as u64);
}

fn keys_of_others_are_left_alone() {
    let server = server();
    let observer = Observer::of(&server);
    let try_open = || RedisPrimitives::open(&address(&server), PREFIX, Options::default());
    let steps = "{test}:steps";
    for (key, make) in [
        ("{test}:meta", cmd("HSET").arg("{test}:meta").arg("schema").arg("planted").take()),
        (steps, cmd("SET").arg(steps).arg("planted").take()),
        (steps, cmd("HSET").arg(steps).arg("other").arg(1).take()),
        (steps, cmd("HSET").arg(steps).arg("schema").arg("proofload-strategies/0").take()),
    ] {
        observer.wire.call::<()>(&make).unwrap();
        let error = try_open().unwrap_err();
        assert!(error.to_string().contains(key), "{error}");
        let is_other_version =
            matches!(&error, OpenError::Schema { found, .. } if found.ends_with("/0"));
        assert!(is_other_version || matches!(error, OpenError::SomebodyElse { .. }), "{error}");
        assert_eq!(size(&observer), 1, "{key}");
        observer.wire.call::<()>(cmd("DEL").arg(key)).unwrap();
    }
    assert!(matches!(
        RedisPrimitives::open(&address(&server), "a*", Options::default()),
        Err(OpenError::Prefix(_))
    ));
    assert_eq!(size(&observer), 0);
    try_open().unwrap();
    try_open().unwrap();
}

fn what_is_no_worker_and_no_container_is_told() {
    let server = server();
    let observer = Observer::of(&server);
    let hand = filled(&server, 1, 0);
    let key = hand.worker_keys().unwrap()[0];
    let hash = format!("{{test}}:worker:{}", key.0);
    for (field, value, want) in [
        ("free_cpu", "-1", "CPU in millicores: expected a whole number from 0"),
        ("free_cpu", "planted", "`free_cpu`: expected a number"),
        ("status", "planted", "`status`: expected one of the known names"),
        ("resource_version", "1.5", "`resource_version`: expected a number"),
    ] {
        let old: String = observer.wire.call(cmd("HGET").arg(&hash).arg(field)).unwrap();
        observer.wire.call::<()>(cmd("HSET").arg(&hash).arg(field).arg(value)).unwrap();
        let error = hand.get(key).unwrap_err().to_string();
        assert!(error.contains(want) && error.contains(&hash), "{error}");
        // An audit says it and goes on.
        let faults = hand.audit().unwrap().faults;
        assert!(faults.len() == 1 && faults[0].contains(want), "{faults:?}");
        observer.wire.call::<()>(cmd("HSET").arg(&hash).arg(field).arg(old)).unwrap();
    }
    observer.wire.call::<()>(cmd("HDEL").arg(&hash).arg("gpu")).unwrap();
    let error = hand.get(key).unwrap_err().to_string();
    assert!(error.contains("without the field `gpu`"), "{error}");
    observer.wire.call::<()>(cmd("DEL").arg(&hash)).unwrap();
    assert!(hand.get(key).unwrap().is_none());
    observer.wire.call::<()>(cmd("ZADD").arg("{test}:backlog").arg(0).arg("planted")).unwrap();
    let error = hand.pop().unwrap_err().to_string();
    assert!(error.contains("{test}:backlog") && !error.contains("planted"), "{error}");
    observer.wire.call::<()>(cmd("SADD").arg("{test}:index").arg("planted")).unwrap();
    let error = hand.worker_keys().unwrap_err().to_string();
    assert!(error.contains("is no worker's key"), "{error}");
    set(&observer, "{test}:backlog");
    let error = hand.backlog_len().unwrap_err();
    assert!(matches!(&error, StoreError::Failed(why) if why.contains("another type")), "{error}");
}

fn what_cannot_be_taken_is_not_taken() {
    let server = server();
    let hand = filled(&server, 1, 1);
    let none = Worker::new("", Millicores::MAX, Megabytes::MAX);
    assert!(hand.put_workers(&[worker(2), none]).is_err());
    let none = Request::new("c", Millicores::ZERO, Megabytes::MAX);
    assert!(hand.enqueue(&[container(2), none], "", Duration::ZERO).is_err());
    assert_eq!((hand.worker_keys().unwrap().len(), hand.backlog_len().unwrap()), (1, 1));
    assert_eq!(hand.audit().unwrap().popped, 0);
    // Those that come later have keys of their own.
    let keys = hand.enqueue(&[container(2)], "", Duration::ZERO).unwrap();
    assert_ne!(hand.pop().unwrap().unwrap().key, keys[0]);
}

fn a_server_that_is_not_there_is_named() {
    let mut server = server();
    let hand = open(&server);
    server.kill().unwrap();
    let error = RedisPrimitives::open(&address(&server), PREFIX, Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::Wire(WireError::Unreachable { .. })), "{error}");
    // What may be done twice is tried again, what may not is not.
    assert!(matches!(hand.pop(), Err(StoreError::NoAnswer(_))));
    server.restart().unwrap();
    assert_eq!(hand.backlog_len().unwrap(), 0);
}
