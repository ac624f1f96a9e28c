//! Whoever was away for too long is turned away: schedulers, workers, servers.

use std::thread;
use std::time::{Duration, Instant};

use proofload_scheduler::{Policy, Scheduler, Store, StoreError};
use proofload_scheduler_redis::{Options, RedisStore, WorkerSide, wire};
use rustix::process::Signal;

use crate::Test;
use crate::books::Books;
use crate::process::{Done, Orders, Process};
use crate::support::{at_once, enqueue, fleet, open, run, server, wait_until, worker};

pub(super) const TESTS: &[Test] = &[
    ("a scheduler paused beyond its lease is turned away", paused_beyond_its_lease),
    ("a scheduler paused while another took its name is turned away", paused_and_replaced),
    ("a worker that came again under its name gets nothing of its earlier life's", worker_anew),
    ("a worker whose time has run out gets nothing", worker_run_out),
    ("a server paused beyond what is waited for has each commit once", paused_server),
];

const WORKERS: usize = 4;
const CONTAINERS: usize = 40;
const LEASE: Duration = Duration::from_millis(200);

/// A process claims everything and is stopped before it plans; meanwhile a scheduler of `name` places
/// everything. What the process then says.
fn paused(name: &str) -> (RedisStore, Done, proofload_redis_process::RedisProcess) {
    let server = server();
    let store = fleet(&server, "paused", WORKERS);
    enqueue(&store, (0..CONTAINERS).map(|name| format!("c{name}")));
    let process = Process::start(&Orders {
        url: server.url(),
        prefix: "paused".to_owned(),
        name: "paused".to_owned(),
        seed: 0,
        most: 100,
        lease: LEASE,
        // Time to be stopped in, between claim and plan.
        window: Duration::from_millis(500),
    });
    wait_until("it has claimed everything", || {
        Books::read(&store, WORKERS).leased.len() == CONTAINERS
    });
    process.signal(Signal::STOP);
    assert_eq!(Books::read(&store, WORKERS).placed(), 0, "it was stopped too late");
    thread::sleep(LEASE);
    let since = Instant::now();
    let config = at_once(100, Policy::Spread, 0);
    let mut other =
        Scheduler::join(store.handle().unwrap(), name, config, LEASE, since.elapsed()).unwrap();
    assert_eq!(run(&mut other, since), CONTAINERS);
    process.signal(Signal::CONT);
    // Longer than its window: it plans what it had claimed, sends it, and hears what became of it.
    thread::sleep(Duration::from_secs(1));
    let done = process.finish();
    let books = Books::read(&store, WORKERS);
    books.balance(CONTAINERS);
    assert_eq!(books.placed(), CONTAINERS);
    assert_eq!(done.placed, Vec::<u64>::new());
    (store, done, server)
}

fn paused_beyond_its_lease() {
    let (_store, done, _server) = paused("other");
    assert_eq!((done.fenced, done.lost, done.updates), (false, CONTAINERS as u64, 0));
}

fn paused_and_replaced() {
    let (_store, done, _server) = paused("paused");
    assert_eq!((done.fenced, done.lost, done.updates), (true, 0, 0));
}

/// Two workers, and a plan for both that is not sent yet.
fn planned(options: Options) -> (proofload_redis_process::RedisProcess, RedisStore, Plan) {
    let server = server();
    let store = open(&server, "p", options);
    let sides = ["stays", "goes"]
        .map(|name| WorkerSide::register(store.handle().unwrap(), &worker(name), &[]).unwrap().0);
    let since = Instant::now();
    let config = at_once(100, Policy::Spread, 0);
    let lease = Duration::from_secs(30);
    let mut scheduler =
        Scheduler::join(store.handle().unwrap(), "s", config, lease, since.elapsed()).unwrap();
    enqueue(&store, (0..CONTAINERS).map(|name| format!("c{name}")));
    scheduler.step(since.elapsed()).unwrap();
    assert_eq!(scheduler.finish(since.elapsed()).unwrap().claimed, CONTAINERS);
    (server, store, Plan { sides, scheduler, since })
}

