//! Workers, what they own, and the order in which they changed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::amount::{Resources, Taken};
use crate::counters::Counters;
use crate::store::{ContainerKey, Revision, StoreError, WorkerKey, WorkerState};
use crate::worker::{Status, Worker};

/// A queue is not rid of what is gone for less.
pub(super) const QUEUE_KEPT: usize = 16;

/// No worker.
const NIL: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) worker: Arc<Worker>,
    /// `None`: it is gone. Its name keeps its key, so that a delta can say so.
    pub(crate) status: Option<Status>,
    pub(crate) epoch: u32,
    pub(crate) version: u64,
    /// The truth. What is free is the total less the sum of these.
    pub(crate) owned: Vec<ContainerKey>,
    /// Their sum, which changes only where `owned` does.
    taken: Taken,
    /// What the worker has still to fetch, and some that ended before it did: a key is never used twice, so
    /// those are known for gone.
    queue: Vec<ContainerKey>,
    /// How many ended since the queue was last rid of those.
    ended: usize,
    changed: u64,
    /// Neighbours in the order of change.
    earlier: u32,
    later: u32,
}

impl Row {
    pub(crate) fn takes_containers(&self) -> bool {
        self.status == Some(Status::Available)
    }

    pub(crate) fn free(&self) -> Resources {
        self.worker.total.less(&self.taken)
    }
}

#[derive(Debug)]
pub(crate) struct Fleet {
    rows: Vec<Row>,
    by_id: HashMap<Box<str>, WorkerKey>,
    revision: u64,
    newest: u32,
}

impl Default for Fleet {
    fn default() -> Self {
        Self { rows: Vec::new(), by_id: HashMap::new(), revision: 0, newest: NIL }
    }
}

impl Fleet {
    pub(crate) fn revision(&self) -> Revision {
        Revision(self.revision)
    }

    /// A worker that is there.
    pub(crate) fn get(&self, key: WorkerKey) -> Option<&Row> {
        self.rows.get(key.0 as usize).filter(|row| row.status.is_some())
    }

    pub(crate) fn get_mut(&mut self, key: WorkerKey) -> Option<&mut Row> {
        self.rows.get_mut(key.0 as usize).filter(|row| row.status.is_some())
    }

