//! The store: what it holds, and what it survives.

mod commits;
mod counts;
mod operations;
mod prefix;
mod set_back;
mod state_machine;
mod workers;

use proofload_scheduler::{
    Claim, Commit, ContainerKey, Exchange, Part, Reply, Request, Revision, Scheduler, Store,
    StoreError, Token, WorkerKey,
};
use proofload_scheduler_redis::RedisStore;
use std::time::Duration;

use crate::wire::Test;

pub(crate) const TESTS: [&[Test]; 7] = [
    commits::TESTS,
    counts::TESTS,
    operations::TESTS,
    prefix::TESTS,
    set_back::TESTS,
    state_machine::TESTS,
    workers::TESTS,
];

const NOW: Duration = Duration::ZERO;
const LEASE: Duration = Duration::from_secs(30);

/// An exchange that takes nothing and has seen nothing.
fn exchange(token: Token) -> Exchange<'static> {
    Exchange { token, now: NOW, commit: None, claim: None, since: None }
}

fn claim(store: &impl Store, token: Token, most: usize, now: Duration) -> Reply {
    let claim = Some(Claim { most, lease: LEASE });
    store.exchange(Exchange { now, claim, since: Some(Revision(0)), ..exchange(token) }).unwrap()
}

fn claimed(reply: &Reply) -> Vec<&str> {
    reply.claimed.iter().map(|claimed| claimed.request.id.as_str()).collect()
}

fn keys(reply: &Reply) -> Vec<ContainerKey> {
    reply.claimed.iter().map(|claimed| claimed.key).collect()
}

/// Everything on one worker.
fn on(worker: WorkerKey, batch: u64, containers: &[ContainerKey]) -> Commit {
    let part = Part { worker, epoch: 1, count: containers.len() as u32 };
    Commit { batch, parts: vec![part], containers: containers.to_vec() }
}

fn commit(
    store: &impl Store,
    token: Token,
    now: Duration,
    commit: &Commit,
) -> Result<Reply, StoreError> {
    store.exchange(Exchange { now, commit: Some(commit), ..exchange(token) })
}

fn requests(names: impl IntoIterator<Item = impl Into<String>>) -> Vec<Request> {
    names.into_iter().map(crate::support::container).collect()
}

/// The books are right; how many wait, are leased, are placed.
fn balanced(store: &RedisStore) -> [usize; 3] {
    let audit = store.audit().unwrap();
    assert_eq!(audit.faults, Vec::<String>::new());
    [audit.waiting, audit.leased, audit.placed]
}

/// Steps until nothing has happened for three steps; how many were placed.
fn run(scheduler: &mut Scheduler<RedisStore>, from: Duration) -> usize {
    let (mut now, mut placed, mut idle) = (from, 0, 0);
    while idle < 3 {
        assert!(now < from + Duration::from_secs(1_000), "it never comes to rest");
        let step = scheduler.step(now).unwrap();
        placed += step.settled.placed.len();
        idle = if step.is_idle() { idle + 1 } else { 0 };
        now += Duration::from_millis(1);
    }
    placed
}
