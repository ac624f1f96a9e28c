//! What a worker reports, and where the books have it by then.

use proofload_redis_process::{Options as Server, RedisProcess};
use proofload_scheduler::{Refusal, Store};
use proofload_scheduler_redis::wire::cmd;
use proofload_scheduler_redis::{Options, Reported, WorkerSide};

use super::*;
use crate::support::{CALLERS_TIME, container, open, server, worker};

pub(super) const TESTS: &[Test] = &[
    ("a report whose answer is lost is not a fetch", answer_lost),
    ("what somebody else has is not taken by whoever registers", somebody_elses),
    ("a queue that is to be buried gives up what another worker runs", from_a_grave),
    ("a name that is reported twice is one container", named_twice),
    ("a store that went back behind its clock goes on", behind_its_clock),
    ("what never ends is not over at once", never),
    ("a spoilt record stands in nobody's way", spoilt),
    ("what has a spoilt record can be released", spoilt_and_released),
];

fn side(store: &RedisStore, name: &str) -> WorkerSide {
    WorkerSide::register(store.handle().unwrap(), &worker(name), &[]).unwrap().0
}

/// Kills the server and starts it on what it last saved.
fn restart(server: &mut RedisProcess) {
    server.kill().unwrap();
    server.restart().unwrap();
}

fn save(store: &RedisStore) {
    store.wire().call::<()>(&cmd("SAVE")).unwrap();
}

/// Places these on a worker, in its first life.
fn place(store: &RedisStore, on_worker: WorkerKey, names: &[&str], now: Duration) {
    store.enqueue(requests(names.iter().copied()), now).unwrap();
    let token = store.join("places").unwrap();
    let held = keys(&claim(store, token, names.len(), now));
    let verdict = commit(store, token, now, &on(on_worker, 1, &held)).unwrap().verdict.unwrap();
    assert!(
        verdict.outcomes.iter().all(|outcome| *outcome == proofload_scheduler::Outcome::Placed)
    );
}

fn strays(names: &[&str]) -> Reported {
    Reported {
        strays: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Reported::default()
    }
}

fn answer_lost() {
    let mut server = RedisProcess::start(Server::default()).unwrap();
    let store = open(&server, "p", Options::default());
    let mut first = side(&store, "w");
    place(&store, first.key(), &["runs", "waits"], NOW);
    // The same worker, as it is if it hears nothing of what its other self is told.
    let mut deaf = WorkerSide::attach(store.handle().unwrap(), "w").unwrap();
    assert_eq!((first.fetch(1).unwrap().len(), deaf.fetch(1).unwrap().len()), (1, 1));
    save(&store);
    restart(&mut server);
    assert!(first.beat(LEASE).unwrap());
    let running = [container("runs")];
    assert_eq!(first.report(&running, &[]).unwrap(), Reported::default());
    assert_eq!(deaf.report(&running, &[]).unwrap(), Reported::default());
    let fetched = deaf.fetch(9).unwrap();
    let fetched: Vec<_> = fetched.iter().map(|fetched| fetched.request.id.as_str()).collect();
    assert_eq!(fetched, ["waits"], "what it runs is not handed to it once more");
    // What it is said to run without having it is told again, too.
    let running = [container("runs"), container("elsewhere")];
    assert_eq!(deaf.report(&running, &[]).unwrap(), strays(&["elsewhere"]));
    assert_eq!(balanced(&store), [0, 0, 2]);
}

