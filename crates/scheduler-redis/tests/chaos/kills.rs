//! Schedulers that are killed with `SIGKILL` at random points of their batches.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use proofload_scheduler::{Exchange, Policy, Scheduler, Store};
use rand::RngExt;

use crate::Test;
use crate::books::Books;
use crate::process::{Orders, Process};
use crate::support::{at_once, chance, enqueue, fleet, run, server};

pub(super) const TESTS: &[Test] = &[("50 kills lose nothing and double nothing", fifty)];
pub(super) const LONG: &[Test] = &[("1,000 kills lose nothing and double nothing", thousand)];

const WORKERS: usize = 20;
const EACH: usize = 400;
const LEASE: Duration = Duration::from_millis(200);

fn kills(kills: usize) {
    let mut chance = chance("kills", 1);
    let server = server();
    let store = fleet(&server, "kills", WORKERS);
    let token = store.join("looks").unwrap();
    let look = || {
        let looks = Exchange { token, now: Duration::ZERO, commit: None, claim: None, since: None };
        store.exchange(looks).unwrap();
        Books::read(&store, WORKERS)
    };
    let (mut enqueued, mut finished) = (0, BTreeSet::new());
    let (mut left_leases, mut left_none, mut slowest) = (0, 0, Duration::ZERO);
    for kill in 0..kills {
        let open = enqueued - finished.len();
        let more = EACH.saturating_sub(open);
        enqueue(&store, (enqueued..enqueued + more).map(|name| format!("c{name}")));
        enqueued += more;
        let process = Process::start(&Orders {
            url: server.url(),
            prefix: "kills".to_owned(),
            // Now a new one, now one that takes the place of an earlier one.
            name: format!("s{}", kill % 3),
            seed: kill as u64,
            most: 25,
            lease: LEASE,
            window: Duration::ZERO,
        });
        thread::sleep(Duration::from_micros(chance.random_range(0..20_000)));
        process.kill();
        let killed = Instant::now();
        let books = Books::read(&store, WORKERS);
        books.balance(enqueued - finished.len());
        if books.leased.is_empty() {
            left_none += 1;
        } else {
            left_leases += 1;
            while !look().leased.is_empty() {
                assert!(killed.elapsed() < LEASE + Duration::from_secs(1), "leases are not back");
                thread::sleep(Duration::from_millis(5));
            }
            slowest = slowest.max(killed.elapsed());
        }
        let books = look();
        books.balance(enqueued - finished.len());
        // The workers have run them; that one comes again would be seen here.
        assert!(store.release_all(&books.parts()).unwrap().iter().all(|there| *there));
        for key in books.queues.iter().flatten() {
            assert!(finished.insert(*key), "{key:?} was placed again");
        }
    }
    let since = Instant::now();
    let last = at_once(100, Policy::Spread, 0);
    let mut last =
        Scheduler::join(store.handle().unwrap(), "last", last, LEASE, since.elapsed()).unwrap();
    let rest = enqueued - finished.len();
    assert_eq!(run(&mut last, since), rest, "all that were left find their place");
    let books = look();
    books.balance(rest);
    assert_eq!(books.placed(), rest);
    assert!(books.queues.iter().flatten().all(|key| finished.insert(*key)));
    assert_eq!(finished.len(), enqueued);
    println!(
        "{kills} kills, {left_leases} with leases left behind, {left_none} without; {enqueued} \
         containers, each placed once; leases were back within {} ms of {} ms",
        slowest.as_millis(),
        LEASE.as_millis()
    );
    assert!(left_leases * 2 > kills, "most kills should hit a batch: {left_leases} of {kills}");
}

fn fifty() {
    kills(50);
}

/// `just schedule-redis-kills`
fn thousand() {
    kills(1_000);
}
