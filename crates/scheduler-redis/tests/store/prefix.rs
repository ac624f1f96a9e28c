//! Whose keys are under a prefix.

use std::sync::Arc;

use proofload_scheduler::{Counters, Store};
use proofload_scheduler_redis::wire::{self, Value, Wire, cmd};
use proofload_scheduler_redis::{OpenError, Options};

use super::*;
use crate::support::{open, server, worker};

pub(super) const TESTS: &[Test] = &[
    ("what is not ours is refused by name and stays as it is", what_is_not_ours_is_refused),
    ("a store is removed with all its keys and no others", removed_with_all_its_keys),
    ("stores of several prefixes do not see each other", prefixes_keep_apart),
    ("another type under a key in use changes nothing", another_type_changes_nothing),
];

fn plain(server: &proofload_redis_process::RedisProcess) -> Wire {
    let (_, tally) = Counters::for_store();
    Wire::connect(&server.url().parse().unwrap(), wire::Options::default(), Arc::new(tally))
        .unwrap()
}

fn ask(wire: &Wire, words: &[&str]) -> Value {
    let mut command = cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    wire.call(&command).unwrap()
}

fn what_is_not_ours_is_refused() {
    let server = server();
    let wire = plain(&server);
    for (prefix, put, part) in [
        ("a", &["SET", "{a}:meta", "x"] as &[&str], "`{a}:meta` holds a string, expected a hash"),
        ("b", &["HSET", "{b}:meta", "x", "y"], "schema \"\""),
        (
            "c",
            &["HSET", "{c}:meta", "schema", "proofload-scheduler/2"],
            "schema \"proofload-scheduler/2\", this version writes \"proofload-scheduler/1\"",
        ),
        ("d", &["SET", "{d}:other", "x"], "`{d}:other` is there"),
        ("e", &["SET", "{e}:queue:1", "x"], "`{e}:queue:1` is there"),
    ] {
        ask(&wire, put);
        let dump = ask(&wire, &["DUMP", put[1]]);
        let address = server.url().parse().unwrap();
        let error = RedisStore::open(&address, prefix, Options::default()).unwrap_err();
        assert!(error.to_string().contains(part), "{prefix}: {error}");
        assert_eq!(ask(&wire, &["DUMP", put[1]]), dump, "{prefix}");
    }
    assert_eq!(ask(&wire, &["DBSIZE"]), Value::Int(5));
    let address = server.url().parse().unwrap();
    let error = RedisStore::open(&address, "no braces {}", Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::Prefix(_)), "{error}");
    // A key of ours that somebody has replaced.
    open(&server, "f", Options::default());
    ask(&wire, &["SET", "{f}:ready", "x"]);
    let error = RedisStore::open(&address, "f", Options::default()).unwrap_err();
    assert!(error.to_string().contains("`{f}:ready` holds a string, expected a zset"), "{error}");
}

fn removed_with_all_its_keys() {
    let server = server();
    let wire = plain(&server);
    let store = open(&server, "p", Options::default());
    let key = store.put_worker(worker("w")).unwrap();
    store.enqueue(requests(["a", "b"]), NOW).unwrap();
    let token = store.join("s").unwrap();
    let claimed = claim(&store, token, 1, NOW);
    commit(&store, token, NOW, &on(key, 1, &keys(&claimed))).unwrap();
    ask(&wire, &["SET", "other", "x"]);
    ask(&wire, &["SET", "{p}:other", "x"]);
    store.remove_all().unwrap();
    assert_eq!(ask(&wire, &["DBSIZE"]), Value::Int(2));
    // What is left under the prefix is not ours, so it cannot be used again.
    let address = server.url().parse().unwrap();
    assert!(RedisStore::open(&address, "p", Options::default()).is_err());
}

fn prefixes_keep_apart() {
    let server = server();
    let (a, b) = (open(&server, "a", Options::default()), open(&server, "ab", Options::default()));
    for store in [&a, &b] {
        store.put_worker(worker("w")).unwrap();
        store.enqueue(requests(["c"]), NOW).unwrap();
    }
    a.remove_all().unwrap();
    assert_eq!(balanced(&b), [1, 0, 0]);
}

fn another_type_changes_nothing() {
    let server = server();
    let wire = plain(&server);
    let store = open(&server, "p", Options::default());
    let workers = ["v", "w"].map(|name| store.put_worker(worker(name)).unwrap());
    store.enqueue(requests(["a", "b"]), NOW).unwrap();
    let token = store.join("s").unwrap();
    let held = keys(&claim(&store, token, 2, NOW));
    // The second of two queues is somebody else's: the first must not keep what it was given.
    ask(&wire, &["SET", "{p}:queue:1", "x"]);
    let part = |worker| Part { worker, epoch: 1, count: 1 };
    let plan = Commit { batch: 1, parts: workers.map(part).to_vec(), containers: held };
    let error = commit(&store, token, NOW, &plan).unwrap_err();
    assert!(matches!(&error, StoreError::Failed(text) if text.contains("another type")), "{error}");
    ask(&wire, &["DEL", "{p}:queue:1"]);
    assert_eq!(balanced(&store), [0, 2, 0]);
    // Nor is the batch known, so it may be sent again.
    commit(&store, token, NOW, &plan).unwrap();
    assert_eq!(balanced(&store), [0, 0, 2]);
}