fn somebody_elses() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    let owner = side(&store, "owner");
    place(&store, owner.key(), &["owned"], NOW);
    store.enqueue(requests(["leased", "put back", "ready"]), NOW).unwrap();
    let token = store.join("s").unwrap();
    let held = keys(&claim(&store, token, 2, NOW));
    store.requeue_at(token, &held[1..], Duration::from_secs(1)).unwrap();
    let running = ["owned", "leased", "put back", "ready", "unknown"].map(container);
    let (other, reported) =
        WorkerSide::register(store.handle().unwrap(), &worker("other"), &running).unwrap();
    let want = Reported { adopted: 2, ..strays(&["owned", "leased", "put back"]) };
    assert_eq!(reported, want);
    assert_eq!(balanced(&store), [1, 1, 3]);
    let verdict = commit(&store, token, NOW, &on(owner.key(), 1, &held[..1])).unwrap();
    assert_eq!(verdict.verdict.unwrap().outcomes, [proofload_scheduler::Outcome::Placed]);
    assert_eq!(balanced(&store), [1, 0, 4]);
    let each: Vec<_> = store.audit().unwrap().workers.iter().map(|w| w.containers).collect();
    assert_eq!(each, [2, 2]);
    assert_eq!(other.release(&held[..1]).unwrap(), [false]);
}

fn from_a_grave() {
    let ttl = Duration::from_secs(10);
    for fetched in [0, 1] {
        let mut server = RedisProcess::start(Server::default()).unwrap();
        let store = open(&server, "p", Options { worker_ttl: Some(ttl), ..CALLERS_TIME });
        let mut dead = side(&store, "dead");
        let forever = Options { worker_ttl: None, ..CALLERS_TIME };
        let mut alive = side(&open(&server, "p", forever), "alive");
        place(&store, dead.key(), &["x"], NOW);
        assert_eq!(dead.fetch(fetched).unwrap().len(), fetched);
        // It is given up by a call that buries nobody.
        store.enqueue(requests(["y"]), ttl).unwrap();
        save(&store);
        restart(&mut server);
        assert!(alive.beat(LEASE).unwrap());
        let want = Reported { adopted: 1, ..Reported::default() };
        assert_eq!(alive.report(&[container("x")], &[]).unwrap(), want, "{fetched}");
        let token = (0..3).find_map(|_| store.join("s").ok()).unwrap();
        let reply = store.exchange(Exchange { now: ttl, ..exchange(token) }).unwrap();
        assert_eq!(reply.delta.workers.len(), 1);
        assert_eq!(balanced(&store), [1, 0, 1], "{fetched}");
        assert_eq!(store.lost().unwrap(), []);
    }
}

fn named_twice() {
    let mut server = RedisProcess::start(Server::default()).unwrap();
    let store = open(&server, "p", Options::default());
    let mut both = ["v", "w"].map(|name| side(&store, name));
    place(&store, both[1].key(), &["x", "y"], NOW);
    save(&store);
    restart(&mut server);
    assert!(both[0].beat(LEASE).unwrap());
    let running = ["x", "x", "new", "new"].map(container);
    let finished = ["x", "y", "y"].map(str::to_owned);
    let want = Reported { adopted: 2, ..Reported::default() };
    assert_eq!(both[0].report(&running, &finished).unwrap(), want);
    assert_eq!(balanced(&store), [0, 0, 2]);
    assert_eq!(both[1].report(&[], &[]).unwrap(), Reported::default());
    assert_eq!(balanced(&store), [0, 0, 2]);
}

fn behind_its_clock() {
    let mut server = RedisProcess::start(Server::default()).unwrap();
    // The callers' time does not go on, so there are no numbers that nobody has used.
    let store = open(&server, "p", CALLERS_TIME);
    let token = store.join("s").unwrap();
    save(&store);
    for name in ["u", "v", "w"] {
        store.put_worker(worker(name)).unwrap();
    }
    let since = Some(store.exchange(exchange(token)).unwrap().delta.to);
    restart(&mut server);
    let told = (0..4).find_map(|_| store.exchange(Exchange { since, ..exchange(token) }).ok());
    let told = told.unwrap().delta;
    assert!(told.whole && told.workers.is_empty());
}