struct Plan {
    sides: [WorkerSide; 2],
    scheduler: Scheduler<RedisStore>,
    since: Instant,
}

impl Plan {
    /// The plan is carried out; how many found their place, and how many are planned again.
    fn carry_out(&mut self) -> (usize, usize) {
        self.scheduler.step(self.since.elapsed()).unwrap();
        let step = self.scheduler.finish(self.since.elapsed()).unwrap();
        (step.settled.placed.len(), step.settled.moved_on)
    }

    fn rest(&mut self) -> usize {
        run(&mut self.scheduler, self.since)
    }
}

fn worker_anew() {
    let (_server, store, mut plan) = planned(Options::default());
    store.remove_worker("goes").unwrap();
    let (mut anew, _) =
        WorkerSide::register(store.handle().unwrap(), &worker("goes"), &[]).unwrap();
    assert_eq!(plan.carry_out(), (CONTAINERS / 2, CONTAINERS / 2));
    assert!(anew.fetch(100).unwrap().is_empty());
    let [_, earlier] = &mut plan.sides;
    assert!(matches!(earlier.fetch(100), Err(StoreError::NoSuchWorker(_))));
    // They are planned again, now for what is there.
    assert_eq!(plan.rest(), CONTAINERS / 2);
    let books = Books::read(&store, 2);
    books.balance(CONTAINERS);
    assert!(!anew.fetch(100).unwrap().is_empty());
}

fn worker_run_out() {
    let ttl = Duration::from_secs(1);
    let (_server, store, mut plan) =
        planned(Options { worker_ttl: Some(ttl), ..Options::default() });
    plan.sides[0].beat(Duration::from_secs(60)).unwrap();
    thread::sleep(ttl);
    // That its time is over is found by the commit that would give it something.
    assert_eq!(plan.carry_out(), (CONTAINERS / 2, CONTAINERS / 2));
    assert!(matches!(plan.sides[1].beat(ttl), Err(StoreError::NoSuchWorker(_))));
    assert_eq!(plan.rest(), CONTAINERS / 2);
    let books = Books::read(&store, 2);
    books.balance(CONTAINERS);
    assert_eq!(books.queues.iter().map(Vec::len).collect::<Vec<_>>(), [CONTAINERS, 0]);
}

fn paused_server() {
    let patience = Duration::from_millis(500);
    let wire = wire::Options { response_timeout: patience, ..wire::Options::default() };
    let (server, store, mut plan) = planned(Options { wire, ..Options::default() });
    let mut told = 0;
    for round in 1..=5 {
        server.pause().unwrap();
        // It is out, and waits in the server's socket.
        let sent = plan.scheduler.step(plan.since.elapsed());
        let heard = sent.and_then(|_| plan.scheduler.finish(plan.since.elapsed()));
        assert!(matches!(heard, Err(StoreError::NoAnswer(_))), "{heard:?}");
        server.resume().unwrap();
        while told < round * CONTAINERS {
            match plan.scheduler.step(plan.since.elapsed()) {
                Ok(step) => told += step.settled.placed.len(),
                Err(StoreError::NoAnswer(_)) => {}
                Err(error) => panic!("{error}"),
            }
            assert!(plan.since.elapsed() < crate::support::STUCK, "told of {told}");
        }
        assert_eq!(told, round * CONTAINERS, "each is told once");
        let books = Books::read(&store, 2);
        books.balance(CONTAINERS);
        assert_eq!(books.placed(), CONTAINERS);
        store.release_all(&books.parts()).unwrap();
        if round < 5 {
            enqueue(&store, (0..CONTAINERS).map(|name| format!("c{round}-{name}")));
            let claimed = |plan: &mut Plan| {
                let now = plan.since.elapsed();
                plan.scheduler.step(now).unwrap();
                plan.scheduler.finish(now).unwrap().claimed
            };
            wait_until("the next are claimed", || claimed(&mut plan) > 0);
        }
    }
}
