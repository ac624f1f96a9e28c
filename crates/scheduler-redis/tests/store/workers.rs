//! Workers: what they register, fetch, release and lose.

use proofload_scheduler::{Status, Store};
use proofload_scheduler_redis::{Options, Parcel, WorkerSide};

use super::*;
use crate::support::{CALLERS_TIME, open, server, worker};

pub(super) const TESTS: &[Test] = &[
    ("a worker fetches, acknowledges and releases", fetches),
    ("a release is told once, whoever tells it", released_once),
    ("a worker says what it has", reconciles),
    ("workers that are not there are named", not_there),
    ("a worker that was removed may come again, and its containers are lost", comes_again),
    ("a worker not heard of is buried: fetched is lost, the rest goes back", buried),
    ("a worker that beats stays", beats),
];

/// A store with a worker `w` that has these containers.
fn placed(store: &RedisStore, names: &[&str]) -> (WorkerKey, Vec<ContainerKey>) {
    let key = store.put_worker(worker("w")).unwrap();
    let parcels = requests(names.iter().copied())
        .into_iter()
        .map(|request| Parcel { payload: request.id.clone().into_bytes(), request });
    store.enqueue_parcels(&parcels.collect::<Vec<_>>(), NOW).unwrap();
    let token = store.join("s").unwrap();
    let held = keys(&claim(store, token, names.len(), NOW));
    commit(store, token, NOW, &on(key, 1, &held)).unwrap();
    (key, held)
}

fn names(fetched: &[proofload_scheduler_redis::Fetched]) -> Vec<&str> {
    fetched.iter().map(|fetched| fetched.request.id.as_str()).collect()
}

fn fetches() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    let (key, held) = placed(&store, &["a", "b", "c"]);
    let mut side = WorkerSide::attach(store.handle().unwrap(), "w").unwrap();
    assert_eq!(side.key(), key);
    let fetched = side.fetch(2).unwrap();
    assert_eq!(names(&fetched), ["a", "b"]);
    assert_eq!((fetched[1].key, &fetched[1].payload[..]), (held[1], &b"b"[..]));
    // It dies before it has said so: the next one gets them again, with what they carry.
    let mut side = WorkerSide::attach(store.handle().unwrap(), "w").unwrap();
    assert_eq!(names(&side.fetch(2).unwrap()), ["a", "b"]);
    side.acknowledge().unwrap();
    side.acknowledge().unwrap();
    let mut again = WorkerSide::attach(store.handle().unwrap(), "w").unwrap();
    let rest = again.fetch(9).unwrap();
    assert_eq!((names(&rest), &rest[0].payload[..]), (vec!["c"], &b"c"[..]));
    assert!(again.fetch(9).unwrap().is_empty());
    assert_eq!(side.release(&held[..2]).unwrap(), [true, true]);
    assert_eq!(side.release(&held).unwrap(), [false, false, true]);
    assert_eq!(balanced(&store), [0, 0, 0]);
}

fn released_once() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    let (key, held) = placed(&store, &["a", "b", "c", "d"]);
    let other = store.put_worker(worker("other")).unwrap();
    let version = |at: usize| store.audit().unwrap().workers[at].version;
    assert!(!store.release("a", "other").unwrap());
    assert!(!store.release("a", "nobody").unwrap());
    assert!(!store.release("nothing", "w").unwrap());
    assert_eq!(version(0), 1, "what changes nothing is no update");
    assert!(store.release("a", "w").unwrap());
    assert!(!store.release("a", "w").unwrap());
    assert_eq!(version(0), 2);
    let ended = [(other, &held[1..2]), (key, &held[1..3]), (key, &held[2..3])];
    assert_eq!(store.release_all(&ended).unwrap(), [false, true, true, false]);
    assert_eq!((version(0), version(1)), (3, 0));
    assert_eq!(store.counters().snapshot().capacity_updates, 3);
    assert_eq!(store.release_named(key, &["a", "d", "d"]).unwrap(), [false, true, false]);
    assert_eq!(balanced(&store), [0, 0, 0]);
}

fn reconciles() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    placed(&store, &["a", "b", "c"]);
    let mut side = WorkerSide::attach(store.handle().unwrap(), "w").unwrap();
    side.fetch(2).unwrap();
    let has = ["b", "x"].map(String::from);
    let done = store.reconcile("w", &has).unwrap();
    // `c` is not fetched, so it cannot have it yet.
    assert_eq!(
        (&done.released[..], &done.strays[..]),
        (&["a".to_owned()][..], &["x".to_owned()][..])
    );
    assert_eq!(balanced(&store), [0, 0, 2]);
    assert_eq!(store.reconcile("w", &has).unwrap().released, [""; 0]);
}

