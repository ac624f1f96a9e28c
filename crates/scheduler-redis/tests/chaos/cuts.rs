//! The connection is cut at every byte of a commit and of its reply.
//!
//! A commit goes out together with a claim of as many containers, so a cut can leave behind a plan that
//! nobody knows the verdict of, and containers that nobody knows are claimed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use proofload_redis_process::RedisProcess;
use proofload_scheduler::{Policy, Scheduler, Store, StoreError};
use proofload_scheduler_redis::wire::cmd;
use proofload_scheduler_redis::{Options, RedisStore, wire};
use proofload_wire_proxy::{Direction, Ending, Fault, Plan, Proxy};

use crate::Test;
use crate::books::{Books, placed};
use crate::support::{STUCK, at_once, enqueue, fleet, server};

pub(super) const TESTS: &[Test] = &[
    ("a cut at every byte of a commit of 8 loses nothing and doubles nothing", every_byte_of_8),
    ("a cut at 64 bytes of a commit of 256 loses nothing and doubles nothing", some_bytes_of_256),
    ("a connection that stalls in a commit loses nothing and doubles nothing", stalls),
];

const WORKERS: usize = 8;
const LEASE: Duration = Duration::from_millis(200);
/// What is cut is known at once: nothing is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A scheduler behind a proxy, and a store that is looked at past it.
struct Lane {
    store: RedisStore,
    proxy: Proxy,
    scheduler: Scheduler<RedisStore>,
    since: Instant,
    batch: usize,
    enqueued: usize,
    /// The keys of containers that have run.
    finished: std::collections::BTreeSet<u64>,
}

/// What one cut came to.
#[derive(Debug, Default, Clone, Copy)]
struct Cut {
    /// Commits that were carried out before the connection was lost.
    carried_out: bool,
    /// The scheduler still held what it wanted to place: on a busy machine it may be late by itself.
    in_time: bool,
    /// Containers that were claimed and not heard of: their leases had to end.
    unheard: usize,
    /// Until nothing was held any more that was held when the connection was lost.
    back: Duration,
}

impl Lane {
    fn new(server: &RedisProcess, at: usize, batch: usize, patience: Duration) -> Self {
        let store = fleet(server, &format!("cut{at:02}"), WORKERS);
        let proxy = Proxy::start(server.address(), Plan::default()).unwrap();
        let retry = wire::Retry {
            tries: 5,
            first: Duration::from_millis(1),
            most: Duration::from_millis(10),
        };
        let wire = wire::Options { retry, response_timeout: patience, ..wire::Options::default() };
        let address = format!("redis://{}", proxy.address()).parse().unwrap();
        let behind =
            RedisStore::open(&address, store.prefix(), Options { wire, ..Options::default() })
                .unwrap();
        let since = Instant::now();
        let config = at_once(batch, Policy::Spread, 0);
        let scheduler = Scheduler::join(behind, "s", config, LEASE, since.elapsed()).unwrap();
        let finished = std::collections::BTreeSet::new();
        Self { store, proxy, scheduler, since, batch, enqueued: 0, finished }
    }

    /// How many bytes of requests and of replies have passed.
    fn passed(&self) -> [u64; 2] {
        let wire = self.scheduler.store().counters().snapshot().wire.unwrap();
        [wire.bytes_sent, wire.bytes_received]
    }

    /// Two batches wait; the first is claimed, and heard of.
    fn begin(&mut self) {
        let names = self.enqueued..self.enqueued + 2 * self.batch;
        enqueue(&self.store, names.map(|name| format!("c{name}")));
        self.enqueued += 2 * self.batch;
        self.scheduler.step(self.since.elapsed()).unwrap();
        let step = self.scheduler.finish(self.since.elapsed()).unwrap();
        assert_eq!(step.claimed, self.batch);
    }

    /// How long a commit and its reply are, in bytes.
    fn lengths(&mut self) -> [u64; 2] {
        self.begin();
        let before = self.passed();
        let mut told = self.scheduler.step(self.since.elapsed()).unwrap().settled.placed.len();
        told += self.scheduler.finish(self.since.elapsed()).unwrap().settled.placed.len();
        let after = self.passed();
        self.settle(told, &[]);
        [after[0] - before[0], after[1] - before[1]]
    }

    fn cut(&mut self, fault: Fault) -> Cut {
        let claimed = Instant::now();
        self.begin();
        self.proxy.arm(fault);
        let mut told = 0;
        let first = self
            .scheduler
            .step(self.since.elapsed())
            .and_then(|_| self.scheduler.finish(self.since.elapsed()));
        match first {
            Ok(step) => told += step.settled.placed.len(),
            Err(StoreError::NoAnswer(_)) => {}
            Err(error) => panic!("{error}"),
        }
        let books = Books::read(&self.store, WORKERS);
        books.balance(2 * self.batch);
        let in_time = claimed.elapsed() < LEASE;
        let carried_out = books.placed() > 0;
        assert!([0, self.batch].contains(&books.placed()), "a commit is done whole or not at all");
        let unheard = if carried_out && told == 0 { books.leased.len() } else { 0 };
        let held = leases(&self.store);
        let back = self.settle(told, &held);
        assert!(!self.proxy.is_armed(), "{fault:?}: it did not come so far");
        Cut { carried_out, in_time, unheard, back }
    }

