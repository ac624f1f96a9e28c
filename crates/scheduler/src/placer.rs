//! One decision after the other: a copy of the fleet, its index, and a policy.

use std::collections::HashMap;
use std::sync::Arc;

use crate::amount::{Megabytes, Millicores, Resources};
use crate::counters::Counters;
use crate::index::{GpuKind, Index, Probes, ViewKey, Wanted};
use crate::policy::{self, Policy};
use crate::replica::{Part, Replica};
use crate::request::{ANY_GPU, GPU_PREFERENCES_MAX, Request};
use crate::snapshot::Snapshot;
use crate::store::{Delta, WorkerKey, WorkerState};
use crate::worker::Status;

/// The parts of the fleet that a replica that keeps apart looks in, one after the other.
const PARTS: [Part; 3] = [Part::Own, Part::Next, Part::Others];

/// So many greatest totals are kept for a list of views, however many shapes of workers there are.
const GREATEST_KEPT: usize = 64;

/// A request, made ready for decisions: what it needs, and the views that it is looked for in.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub(crate) wanted: Wanted,
    views: Views,
    /// What its views are asked with.
    watches: [u16; GPU_PREFERENCES_MAX],
    affinity: u64,
    /// The state of the placer that it was made ready with.
    made_at: u32,
}

/// Views in the order in which they are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Views {
    /// Of each the first, if there is one for each part of the fleet: the others come after it.
    list: [u32; GPU_PREFERENCES_MAX],
    len: u8,
}

impl Views {
    #[inline]
    fn iter(&self) -> impl Iterator<Item = u32> {
        self.list[..usize::from(self.len)].iter().copied()
    }
}

/// What decisions have looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Examined {
    /// Decisions.
    pub decisions: u64,
    /// Rows, cells, tree nodes, refusals, watched sizes and workers looked at, in all.
    pub total: u64,
    /// The most in one decision.
    pub most: u64,
}

/// Decides where containers go, one by one, on its own copy of the fleet.
#[derive(Debug)]
pub struct Placer {
    pub(crate) snapshot: Snapshot,
    index: Index,
    policy: Policy,
    seed: u64,
    replica: Replica,
    /// Its own share comes first.
    apart: bool,
    counters: Arc<Counters>,
    loaded: bool,
    examined: Examined,
    /// For lists of views: some of the greatest totals of the workers that they lead to, none of them within
    /// another, as of a generation of the fleet.
    greatest: HashMap<Views, (u64, Vec<Resources>)>,
    /// Slots written since the index was last brought up to date.
    written: Vec<u32>,
}

impl Placer {
    /// A placer without workers. Replicas with different seeds begin with different workers.
    pub fn new(policy: Policy, seed: u64, counters: Arc<Counters>) -> Self {
        Self {
            snapshot: Snapshot::default(),
            index: Index::default(),
            policy,
            seed,
            replica: Replica::ALONE,
            apart: false,
            counters,
            loaded: false,
            examined: Examined::default(),
            greatest: HashMap::new(),
            written: Vec::new(),
        }
    }

    /// One of several: from now on it has a share.
    pub(crate) fn set_replica(&mut self, replica: Replica) {
        self.replica = replica;
    }

    /// Looks in its own share first from now on, or everywhere at once. Under affinity a container's worker
    /// depends on names alone, and that is what keeps replicas apart.
    pub(crate) fn keep_apart(&mut self, apart: bool) {
        let apart = apart && self.replica.count > 1 && self.policy != Policy::Affinity;
        if self.apart != apart {
            self.apart = apart;
            self.index.clear();
            self.greatest.clear();
            self.written.clear();
        }
    }

    /// Takes over what the store says about its workers.
    pub fn apply(&mut self, delta: &Delta) {
        for state in &delta.workers {
            self.write(state);
        }
        if delta.whole && self.loaded {
            self.forget_all_but(&delta.workers);
        }
        self.loaded |= delta.whole;
        self.reindex();
    }

    fn write(&mut self, state: &WorkerState) {
        let slot = state.key.0;
        let known = slot < self.snapshot.slots() && self.snapshot.status[slot as usize].is_some();
        if known {
            self.counters.invalidation(1);
        } else if !self.loaded {
            self.counters.first_load(1);
        }
        let moved = self.snapshot.write(state);
        if moved {
            self.index.remove(slot);
            if state.status == Some(Status::Available) {
                let class = self.snapshot.class[slot as usize];
                let replica = self.replica;
                self.index.add(slot, &self.snapshot.free[slot as usize], |key, part| {
                    class.serves(key) && replica.holds(part, slot)
                });
            }
        } else {
            self.written.push(slot);
        }
    }

