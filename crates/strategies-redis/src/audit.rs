//! The books, added up again from the workers' lists.

use std::collections::{HashMap, HashSet};

use proofload_scheduler::{Audit, ContainerKey, Resources, StoreError, WorkerAudit, WorkerKey};
use proofload_scheduler_redis::wire::{Cmd, FromRedisValue, cmd};
use proofload_strategies::{Popped, Primitives};

use crate::primitives::{RedisPrimitives, less};
use crate::{member, worker};

/// Containers that are read at once.
const CHUNK: usize = 1_000;

impl RedisPrimitives {
    /// Reads all that the server has and adds it up again. A container that has come and is neither in the
    /// backlog nor in a worker's list is [`popped`](Audit::popped): whoever popped it has given it up, or
    /// has lost it. For a time when nobody schedules. Its calls count as this handle's, like any others.
    ///
    /// # Errors
    /// [`StoreError`], also if a list or the backlog holds what none of the steps writes.
    pub fn audit(&self) -> Result<Audit, StoreError> {
        let mut audit = Audit::default();
        let mut on: HashMap<ContainerKey, WorkerKey> = HashMap::new();
        for key in self.worker_keys()? {
            let list = self.list(&self.keys.list(key), "LRANGE")?;
            for container in &list {
                if let Some(other) = on.insert(container.key, key) {
                    let (id, other, key) = (&container.request.id, other.0, key.0);
                    let fault =
                        format!("container {id:?} is in the lists of workers {other} and {key}");
                    audit.faults.push(fault);
                }
            }
            self.audit_worker(key, &list, &mut audit)?;
        }
        audit.placed = on.len();
        let backlog = self.list(&self.keys.backlog, "ZRANGE")?;
        audit.waiting = backlog.len();
        for container in backlog.iter().filter(|container| on.contains_key(&container.key)) {
            let id = &container.request.id;
            audit.faults.push(format!("container {id:?} is in a worker's list and in the backlog"));
        }
        on.extend(backlog.iter().map(|container| (container.key, WorkerKey(u32::MAX))));
        let ever: Option<usize> = self.look(cmd("HGET").arg(&self.keys.steps).arg("containers"))?;
        audit.popped = ever.unwrap_or(0).saturating_sub(on.len());
        Ok(audit)
    }

    /// A worker's own account against what is in its list.
    fn audit_worker(
        &self,
        key: WorkerKey,
        list: &[Popped],
        audit: &mut Audit,
    ) -> Result<(), StoreError> {
        let name = self.keys.worker(key);
        let fields = self.look(cmd("HGETALL").arg(&name))?;
        let state = match worker::read(key, &name, &fields) {
            Ok(Some(state)) => state,
            Ok(None) => {
                audit
                    .faults
                    .push(format!("`{name}` is gone, and {} still lists it", self.keys.index));
                return Ok(());
            }
            Err(error) => {
                // A capacity below zero among other things.
                audit.faults.push(error.to_string());
                return Ok(());
            }
        };
        let id = &state.worker.id;
        let distinct: HashSet<ContainerKey> = list.iter().map(|container| container.key).collect();
        if distinct.len() != list.len() {
            audit.faults.push(format!("worker {id:?} has a container twice in its list"));
        }
        let mut left: Option<Resources> = Some(state.worker.total);
        for container in list {
            left = left.and_then(|left| less(left, container.request.needs));
        }
        match left {
            None => audit.faults.push(format!("worker {id:?} is booked beyond what it has")),
            Some(left) if left != state.free => audit
                .faults
                .push(format!("worker {id:?}: free capacity is not its total less its containers")),
            Some(_) => {}
        }
        if state.containers as usize != list.len() {
            let (says, has) = (state.containers, list.len());
            audit
                .faults
                .push(format!("worker {id:?} counts {says} containers, its list has {has}"));
        }
        audit.workers.push(WorkerAudit {
            key,
            id: id.clone(),
            containers: list.len(),
            free: state.free,
            version: state.version,
        });
        Ok(())
    }

    /// All containers of a key, by a command that takes the first and the last place.
    fn list(&self, key: &str, range: &str) -> Result<Vec<Popped>, StoreError> {
        let mut all = Vec::new();
        loop {
            let (first, last) = (all.len(), all.len() + CHUNK - 1);
            let members: Vec<Vec<u8>> = self.look(cmd(range).arg(key).arg(first).arg(last))?;
            for json in &members {
                all.push(member::read(key, json)?);
            }
            if members.len() < CHUNK {
                return Ok(all);
            }
        }
    }

    fn look<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        Ok(self.wire.retry(|| self.wire.call(command))?)
    }
}
