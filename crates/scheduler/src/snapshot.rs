//! A scheduler's copy of the fleet: one array a property, a slot a worker. What a decision changes beside
//! what is free is one property.
//!
//! A slot is the worker's key. What is free in the copy is what the store said less what this
//! scheduler has planned and not heard about, so planning can go on while a commit is under way.

use std::collections::HashMap;

use crate::amount::{Resources, Taken};
use crate::index::{GpuKind, ViewKey};
use crate::policy;
use crate::store::WorkerState;
use crate::worker::{Status, Worker};

/// What decides which requests may go to a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) pool: u32,
    pub(crate) gpu: Option<u32>,
    pub(crate) preemptable: bool,
    pub(crate) requires_pool_selector: bool,
}

impl Class {
    /// Whether requests of this kind may go to such a worker.
    pub(crate) fn serves(&self, key: &ViewKey) -> bool {
        let pool = key.pool.map_or(!self.requires_pool_selector, |pool| pool == self.pool);
        let gpu = match key.gpu {
            GpuKind::None => self.gpu.is_none(),
            GpuKind::Any => self.gpu.is_some(),
            GpuKind::Type(gpu) => self.gpu == Some(gpu),
        };
        pool && gpu && (key.preemptable || !self.preemptable)
    }
}

/// What a decision changes, side by side.
#[derive(Clone, Copy, Debug, Default)]
struct Books {
    /// Free, as the store said.
    told: Resources,
    told_containers: u32,
    /// Planned and not heard about.
    planned: Taken,
    planned_containers: u32,
    /// Batches among those.
    ahead: u32,
}

/// The fleet as this scheduler knows it.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    names: HashMap<Box<str>, u32>,
    pub(crate) status: Vec<Option<Status>>,
    pub(crate) class: Vec<Class>,
    pub(crate) epoch: Vec<u32>,
    pub(crate) version: Vec<u64>,
    pub(crate) total: Vec<Resources>,
    books: Vec<Books>,
    /// What was told less what is planned.
    pub(crate) free: Vec<Resources>,
    /// The hash of its name, for rendezvous.
    pub(crate) hash: Vec<u64>,
    /// Goes up when a worker comes or goes or changes its status.
    pub(crate) generation: u64,
}

impl Snapshot {
    pub(crate) fn slots(&self) -> u32 {
        self.status.len() as u32
    }

    /// The number of a name that some worker has.
    pub(crate) fn name(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// How many names there are; a name is never forgotten.
    pub(crate) fn names(&self) -> u32 {
        self.names.len() as u32
    }

    fn intern(&mut self, name: &str) -> u32 {
        if let Some(number) = self.name(name) {
            return number;
        }
        let number = self.names();
        self.names.insert(name.into(), number);
        number
    }

    /// Workers that are there, whether or not they take containers now.
    pub(crate) fn there(&self) -> impl Iterator<Item = usize> {
        (0..self.status.len()).filter(|&at| self.status[at].is_some())
    }

    pub(crate) fn is_open(&self, slot: u32) -> bool {
        self.status[slot as usize] == Some(Status::Available)
    }

    /// Overwrites a slot with what the store says now. `true`: it is another life of the worker, or its
    /// status has changed, so that it may belong to other views.
    pub(crate) fn write(&mut self, state: &WorkerState) -> bool {
        let at = state.key.0 as usize;
        if self.status.len() <= at {
            self.grow(at + 1);
        }
        let born = self.epoch[at] != state.epoch;
        let changed = born || self.status[at] != state.status;
        if changed {
            self.generation += 1;
            if born {
                self.settle_in(at, &state.worker);
                self.epoch[at] = state.epoch;
            }
        }
        self.status[at] = state.status;
        self.version[at] = state.version;
        let books = &mut self.books[at];
        (books.told, books.told_containers) = (state.free, state.containers);
        self.free[at] = books.told.less(&books.planned);
        changed
    }

    /// A worker is gone.
    pub(crate) fn remove(&mut self, slot: u32) {
        let at = slot as usize;
        if self.status[at].take().is_some() {
            self.generation += 1;
        }
    }

    fn grow(&mut self, slots: usize) {
        self.status.resize(slots, None);
        self.class.resize(slots, Class::default());
        self.epoch.resize(slots, 0);
        self.version.resize(slots, 0);
        self.total.resize(slots, Resources::default());
        self.books.resize(slots, Books::default());
        self.free.resize(slots, Resources::default());
        self.hash.resize(slots, 0);
    }

    fn settle_in(&mut self, at: usize, worker: &Worker) {
        self.class[at] = Class {
            pool: self.intern(&worker.pool),
            gpu: worker.gpu.as_deref().map(|gpu| self.intern(gpu)),
            preemptable: worker.preemptable,
            requires_pool_selector: worker.requires_pool_selector,
        };
        self.hash[at] = policy::hash(&worker.id);
        self.total[at] = worker.total;
        let Books { told, told_containers, .. } = self.books[at];
        self.books[at] = Books { told, told_containers, ..Books::default() };
    }

    /// Containers on a worker, with those planned.
    pub(crate) fn load(&self, slot: u32) -> u64 {
        let books = &self.books[slot as usize];
        u64::from(books.told_containers) + u64::from(books.planned_containers)
    }

    /// Plans a container on a worker.
    #[inline]
    pub(crate) fn take(&mut self, slot: u32, needs: &Resources) {
        let books = &mut self.books[slot as usize];
        books.planned.add(needs);
        books.planned_containers += 1;
        self.free[slot as usize] = books.told.less(&books.planned);
    }

    /// Whether this much is planned on a worker.
    pub(crate) fn has_planned(&self, slot: u32, needs: &Resources) -> bool {
        self.books
            .get(slot as usize)
            .is_some_and(|books| books.planned_containers > 0 && books.planned.contains(needs))
    }

    /// Forgets a planned container, if the worker is still the one it was planned for.
    pub(crate) fn put_back(&mut self, slot: u32, epoch: u32, needs: &Resources) {
        let at = slot as usize;
        if self.epoch[at] == epoch {
            let books = &mut self.books[at];
            books.planned.remove(needs);
            books.planned_containers -= 1;
            self.free[at] = books.told.less(&books.planned);
        }
    }

    /// A batch for this worker is planned: the version that it will find there if all goes well.
    pub(crate) fn batch_planned(&mut self, slot: u32) -> u64 {
        let at = slot as usize;
        let ahead = &mut self.books[at].ahead;
        let expected = self.version[at] + u64::from(*ahead);
        *ahead += 1;
        expected
    }

    /// A batch for this worker has been heard about.
    pub(crate) fn batch_settled(&mut self, slot: u32, epoch: u32) {
        if self.epoch[slot as usize] == epoch {
            self.books[slot as usize].ahead -= 1;
        }
    }
}
