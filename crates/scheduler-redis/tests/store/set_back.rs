//! The server comes back with less than it had.

use std::fs;
use std::path::PathBuf;

use proofload_redis_process::{Fsync, Options as Server, RedisProcess};
use proofload_scheduler::{Policy, Store};
use proofload_scheduler_redis::wire::cmd;
use proofload_scheduler_redis::{Options, Reported, WorkerSide};

use super::*;
use crate::support::{at_once, open, worker};

pub(super) const TESTS: &[Test] = &[
    ("after an older snapshot nothing is placed until all have reported", older_snapshot),
    ("after a cut log nothing is placed until all have reported", cut_log),
    ("what was given out before a set-back is not given out again", numbers),
    ("after a set-back whoever does not report is given up", given_up),
    ("a server that restarts with everything loses nothing", nothing_lost),
    ("a server that was emptied starts again", emptied),
    ("what two workers run after a set-back is the first one's", strays),
    ("after a set-back the whole fleet is told again", whole_fleet),
];

fn saving() -> RedisProcess {
    RedisProcess::start(Server::default()).unwrap()
}

/// A moment to come back to.
enum Saved {
    Snapshot(Vec<u8>),
    /// How long the append-only file was.
    Log(u64),
}

fn log_file(server: &RedisProcess) -> PathBuf {
    let folder = server.folder().join("appendonlydir");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.max_by_key(|path| path.to_string_lossy().ends_with(".incr.aof")).unwrap()
}

fn save(store: &RedisStore, server: &RedisProcess) -> Saved {
    if server.folder().join("appendonlydir").exists() {
        // Written through with every command, so it is as long as it will be.
        return Saved::Log(fs::metadata(log_file(server)).unwrap().len());
    }
    store.wire().call::<()>(&cmd("SAVE")).unwrap();
    Saved::Snapshot(fs::read(server.folder().join("dump.rdb")).unwrap())
}

fn set_back(server: &mut RedisProcess, saved: &Saved) {
    server.kill().unwrap();
    match saved {
        Saved::Snapshot(bytes) => fs::write(server.folder().join("dump.rdb"), bytes).unwrap(),
        Saved::Log(length) => {
            let file = fs::OpenOptions::new().write(true).open(log_file(server)).unwrap();
            file.set_len(*length).unwrap();
        }
    }
    server.restart().unwrap();
}

/// The connection is gone, which only the first call through it finds out: it is made again.
fn enqueue_again(store: &RedisStore, name: &str) {
    match store.enqueue(requests([name]), NOW) {
        Err(StoreError::NoAnswer(_)) => drop(store.enqueue(requests([name]), NOW).unwrap()),
        done => drop(done.unwrap()),
    }
}

