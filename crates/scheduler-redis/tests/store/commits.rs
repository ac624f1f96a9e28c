//! Commits, leases and the backlog, case by case.

use proofload_scheduler::{Outcome, Policy, Refusal, Resources, Status, Store};
use proofload_scheduler_redis::Options;

use super::*;
use crate::support::{CALLERS_TIME, at_once, open, resources, server, worker};

pub(super) const TESTS: &[Test] = &[
    ("a commit sent again has the verdict that it had", sent_again),
    ("each outcome of a commit", outcomes),
    ("the backlog keeps its order", the_backlog_keeps_its_order),
    ("containers come all or none", all_or_none),
    ("an older scheduler of a name is turned away", fenced),
    ("what is held can be put back, given up and kept", held),
    ("a request and a worker come back as they went in", every_field),
    ("the server's clock ends a lease", the_servers_clock),
    ("a lease that has ended is over, however many end with it", many_leases_end),
    ("a scheduler that dies loses nothing", dies),
];

fn sent_again() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    let key = store.put_worker(worker("w")).unwrap();
    store.enqueue(requests(["a", "b", "c"]), NOW).unwrap();
    let token = store.join("s").unwrap();
    let held = keys(&claim(&store, token, 3, NOW));
    let first = on(key, 1, &held[..1]);
    let placed = commit(&store, token, NOW, &first).unwrap().verdict.unwrap();
    assert_eq!(
        (&placed.outcomes[..], &placed.versions[..]),
        (&[Outcome::Placed][..], &[Some(0)][..])
    );
    // Its reply was lost. Meanwhile the worker has changed; the verdict has not.
    let updates = store.counters().snapshot().capacity_updates;
    assert!(store.release("a", "w").unwrap());
    assert_eq!(commit(&store, token, NOW, &first).unwrap().verdict.unwrap(), placed);
    assert_eq!(store.counters().snapshot().capacity_updates, updates + 1, "the release alone");
    let second = on(key, 2, &held[1..2]);
    commit(&store, token, NOW, &second).unwrap();
    // An older batch is not carried out again, whatever is in it.
    let old = commit(&store, token, NOW, &on(key, 1, &held[2..])).unwrap().verdict.unwrap();
    assert_eq!((old.batch, &old.outcomes[..]), (1, &[Outcome::NotLeased][..]));
    assert_eq!(balanced(&store), [0, 1, 1]);
}

fn outcomes() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    let [small, closed, gone, anew] = ["small", "closed", "gone", "anew"].map(|name| {
        let mut worker = worker(name);
        worker.total = resources(250, 10_000, 0);
        store.put_worker(worker).unwrap()
    });
    store.enqueue(requests((0..8).map(|i| format!("c{i}"))), NOW).unwrap();
    let token = store.join("s").unwrap();
    let held = keys(&claim(&store, token, 7, NOW));
    store.drain_worker("closed").unwrap();
    store.remove_worker("gone").unwrap();
    store.remove_worker("anew").unwrap();
    assert_eq!(store.put_worker(worker("anew")).unwrap(), anew);
    let part = |worker, count| Part { worker, epoch: 1, count };
    let plan = Commit {
        batch: 1,
        parts: vec![
            part(small, 3),
            part(closed, 1),
            part(gone, 1),
            part(anew, 1),
            part(WorkerKey(99), 1),
            part(small, 1),
        ],
        // The first again; and one that nobody planned anywhere.
        containers: [&held[..], &held[..2]].concat(),
    };
    let verdict = commit(&store, token, NOW, &plan).unwrap().verdict.unwrap();
    let want = [
        Outcome::Placed,
        Outcome::Placed,
        Outcome::NoRoom,
        Outcome::WorkerClosed,
        Outcome::WorkerGone,
        Outcome::WorkerGone,
        Outcome::WorkerGone,
        Outcome::NotLeased,
        Outcome::NotLeased,
    ];
    assert_eq!(verdict.outcomes, want);
    assert_eq!(verdict.versions, [Some(0), Some(0), None, Some(0), None, Some(1)]);
    assert_eq!(balanced(&store), [1, 5, 2]);
    // Somebody else's, and one that is nowhere.
    let other = store.join("other").unwrap();
    let plan = on(anew, 1, &[held[6], ContainerKey(u64::MAX >> 12)]);
    let plan = Commit { parts: vec![Part { worker: anew, epoch: 2, count: 2 }], ..plan };
    let verdict = commit(&store, other, NOW, &plan).unwrap().verdict.unwrap();
    assert_eq!(verdict.outcomes, [Outcome::NotLeased; 2]);
}

