//! The books, added up again from the containers alone.

use std::collections::HashMap;

use super::MemoryStore;
use super::containers::State;
use crate::amount::{Resources, Taken};
use crate::store::WorkerKey;

/// What a store holds, counted container by container, and every disagreement found.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// Workers that are there, by key.
    pub workers: Vec<WorkerAudit>,
    /// Containers in the backlog.
    pub waiting: usize,
    /// Containers with a scheduler.
    pub leased: usize,
    /// Containers popped and not placed.
    pub popped: usize,
    /// Containers on workers.
    pub placed: usize,
    /// Disagreements, in words; empty if the books are right.
    pub faults: Vec<String>,
}

/// A worker in an [`Audit`].
#[derive(Clone, Debug)]
pub struct WorkerAudit {
    /// Its key.
    pub key: WorkerKey,
    /// Its name.
    pub id: String,
    /// Containers on it.
    pub containers: usize,
    /// What the store says is free.
    pub free: Resources,
    /// How often its capacity has changed.
    pub version: u64,
}

impl MemoryStore {
    /// Adds everything up again. No operation of any strategy, and not counted as one.
    pub fn audit(&self) -> Audit {
        let section = self.section();
        let mut audit = Audit::default();
        let mut claims: HashMap<u64, usize> = HashMap::new();
        let mut sums: HashMap<WorkerKey, (usize, Taken)> = HashMap::new();
        for container in section.containers.iter() {
            match container.state {
                State::Waiting => audit.waiting += 1,
                State::Leased { claim, .. } => {
                    audit.leased += 1;
                    *claims.entry(claim).or_default() += 1;
                }
                State::Popped => audit.popped += 1,
                State::Placed { worker, .. } => {
                    audit.placed += 1;
                    let (count, taken) = sums.entry(worker).or_default();
                    *count += 1;
                    taken.add(&container.request.needs);
                }
            }
        }
        section.backlog_faults(audit.waiting, &claims, &mut audit.faults);
        for key in section.fleet.keys() {
            let Some(row) = section.fleet.get(key) else { continue };
            let (count, taken) = sums.remove(&key).unwrap_or_default();
            let id = &row.worker.id;
            if row.owned.len() != count {
                audit.faults.push(format!(
                    "worker {id:?} lists {} containers, {count} say they are on it",
                    row.owned.len()
                ));
            }
            if row.worker.total.less(&taken) != row.free() {
                audit.faults.push(format!(
                    "worker {id:?}: free capacity is not its total less its containers"
                ));
            }
            if !taken.within(&row.worker.total) {
                audit.faults.push(format!("worker {id:?} is booked beyond what it has"));
            }
            let mut queued = section.fleet.queued(key).to_vec();
            queued.retain(|&container| section.containers.get(container).is_some());
            queued.sort_unstable();
            let listed = queued.len();
            queued.dedup();
            if queued.len() != listed {
                audit.faults.push(format!("worker {id:?} has a container twice in its queue"));
            }
            if queued.iter().any(|&container| {
                !matches!(section.containers.state(container), Some(State::Placed { worker, .. }) if worker == key)
            }) {
                audit.faults.push(format!("worker {id:?} has a container in its queue that is not on it"));
            }
            audit.workers.push(WorkerAudit {
                key,
                id: id.clone(),
                containers: count,
                free: row.free(),
                version: row.version,
            });
        }
        for (worker, (count, _)) in sums {
            audit
                .faults
                .push(format!("{count} containers are on worker {}, which is gone", worker.0));
        }
        audit
    }
}
