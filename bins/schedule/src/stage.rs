//! What a run is made on: a fresh store in memory with the scenario's fleet. All that is particular to the
//! kind of store is here; the rest of a run asks for it by what the store is to do. A run on a server is
//! made in [`redis`](crate::redis).

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context;
use proofload_scheduler::{Audit, MemoryStore, Request, Store, StoreError};
use proofload_strategies::Delayed;

use crate::redis::Server;
use crate::scenario::Scenario;

/// Where containers and workers are kept.
pub(crate) enum Kind {
    Memory,
    Redis(Box<Server>),
}

impl Kind {
    /// The server, if it is one.
    pub(crate) fn server(&self) -> Option<&Server> {
        match self {
            Self::Memory => None,
            Self::Redis(server) => Some(server),
        }
    }

    /// In a few words.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Memory => "memory".to_owned(),
            Self::Redis(server) => server.near.to_string(),
        }
    }
}

pub(crate) struct Stage {
    store: MemoryStore,
}

impl Stage {
    pub(crate) fn new(scenario: &Scenario) -> anyhow::Result<Self> {
        let store = MemoryStore::new();
        for worker in scenario.fleet() {
            store.put_worker(worker).context("cannot make the fleet")?;
        }
        Ok(Self { store })
    }

    /// A handle for each replica, each as far away as the scenario says.
    pub(crate) fn replicas(
        &self,
        scenario: &Scenario,
        stop: &Arc<AtomicBool>,
    ) -> Vec<Delayed<MemoryStore>> {
        let far = |_| Delayed::until(self.store.handle(), scenario.op_delay, Arc::clone(stop));
        (0..scenario.replicas).map(far).collect()
    }

    /// The handle of who hands a strategy what it gets for nothing: no cost, no time either.
    pub(crate) fn hand(&self) -> Delayed<MemoryStore> {
        Delayed::new(self.store.handle(), Duration::ZERO)
    }

    pub(crate) fn enqueue(&self, requests: Vec<Request>, now: Duration) -> Result<(), StoreError> {
        self.store.enqueue(requests, now)?;
        Ok(())
    }

    /// The books, added up from the containers.
    pub(crate) fn audit(&self) -> Audit {
        self.store.audit()
    }

    /// Why containers were given up, where the store was told.
    pub(crate) fn refused(&self) -> Vec<String> {
        self.store.refused().into_iter().map(|(id, why)| format!("{id}: {why}")).collect()
    }
}