fn the_backlog_keeps_its_order() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    let mut first = requests(["low 1", "high 1", "low 2", "high 2", "lowest"]);
    for (request, priority) in first.iter_mut().zip([0, 5, 0, 5, -3]) {
        request.priority = priority;
    }
    store.enqueue(first, NOW).unwrap();
    let token = store.join("s").unwrap();
    let reply = claim(&store, token, 3, NOW);
    assert_eq!(claimed(&reply), ["high 1", "high 2", "low 1"]);
    // Put back for a second: behind everything of its priority, once that has passed.
    let back = [reply.claimed[2].key];
    let at = Duration::from_secs(1);
    assert_eq!(store.requeue_at(token, &back, at).unwrap(), 1);
    assert_eq!(store.requeue_at(token, &back, at).unwrap(), 0);
    assert_eq!(balanced(&store), [3, 2, 0]);
    let mut later = requests(["low 3"]);
    store.enqueue(std::mem::take(&mut later), NOW).unwrap();
    let reply = claim(&store, token, 1, at - Duration::from_micros(1));
    assert_eq!(claimed(&reply), ["low 2"]);
    let reply = claim(&store, token, 9, at);
    assert_eq!(claimed(&reply), ["low 3", "low 1", "lowest"]);
    assert_eq!(reply.claimed[1].attempts, 1);
    // The leases end: everything is back in front, in its old order.
    store.enqueue(requests(["low 4"]), at).unwrap();
    let reply = claim(&store, token, 9, at + LEASE);
    assert_eq!(claimed(&reply), ["high 1", "high 2", "low 2", "low 3", "low 1", "low 4", "lowest"]);
    assert_eq!(balanced(&store), [0, 7, 0]);
}

fn all_or_none() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    let keys = store.enqueue(requests(["a"]), NOW).unwrap();
    for names in [vec!["b", "a"], vec!["b", "b"]] {
        let error = store.enqueue(requests(names.clone()), NOW).unwrap_err();
        let name = names[1];
        assert!(
            matches!(&error, StoreError::DuplicateContainer(found) if found == name),
            "{names:?}: {error}"
        );
    }
    let mut bad = requests(["c", ""]);
    assert!(matches!(store.enqueue(bad.clone(), NOW), Err(StoreError::Request(_))));
    bad.clear();
    assert_eq!(store.enqueue(bad, NOW).unwrap(), []);
    assert_eq!(balanced(&store), [1, 0, 0]);
    // More than one command can take.
    let many = store.enqueue(requests((0..2_500).map(|i| format!("m{i}"))), NOW).unwrap();
    assert_eq!(many.len(), 2_500);
    assert!(many[0] > keys[0]);
    let token = store.join("s").unwrap();
    assert_eq!(claim(&store, token, 5_000, NOW).claimed.len(), 2_501);
    assert_eq!(balanced(&store), [0, 2_501, 0]);
}