    pub(crate) fn find(&self, id: &str) -> Option<WorkerKey> {
        self.by_id.get(id).copied().filter(|&key| self.get(key).is_some())
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = WorkerKey> {
        (0..self.rows.len() as u32).map(WorkerKey).filter(|&key| self.get(key).is_some())
    }

    pub(crate) fn put(&mut self, worker: Worker) -> Result<WorkerKey, StoreError> {
        worker.check()?;
        let known = self.by_id.get(worker.id.as_str()).copied();
        if let Some(key) = known {
            let row = &mut self.rows[key.0 as usize];
            if row.status.is_some() {
                return Err(StoreError::DuplicateWorker(worker.id));
            }
            row.status = Some(worker.status);
            row.worker = Arc::new(worker);
            row.epoch += 1;
            row.version = 0;
            self.touch(key);
            return Ok(key);
        }
        let key = WorkerKey(self.rows.len() as u32);
        self.by_id.insert(worker.id.as_str().into(), key);
        self.rows.push(Row {
            status: Some(worker.status),
            worker: Arc::new(worker),
            epoch: 1,
            version: 0,
            owned: Vec::new(),
            taken: Taken::default(),
            queue: Vec::new(),
            ended: 0,
            changed: 0,
            earlier: NIL,
            later: NIL,
        });
        self.touch(key);
        Ok(key)
    }

    pub(crate) fn set_status(&mut self, id: &str, status: Status) -> Result<(), StoreError> {
        let key = self.find(id).ok_or_else(|| StoreError::NoSuchWorker(id.to_owned()))?;
        self.rows[key.0 as usize].status = Some(status);
        self.touch(key);
        Ok(())
    }

    /// Takes a worker away and hands over what it owned.
    pub(crate) fn remove(&mut self, id: &str) -> Result<Vec<ContainerKey>, StoreError> {
        let key = self.find(id).ok_or_else(|| StoreError::NoSuchWorker(id.to_owned()))?;
        let row = &mut self.rows[key.0 as usize];
        row.status = None;
        (row.queue, row.ended) = (Vec::new(), 0);
        row.taken = Taken::default();
        let owned = std::mem::take(&mut row.owned);
        self.touch(key);
        Ok(owned)
    }

    /// Gives a container to a worker that has that much free. Returns its position among those owned.
    pub(crate) fn own(
        &mut self,
        key: WorkerKey,
        container: ContainerKey,
        needs: &Resources,
    ) -> Option<u32> {
        let row = self.get_mut(key)?;
        if !needs.fits(&row.free()) {
            return None;
        }
        row.taken.add(needs);
        row.owned.push(container);
        Some((row.owned.len() - 1) as u32)
    }

    /// Puts a container into a worker's queue.
    pub(crate) fn push(&mut self, key: WorkerKey, container: ContainerKey) -> bool {
        self.get_mut(key).map(|row| row.queue.push(container)).is_some()
    }

    /// Takes a container from a worker. Returns the one that has moved to its position.
    pub(crate) fn disown(
        &mut self,
        key: WorkerKey,
        position: u32,
        needs: &Resources,
    ) -> Option<ContainerKey> {
        let row = self.get_mut(key)?;
        row.taken.remove(needs);
        row.owned.swap_remove(position as usize);
        row.ended += 1;
        row.owned.get(position as usize).copied()
    }

    /// Rids a worker's queue of what is gone, if enough has ended that it costs each of them little.
    pub(crate) fn tidy(&mut self, key: WorkerKey, is_there: impl Fn(ContainerKey) -> bool) {
        if let Some(row) = self.get_mut(key)
            && row.ended > QUEUE_KEPT.max(row.queue.len() / 2)
        {
            row.queue.retain(|&queued| is_there(queued));
            row.ended = 0;
        }
    }

    /// Takes what a worker has to fetch out of its queue; some of it may be gone.
    pub(crate) fn fetch(&mut self, key: WorkerKey) -> Vec<ContainerKey> {
        let Some(row) = self.get_mut(key) else { return Vec::new() };
        row.ended = 0;
        std::mem::take(&mut row.queue)
    }

    /// What a worker has to fetch, and some of it may be gone.
    pub(crate) fn queued(&self, key: WorkerKey) -> &[ContainerKey] {
        self.get(key).map_or(&[], |row| &row.queue)
    }

    /// What a worker owns and has fetched.
    pub(crate) fn handed_over(&self, key: WorkerKey) -> Vec<ContainerKey> {
        let Some(row) = self.get(key) else { return Vec::new() };
        let queued: HashSet<_> = row.queue.iter().collect();
        row.owned.iter().copied().filter(|container| !queued.contains(container)).collect()
    }

    /// A worker's capacity has changed: the only place where a version rises.
    pub(crate) fn updated(&mut self, key: WorkerKey, counters: &Counters) {
        if let Some(row) = self.get_mut(key) {
            row.version += 1;
            counters.capacity_update(1);
            self.touch(key);
        }
    }

    fn touch(&mut self, key: WorkerKey) {
        self.revision += 1;
        let Row { earlier, later, .. } = self.rows[key.0 as usize];
        if earlier != NIL {
            self.rows[earlier as usize].later = later;
        }
        if later != NIL {
            self.rows[later as usize].earlier = earlier;
        } else if self.newest == key.0 {
            self.newest = earlier;
        }
        let newest = std::mem::replace(&mut self.newest, key.0);
        if newest != NIL {
            self.rows[newest as usize].later = key.0;
        }
        let row = &mut self.rows[key.0 as usize];
        (row.changed, row.earlier, row.later) = (self.revision, newest, NIL);
    }

    /// Workers that changed, the earliest first; without a revision all that are there, by key.
    pub(crate) fn changes(&self, since: Option<Revision>) -> Vec<WorkerState> {
        let Some(since) = since else { return self.keys().map(|key| self.state(key)).collect() };
        let mut changed = Vec::new();
        let mut at = self.newest;
        while at != NIL && self.rows[at as usize].changed > since.0 {
            changed.push(self.state(WorkerKey(at)));
            at = self.rows[at as usize].earlier;
        }
        changed.reverse();
        changed
    }

    pub(crate) fn state(&self, key: WorkerKey) -> WorkerState {
        let row = &self.rows[key.0 as usize];
        WorkerState {
            key,
            epoch: row.epoch,
            version: row.version,
            worker: Arc::clone(&row.worker),
            status: row.status,
            free: row.free(),
            containers: row.owned.len() as u32,
        }
    }
}
