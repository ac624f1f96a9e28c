//! A server of each test's own.

mod cost;
mod flaws;
mod keys;
mod sequence;

use std::sync::Arc;
use std::time::Duration;

use proofload_redis_process::{Options as Server, RedisProcess};
use proofload_scheduler::{Counters, Megabytes, Millicores, Request, WireCounts, Worker};
use proofload_scheduler_redis::wire::{Address, Options, Wire};
use proofload_strategies::{Ran, Settings, Steps, Work, run_steps};
use proofload_strategies_redis::RedisPrimitives;

pub(crate) type Test = (&'static str, fn());

pub(crate) const TESTS: [&[Test]; 4] = [cost::TESTS, flaws::TESTS, keys::TESTS, sequence::TESTS];

const ALL: [Steps; 3] = [Steps::Old, Steps::Lock, Steps::Batch];
const PREFIX: &str = "test";

fn server() -> RedisProcess {
    RedisProcess::start(Server::default()).unwrap()
}

fn address(server: &RedisProcess) -> Address {
    server.url().parse().unwrap()
}

fn open(server: &RedisProcess) -> RedisPrimitives {
    RedisPrimitives::open(&address(server), PREFIX, Options::default()).unwrap()
}

fn worker(number: u32) -> Worker {
    let (cpu, memory) = (Millicores::new(10_000).unwrap(), Megabytes::new(20_480).unwrap());
    Worker::new(format!("worker-{number}"), cpu, memory)
}

fn container(number: u32) -> Request {
    let (cpu, memory) = (Millicores::new(100).unwrap(), Megabytes::new(256).unwrap());
    Request::new(format!("container-{number}"), cpu, memory)
}

/// A handle on a server with so many workers and containers of a kilobyte.
fn filled(server: &RedisProcess, workers: u32, containers: u32) -> RedisPrimitives {
    let hand = open(server);
    let fleet: Vec<Worker> = (1..=workers).map(worker).collect();
    hand.put_workers(&fleet).unwrap();
    let requests: Vec<Request> = (1..=containers).map(container).collect();
    hand.enqueue(&requests, &"x".repeat(1_000), Duration::ZERO).unwrap();
    hand
}

fn ran(steps: Steps, hand: &RedisPrimitives, replicas: usize, containers: usize) -> Ran {
    let replicas = (0..replicas).map(|_| hand.handle().unwrap()).collect();
    run_steps(steps, replicas, hand, &Work::of(containers), &settings()).unwrap()
}

/// On a machine that is busy a run may take longer than a cached worker is good for by default, and then
/// reads it again.
fn settings() -> Settings {
    Settings { cache_lifetime: Duration::from_secs(3_600), ..Settings::default() }
}

/// Somebody who looks at the server from outside.
struct Observer {
    wire: Wire,
    counters: Arc<Counters>,
}

impl Observer {
    fn of(server: &RedisProcess) -> Self {
        let (counters, tally) = Counters::for_store();
        let wire = Wire::connect(&address(server), Options::default(), Arc::new(tally)).unwrap();
        Self { wire, counters }
    }

    fn counted(&self) -> WireCounts {
        self.counters.snapshot().wire.unwrap()
    }
}
