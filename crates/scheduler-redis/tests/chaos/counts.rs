//! What a whole run has cost, by our counters and by the server's own.

use std::time::{Duration, Instant};

use proofload_scheduler::{Policy, Scheduler, Store, WireCounts};
use proofload_scheduler_redis::wire::Info;
use proofload_scheduler_redis::{Options, Parcel, RedisStore, WorkerSide};

use crate::Test;
use crate::books::Books;
use crate::support::{at_once, container, open, server, worker};

pub(super) const TESTS: &[Test] =
    &[("a whole run costs the server exactly what we say", a_whole_run)];

const WORKERS: usize = 20;
const CONTAINERS: usize = 100;
const LEASE: Duration = Duration::from_secs(30);

fn counted(store: &RedisStore) -> WireCounts {
    store.counters().snapshot().wire.unwrap()
}

/// What each of these handles has cost since it was made, together.
fn sum(handles: &[&RedisStore]) -> WireCounts {
    handles.iter().map(|store| counted(store)).fold(WireCounts::default(), |sum, one| WireCounts {
        round_trips: sum.round_trips + one.round_trips,
        commands: sum.commands + one.commands,
        bytes_sent: sum.bytes_sent + one.bytes_sent,
        bytes_received: sum.bytes_received + one.bytes_received,
        script_calls: sum.script_calls + one.script_calls,
        script_loads: sum.script_loads + one.script_loads,
    })
}

/// 100 containers on 20 workers from nothing to nothing: workers register, containers come with what
/// they carry, are placed, fetched, acknowledged and released, the books are audited, the keys removed.
/// Handshakes, script loads and calls that are refused are part of it.
fn a_whole_run() {
    let server = server();
    let store = open(&server, "run", Options::default());
    let (before, since) = (counted(&store), Instant::now());
    let info: Info = store.wire().info().unwrap();

    let register = |at| {
        let handle = store.handle().unwrap();
        WorkerSide::register(handle, &worker(format!("w{at}")), &[]).unwrap().0
    };
    let mut sides: Vec<_> = (0..WORKERS).map(register).collect();
    let parcel = |at| Parcel { request: container(format!("c{at}")), payload: vec![b'x'; 1_000] };
    let parcels: Vec<_> = (0..CONTAINERS).map(parcel).collect();
    store.enqueue_parcels(&parcels, Duration::ZERO).unwrap();
    assert!(store.enqueue_parcels(&parcels, Duration::ZERO).is_err());

    let config = at_once(CONTAINERS, Policy::Spread, 0);
    let handle = store.handle().unwrap();
    let mut scheduler = Scheduler::join(handle, "s", config, LEASE, since.elapsed()).unwrap();
    let mut placed = 0;
    for _ in 0..3 {
        placed += scheduler.step(since.elapsed()).unwrap().settled.placed.len();
    }
    placed += scheduler.finish(since.elapsed()).unwrap().settled.placed.len();
    assert_eq!(placed, CONTAINERS);
    // From its connection to its end, the loading of its scripts included.
    let schedule = counted(scheduler.store());
    let all = schedule.commands + schedule.script_calls;
    println!("100 containers on 20 workers: {all} commands, {} round trips", schedule.round_trips);
    assert!(all <= 70, "{schedule:?}");
    assert_eq!(scheduler.store().counters().snapshot().locks.taken, 0);

    let mut delivered = 0;
    for side in &mut sides {
        let fetched = side.fetch(100).unwrap();
        side.acknowledge().unwrap();
        let keys: Vec<_> = fetched.iter().map(|fetched| fetched.key).collect();
        delivered += side.release(&keys).unwrap().iter().filter(|there| **there).count();
    }
    assert_eq!(delivered, CONTAINERS);

    // The steady state: whatever comes is claimed with one exchange and placed with the next.
    for batch in 0..10 {
        let requests = (0..CONTAINERS).map(|at| container(format!("s{batch}-{at}"))).collect();
        store.enqueue(requests, Duration::ZERO).unwrap();
        let steady = counted(scheduler.store());
        let mut placed = 0;
        while placed < CONTAINERS {
            placed += scheduler.step(since.elapsed()).unwrap().settled.placed.len();
            placed += scheduler.finish(since.elapsed()).unwrap().settled.placed.len();
        }
        let trips = counted(scheduler.store()).round_trips - steady.round_trips;
        assert!(trips <= 2, "batch {batch}: {trips} round trips");
        let books = Books::read(&store, WORKERS);
        store.release_all(&books.parts()).unwrap();
    }
    Books::read(&store, WORKERS).balance(0);
    store.remove_all().unwrap();

    let mut handles: Vec<_> = sides.iter().map(WorkerSide::store).collect();
    handles.extend([&store, scheduler.store()]);
    let cost = sum(&handles);
    let info_after = store.wire().info().unwrap();
    // Of the two `INFO` the first is in both.
    let commands = cost.commands - before.commands;
    let script_calls = cost.script_calls - before.script_calls;
    let [sent, received] =
        [cost.bytes_sent - before.bytes_sent, cost.bytes_received - before.bytes_received];
    println!(
        "the whole run: {commands} commands, {script_calls} calls in scripts, {sent} bytes there and \
         {received} back"
    );
    assert_eq!(commands + script_calls, info_after.commands - info.commands);
    assert_eq!(sent, info_after.bytes_received - info.bytes_received);
    assert_eq!(received, info_after.bytes_sent - info.bytes_sent);
}
