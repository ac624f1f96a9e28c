//! Scheduler processes on one store, with a quarter more demand than capacity.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use proofload_scheduler::Store;

use crate::Test;
use crate::books::{Books, placed};
use crate::process::{Orders, Process};
use crate::support::{A_WORKER, enqueue, fleet, server, wait_until};

pub(super) const TESTS: &[Test] =
    &[("200 thousand placements by racing processes fill the fleet exactly", two_hundred_thousand)];
pub(super) const LONG: &[Test] =
    &[("2 million placements by racing processes fill the fleet exactly", two_million)];

const WORKERS: usize = 125;
const CAPACITY: usize = WORKERS * A_WORKER;
const DEMAND: usize = CAPACITY + CAPACITY / 4;

/// Fills the fleet, releases everything, and fills it again, so often.
fn race(processes: usize, rounds: usize) {
    let server = server();
    let store = fleet(&server, "race", WORKERS);
    let mut names = 0..;
    let mut more = |count| {
        let some: Vec<_> = names.by_ref().take(count).map(|name| format!("c{name}")).collect();
        enqueue(&store, some);
    };
    let racing: Vec<_> = (0..processes)
        .map(|at| {
            Process::start(&Orders {
                url: server.url(),
                prefix: "race".to_owned(),
                name: format!("s{at}"),
                seed: at as u64,
                most: 100,
                // Longer than the race: what a lease's end does is shown elsewhere.
                lease: Duration::from_secs(600),
                window: Duration::ZERO,
            })
        })
        .collect();
    let began = Instant::now();
    let mut ever = BTreeSet::new();
    more(DEMAND - CAPACITY);
    for round in 1..=rounds {
        more(CAPACITY);
        wait_until("the fleet is full", || placed(&store, WORKERS) >= CAPACITY);
        // Long enough that each one left over is tried again, so that anything too much would be placed.
        thread::sleep(Duration::from_millis(200));
        let books = Books::read(&store, WORKERS);
        books.balance(DEMAND);
        let each: Vec<_> = books.queues.iter().map(Vec::len).collect();
        assert_eq!(each, vec![A_WORKER; WORKERS], "{processes} processes, round {round}");
        for key in books.queues.iter().flatten() {
            assert!(ever.insert(key.0), "{key:?} was placed in an earlier round too");
        }
        if round < rounds {
            let there = store.release_all(&books.parts()).unwrap();
            assert!(there.len() == CAPACITY && there.iter().all(|there| *there));
        }
    }
    let took = began.elapsed();
    let done: Vec<_> = racing.into_iter().map(Process::finish).collect();
    let told: Vec<_> = done.iter().flat_map(|done| &done.placed).collect();
    let each: BTreeSet<u64> = told.iter().map(|key| **key).collect();
    assert_eq!((told.len(), &each), (rounds * CAPACITY, &ever), "each was told to one of them");
    let audit = store.audit().unwrap();
    let ours = store.counters().snapshot().capacity_updates;
    let updates = ours + done.iter().map(|done| done.updates).sum::<u64>();
    assert_eq!(updates, audit.workers.iter().map(|worker| worker.version).sum::<u64>());
    let count = |of: fn(&crate::process::Done) -> u64| done.iter().map(of).sum::<u64>();
    let (conflicts, lost) = (count(|done| done.conflicts), count(|done| done.lost));
    assert_eq!(lost, 0, "no lease has ended");
    println!(
        "{processes} processes: {} placements in {:.1} s, {conflicts} turned away for lack of room",
        rounds * CAPACITY,
        took.as_secs_f64()
    );
}

fn races(placements: usize) {
    for processes in [2, 4, 8] {
        race(processes, placements.div_ceil(3 * CAPACITY));
    }
}

fn two_hundred_thousand() {
    races(200_000);
}

/// `just schedule-redis-race`
fn two_million() {
    races(2_000_000);
}
