//! Requests, workers and servers of the tests.

use std::time::Duration;

use proofload_redis_process::{Options as Server, RedisProcess};
use proofload_scheduler::{
    Batching, Config, Gpus, Megabytes, Millicores, Policy, Request, Resources, Worker,
};
use proofload_scheduler_redis::{Options, RedisStore, Time};

pub(crate) fn resources(millicores: i64, megabytes: i64, count: i64) -> Resources {
    Resources {
        cpu: Millicores::new(millicores).unwrap(),
        memory: Megabytes::new(megabytes).unwrap(),
        gpus: Gpus::new(count).unwrap(),
    }
}

/// A worker of the source: 10,000 millicores and 20,480 MB.
pub(crate) fn worker(id: impl Into<String>) -> Worker {
    let Resources { cpu, memory, .. } = resources(10_000, 20_480, 0);
    Worker::new(id, cpu, memory)
}

/// A container of the source: 100 millicores and 256 MB.
pub(crate) fn container(id: impl Into<String>) -> Request {
    let Resources { cpu, memory, .. } = resources(100, 256, 0);
    Request::new(id, cpu, memory)
}

/// Plans at once.
pub(crate) fn at_once(policy: Policy) -> Config {
    Config {
        policy,
        batching: Batching { window: Duration::ZERO, ..Batching::FIXED },
        ..Config::default()
    }
}

pub(crate) fn server() -> RedisProcess {
    RedisProcess::start(Server::default()).unwrap()
}

/// Time goes on as the calls say.
pub(crate) const CALLERS_TIME: Options = Options {
    wire: proofload_scheduler_redis::wire::Options {
        connect_timeout: Duration::from_secs(5),
        response_timeout: Duration::from_secs(10),
        retry: proofload_scheduler_redis::wire::Retry {
            tries: 5,
            first: Duration::from_millis(20),
            most: Duration::from_secs(1),
        },
    },
    worker_ttl: None,
    report_within: Duration::from_secs(60),
    time: Time::Caller,
};

pub(crate) fn open(server: &RedisProcess, prefix: &str, options: Options) -> RedisStore {
    RedisStore::open(&server.url().parse().unwrap(), prefix, options).unwrap()
}
