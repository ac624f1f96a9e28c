//! The server is killed and comes back with less than it had: an append-only file that was cut off, at a
//! command's end or in its middle, or a snapshot of before.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use proofload_redis_process::RedisProcess;
use proofload_scheduler::{ContainerKey, Policy, Request, Scheduler, Store, StoreError};
use proofload_scheduler_redis::wire::cmd;
use proofload_scheduler_redis::{Fetched, Options, RedisStore, Reported, WorkerSide, wire};
use proofload_wire_proxy::{Direction, Ending, Fault, Plan, Proxy};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::Test;
use crate::books::Books;
use crate::support::{at_once, chance, enqueue, open, recording, run, server, wait_until, worker};

pub(super) const TESTS: &[Test] = &[
    ("an append-only file cut off anywhere: nothing runs twice, nothing is lost", cut_off),
    ("a snapshot of before: nothing runs twice, nothing is lost", snapshot),
    ("a worker that does not come back: what it ran is named or runs again", one_stays_away),
    ("what was handed out in an answer that never came is handed out again", answer_lost),
    ("what everybody had forgotten is taken again by whoever sent it", sent_again),
];

const WORKERS: usize = 4;
const CONTAINERS: usize = 80;
const LEASE: Duration = Duration::from_secs(30);
/// How often a worker does not come back.
const AWAY: usize = 5;
const TTL: Duration = Duration::from_secs(60);

/// A worker, with what only it knows.
struct Machine {
    side: WorkerSide,
    running: BTreeMap<String, (ContainerKey, Request)>,
    /// What has ended here since the beginning.
    finished: Vec<String>,
}

/// Everything but the server, which the server's fall does not touch.
struct World {
    store: RedisStore,
    machines: Vec<Machine>,
    scheduler: Scheduler<RedisStore>,
    since: Instant,
    /// How often each container was started.
    started: BTreeMap<String, usize>,
}

fn join(store: &RedisStore, since: Instant) -> Scheduler<RedisStore> {
    let config = at_once(10, Policy::Spread, 0);
    Scheduler::join(store.handle().unwrap(), "s", config, LEASE, since.elapsed()).unwrap()
}

/// A call that is made anew while the connection is.
fn call<T>(mut call: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    loop {
        match call() {
            Err(StoreError::NoAnswer(_)) => {}
            done => return done,
        }
    }
}

impl World {
    fn new(server: &RedisProcess, report_within: Duration) -> Self {
        let store = open(server, "set-back", Options { report_within, ..Options::default() });
        let machine = |at| {
            let handle = store.handle().unwrap();
            let (side, _) = WorkerSide::register(handle, &worker(format!("w{at}")), &[]).unwrap();
            Machine { side, running: BTreeMap::new(), finished: Vec::new() }
        };
        let machines = (0..WORKERS).map(machine).collect();
        let since = Instant::now();
        let scheduler = join(&store, since);
        enqueue(&store, (0..CONTAINERS).map(|name| format!("c{name}")));
        Self { store, machines, scheduler, since, started: BTreeMap::new() }
    }