/// Steps, and says how many were placed; what is set back places none.
fn turns(scheduler: &mut Scheduler<RedisStore>, turns: usize) -> (usize, usize) {
    let (mut placed, mut waits) = (0, 0);
    for _ in 0..turns {
        match scheduler.step(NOW) {
            Ok(step) => placed += step.settled.placed.len(),
            Err(StoreError::SetBack { .. }) => waits += 1,
            Err(StoreError::NoAnswer(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    (placed, waits)
}

fn older_snapshot() {
    reported(saving());
}

fn cut_log() {
    let options = Server { append_only: Some(Fsync::Always), ..Server::default() };
    reported(RedisProcess::start(options).unwrap());
}

fn reported(mut server: RedisProcess) {
    let store = open(&server, "p", Options::default());
    let mut sides = ["u", "v", "w"]
        .map(|name| WorkerSide::register(store.handle().unwrap(), &worker(name), &[]).unwrap().0);
    let mut scheduler =
        Scheduler::join(store.handle().unwrap(), "s", at_once(Policy::Spread), LEASE, NOW).unwrap();
    store.enqueue(requests((0..3).map(|i| format!("old {i}"))), NOW).unwrap();
    assert_eq!(turns(&mut scheduler, 4).0, 3);
    // Fetched before, and still there afterwards: finished, running, and gone without a word.
    let early: Vec<_> = sides.iter_mut().map(|side| side.fetch(9).unwrap()).collect();
    assert!(early.iter().all(|fetched| fetched.len() == 1));
    store.enqueue(requests((0..6).map(|i| format!("new {i}"))), NOW).unwrap();
    // They are with the scheduler at the moment to which the server will be set back.
    scheduler.step(NOW).unwrap();
    while store.audit().unwrap().leased < 6 {}
    let saved = save(&store, &server);

    assert_eq!(turns(&mut scheduler, 4).0, 6);
    let late: Vec<_> = sides.iter_mut().map(|side| side.fetch(9).unwrap()).collect();
    assert!(late.iter().all(|fetched| fetched.len() == 2));
    // The first worker's old one ends, and nobody has it any more; one that came after is running.
    assert_eq!(sides[0].release(&[early[0][0].key]).unwrap(), [true]);
    store.enqueue(requests(["after"]), NOW).unwrap();
    assert_eq!(turns(&mut scheduler, 4).0, 1);
    let after: Vec<_> = sides.iter_mut().map(|side| side.fetch(9).unwrap()).collect();
    set_back(&mut server, &saved);

    // It has the six in its backlog again, and they run: they must not be placed.
    let (placed, waits) = turns(&mut scheduler, 12);
    assert_eq!(placed, 0);
    assert!(waits >= 3, "{waits}");
    enqueue_again(&store, "later");
    let running = |at: usize| -> Vec<Request> {
        let all = [&late[at][..], &after[at]].concat();
        all.iter().map(|fetched| Request::clone(&fetched.request)).collect()
    };
    let name = |fetched: &proofload_scheduler_redis::Fetched| fetched.request.id.clone();
    let ttl = Duration::from_secs(60);
    for (at, side) in sides.iter_mut().enumerate() {
        assert!(side.beat(ttl).unwrap());
        assert!(matches!(side.fetch(1), Err(StoreError::SetBack { .. })));
        assert_eq!(turns(&mut scheduler, 2).0, 0);
        let (mut runs, mut finished) = (running(at), Vec::new());
        let mut want = Reported { adopted: runs.len() as u64, ..Reported::default() };
        match at {
            0 => finished.push(name(&early[0][0])),
            1 => runs.push(Request::clone(&early[1][0].request)),
            _ => want.lost.push(name(&early[2][0])),
        }
        assert_eq!(side.report(&runs, &finished).unwrap(), want, "{at}");
        assert!(!side.beat(ttl).unwrap());
    }
    assert_eq!(store.lost().unwrap(), [("w".to_owned(), name(&early[2][0]))]);
    // Six, the one after and the old one of the second.
    assert_eq!(balanced(&store), [1, 0, 8]);
    assert_eq!(turns(&mut scheduler, 5).0, 1, "the later one");
    assert_eq!(balanced(&store), [0, 0, 9]);
    let fetched: Vec<_> = sides.iter_mut().flat_map(|side| side.fetch(9).unwrap()).collect();
    assert_eq!(
        fetched.iter().map(name).collect::<Vec<_>>(),
        ["later"],
        "nothing is handed out twice"
    );
    for side in &sides {
        let own = [&late[0][..], &late[1], &late[2]].concat();
        let keys: Vec<_> = own.iter().map(|fetched| fetched.key).collect();
        side.release(&keys).unwrap();
    }
    assert_eq!(balanced(&store)[0..2], [0, 0]);
}

fn given_up() {
    let mut server = saving();
    let within = Duration::from_millis(300);
    let store = open(&server, "p", Options { report_within: within, ..Options::default() });
    let mut sides = ["v", "w"]
        .map(|name| WorkerSide::register(store.handle().unwrap(), &worker(name), &[]).unwrap().0);
    let mut scheduler =
        Scheduler::join(store.handle().unwrap(), "s", at_once(Policy::Spread), LEASE, NOW).unwrap();
    store.enqueue(requests(["a", "b"]), NOW).unwrap();
    assert_eq!(turns(&mut scheduler, 4).0, 2);
    let runs: Vec<_> = sides.iter_mut().map(|side| side.fetch(9).unwrap().remove(0)).collect();
    let saved = save(&store, &server);
    set_back(&mut server, &saved);
    let first = std::time::Instant::now();
    let (placed, waits) = turns(&mut scheduler, 8);
    assert!(placed == 0 && waits > 0);
    let request = Request::clone(&runs[0].request);
    sides[0].report(&[request], &[]).unwrap();
    enqueue_again(&store, "c");
    let mut placed = 0;
    while placed == 0 {
        assert!(first.elapsed() < Duration::from_secs(20), "the second is never given up");
        placed += turns(&mut scheduler, 1).0;
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(first.elapsed() >= within, "before the second was given up");
    assert_eq!(store.lost().unwrap(), [("w".to_owned(), runs[1].request.id.clone())]);
    assert_eq!(balanced(&store), [0, 0, 2]);
    assert!(matches!(sides[1].beat(within), Err(StoreError::NoSuchWorker(_))));
}

fn nothing_lost() {
    let mut server = saving();
    let store = open(&server, "p", Options::default());
    let (mut side, _) = WorkerSide::register(store.handle().unwrap(), &worker("w"), &[]).unwrap();
    let mut scheduler =
        Scheduler::join(store.handle().unwrap(), "s", at_once(Policy::Spread), LEASE, NOW).unwrap();
    store.enqueue(requests(["a", "b"]), NOW).unwrap();
    assert_eq!(turns(&mut scheduler, 4).0, 2);
    // One is fetched and runs; the other is still in the queue, and stays there.
    let fetched = side.fetch(1).unwrap();
    let saved = save(&store, &server);
    set_back(&mut server, &saved);
    assert!(side.beat(Duration::from_secs(60)).unwrap());
    let running = Request::clone(&fetched[0].request);
    assert_eq!(side.report(&[running], &[]).unwrap(), Reported::default());
    assert_eq!(side.report(&[], &[]).unwrap(), Reported::default(), "nobody asked");
    assert_eq!(balanced(&store), [0, 0, 2]);
    let rest = side.fetch(9).unwrap();
    assert_eq!((rest.len(), rest[0].request.id != fetched[0].request.id), (1, true));
}

fn emptied() {
    let server = saving();
    let store = open(&server, "p", Options::default());
    let (mut side, _) = WorkerSide::register(store.handle().unwrap(), &worker("w"), &[]).unwrap();
    let mut scheduler =
        Scheduler::join(store.handle().unwrap(), "s", at_once(Policy::Spread), LEASE, NOW).unwrap();
    store.enqueue(requests(["a"]), NOW).unwrap();
    assert_eq!(turns(&mut scheduler, 4).0, 1);
    let runs = Request::clone(&side.fetch(1).unwrap()[0].request);
    store.wire().call::<()>(&cmd("FLUSHALL")).unwrap();
    assert!(matches!(side.beat(LEASE), Err(StoreError::NoSuchWorker(_))));
    let (mut side, reported) =
        WorkerSide::register(store.handle().unwrap(), &worker("w"), &[runs]).unwrap();
    assert_eq!(reported, Reported { adopted: 1, ..Reported::default() });
    assert_eq!(balanced(&store), [0, 0, 1]);
    assert!(side.fetch(1).unwrap().is_empty(), "it has it");
    // The old scheduler's token went with everything else.
    assert!(matches!(
        (0..3).find_map(|_| scheduler.step(NOW).err()),
        Some(StoreError::NoAnswer(_) | StoreError::Fenced(_))
    ));
    let mut scheduler =
        Scheduler::join(store.handle().unwrap(), "s", at_once(Policy::Spread), LEASE, NOW).unwrap();
    store.enqueue(requests(["b"]), NOW).unwrap();
    assert_eq!(turns(&mut scheduler, 4).0, 1);
    assert_eq!(balanced(&store), [0, 0, 2]);
}

/// Tokens, containers and lives that the server has forgotten: nobody must take one for another.
fn numbers() {
    let mut server = saving();
    let store = open(&server, "p", Options::default());
    store.put_worker(worker("w")).unwrap();
    let saved = save(&store, &server);
    let (mut tokens, mut containers, mut lives) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        // The first call finds that the connection is gone.
        let token = (0..3).find_map(|_| store.join("s").ok()).unwrap();
        tokens.push(token);
        for name in ["w", "v"] {
            let (store, worker) = (store.handle().unwrap(), worker(name));
            let _ = store.remove_worker(name);
            store.put_worker(worker).unwrap();
        }
        let whole = store.exchange(exchange(token)).unwrap().delta.workers;
        lives.extend(whole.iter().map(|state| (state.key, state.epoch)));
        containers.extend(store.enqueue(requests(["a"]), NOW).unwrap());
        set_back(&mut server, &saved);
        // Lives are numbered by the second.
        std::thread::sleep(Duration::from_millis(1_100));
    }
    for (what, mut found) in [
        ("tokens", tokens.iter().map(|token| (0, token.0)).collect::<Vec<_>>()),
        ("containers", containers.iter().map(|key| (0, key.0)).collect()),
        ("lives", lives.iter().map(|(key, epoch)| (key.0, u64::from(*epoch))).collect()),
    ] {
        let count = found.len();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), count, "{what}: {found:?}");
    }
}

fn strays() {
    let mut server = saving();
    let store = open(&server, "p", Options::default());
    let mut sides = ["v", "w"]
        .map(|name| WorkerSide::register(store.handle().unwrap(), &worker(name), &[]).unwrap().0);
    store.enqueue(requests(["both", "queued"]), NOW).unwrap();
    let token = store.join("s").unwrap();
    let held = keys(&claim(&store, token, 2, NOW));
    // Nobody has fetched either of them, as far as the server will know.
    commit(&store, token, NOW, &on(sides[1].key(), 1, &held)).unwrap();
    let saved = save(&store, &server);
    set_back(&mut server, &saved);
    assert!(sides[0].beat(LEASE).unwrap());
    let [both, queued] = ["both", "queued"].map(crate::support::container);
    // The first runs one that is in the other's queue.
    let want = Reported { adopted: 1, ..Reported::default() };
    assert_eq!(sides[0].report(std::slice::from_ref(&both), &[]).unwrap(), want);
    // The other one runs it, too, and something that it had not fetched.
    let want = Reported { strays: vec!["both".to_owned()], ..Reported::default() };
    assert_eq!(sides[1].report(&[both, queued], &[]).unwrap(), want);
    assert_eq!(balanced(&store), [0, 0, 2]);
    let each: Vec<_> = store.audit().unwrap().workers.iter().map(|w| w.containers).collect();
    assert_eq!(each, [1, 1]);
    assert!(sides.iter_mut().all(|side| side.fetch(9).unwrap().is_empty()), "they run");
}

fn whole_fleet() {
    let mut server = saving();
    let store = open(&server, "p", Options::default());
    let (mut side, _) = WorkerSide::register(store.handle().unwrap(), &worker("w"), &[]).unwrap();
    let token = store.join("s").unwrap();
    let saved = save(&store, &server);
    store.put_worker(worker("forgotten")).unwrap();
    let seen = store.exchange(exchange(token)).unwrap().delta;
    assert_eq!(seen.workers.len(), 2);
    set_back(&mut server, &saved);
    assert!(side.beat(LEASE).unwrap());
    side.report(&[], &[]).unwrap();
    let since = Some(seen.to);
    let told = (0..3).find_map(|_| store.exchange(Exchange { since, ..exchange(token) }).ok());
    let told = told.unwrap().delta;
    // One that is not listed in a difference would be believed to be there.
    assert!(told.whole && told.to > seen.to);
    assert_eq!(told.workers.iter().map(|w| &*w.worker.id).collect::<Vec<_>>(), ["w"]);
}
