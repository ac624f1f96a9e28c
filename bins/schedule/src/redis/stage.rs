//! What a run is made on: keys of its own on the server, with the scenario's fleet.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use proofload_scheduler::{Audit, Request, Store, StoreError, WorkerKey};
use proofload_scheduler_redis::{Options, Parcel, RedisStore};
use proofload_strategies::{Primitives, Strategy};
use proofload_strategies_redis::RedisPrimitives;

use super::server::Server;
use super::truth::commands;
use crate::scenario::Scenario;

/// Containers that are brought in one call.
const CHUNK: usize = 1_000;
/// What a container has beside its request: image, mounts, environment.
const PAYLOAD_BYTES: usize = 1_000;

/// Keys of a run. They are removed when it is dropped.
pub(crate) struct Stage<'a> {
    server: &'a Server,
    pub(crate) prefix: String,
    books: Books,
    keep: bool,
}

/// The handle of who sets up, brings containers, and adds up: none of a strategy.
pub(crate) enum Books {
    Ours(Arc<RedisStore>),
    Steps(Arc<RedisPrimitives>),
}

impl<'a> Stage<'a> {
    pub(crate) fn new(
        server: &'a Server,
        strategy: Strategy,
        scenario: &Scenario,
        label: &str,
        keep: bool,
    ) -> anyhow::Result<Self> {
        let prefix = server.prefix.of_run(strategy, label);
        let books = match strategy.steps() {
            None => {
                let opened = RedisStore::open(&server.near, &prefix, Options::default());
                Books::Ours(Arc::new(opened.context("cannot open the store")?))
            }
            Some(_) => {
                let opened = RedisPrimitives::open(&server.near, &prefix, Default::default());
                Books::Steps(Arc::new(opened.context("cannot open the store")?))
            }
        };
        // From here on there are keys, and whatever goes wrong they are removed.
        let stage = Self { server, prefix, books, keep };
        match &stage.books {
            Books::Ours(store) => {
                for worker in scenario.fleet() {
                    store.put_worker(worker).context("cannot make the fleet")?;
                }
            }
            Books::Steps(hand) => {
                hand.put_workers(&scenario.fleet()).context("cannot make the fleet")?;
            }
        }
        Ok(stage)
    }

    pub(crate) fn books(&self) -> &Books {
        &self.books
    }

    pub(crate) fn enqueue(&self, requests: &[Request], now: Duration) -> Result<(), StoreError> {
        let payload = "x".repeat(PAYLOAD_BYTES);
        for chunk in requests.chunks(CHUNK) {
            match &self.books {
                Books::Steps(hand) => drop(hand.enqueue(chunk, &payload, now)?),
                Books::Ours(store) => {
                    let parcel = |request: &Request| Parcel {
                        request: request.clone(),
                        payload: payload.clone().into_bytes(),
                    };
                    let parcels: Vec<Parcel> = chunk.iter().map(parcel).collect();
                    store.enqueue_parcels(&parcels, now)?;
                }
            }
        }
        Ok(())
    }

    /// The books, added up again from the workers' queues.
    pub(crate) fn audit(&self) -> Result<Audit, StoreError> {
        match &self.books {
            Books::Ours(store) => store.audit(),
            Books::Steps(hand) => hand.audit(),
        }
    }

    /// Why containers were given up, where the store was told.
    pub(crate) fn refused(&self) -> Result<Vec<String>, StoreError> {
        let Books::Ours(store) = &self.books else { return Ok(Vec::new()) };
        let pairs = store.refused()?.into_iter();
        Ok(pairs.map(|(id, why)| format!("{id}: {why}")).collect())
    }

    /// Whether nothing more can come of it: of a store that hands out leases something always may.
    pub(crate) fn is_drained(&self) -> Result<bool, StoreError> {
        match &self.books {
            Books::Ours(_) => Ok(false),
            Books::Steps(hand) => Ok(hand.backlog_len()? == 0),
        }
    }

    /// Commands that this handle has cost so far.
    pub(crate) fn commands(&self) -> u64 {
        let counters = match &self.books {
            Books::Ours(store) => Store::counters(&**store),
            Books::Steps(hand) => Primitives::counters(&**hand),
        };
        commands(&counters.snapshot())
    }

    /// Workers by name, with their keys.
    pub(crate) fn workers(&self, audit: &Audit) -> Vec<(WorkerKey, String)> {
        audit.workers.iter().map(|worker| (worker.key, worker.id.clone())).collect()
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        let removed = match &self.books {
            Books::Ours(store) => store.remove_all(),
            Books::Steps(hand) => hand.remove_all(),
        };
        if let Err(error) = removed {
            self.server.could_not_remove(&self.prefix, &error);
        }
    }
}