    fn forget_all_but(&mut self, workers: &[WorkerState]) {
        let there: std::collections::HashSet<u32> =
            workers.iter().map(|state| state.key.0).collect();
        for slot in (0..self.snapshot.slots()).filter(|slot| !there.contains(slot)) {
            if self.snapshot.status[slot as usize].is_some() {
                self.counters.invalidation(1);
                self.snapshot.remove(slot);
                self.index.remove(slot);
            }
        }
    }

    /// Brings the index up to what is free now in the slots that were written.
    pub(crate) fn reindex(&mut self) {
        for at in 0..self.written.len() {
            let slot = self.written[at];
            self.index.change(slot, &self.snapshot.free[slot as usize]);
        }
        self.written.clear();
    }

    /// Makes a request ready. The views that it needs are built if it is the first of its kind. One that
    /// asks for no CPU or no memory, which [`Request::check`] refuses, finds no place.
    pub fn shape(&mut self, request: &Request) -> Shape {
        let mut shape = Shape {
            wanted: Wanted::new(request.needs),
            views: Views::default(),
            affinity: if self.policy == Policy::Affinity { policy::hash(&request.id) } else { 0 },
            watches: [0; GPU_PREFERENCES_MAX],
            made_at: self.state(),
        };
        if request.needs.cpu == Millicores::ZERO || request.needs.memory == Megabytes::ZERO {
            return shape;
        }
        let pool = match request.pool.as_deref().map(|pool| self.snapshot.name(pool)) {
            Some(None) => return shape,
            Some(known) => known,
            None => None,
        };
        let key = |gpu| ViewKey { pool, gpu, preemptable: request.preemptable };
        if request.gpus.is_empty() {
            self.add_view(&mut shape, key(GpuKind::None));
        }
        for gpu in request.gpus.iter().take(GPU_PREFERENCES_MAX) {
            if gpu == ANY_GPU {
                self.add_view(&mut shape, key(GpuKind::Any));
            } else if let Some(gpu) = self.snapshot.name(gpu) {
                self.add_view(&mut shape, key(GpuKind::Type(gpu)));
            }
        }
        shape
    }

    /// Makes a request ready again if workers of a new pool or GPU type have come since, or the index is
    /// another.
    pub(crate) fn refresh(&mut self, shape: &mut Shape, request: &Request) {
        if shape.made_at != self.state() {
            *shape = self.shape(request);
        }
    }

    /// Goes up when requests must be made ready again: a new name, which may be the pool or the GPU type that
    /// they ask for, or another generation of the index.
    fn state(&self) -> u32 {
        self.snapshot.names() + self.index.generation()
    }

