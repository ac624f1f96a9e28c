//! Servers, workers, containers and chance.

use std::time::{Duration, Instant};

use proofload_redis_process::{Fsync, Options as Server, RedisProcess};
use proofload_scheduler::{
    Backoff, Batching, Config, Megabytes, Millicores, Policy, Request, Scheduler, Store, Worker,
};
use proofload_scheduler_redis::{Options, RedisStore};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Workers hold exactly so many of the containers.
pub(crate) const A_WORKER: usize = 80;

/// 10,000 millicores and 20,480 MB, as in the source.
pub(crate) fn worker(id: impl Into<String>) -> Worker {
    Worker::new(id, Millicores::new(10_000).unwrap(), Megabytes::new(20_480).unwrap())
}

/// An eightieth of a worker.
pub(crate) fn container(id: impl Into<String>) -> Request {
    Request::new(id, Millicores::new(125).unwrap(), Megabytes::new(256).unwrap())
}

/// Plans at once, and tries again soon whatever found no place.
pub(crate) fn at_once(most: usize, policy: Policy, seed: u64) -> Config {
    let (first, longest) = (Duration::from_millis(20), Duration::from_millis(100));
    Config {
        policy,
        seed,
        batching: Batching { most, window: Duration::ZERO, adaptive: true },
        backoff: Backoff { first, most: longest, tries: u32::MAX },
        ..Config::default()
    }
}

pub(crate) fn server() -> RedisProcess {
    RedisProcess::start(Server::default()).unwrap()
}

/// One that writes each command to its disk before it answers.
pub(crate) fn recording() -> RedisProcess {
    RedisProcess::start(Server { append_only: Some(Fsync::Always), ..Server::default() }).unwrap()
}

pub(crate) fn open(server: &RedisProcess, prefix: &str, options: Options) -> RedisStore {
    RedisStore::open(&server.url().parse().unwrap(), prefix, options).unwrap()
}

/// A store with workers `w0`, `w1`, ….
pub(crate) fn fleet(server: &RedisProcess, prefix: &str, workers: usize) -> RedisStore {
    let store = open(server, prefix, Options::default());
    for at in 0..workers {
        store.put_worker(worker(format!("w{at}"))).unwrap();
    }
    store
}

pub(crate) fn enqueue(store: &RedisStore, names: impl IntoIterator<Item = String>) {
    let requests: Vec<_> = names.into_iter().map(container).collect();
    for some in requests.chunks(1_000) {
        store.enqueue(some.to_vec(), Duration::ZERO).unwrap();
    }
}

/// Steps until nothing has happened for three steps; how many were placed.
pub(crate) fn run(scheduler: &mut Scheduler<RedisStore>, since: Instant) -> usize {
    let (mut placed, mut idle) = (0, 0);
    while idle < 3 {
        let step = scheduler.step(since.elapsed()).unwrap();
        placed += step.settled.placed.len();
        idle = if step.is_idle() { idle + 1 } else { 0 };
        assert!(since.elapsed() < STUCK, "it never comes to rest");
    }
    placed
}

/// Nothing here takes so long.
pub(crate) const STUCK: Duration = Duration::from_secs(60);

/// Asks every few milliseconds until it is so; how long that took.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < STUCK, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    since.elapsed()
}

/// The seed of a test, printed so that it can be had again.
pub(crate) fn chance(test: &str, seed: u64) -> ChaCha8Rng {
    let seed = std::env::var("PROOFLOAD_SEED").map_or(seed, |seed| seed.parse().unwrap());
    println!("{test}: PROOFLOAD_SEED={seed}");
    ChaCha8Rng::seed_from_u64(seed)
}
