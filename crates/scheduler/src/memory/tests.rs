//! Schedulers interleaved in every order that shuttle thinks of.

use std::sync::Arc;
use std::time::Duration;

use shuttle::sync::Mutex;
use shuttle::thread;

use super::Ledger;
use super::containers::State;
use crate::amount::{Megabytes, Millicores};
use crate::batching::Batching;
use crate::counters::Counters;
use crate::planner::{Config, Planner};
use crate::policy::Policy;
use crate::request::Request;
use crate::store::{Claim, Exchange, Store, StoreError};
use crate::worker::Worker;

const NOW: Duration = Duration::ZERO;

fn container(number: usize) -> Request {
    Request::new(format!("c{number}"), Millicores::from_raw(1_000), Megabytes::from_raw(1_000))
}

/// Claims, plans and commits a few times; the lock is let go between every two exchanges.
fn schedule(ledger: &Mutex<Ledger>, name: &str, policy: Policy) -> Result<usize, StoreError> {
    let counters = Arc::new(Counters::new());
    let batching = Batching { most: 3, window: NOW, adaptive: false };
    let mut planner =
        Planner::new(Config { policy, batching, ..Config::default() }, Arc::clone(&counters));
    let token = ledger.lock().expect("no panic").join(name);
    let mut placed = 0;
    for _ in 0..5 {
        let plan = planner.plan(NOW);
        let exchange = Exchange {
            token,
            now: NOW,
            commit: plan.batch.and_then(|batch| planner.commit(batch)),
            claim: Some(Claim { most: planner.wants(), lease: Duration::from_secs(1) }),
            since: planner.seen(),
        };
        let first = ledger.lock().expect("no panic").exchange(&exchange, &counters)?;
        // The reply is lost; what it claimed comes back with the lease, what it placed is placed.
        let reply = ledger.lock().expect("no panic").exchange(&exchange, &counters)?;
        assert_eq!(first.verdict, reply.verdict);
        placed += planner.absorb(reply, planner.wants(), NOW).placed.len();
    }
    Ok(placed)
}

#[test]
fn whatever_the_interleaving_a_container_is_placed_once_and_where_it_fits() {
    shuttle::check_random(
        || {
            let mut ledger = Ledger::default();
            for worker in 0..2 {
                let worker = Worker::new(
                    format!("w{worker}"),
                    Millicores::from_raw(2_000),
                    Megabytes::from_raw(9_000),
                );
                ledger.fleet.put(worker).expect("new");
            }
            ledger.enqueue((0..12).map(container).collect(), NOW).expect("new");
            let ledger = Arc::new(Mutex::new(ledger));
            let threads: Vec<_> =
                [("a", Policy::Spread), ("b", Policy::BestFit), ("a", Policy::Spread)]
                    .into_iter()
                    .map(|(name, policy)| {
                        let ledger = Arc::clone(&ledger);
                        thread::spawn(move || schedule(&ledger, name, policy))
                    })
                    .collect();
            let heard: usize = threads
                .into_iter()
                .map(|thread| match thread.join().expect("no panic") {
                    Ok(placed) => placed,
                    // Two are called `a`: the later fences the earlier.
                    Err(StoreError::Fenced(_)) => 0,
                    Err(error) => panic!("{error}"),
                })
                .sum();
            let ledger = ledger.lock().expect("no panic");
            let placed = ledger
                .containers
                .iter()
                .filter(|c| matches!(c.state, State::Placed { .. }))
                .count();
            let owned: usize = ledger
                .fleet
                .keys()
                .filter_map(|key| ledger.fleet.get(key))
                .map(|row| row.owned.len())
                .sum();
            assert_eq!((placed, ledger.containers.iter().count()), (owned, 12));
            assert!(heard <= placed && placed <= 4);
            for key in ledger.fleet.keys() {
                assert!(ledger.fleet.get(key).expect("there").owned.len() <= 2);
            }
        },
        2_000,
    );
}

/// The audit is what other tests rely on: it must see what is lost.
#[test]
fn an_audit_sees_containers_that_no_list_holds_and_those_that_two_do() {
    type Spoil = fn(&mut Ledger);
    let spoilt: [(Spoil, &str); 5] = [
        (|_| (), ""),
        (|ledger| ledger.ready.clear(), "lists 1 containers"),
        (|ledger| ledger.delayed.clear(), "lists 2 containers"),
        (
            |ledger| {
                let twice = ledger.delayed.values().next().copied().expect("put back");
                ledger.queue_of(twice).push_back(twice);
            },
            "lists 4 containers, 3 of them once",
        ),
        (|ledger| ledger.leases.clear(), "in no lease"),
    ];
    for (spoil, fault) in spoilt {
        let store = super::MemoryStore::new();
        store.enqueue((0..5).map(container).collect(), NOW).expect("new");
        let token = store.join("a").expect("joined");
        let claim = Some(Claim { most: 3, lease: Duration::from_secs(1) });
        let exchange = Exchange { token, now: NOW, commit: None, claim, since: None };
        let claimed = store.exchange(exchange).expect("mine").claimed;
        store.requeue_at(token, &[claimed[0].key], Duration::from_secs(9)).expect("mine");
        spoil(&mut store.section());
        let faults = store.audit().faults;
        assert_eq!(faults.len(), usize::from(!fault.is_empty()), "{faults:?}");
        assert!(faults.iter().all(|found| found.contains(fault)), "{fault}: {faults:?}");
    }
}

/// What ends before its worker fetches it is not handed out, and does not pile up: the oldest stays in front
/// all the time.
#[test]
fn a_queue_keeps_its_order_and_not_what_has_ended() {
    let store = super::MemoryStore::new();
    let worker = Worker::new("w", Millicores::from_raw(9_000), Megabytes::from_raw(9_000));
    let worker = store.put_worker(worker).expect("new");
    let mut keys = Vec::new();
    let mut place = |number: usize| {
        store.enqueue(vec![container(number)], NOW).expect("new");
        let (key, _, _) = store.pop().expect("it waits");
        assert_eq!(store.put(worker, &[key]), 1);
        assert!(store.push(worker, key));
        keys.push(key);
    };
    place(0);
    for number in 1..1_000 {
        place(number);
        assert!(number == 500 || store.release(&format!("c{number}"), "w").expect("there"));
        let listed = store.section().fleet.queued(worker).len();
        assert!(listed <= 2 * super::fleet::QUEUE_KEPT, "{listed} for at most 3");
    }
    assert_eq!(store.audit().faults, Vec::<String>::new());
    // A worker that has fetched nothing yet is not asked for what waits for it.
    assert_eq!(store.reconcile("w", &[]).expect("there"), crate::store::Reconciled::default());
    assert_eq!(store.fetch(worker), [keys[0], keys[500]]);
    assert_eq!(store.fetch(worker), []);
}