fn never() {
    let server = server();
    let never = Duration::MAX;
    let store = open(&server, "p", Options { worker_ttl: Some(never), ..Options::default() });
    let mut worker = side(&store, "w");
    assert!(!worker.beat(never).unwrap());
    store.enqueue(requests(["held", "put back"]), NOW).unwrap();
    let token = store.join("s").unwrap();
    let claim = Some(Claim { most: usize::MAX, lease: never });
    let reply = store.exchange(Exchange { claim, ..exchange(token) }).unwrap();
    let held = keys(&reply);
    assert_eq!(store.requeue_at(token, &held[1..], never).unwrap(), 1);
    assert_eq!(store.renew(token, never).unwrap(), 1);
    let reply = store.exchange(Exchange { claim, ..exchange(token) }).unwrap();
    assert_eq!((reply.claimed.len(), reply.delta.workers.len()), (0, 1));
    commit(&store, token, NOW, &on(worker.key(), 1, &held[..1])).unwrap();
    assert_eq!(worker.fetch(usize::MAX).unwrap().len(), 1);
    assert_eq!(balanced(&store), [1, 0, 1]);
}

/// Each of them spoils the record of one container, and the others are not touched.
fn spoilt() {
    let server = server();
    let ttl = Duration::from_secs(10);
    for spoil in ["", "\0\0\0\u{1}\0\0\0\u{1}\0", "cut"] {
        let store = open(&server, "p", Options { worker_ttl: Some(ttl), ..CALLERS_TIME });
        let mut w = side(&store, "w");
        place(&store, w.key(), &["fetched", "waits", "gone"], NOW);
        w.fetch(1).unwrap();
        store.enqueue(requests(["leased", "good"]), NOW).unwrap();
        let token = store.join("s").unwrap();
        let held = keys(&claim(&store, token, 2, NOW));
        let records = store.wire();
        let spoil_record = |name: &str| {
            let key: Vec<u8> = records.call(cmd("HGET").arg("{p}:names").arg(name)).unwrap();
            let mut hset = cmd("HSET");
            let _: u64 = records.call(hset.arg("{p}:records").arg(key).arg(spoil)).unwrap();
        };
        spoil_record("leased");
        let verdict = commit(&store, token, NOW, &on(w.key(), 1, &held)).unwrap().verdict.unwrap();
        let [lost, good] = verdict.outcomes[..] else { panic!("{verdict:?}") };
        assert_ne!((lost, good), (proofload_scheduler::Outcome::Placed, lost), "{spoil:?}");
        assert_eq!(good, proofload_scheduler::Outcome::Placed);
        for name in ["fetched", "gone"] {
            spoil_record(name);
        }
        // The worker is given up, and scheduling goes on: what can be read goes back.
        let reply = claim(&store, token, 9, ttl);
        assert_eq!(reply.delta.workers[0].status, None, "{spoil:?}");
        let after = claim(&store, token, 9, ttl);
        let names: Vec<_> = [&reply, &after].into_iter().flat_map(claimed).collect();
        assert_eq!(names, ["waits", "good"], "{spoil:?}");
        let held = [keys(&reply), keys(&after)].concat();
        let refused: Vec<_> = held.iter().map(|key| (*key, Refusal::NothingFree(1))).collect();
        store.refuse(token, &refused).unwrap();
        store.remove_all().unwrap();
    }
}

fn spoilt_and_released() {
    let server = server();
    let store = open(&server, "p", CALLERS_TIME);
    let w = side(&store, "w");
    place(&store, w.key(), &["spoilt", "good"], NOW);
    let wire = store.wire();
    let key: Vec<u8> = wire.call(cmd("HGET").arg("{p}:names").arg("spoilt")).unwrap();
    let _: u64 = wire.call(cmd("HSET").arg("{p}:records").arg(&key).arg("cut")).unwrap();
    let key = ContainerKey(u64::from_be_bytes(key.try_into().unwrap()));
    assert_eq!(w.release(&[key]).unwrap(), [true]);
    let token = store.join("s").unwrap();
    let state = store.exchange(exchange(token)).unwrap().delta.workers.remove(0);
    assert_eq!((state.free.cpu.get(), state.free.memory.get()), (9_900, 20_480 - 256));
    assert_eq!(state.containers, 1);
}
