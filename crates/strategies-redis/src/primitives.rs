//! The steps, one call each.

use std::collections::HashMap;
use std::sync::Arc;

use proofload_scheduler::{
    Counters, Gpus, Megabytes, Millicores, Resources, StoreError, Tally, WorkerKey, WorkerState,
};
use proofload_scheduler_redis::wire::{Cmd, FromRedisValue, Options, Wire, cmd};
use proofload_strategies::{Popped, Primitives};

use crate::error::malformed;
use crate::keys::Keys;
use crate::lock::RedisLock;
use crate::{member, worker};

/// A handle: a connection and counters of its own.
///
/// No call is sent again by itself, but for reads: a lost connection ends a run of the strategies, and what
/// had been popped is lost, as in the source.
pub struct RedisPrimitives {
    pub(crate) wire: Wire,
    pub(crate) keys: Keys,
    pub(crate) options: Options,
    pub(crate) counters: Arc<Counters>,
    pub(crate) tally: Arc<Tally>,
}

impl std::fmt::Debug for RedisPrimitives {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisPrimitives")
            .field("address", self.wire.address())
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl RedisPrimitives {
    /// One step that may be taken twice.
    fn read<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.tally.operation(1);
        Ok(self.wire.retry(|| self.wire.call(command))?)
    }

    /// One step that may not.
    fn write<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.tally.operation(1);
        Ok(self.wire.call(command)?)
    }
}

impl Primitives for RedisPrimitives {
    type Lock<'a> = RedisLock;

    fn backlog_len(&self) -> Result<usize, StoreError> {
        self.read(cmd("ZCARD").arg(&self.keys.backlog))
    }

    fn pop(&self) -> Result<Option<Popped>, StoreError> {
        let popped: Vec<(Vec<u8>, f64)> =
            self.write(cmd("ZPOPMIN").arg(&self.keys.backlog).arg(1))?;
        popped.first().map(|(json, _)| member::read(&self.keys.backlog, json)).transpose()
    }

    /// In their order, which a set does not have: the strategies are to choose as they do elsewhere.
    fn worker_keys(&self) -> Result<Vec<WorkerKey>, StoreError> {
        let members: Vec<String> = self.read(cmd("SMEMBERS").arg(&self.keys.index))?;
        let number = |member: &String| {
            let wrong =
                || malformed(&self.keys.index, format_args!("{member:?} is no worker's key"));
            member.parse().map(WorkerKey).map_err(|_| wrong())
        };
        let mut keys: Vec<WorkerKey> = members.iter().map(number).collect::<Result<_, _>>()?;
        keys.sort_unstable();
        Ok(keys)
    }

    fn lock(&self, worker: WorkerKey) -> Result<RedisLock, StoreError> {
        self.tally.operation(1);
        RedisLock::take(&self.wire, &self.tally, worker, self.keys.lock(worker))
    }

    fn release(&self, lock: RedisLock) -> Result<(), StoreError> {
        self.tally.operation(1);
        lock.release(&self.wire)
    }

    fn get(&self, worker: WorkerKey) -> Result<Option<WorkerState>, StoreError> {
        let key = self.keys.worker(worker);
        let fields: HashMap<String, String> = self.read(cmd("HGETALL").arg(&key))?;
        worker::read(worker, &key, &fields)
    }

    /// Writes nothing if nothing fits.
    fn put(&self, found: &WorkerState, containers: &[Popped]) -> Result<usize, StoreError> {
        let mut free = found.free;
        let mut placed = 0;
        for container in containers {
            if let Some(left) = less(free, container.request.needs) {
                free = left;
                placed += 1;
            }
        }
        if placed > 0 {
            let key = self.keys.worker(found.key);
            let containers = u64::from(found.containers) + placed as u64;
            let _new: u64 = self.write(&worker::changed(&key, found, free, containers))?;
            self.tally.capacity_update(1);
        }
        Ok(placed)
    }

    fn assign(&self, container: &Popped, worker: WorkerKey) -> Result<(), StoreError> {
        let request = &container.request;
        let mut set = cmd("HSET");
        set.arg(self.keys.container(&request.id)).arg("status").arg("PENDING");
        set.arg("worker").arg(worker.0).arg("gpu_count").arg(request.needs.gpus.get());
        let _new: u64 = self.write(&set)?;
        Ok(())
    }

    fn push(&self, worker: WorkerKey, container: &Popped) -> Result<(), StoreError> {
        let json = member::write(container)?;
        let _len: u64 = self.write(cmd("RPUSH").arg(self.keys.list(worker)).arg(json))?;
        Ok(())
    }

    fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}

/// What is left; `None` if that much is not there.
pub(crate) fn less(have: Resources, taken: Resources) -> Option<Resources> {
    each(have, taken, u32::checked_sub)
}

/// What it is together; `None` if that is more than there can be.
pub(crate) fn more(have: Resources, back: Resources) -> Option<Resources> {
    each(have, back, u32::checked_add)
}

fn each(a: Resources, b: Resources, of: impl Fn(u32, u32) -> Option<u32>) -> Option<Resources> {
    let of = |a, b| of(a, b).map(i64::from);
    Some(Resources {
        cpu: Millicores::new(of(a.cpu.get(), b.cpu.get())?).ok()?,
        memory: Megabytes::new(of(a.memory.get(), b.memory.get())?).ok()?,
        gpus: Gpus::new(of(a.gpus.get(), b.gpus.get())?).ok()?,
    })
}