fn fenced() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    let key = store.put_worker(worker("w")).unwrap();
    store.enqueue(requests(["a"]), NOW).unwrap();
    let old = store.join("s").unwrap();
    let held = keys(&claim(&store, old, 1, NOW));
    let other = store.join("other").unwrap();
    let new = store.handle().unwrap().join("s").unwrap();
    assert!(old < other && other < new);
    let refused = [(held[0], Refusal::NothingFree(1))];
    for (call, result) in [
        ("exchange", store.exchange(exchange(old)).map(drop)),
        ("commit", commit(&store, old, NOW, &on(key, 1, &held)).map(drop)),
        ("requeue", store.requeue_at(old, &held, NOW).map(drop)),
        ("refuse", store.refuse(old, &refused).map(drop)),
        ("renew", store.renew(old, LEASE).map(drop)),
    ] {
        assert!(matches!(result, Err(StoreError::Fenced(token)) if token == old), "{call}");
    }
    // Nor does the new one have what the old one held, until its lease has ended.
    assert_eq!(store.requeue_at(new, &held, NOW).unwrap(), 0);
    assert!(claim(&store, new, 1, LEASE - Duration::from_micros(1)).claimed.is_empty());
    assert_eq!(claimed(&claim(&store, new, 1, LEASE)), ["a"]);
    store.exchange(exchange(other)).unwrap();
}

fn held() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    store.put_worker(worker("w")).unwrap();
    store.enqueue(requests(["a", "b", "c"]), NOW).unwrap();
    let [s, t] = ["s", "t"].map(|name| store.join(name).unwrap());
    let mine = keys(&claim(&store, s, 2, NOW));
    let theirs = keys(&claim(&store, t, 1, NOW));
    let refused = [mine[0], theirs[0], mine[0]].map(|key| (key, Refusal::NothingFree(3)));
    assert_eq!(store.refuse(s, &refused).unwrap(), 1);
    assert_eq!(store.refused().unwrap(), [("a".to_owned(), Refusal::NothingFree(3).to_string())]);
    assert_eq!(balanced(&store), [0, 2, 0]);
    // Its name is free again.
    store.enqueue(requests(["a"]), NOW).unwrap();
    assert_eq!(store.renew(s, 2 * LEASE).unwrap(), 1);
    // To a time before its end: it keeps what it had.
    assert_eq!(store.renew(s, NOW).unwrap(), 1);
    assert_eq!(claimed(&claim(&store, t, 9, LEASE)), ["c", "a"]);
    assert_eq!(claimed(&claim(&store, t, 9, 2 * LEASE)), ["b", "c", "a"]);
    // Nobody else's is put back.
    assert_eq!(store.requeue_at(s, &theirs, NOW).unwrap(), 0);
    assert_eq!(balanced(&store), [0, 3, 0]);
}

fn every_field() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    let mut sent = worker("wörker").with_gpus("A100", resources(0, 0, 8).gpus);
    (sent.pool, sent.priority, sent.preemptable) = ("pool".to_owned(), -7, true);
    (sent.runtime, sent.requires_pool_selector) = (proofload_scheduler::Runtime::Gvisor, true);
    sent.status = Status::Pending;
    let key = store.put_worker(sent.clone()).unwrap();
    let mut request = Request::new("cöntainer", sent.total.cpu, sent.total.memory)
        .with_gpus(resources(0, 0, 63).gpus, ["A100", "any"]);
    request.pool = Some("pool".to_owned());
    request.gang = Some(String::new());
    (request.priority, request.preemptable) = (i32::MIN, true);
    request.workspace = "w".to_owned();
    let now = Duration::from_secs(5);
    store.enqueue(vec![request.clone()], now).unwrap();
    // Another handle has nothing of it in memory.
    let other = store.handle().unwrap();
    let token = other.join("s").unwrap();
    let reply = claim(&other, token, 1, now + Duration::from_secs(1));
    assert_eq!(*reply.claimed[0].request, request);
    assert_eq!((reply.claimed[0].attempts, reply.claimed[0].enqueued), (0, now));
    let state = &reply.delta.workers[0];
    assert_eq!((state.key, state.epoch, state.version), (key, 1, 0));
    assert_eq!((&*state.worker, state.status), (&sent, Some(Status::Pending)));
    assert_eq!((state.free, state.containers), (sent.total, 0));
    assert!(!reply.delta.whole);
    let whole = other.exchange(exchange(token)).unwrap().delta;
    assert_eq!((whole.whole, whole.workers.len(), whole.to), (true, 1, reply.delta.to));
    assert_eq!(*whole.workers[0].worker, sent);
}

