use std::time::Duration;

use proofload_scheduler::{
    Batching, Config, Exchange, Gpus, Megabytes, MemoryStore, Millicores, Placer, Policy, Request,
    Resources, Scheduler, Store, Token, Worker,
};

pub(crate) fn cpu(millicores: i64) -> Millicores {
    Millicores::new(millicores).expect("in range")
}

pub(crate) fn memory(megabytes: i64) -> Megabytes {
    Megabytes::new(megabytes).expect("in range")
}

pub(crate) fn gpus(count: i64) -> Gpus {
    Gpus::new(count).expect("in range")
}

pub(crate) fn resources(millicores: i64, megabytes: i64, count: i64) -> Resources {
    Resources { cpu: cpu(millicores), memory: memory(megabytes), gpus: gpus(count) }
}

/// A worker of the source: 10,000 millicores and 20,480 MB.
pub(crate) fn worker(id: impl Into<String>) -> Worker {
    Worker::new(id, cpu(10_000), memory(20_480))
}

/// A container of the source: 100 millicores and 256 MB.
pub(crate) fn container(id: impl Into<String>) -> Request {
    Request::new(id, cpu(100), memory(256))
}

pub(crate) fn fleet(workers: impl IntoIterator<Item = Worker>) -> MemoryStore {
    let store = MemoryStore::new();
    for worker in workers {
        store.put_worker(worker).expect("a new worker");
    }
    store
}

pub(crate) fn enqueue(store: &MemoryStore, requests: impl IntoIterator<Item = Request>) {
    store.enqueue(requests.into_iter().collect(), Duration::ZERO).expect("new containers");
}

/// Plans at once.
pub(crate) fn at_once(policy: Policy) -> Config {
    Config {
        policy,
        batching: Batching { window: Duration::ZERO, ..Batching::FIXED },
        ..Config::default()
    }
}

pub(crate) const LEASE: Duration = Duration::from_secs(30);

pub(crate) fn join(store: &MemoryStore, name: &str, config: Config) -> Scheduler<MemoryStore> {
    Scheduler::join(store.handle(), name, config, LEASE, Duration::ZERO).expect("joined")
}

/// Steps once a millisecond from `from` on, until nothing has happened for three steps. Returns how many
/// were placed.
pub(crate) fn run(scheduler: &mut Scheduler<MemoryStore>, from: Duration) -> usize {
    let (mut now, mut placed, mut idle) = (from, 0, 0);
    while idle < 3 {
        assert!(now < from + Duration::from_secs(1_000), "it never comes to rest");
        let step = scheduler.step(now).expect("a step");
        placed += step.settled.placed.len();
        idle = if step.is_idle() { idle + 1 } else { 0 };
        now += Duration::from_millis(1);
    }
    placed
}

/// The whole fleet, for a placer of one's own.
pub(crate) fn placer(store: &MemoryStore, policy: Policy, seed: u64) -> Placer {
    let token: Token = store.join("placer").expect("joined");
    let reply = store
        .exchange(Exchange { token, now: Duration::ZERO, commit: None, claim: None, since: None })
        .expect("the fleet");
    let mut placer = Placer::new(policy, seed, store.counters());
    placer.apply(&reply.delta);
    placer
}

pub(crate) fn containers_a_worker(store: &MemoryStore) -> Vec<usize> {
    let audit = store.audit();
    assert_eq!(audit.faults, Vec::<String>::new());
    audit.workers.iter().map(|worker| worker.containers).collect()
}
