//! Each call of the store is one operation, whatever it takes on the wire; each change of a worker's
//! capacity is counted, whoever brings it about.

use proofload_scheduler::{Status, Store};
use proofload_scheduler_redis::{Options, WorkerSide};

use super::*;
use crate::support::{container, open, server, worker};

pub(super) const TESTS: &[Test] = &[
    ("each call of the store is one operation", each_call),
    ("updates are the growth of versions", updates_are_the_growth_of_versions),
];

fn each_call() {
    let server = server();
    let store = open(&server, "p", Options::default());
    let operations = || store.counters().snapshot().operations;
    assert_eq!(operations(), 0, "to open a prefix is none");
    let mut seen = 0;
    let mut once = |call: &str, done: bool| {
        assert!(done, "{call}");
        let counted = operations() - seen;
        assert_eq!(counted, 1, "{call}");
        seen += counted;
    };
    let key = store.put_worker(worker("w")).unwrap();
    once("put_worker", true);
    once("put_worker again", store.put_worker(worker("w")).is_err());
    let token = store.join("s").unwrap();
    once("join", true);
    let keys = store.enqueue(vec![container("c"), container("d")], NOW).unwrap();
    once("enqueue", keys.len() == 2);
    let reply = claim(&store, token, 2, NOW);
    once("an exchange that claims", reply.claimed.len() == 2);
    let reply = commit(&store, token, NOW, &on(key, 1, &keys[..1])).unwrap();
    once("an exchange that commits", reply.verdict.is_some());
    once("renew", store.renew(token, LEASE).unwrap() == 1);
    once("requeue_at", store.requeue_at(token, &keys[1..], NOW).unwrap() == 1);
    once("refuse", store.refuse(token, &[]).unwrap() == 0);
    once("set_status", store.set_status("w", Status::Available).is_ok());
    once("reconcile", store.reconcile("w", &["c".to_owned()]).is_ok());
    once("release", store.release("c", "w").unwrap());
    once("release_all", store.release_all(&[(key, &keys[..1])]).unwrap() == [false]);
    once("release_named", store.release_named(key, &["c"]).unwrap() == [false]);
    once("remove_worker", store.remove_worker("w").is_ok());
    store.audit().unwrap();
    assert_eq!(operations(), seen, "to look at the books is none");
}

fn updates_are_the_growth_of_versions() {
    let server = server();
    let store = open(&server, "p", Options::default());
    let key = store.put_worker(worker("w")).unwrap();
    let token = store.join("s").unwrap();
    store.enqueue(requests(["a", "b", "c", "d"]), NOW).unwrap();
    let keys = keys(&claim(&store, token, 4, NOW));
    let mut seen = 0;
    let mut once = |what: &str, changed: bool| {
        let version = store.audit().unwrap().workers[0].version;
        let updates = store.counters().snapshot().capacity_updates;
        assert_eq!((updates, version), (seen + u64::from(changed), updates), "{what}");
        seen = updates;
    };
    once("nothing yet", false);
    commit(&store, token, NOW, &on(key, 1, &keys)).unwrap();
    once("a commit of four", true);
    // Only what a worker was handed can be missing from what it has.
    let mut side = WorkerSide::attach(store.handle().unwrap(), "w").unwrap();
    assert_eq!(side.fetch(4).unwrap().len(), 4);
    side.acknowledge().unwrap();
    once("a fetch", false);
    assert!(store.release("a", "w").unwrap());
    once("a release", true);
    assert!(!store.release("a", "w").unwrap());
    once("the same once more", false);
    let has: Vec<String> = ["b", "c"].map(str::to_owned).to_vec();
    assert_eq!(store.reconcile("w", &has).unwrap().released, ["d"]);
    once("what a worker no longer has", true);
    assert!(store.reconcile("w", &has).unwrap().released.is_empty());
    once("what it has", false);
}