    /// The parts of the fleet that are looked in.
    fn parts(&self) -> &'static [Part] {
        if self.apart { &PARTS } else { &[Part::All] }
    }

    fn add_view(&mut self, shape: &mut Shape, key: ViewKey) {
        let at = usize::from(shape.views.len);
        shape.views.len += 1;
        shape.views.list[at] = self.index.find(&key).unwrap_or_else(|| self.build(key));
        let views = shape.views.list[at]..shape.views.list[at] + self.parts().len() as u32;
        for view in views {
            // The same in all parts, as all are made ready for the same requests.
            shape.watches[at] = self.index.prepare(view, &shape.wanted);
        }
        shape.made_at = self.state();
    }

    /// Builds the views for a key, one for each part, and returns the first.
    fn build(&mut self, key: ViewKey) -> u32 {
        let snapshot = &self.snapshot;
        let slots = snapshot.slots();
        let start = if slots == 0 { 0 } else { (policy::mix(self.seed) % u64::from(slots)) as u32 };
        let views = self.parts().iter().map(|&part| {
            let members = (start..slots)
                .chain(0..start)
                .filter(|&slot| {
                    snapshot.is_open(slot)
                        && snapshot.class[slot as usize].serves(&key)
                        && self.replica.holds(part, slot)
                })
                .map(|slot| (slot, snapshot.free[slot as usize]));
            self.index.build(key, part, members)
        });
        views.min().unwrap_or_default()
    }

    /// Picks a worker for a container and counts it as planned there. `None`: nothing fits.
    #[inline]
    pub fn place(&mut self, shape: &Shape) -> Option<WorkerKey> {
        let mut probes = Probes::default();
        let slot = match self.policy {
            Policy::Affinity => {
                shape.views.iter().find_map(|view| self.nearest(view, shape, &mut probes))
            }
            policy if self.apart => self.pick_apart(policy, shape, &mut probes),
            policy => shape.views.iter().zip(&shape.watches).find_map(|(view, &watch)| {
                self.index.pick(policy, view, &shape.wanted, watch, &mut probes)
            }),
        };
        self.examined.decisions += 1;
        self.examined.total += probes.0;
        self.examined.most = self.examined.most.max(probes.0);
        let slot = slot?;
        self.counters.lookup(1);
        self.snapshot.take(slot, &shape.wanted.needs);
        self.index.change(slot, &self.snapshot.free[slot as usize]);
        Some(WorkerKey(slot))
    }

    /// In the replica's own share first. Where another may be at work, the emptiest worker is the least in
    /// its way.
    fn pick_apart(&mut self, own: Policy, shape: &Shape, probes: &mut Probes) -> Option<u32> {
        shape.views.iter().zip(&shape.watches).find_map(|(view, &watch)| {
            (view..).zip(PARTS).find_map(|(view, part)| {
                let policy = if part == Part::Own { own } else { Policy::Spread };
                self.index.pick(policy, view, &shape.wanted, watch, probes)
            })
        })
    }

    /// Of the members that fit, the one below the bound that has the highest rendezvous weight. The
    /// least loaded of them is below it, so one is found if any fits.
    fn nearest(&self, view: u32, shape: &Shape, probes: &mut Probes) -> Option<u32> {
        let fitting = || {
            self.index
                .members(view)
                .filter(|&slot| shape.wanted.needs.fits(&self.snapshot.free[slot as usize]))
        };
        let (eligible, placed) = fitting()
            .fold((0, 0), |(count, sum), slot| (count + 1, sum + self.snapshot.load(slot)));
        let bound = policy::affinity_bound(placed, eligible);
        let weight =
            |slot: u32| policy::rendezvous(shape.affinity, self.snapshot.hash[slot as usize]);
        probes.0 += self.index.members(view).len() as u64;
        fitting()
            .filter(|&slot| self.snapshot.load(slot) < bound)
            .max_by_key(|&slot| (weight(slot), slot))
    }

    /// Takes a container back from where [`place`](Self::place) planned it: for those who use a placer
    /// without a store. `false`, and nothing is changed, if so much is not planned there.
    pub fn put_back(&mut self, worker: WorkerKey, shape: &Shape) -> bool {
        if !self.snapshot.has_planned(worker.0, &shape.wanted.needs) {
            return false;
        }
        let epoch = self.snapshot.epoch[worker.0 as usize];
        self.settle(worker, epoch, &shape.wanted.needs);
        self.reindex();
        true
    }

    /// Forgets a planned container whose verdict is known; the index is brought up to date later.
    pub(crate) fn settle(&mut self, worker: WorkerKey, epoch: u32, needs: &Resources) {
        self.snapshot.put_back(worker.0, epoch, needs);
        self.written.push(worker.0);
    }

    /// Whether some worker that is there could hold it, if it were empty and took containers.
    /// `false`: ask [`never_fits`](Self::never_fits), as not all shapes of workers may be known here.
    pub(crate) fn could_fit(&mut self, shape: &Shape) -> bool {
        let (snapshot, index) = (&self.snapshot, &self.index);
        let (generation, greatest) = self.greatest.entry(shape.views).or_default();
        if *generation != snapshot.generation {
            *generation = snapshot.generation;
            greatest.clear();
            for at in snapshot.there() {
                let total = snapshot.total[at];
                if greatest.len() < GREATEST_KEPT
                    && shape.views.iter().any(|view| snapshot.class[at].serves(index.key(view)))
                    && !greatest.iter().any(|known| total.fits(known))
                {
                    greatest.retain(|known| !known.fits(&total));
                    greatest.push(total);
                }
            }
        }
        greatest.iter().any(|total| shape.wanted.needs.fits(total))
    }

    /// What is free on a worker, by this copy.
    pub fn free(&self, worker: WorkerKey) -> Option<Resources> {
        self.snapshot.status.get(worker.0 as usize)?.map(|_| self.snapshot.free[worker.0 as usize])
    }

    /// The life of a worker that this copy knows.
    pub fn epoch(&self, worker: WorkerKey) -> Option<u32> {
        self.snapshot.status.get(worker.0 as usize)?.map(|_| self.snapshot.epoch[worker.0 as usize])
    }

    /// What decisions have looked at so far.
    pub fn examined(&self) -> Examined {
        self.examined
    }
}