fn the_servers_clock() {
    let server = server();
    let store = open(&server, "p", Options::default());
    let key = store.put_worker(worker("w")).unwrap();
    store.enqueue(requests(["a"]), NOW).unwrap();
    let token = store.join("s").unwrap();
    let short = Some(Claim { most: 1, lease: Duration::from_millis(30) });
    // The caller's clock stands still, and is far from the server's.
    let reply = store.exchange(Exchange { claim: short, ..exchange(token) }).unwrap();
    let held = keys(&reply);
    assert_eq!(reply.claimed[0].enqueued, NOW);
    std::thread::sleep(Duration::from_millis(40));
    let verdict = commit(&store, token, NOW, &on(key, 1, &held)).unwrap().verdict.unwrap();
    assert_eq!(verdict.outcomes, [Outcome::NotLeased]);
    assert_eq!(balanced(&store), [1, 0, 0]);
    // Put back for a moment.
    let held = keys(&claim(&store, token, 1, NOW));
    assert_eq!(store.requeue_at(token, &held, Duration::from_millis(30)).unwrap(), 1);
    assert!(claim(&store, token, 1, NOW).claimed.is_empty());
    std::thread::sleep(Duration::from_millis(40));
    let reply = claim(&store, token, 1, Duration::from_secs(9));
    assert_eq!(claimed(&reply), ["a"]);
    let age = Duration::from_secs(9) - reply.claimed[0].enqueued;
    assert!(age >= Duration::from_millis(80) && age < Duration::from_secs(5), "{age:?}");
}

/// A call reaps claims until it has reaped a thousand containers.
fn many_leases_end() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    let key = store.put_worker(worker("w")).unwrap();
    store.enqueue(requests((0..2_500).map(|i| format!("c{i}"))), NOW).unwrap();
    let token = store.join("s").unwrap();
    let mut held = keys(&claim(&store, token, 1_500, NOW));
    held.extend(keys(&claim(&store, token, 1_500, NOW)));
    let plan = on(key, 1, &[held[0], held[2_499]]);
    let verdict = commit(&store, token, LEASE, &plan).unwrap().verdict.unwrap();
    assert_eq!(verdict.outcomes, [Outcome::NotLeased; 2]);
    assert_eq!(balanced(&store), [1_500, 1_000, 0]);
    store.exchange(Exchange { now: LEASE, ..exchange(token) }).unwrap();
    assert_eq!(balanced(&store), [2_500, 0, 0]);
    let reply = claim(&store, token, 2_500, LEASE);
    assert_eq!(keys(&reply), held, "in their old order");
}

fn dies() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    store.put_worker(worker("w")).unwrap();
    store.enqueue(requests((0..10).map(|i| format!("c{i}"))), NOW).unwrap();
    let join = |name| {
        let handle = store.handle().unwrap();
        Scheduler::join(handle, name, at_once(Policy::Spread), LEASE, NOW).unwrap()
    };
    let mut dies = join("dies");
    dies.step(NOW).unwrap();
    assert_eq!(balanced(&store), [0, 10, 0]);
    drop(dies);
    let mut next = join("next");
    assert_eq!(run(&mut next, LEASE - Duration::from_secs(1)), 0);
    assert_eq!(run(&mut next, LEASE), 10);
    let Resources { cpu, memory, .. } = store.audit().unwrap().workers[0].free;
    assert_eq!((cpu, memory), (resources(9_000, 0, 0).cpu, resources(0, 17_920, 0).memory));
    assert_eq!(balanced(&store), [0, 0, 10]);
}
