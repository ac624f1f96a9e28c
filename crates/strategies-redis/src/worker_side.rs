//! What a worker does with its list: takes its containers, and gives their capacity back.

use proofload_scheduler::{StoreError, WorkerKey};
use proofload_scheduler_redis::wire::cmd;
use proofload_strategies::{Popped, Primitives};

use crate::error::malformed;
use crate::primitives::{RedisPrimitives, more};
use crate::{member, worker};

impl RedisPrimitives {
    /// Takes up to `most` containers from the front of a worker's list. There is no acknowledgement, as in
    /// the source: what a worker has taken and then loses is known to nobody.
    ///
    /// # Errors
    /// [`StoreError`], also if the list holds what none of the steps writes.
    pub fn take(&self, worker: WorkerKey, most: usize) -> Result<Vec<Popped>, StoreError> {
        let list = self.keys.list(worker);
        let taken: Option<Vec<Vec<u8>>> = self.wire.call(cmd("LPOP").arg(&list).arg(most))?;
        taken.unwrap_or_default().iter().map(|json| member::read(&list, json)).collect()
    }

    /// Gives back, under the worker's lock, what containers that have ended had of it.
    ///
    /// # Errors
    /// [`StoreError`], also if that is more than was taken of the worker.
    pub fn give_back(&self, worker: WorkerKey, ended: &[Popped]) -> Result<(), StoreError> {
        if ended.is_empty() {
            return Ok(());
        }
        let lock = self.lock(worker)?;
        let given = self.give_back_locked(worker, ended);
        Primitives::release(self, lock)?;
        given
    }

    fn give_back_locked(&self, worker: WorkerKey, ended: &[Popped]) -> Result<(), StoreError> {
        let key = self.keys.worker(worker);
        let found = self.get(worker)?.ok_or_else(|| malformed(&key, "the worker is gone"))?;
        let wrong = || malformed(&key, "more would be given back than was taken");
        let mut free = Some(found.free);
        for container in ended {
            free = free.and_then(|free| more(free, container.request.needs));
        }
        let free = free.filter(|free| free.fits(&found.worker.total)).ok_or_else(wrong)?;
        let left = u64::from(found.containers).checked_sub(ended.len() as u64).ok_or_else(wrong)?;
        let _new: u64 = self.wire.call(&worker::changed(&key, &found, free, left))?;
        Ok(())
    }
}