    /// A turn of the scheduler; how many were placed.
    fn schedule(&mut self) -> usize {
        match self.scheduler.step(self.since.elapsed()) {
            Ok(step) => step.settled.placed.len(),
            Err(StoreError::NoAnswer(_) | StoreError::SetBack { .. }) => 0,
            Err(StoreError::Fenced(_)) => {
                self.scheduler = join(&self.store, self.since);
                0
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Whether the store lets schedulers place.
    fn goes_on(&mut self) -> bool {
        let now = self.since.elapsed();
        self.scheduler.step(now).and_then(|_| self.scheduler.finish(now)).is_ok()
    }

    /// A machine fetches up to so many, which then run.
    fn fetch(&mut self, at: usize, most: usize) {
        let machine = &mut self.machines[at];
        let side = &mut machine.side;
        for fetched in call(|| side.fetch(most)).unwrap() {
            let name = fetched.request.id.clone();
            *self.started.entry(name.clone()).or_default() += 1;
            machine.running.insert(name, (fetched.key, Request::clone(&fetched.request)));
        }
        call(|| side.acknowledge()).unwrap();
    }

    /// Up to so many end on a machine, and it says so.
    fn end(&mut self, at: usize, most: usize) {
        let machine = &mut self.machines[at];
        let names: Vec<_> = machine.running.keys().take(most).cloned().collect();
        let ended: Vec<_> = names
            .iter()
            .filter_map(|name| machine.running.remove(name))
            .map(|(key, _)| key)
            .collect();
        machine.finished.extend(names);
        call(|| machine.side.release(&ended)).unwrap();
    }

    fn live(&mut self, chance: &mut ChaCha8Rng, turns: usize) {
        for _ in 0..turns {
            self.schedule();
            let at = chance.random_range(0..self.machines.len());
            match chance.random_range(0..3) {
                0 => self.end(at, 3),
                _ => self.fetch(at, chance.random_range(1..8)),
            }
        }
    }

    /// The server has come back: every machine reports, and until the last has nothing is placed.
    fn report(&mut self) {
        // What was answered before the fall may be heard now.
        self.schedule();
        for at in 0..self.machines.len() {
            for _ in 0..4 {
                assert_eq!(self.schedule(), 0, "placed before all have reported");
            }
            self.report_one(at);
        }
    }

    fn report_one(&mut self, at: usize) {
        let Machine { side, running, finished } = &mut self.machines[at];
        let name = format!("w{at}");
        let running: Vec<_> = running.values().map(|(_, request)| request.clone()).collect();
        match call(|| side.beat(TTL)) {
            Ok(wanted) => {
                assert!(wanted, "a server that was set back asks for reports");
                assert!(matches!(side.fetch(1), Err(StoreError::SetBack { .. })));
                let reported = call(|| side.report(&running, finished)).unwrap();
                assert_eq!((reported.lost, reported.strays), (Vec::new(), Vec::new()));
            }
            // It had registered later than what the server remembers.
            Err(StoreError::NoSuchWorker(_)) => {
                let handle = self.store.handle().unwrap();
                let (anew, reported) =
                    WorkerSide::register(handle, &worker(name), &running).unwrap();
                assert_eq!((reported.lost, reported.strays), (Vec::new(), Vec::new()));
                *side = anew;
            }
            Err(error) => panic!("{error}"),
        }
        // Containers have other keys now, if the server had forgotten them.
        let books = self.store.audit().unwrap();
        assert_eq!(books.faults, Vec::<String>::new());
    }

    /// Until everything has run.
    fn run_down(&mut self) {
        let since = Instant::now();
        loop {
            let placed = self.schedule();
            let mut busy = placed > 0;
            for at in 0..self.machines.len() {
                self.fetch(at, 100);
                busy |= !self.machines[at].running.is_empty();
                self.end_by_name(at);
            }
            let audit = self.store.audit().unwrap();
            if !busy && audit.waiting + audit.leased + audit.placed == 0 {
                break;
            }
            assert!(since.elapsed() < Duration::from_secs(20), "it never ends: {audit:?}");
        }
    }

    /// All end on a machine, told by name: keys may be of before.
    fn end_by_name(&mut self, at: usize) {
        let machine = &mut self.machines[at];
        let names: Vec<String> = std::mem::take(&mut machine.running).into_keys().collect();
        let texts: Vec<&str> = names.iter().map(String::as_str).collect();
        let there = call(|| machine.side.release_named(&texts)).unwrap();
        assert_eq!(there, vec![true; texts.len()], "what runs is in the books");
        machine.finished.extend(names);
    }

    fn finished(&self) -> BTreeSet<&String> {
        self.machines.iter().flat_map(|machine| &machine.finished).collect()
    }

    /// Each container was started once, ended once, and none was lost.
    fn all_ran_once(&self) {
        let twice: Vec<_> = self.started.iter().filter(|(_, times)| **times != 1).collect();
        assert!(twice.is_empty(), "started more than once: {twice:?}");
        assert_eq!(self.finished().len(), CONTAINERS);
        assert_eq!(self.store.lost().unwrap(), []);
        Books::read(&self.store, WORKERS).balance(0);
    }
}

/// The file that grows.
fn append_only(server: &RedisProcess) -> PathBuf {
    let files = fs::read_dir(server.folder().join("appendonlydir")).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    files.find(|file| file.to_string_lossy().ends_with(".incr.aof")).unwrap()
}

fn length(server: &RedisProcess) -> u64 {
    fs::metadata(append_only(server)).unwrap().len()
}

/// Where commands end, from a byte on.
fn ends(server: &RedisProcess, from: u64) -> Vec<u64> {
    let bytes = fs::read(append_only(server)).unwrap();
    let number = |at: usize| {
        let end = at + bytes[at..].iter().position(|byte| *byte == b'\r').unwrap();
        let number: usize = std::str::from_utf8(&bytes[at + 1..end]).unwrap().parse().unwrap();
        (number, end + 2)
    };
    let (mut at, mut ends) = (0, Vec::new());
    while at < bytes.len() {
        let (arguments, next) = number(at);
        at = next;
        for _ in 0..arguments {
            let (length, next) = number(at);
            at = next + length + 2;
        }
        ends.push(at as u64);
    }
    ends.retain(|end| *end >= from);
    ends
}

fn truncate(server: &mut RedisProcess, length: u64) {
    server.kill().unwrap();
    let file = OpenOptions::new().write(true).open(append_only(server)).unwrap();
    file.set_len(length).unwrap();
    drop(file);
    server.restart().unwrap();
}

fn cut_off() {
    let mut chance = chance("append-only file", 1);
    let (mut whole, mut cut, mut gone) = (0, 0, 0);
    for round in 0..24 {
        let mut server = recording();
        let mut world = World::new(&server, TTL);
        let from = length(&server);
        let turns = chance.random_range(1..20);
        world.live(&mut chance, turns);
        let length = length(&server);
        let ends = ends(&server, from);
        let at = ends[chance.random_range(0..ends.len())];
        let at = match round % 2 {
            0 => at,
            _ => (at + chance.random_range(1..40)).min(length),
        };
        match ends.contains(&at) {
            true => whole += 1,
            false => cut += 1,
        }
        gone += length - at;
        truncate(&mut server, at);
        world.report();
        world.run_down();
        world.all_ran_once();
    }
    println!(
        "{whole} cut at a command's end and {cut} in a command's middle, {gone} bytes in all: of {} \
         containers each ran once",
        24 * CONTAINERS
    );
    assert!(whole > 5 && cut > 5);
}

fn snapshot() {
    let mut chance = chance("snapshot", 1);
    for _ in 0..8 {
        let mut server = server();
        let mut world = World::new(&server, TTL);
        let (before, after) = (chance.random_range(0..12), chance.random_range(1..12));
        world.live(&mut chance, before);
        world.store.wire().call::<()>(&cmd("SAVE")).unwrap();
        world.live(&mut chance, after);
        server.kill().unwrap();
        server.restart().unwrap();
        world.report();
        world.run_down();
        world.all_ran_once();
    }
}

fn one_stays_away() {
    let mut chance = chance("one stays away", 1);
    let within = Duration::from_secs(1);
    let (mut named, mut again) = (0, 0);
    for _ in 0..AWAY {
        let mut server = recording();
        let mut world = World::new(&server, within);
        let from = length(&server);
        world.live(&mut chance, 16);
        let ends = ends(&server, from);
        truncate(&mut server, ends[chance.random_range(0..ends.len())]);
        let away = world.machines.pop().unwrap();
        let since = Instant::now();
        // Whoever calls first finds out that the server was set back: from then on the time runs.
        world.report();
        wait_until("the one that stays away is given up", || world.goes_on());
        assert!(since.elapsed() >= within, "placed before the last was given up");
        world.run_down();
        let lost: BTreeSet<_> =
            world.store.lost().unwrap().into_iter().map(|(_, name)| name).collect();
        let mut ran = world.finished();
        for (name, times) in &world.started {
            let its = away.running.contains_key(name) || away.finished.contains(name);
            // It may have told of an end, and the server forgotten it; nobody else knows.
            assert!(*times == 1 || (*times == 2 && its), "{name} was started {times} times");
            again += *times - 1;
        }
        for name in &lost {
            let its = away.running.contains_key(name) || away.finished.contains(name);
            assert!(its, "{name} is not its");
            assert!(world.started[name] == 1, "{name} is lost and ran again");
        }
        named += lost.len();
        ran.extend(&lost);
        ran.extend(&away.finished);
        assert_eq!(ran.len(), CONTAINERS, "each ran, or is named");
        Books::read(&world.store, WORKERS).balance(0);
    }
    println!(
        "{AWAY} workers stayed away: {named} containers named as lost, {again} ran again elsewhere"
    );
    assert!(named > 0 && again > 0);
}

/// The server falls in the middle of a fetch: it has handed out, and the worker got nothing.
fn answer_lost() {
    let mut server = recording();
    let store = open(&server, "set-back", Options::default());
    let proxy = Proxy::start(server.address(), Plan::default()).unwrap();
    let wire = wire::Options {
        retry: wire::Retry { tries: 1, ..wire::Retry::default() },
        ..wire::Options::default()
    };
    let address = format!("redis://{}", proxy.address()).parse().unwrap();
    let behind =
        RedisStore::open(&address, store.prefix(), Options { wire, ..Options::default() }).unwrap();
    let (mut side, _) = WorkerSide::register(behind, &worker("w"), &[]).unwrap();
    enqueue(&store, (0..6).map(|name| format!("c{name}")));
    let since = Instant::now();
    assert_eq!(run(&mut join(&store, since), since), 6);
    let has = side.fetch(2).unwrap();
    let (direction, ending) = (Direction::Reply, Ending::Cut);
    proxy.arm(Fault { ending, direction, after_bytes: 10 });
    assert!(matches!(side.fetch(2), Err(StoreError::NoAnswer(_))));
    server.kill().unwrap();
    server.restart().unwrap();
    let running: Vec<_> = has.iter().map(|fetched| Request::clone(&fetched.request)).collect();
    assert!(call(|| side.beat(TTL)).unwrap());
    assert_eq!(call(|| side.report(&running, &[])).unwrap(), Reported::default());
    let names = |fetched: &[Fetched]| -> BTreeSet<_> {
        fetched.iter().map(|fetched| fetched.request.id.clone()).collect()
    };
    let rest = call(|| side.fetch(9)).unwrap();
    assert_eq!((rest.len(), names(&[has, rest].concat()).len()), (4, 6));
    assert_eq!(store.lost().unwrap(), []);
}

/// The server forgets everything, or everything after a time: the workers, the schedulers, and containers
/// that were only in the backlog. Nobody can name those but whoever sent them.
fn sent_again() {
    let mut chance = chance("sent again", 1);
    for _ in 0..6 {
        let mut server = recording();
        let mut world = World::new(&server, TTL);
        world.live(&mut chance, 12);
        let ends = ends(&server, 0);
        // Up to the containers, the last of what the world begins with.
        let at = ends[chance.random_range(0..ends.len() / 3)];
        truncate(&mut server, at);
        // Whoever calls first finds the store as it is, or makes it anew.
        thread::sleep(Duration::from_millis(1));
        for at in 0..WORKERS {
            world.report_one(at);
        }
        for name in 0..CONTAINERS {
            let name = format!("c{name}");
            if world.finished().contains(&name) {
                continue;
            }
            let request = crate::support::container(name.clone());
            match call(|| world.store.enqueue(vec![request.clone()], Duration::ZERO)) {
                Ok(_) | Err(StoreError::DuplicateContainer(_)) => {}
                Err(error) => panic!("{name}: {error}"),
            }
        }
        world.run_down();
        world.all_ran_once();
    }
}