    /// The scheduler goes on until everything has its place; the workers then run it. Until when something
    /// of this was held.
    fn settle(&mut self, mut told: usize, held: &[Lease]) -> Duration {
        let began = Instant::now();
        let mut back = None;
        while back.is_none() || placed(&self.store, WORKERS) < 2 * self.batch {
            match self.scheduler.step(self.since.elapsed()) {
                Ok(step) => {
                    told += step.settled.placed.len();
                    if step.is_idle() {
                        thread::sleep(Duration::from_millis(2));
                    }
                }
                Err(StoreError::NoAnswer(_)) => {}
                Err(error) => panic!("{error}"),
            }
            if back.is_none() && !leases(&self.store).iter().any(|lease| held.contains(lease)) {
                back = Some(began.elapsed());
            }
            let late = back.is_none() && began.elapsed() > LEASE + Duration::from_secs(1);
            assert!(!late && began.elapsed() < STUCK, "leases are not back");
        }
        // A commit whose answer was lost is sent again, and answered as it was.
        while told < 2 * self.batch {
            match self.scheduler.step(self.since.elapsed()) {
                Ok(step) => told += step.settled.placed.len(),
                Err(StoreError::NoAnswer(_)) => {}
                Err(error) => panic!("{error}"),
            }
            assert!(began.elapsed() < STUCK, "it was told of {told} only");
        }
        self.scheduler.finish(self.since.elapsed()).unwrap();
        let books = Books::read(&self.store, WORKERS);
        books.balance(2 * self.batch);
        assert_eq!(books.placed(), 2 * self.batch);
        assert_eq!(told, 2 * self.batch, "each is told once");
        assert!(self.store.release_all(&books.parts()).unwrap().iter().all(|there| *there));
        for key in books.queues.iter().flatten() {
            assert!(self.finished.insert(key.0), "{key:?} was placed again");
        }
        back.unwrap_or_default()
    }
}

/// A lease as it stands among the timers, with its end.
type Lease = (Vec<u8>, f64);

fn leases(store: &RedisStore) -> Vec<Lease> {
    let mut read = cmd("ZRANGE");
    read.arg(format!("{{{}}}:timers", store.prefix())).arg(&["0", "-1", "WITHSCORES"]);
    let timers: Vec<Lease> = store.wire().call(&read).unwrap();
    timers.into_iter().filter(|(member, _)| member[0] == b'L').collect()
}

/// Every fault, in so many lanes at a time, as most of it is waiting for leases to end; what each came to.
fn in_lanes(
    lanes: usize,
    batch: usize,
    faults: &[Fault],
    server: &RedisProcess,
    patience: Duration,
) -> Vec<(Fault, Cut)> {
    let next = AtomicUsize::new(0);
    let lane = &|at| {
        let mut lane = Lane::new(server, at, batch, patience);
        let mut cuts = Vec::new();
        while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
            cuts.push((*fault, lane.cut(*fault)));
        }
        assert_eq!(lane.finished.len(), lane.enqueued);
        cuts
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|at| scope.spawn(move || lane(at))).collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    })
}

fn faults(ending: Ending, lengths: [u64; 2], step: [u64; 2]) -> Vec<Fault> {
    let of = |direction, at: usize| {
        (0..lengths[at]).step_by(step[at].max(1) as usize).map(move |after_bytes| Fault {
            ending,
            direction,
            after_bytes,
        })
    };
    of(Direction::Request, 0).chain(of(Direction::Reply, 1)).collect()
}

fn show(what: &str, batch: usize, lengths: [u64; 2], cuts: &[(Fault, Cut)]) {
    let request = |cut: &&(Fault, Cut)| cut.0.direction == Direction::Request;
    let requests = cuts.iter().filter(request).count();
    let carried_out = cuts.iter().filter(|(_, cut)| cut.carried_out).count();
    let unheard = cuts.iter().map(|(_, cut)| cut.unheard).sum::<usize>();
    let slowest = cuts.iter().map(|(_, cut)| cut.back).max().unwrap_or_default();
    println!(
        "{} {what}, {requests} in a request of {} bytes and {} in a reply of {} bytes: {carried_out} \
         commits of {batch} were carried out before, {unheard} claims were not heard of; leases \
         were back within {} ms of {} ms",
        cuts.len(),
        lengths[0],
        cuts.len() - requests,
        lengths[1],
        slowest.as_millis(),
        LEASE.as_millis()
    );
}

fn lengths(server: &RedisProcess, batch: usize) -> [u64; 2] {
    let mut lane = Lane::new(server, 99, batch, PATIENCE);
    // The first one loads the script.
    lane.lengths();
    lane.lengths()
}

fn every_byte_of_8() {
    let server = server();
    let lengths = lengths(&server, 8);
    let faults = faults(Ending::Cut, lengths, [1, 1]);
    let cuts = in_lanes(12, 8, &faults, &server, PATIENCE);
    show("cuts", 8, lengths, &cuts);
    for (fault, cut) in cuts.iter().filter(|(_, cut)| cut.in_time) {
        let replied = fault.direction == Direction::Reply;
        assert_eq!(cut.carried_out, replied, "{fault:?}: {cut:?}");
    }
    let in_time = cuts.iter().filter(|(_, cut)| cut.in_time).count();
    assert!(2 * in_time > cuts.len(), "the machine is too busy: {in_time} commits were in time");
}

fn some_bytes_of_256() {
    let server = server();
    let lengths = lengths(&server, 256);
    let faults = faults(Ending::Cut, lengths, lengths.map(|length| length / 32 + 1));
    assert!((60..=64).contains(&faults.len()), "{}", faults.len());
    let cuts = in_lanes(3, 256, &faults, &server, PATIENCE);
    show("cuts", 256, lengths, &cuts);
}

/// Nothing more comes, and nobody says so: what is waited for takes its time.
fn stalls() {
    let server = server();
    let lengths = lengths(&server, 8);
    let faults = faults(Ending::Stall, lengths, lengths.map(|length| length / 8 + 1));
    let cuts = in_lanes(12, 8, &faults, &server, Duration::from_secs(1));
    show("stalls", 8, lengths, &cuts);
}
