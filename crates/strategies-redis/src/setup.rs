//! What comes before a run and after it: keys, workers, containers. No step of any strategy.

use std::sync::Arc;
use std::time::Duration;

use proofload_scheduler::{ContainerKey, Counters, Request, StoreError, Worker, WorkerKey};
use proofload_scheduler_redis::wire::{Address, Options, Pipeline, Wire, WireError, cmd, pipe};
use proofload_strategies::Popped;

use crate::error::{OpenError, malformed};
use crate::keys::Keys;
use crate::primitives::RedisPrimitives;
use crate::{lock, member, worker};

/// What is written under `schema`.
const SCHEMA: &str = "proofload-strategies/1";
/// Commands that are sent together, members in a command, keys that are looked for at once.
const CHUNK: usize = 500;

impl RedisPrimitives {
    /// Connects to the server and looks whether the prefix is free, or already used by this. What that
    /// costs stands in the handle's counters from the beginning; a run counts from when it starts.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was written then.
    pub fn open(address: &Address, prefix: &str, options: Options) -> Result<Self, OpenError> {
        let handle = Self::connect(address, Keys::new(prefix)?, options)?;
        look(&handle.wire, &handle.keys)?;
        let mut mark = cmd("HSETNX");
        let _new: u64 = handle.wire.call(mark.arg(&handle.keys.steps).arg("schema").arg(SCHEMA))?;
        Ok(handle)
    }

    /// Another handle on the same keys: a connection of its own, and counters of its own.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub fn handle(&self) -> Result<Self, WireError> {
        Self::connect(self.wire.address(), self.keys.clone(), self.options)
    }

    fn connect(address: &Address, keys: Keys, options: Options) -> Result<Self, WireError> {
        let (counters, tally) = Counters::for_store();
        let tally = Arc::new(tally);
        let wire = Wire::connect(address, options, Arc::clone(&tally))?;
        lock::prepare(&wire, &keys.lock(WorkerKey(u32::MAX)))?;
        Ok(Self { wire, keys, options, counters, tally })
    }

    /// Registers workers, all of whose capacity is free.
    ///
    /// # Errors
    /// [`StoreError`], also if one of them cannot be taken; none was registered then.
    pub fn put_workers(&self, workers: &[Worker]) -> Result<Vec<WorkerKey>, StoreError> {
        for worker in workers {
            worker.check()?;
        }
        let first = self.numbers("workers", workers.len())?;
        let mut keys = Vec::with_capacity(workers.len());
        for (number, worker) in (first..).zip(workers) {
            let number = u32::try_from(number)
                .map_err(|_| malformed(&self.keys.steps, "more workers than keys for them"))?;
            keys.push((WorkerKey(number), worker));
        }
        for chunk in keys.chunks(CHUNK) {
            let mut commands = pipe();
            for &(key, worker) in chunk {
                commands.add_command(worker::written(&self.keys.worker(key), worker));
                commands.add_command(cmd("SADD").arg(&self.keys.index).arg(key.0).take());
            }
            self.all(&commands)?;
        }
        Ok(keys.into_iter().map(|(key, _)| key).collect())
    }

    /// Takes containers into the backlog, each with this payload. One that comes in a name that is known
    /// already is not noticed, as in the source.
    ///
    /// # Errors
    /// [`StoreError`], also if one of them cannot be taken; none was then.
    pub fn enqueue(
        &self,
        requests: &[Request],
        payload: &str,
        now: Duration,
    ) -> Result<Vec<ContainerKey>, StoreError> {
        for request in requests {
            request.check()?;
        }
        let first = self.numbers("containers", requests.len())?;
        let payload: Arc<str> = payload.into();
        let mut keys = Vec::with_capacity(requests.len());
        for chunk in requests.chunks(CHUNK) {
            let mut add = cmd("ZADD");
            add.arg(&self.keys.backlog);
            for request in chunk {
                let key = ContainerKey(first + keys.len() as u64);
                let request = Arc::new(request.clone());
                let container =
                    Popped { key, request, enqueued: now, payload: Arc::clone(&payload) };
                // Those that come at once keep their order. Exact for a hundred days of nanoseconds.
                let score = now.as_nanos() as f64 + keys.len() as f64;
                add.arg(score).arg(member::write(&container)?);
                keys.push(key);
            }
            let _new: u64 = self.wire.call(&add)?;
        }
        Ok(keys)
    }

    /// Removes every key that this has made under its prefix, and nobody else's. What says whose they are
    /// goes last, so that whatever is left after a failure can be removed by another try.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_all(&self) -> Result<(), StoreError> {
        let steps = &self.keys.steps;
        let mut ours = Vec::new();
        scan(&self.wire, &self.keys, |keys| ours.extend(keys))?;
        ours.retain(|key| self.keys.is_ours(key) && key != steps);
        ours.push(steps.clone());
        for chunk in ours.chunks(CHUNK) {
            let _gone: u64 = self.wire.call(cmd("UNLINK").arg(chunk))?;
        }
        Ok(())
    }

    /// Draws `count` numbers; gives the first.
    fn numbers(&self, of: &str, count: usize) -> Result<u64, StoreError> {
        let mut draw = cmd("HINCRBY");
        let after: u64 = self.wire.call(draw.arg(&self.keys.steps).arg(of).arg(count))?;
        after
            .checked_sub(count as u64)
            .ok_or_else(|| malformed(&self.keys.steps, format_args!("field `{of}` is too small")))
    }

    /// Sends commands together, none of which may fail.
    fn all(&self, commands: &Pipeline) -> Result<(), StoreError> {
        for reply in self.wire.call_all(commands)? {
            reply?;
        }
        Ok(())
    }
}

/// Refuses a prefix that somebody else uses.
fn look(wire: &Wire, keys: &Keys) -> Result<(), OpenError> {
    if has_our_schema(wire, keys)? {
        return Ok(());
    }
    let mut other = None;
    scan(wire, keys, |found| other = other.take().or(found.into_iter().next()))?;
    match other {
        // Or another handle was opened in between.
        Some(key) if !has_our_schema(wire, keys)? => Err(OpenError::SomebodyElse { key }),
        _ => Ok(()),
    }
}

fn has_our_schema(wire: &Wire, keys: &Keys) -> Result<bool, OpenError> {
    let key = || keys.steps.clone();
    match wire.call::<Option<String>>(cmd("HGET").arg(&keys.steps).arg("schema")) {
        Ok(None) => Ok(false),
        Ok(Some(found)) if found == SCHEMA => Ok(true),
        Ok(Some(found)) => Err(OpenError::Schema { key: key(), found, expected: SCHEMA }),
        Err(WireError::WrongType { .. }) => Err(OpenError::SomebodyElse { key: key() }),
        Err(error) => Err(error.into()),
    }
}

/// Shows all keys of the prefix, a few at a time.
fn scan(wire: &Wire, keys: &Keys, mut see: impl FnMut(Vec<String>)) -> Result<(), WireError> {
    let mut cursor = 0;
    loop {
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(keys.pattern()).arg("COUNT").arg(CHUNK);
        let (next, found): (u64, Vec<String>) = wire.call(&scan)?;
        see(found);
        cursor = next;
        if cursor == 0 {
            return Ok(());
        }
    }
}
