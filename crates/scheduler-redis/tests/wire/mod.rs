//! The connection: what it counts, and how it fails.

mod counting;
mod cutting;
mod failing;
mod refusing;

use std::sync::Arc;

use proofload_redis_process::RedisProcess;
use proofload_scheduler::{Counters, Snapshot, WireCounts};
use proofload_scheduler_redis::wire::{Address, Options, Wire, WireError};

use crate::support::server;

pub(crate) type Test = (&'static str, fn());

pub(crate) const TESTS: [&[Test]; 4] =
    [counting::TESTS, refusing::TESTS, failing::TESTS, cutting::TESTS];

fn address(server: &RedisProcess) -> Address {
    server.url().parse().unwrap()
}

/// A wire and its counters.
struct Wired {
    wire: Wire,
    counters: Arc<Counters>,
}

impl Wired {
    fn to(server: &RedisProcess) -> Self {
        Self::with(&address(server), Options::default()).unwrap()
    }

    fn with(address: &Address, options: Options) -> Result<Self, WireError> {
        let (counters, tally) = Counters::for_store();
        Ok(Self { wire: Wire::connect(address, options, Arc::new(tally))?, counters })
    }

    fn counted(&self) -> WireCounts {
        let Snapshot { wire, .. } = self.counters.snapshot();
        wire.unwrap()
    }
}