fn not_there() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    for (call, result) in [
        ("status", store.set_status("w", Status::Disabled)),
        ("remove", store.remove_worker("w").map(drop)),
        ("reconcile", store.reconcile("w", &[]).map(drop)),
        ("attach", WorkerSide::attach(store.handle().unwrap(), "w").map(drop)),
    ] {
        assert!(matches!(&result, Err(StoreError::NoSuchWorker(name)) if name == "w"), "{call}");
    }
    store.put_worker(worker("w")).unwrap();
    let error = store.put_worker(worker("w")).unwrap_err();
    assert!(matches!(&error, StoreError::DuplicateWorker(name) if name == "w"), "{error}");
    assert!(matches!(store.put_worker(worker("")), Err(StoreError::Worker(_))));
}

fn comes_again() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    let (key, held) = placed(&store, &["a", "b"]);
    let mut side = WorkerSide::attach(store.handle().unwrap(), "w").unwrap();
    side.fetch(1).unwrap();
    let lost = store.remove_worker("w").unwrap();
    assert_eq!(lost.iter().map(|request| request.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let gone = |result| matches!(result, Err(StoreError::NoSuchWorker(name)) if name == "w");
    assert!(gone(side.fetch(1).map(drop)));
    assert_eq!(side.release(&held).unwrap(), [false, false]);
    // The same name has the same key, and another life; with a text that is longer, and then shorter.
    for (epoch, pool) in [(2, "a pool with a long name"), (3, "p")] {
        let mut anew = worker("w");
        anew.pool = pool.to_owned();
        assert_eq!(store.put_worker(anew.clone()).unwrap(), key);
        let other = store.handle().unwrap();
        let token = other.join("other").unwrap();
        let states = other.exchange(exchange(token)).unwrap().delta.workers;
        assert_eq!((states.len(), states[0].epoch, &*states[0].worker), (1, epoch, &anew));
        assert!(gone(side.fetch(1).map(drop)));
        assert_eq!(balanced(&store), [0, 0, 0]);
        store.remove_worker("w").unwrap();
    }
}

fn buried() {
    let server = server();
    let ttl = Duration::from_secs(10);
    let store = open(&server, "p", Options { worker_ttl: Some(ttl), ..CALLERS_TIME });
    let (key, _) = placed(&store, &["a", "b", "c"]);
    let mut side = WorkerSide::attach(store.handle().unwrap(), "w").unwrap();
    side.fetch(1).unwrap();
    let token = store.join("t").unwrap();
    claim(&store, token, 0, ttl - Duration::from_micros(1));
    assert_eq!(balanced(&store), [0, 0, 3]);
    let reply = claim(&store, token, 0, ttl);
    assert_eq!(reply.delta.workers[0].status, None);
    assert_eq!(balanced(&store), [2, 0, 0]);
    assert_eq!(store.lost().unwrap(), [("w".to_owned(), "a".to_owned())]);
    assert!(matches!(side.beat(ttl), Err(StoreError::NoSuchWorker(_))));
    // In front, as they were.
    store.enqueue(requests(["d"]), ttl).unwrap();
    assert_eq!(claimed(&claim(&store, token, 9, ttl)), ["b", "c", "d"]);
    assert_eq!(store.put_worker(worker("w")).unwrap(), key);
    assert_eq!(balanced(&store), [0, 3, 0]);
}

fn beats() {
    let server = server();
    let ttl = Duration::from_millis(80);
    let store = open(&server, "p", Options { worker_ttl: Some(ttl), ..Options::default() });
    let (side, _) = WorkerSide::register(store.handle().unwrap(), &worker("w"), &[]).unwrap();
    let token = store.join("s").unwrap();
    assert!(!side.beat(Duration::from_secs(60)).unwrap());
    std::thread::sleep(2 * ttl);
    store.exchange(exchange(token)).unwrap();
    assert!(!side.beat(Duration::from_millis(1)).unwrap());
    std::thread::sleep(ttl);
    let whole = store.exchange(exchange(token)).unwrap().delta;
    assert_eq!(whole.workers.len(), 0);
    assert!(matches!(side.beat(ttl), Err(StoreError::NoSuchWorker(_))));
    // Whoever comes next under its name does not wait for a scheduler to bury it.
    let mut short = side.store().handle().unwrap();
    store.put_worker(worker("w")).unwrap();
    let side = WorkerSide::attach(short, "w").unwrap();
    side.beat(Duration::from_millis(1)).unwrap();
    std::thread::sleep(ttl);
    short = store.handle().unwrap();
    short.join("other").unwrap();
    assert_eq!(balanced(&store), [0, 0, 0]);
}
