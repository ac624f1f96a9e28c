//! Finds a worker for a request without looking at the fleet.
//!
//! A *view* holds the workers that one kind of request may go to: of a pool, of a GPU type, with or
//! without preemptable ones. It is built when the first such request is made ready, and kept up with
//! every change. Inside, a [`grid`] for every number of free GPUs, and [`levels`] that say which of them hold a
//! fit.
//!
//! Left out: a worker's `priority` and `runtime` are not part of a view.

mod grid;
mod level;
mod levels;
mod maxima;
mod tree;
mod view;

use std::collections::HashMap;

pub(crate) use view::{GpuKind, ViewKey, Wanted};

use crate::amount::Resources;
use crate::policy::Policy;
use crate::replica::Part;
use tree::NIL;
use view::{Entry, View, spot};

/// How many rows, cells, tree nodes, refusals and workers have been looked at. Counted where one is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Probes(pub(crate) u64);

impl Probes {
    #[inline]
    pub(crate) fn one(&mut self) {
        self.some(1);
    }

    #[inline]
    pub(crate) fn some(&mut self, count: u64) {
        self.0 += count;
    }
}

/// All views, and where each worker stands in them. Workers are dense numbers here: slots.
#[derive(Debug, Default)]
pub(crate) struct Index {
    views: Vec<View>,
    by_key: HashMap<ViewKey, u32>,
    entries: Vec<Entry>,
    free_entries: Vec<u32>,
    /// The first entry of each slot.
    first: Vec<u32>,
    /// Goes up when what requests were made ready with is no longer there.
    generation: u32,
}

impl Index {
    /// The view for a key, if there is one: of its parts, the first.
    pub(crate) fn find(&self, key: &ViewKey) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    pub(crate) fn key(&self, view: u32) -> &ViewKey {
        &self.views[view as usize].key
    }

    /// A new view of these workers, queued in this order. Parts of a key are built one right after the other.
    pub(crate) fn build(
        &mut self,
        key: ViewKey,
        part: Part,
        members: impl Iterator<Item = (u32, Resources)>,
    ) -> u32 {
        let view = u32::try_from(self.views.len()).expect("fewer views than 2^32");
        self.views.push(View::new(key, part));
        self.by_key.entry(key).or_insert(view);
        for (slot, free) in members {
            self.join(slot, view, &free);
        }
        view
    }

    /// Forgets all views.
    pub(crate) fn clear(&mut self) {
        *self = Self { generation: self.generation + 1, ..Self::default() };
    }

    /// What a request that is made ready now belongs to. In another generation it must be made ready again.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Makes a view ready for requests of this size, and returns what it should be asked for them with.
    /// Before, it must not be asked for them.
    pub(crate) fn prepare(&mut self, view: u32, wanted: &Wanted) -> u16 {
        let (watch, forgotten) = self.views[view as usize].prepare(&mut self.entries, wanted);
        self.generation += u32::from(forgotten);
        watch
    }

    /// A worker is new: it goes last into all views that `belongs` says.
    pub(crate) fn add(
        &mut self,
        slot: u32,
        free: &Resources,
        belongs: impl Fn(&ViewKey, Part) -> bool,
    ) {
        for view in 0..self.views.len() {
            if belongs(&self.views[view].key, self.views[view].part) {
                self.join(slot, view as u32, free);
            }
        }
    }

    fn join(&mut self, slot: u32, view: u32, free: &Resources) {
        if self.first.len() <= slot as usize {
            self.first.resize(slot as usize + 1, NIL);
        }
        let members = &mut self.views[view as usize].members;
        let entry = Entry::new(slot, view, self.first[slot as usize], members.len() as u32);
        let at = if let Some(at) = self.free_entries.pop() {
            self.entries[at as usize] = entry;
            at
        } else {
            self.entries.push(entry);
            (self.entries.len() - 1) as u32
        };
        members.push(at);
        self.first[slot as usize] = at;
        let gpus = free.gpus.get() as usize;
        self.views[view as usize].insert(&mut self.entries, at, gpus, spot(free));
    }

    /// A worker is gone, from all views.
    pub(crate) fn remove(&mut self, slot: u32) {
        let Some(first) = self.first.get_mut(slot as usize) else { return };
        let mut at = std::mem::replace(first, NIL);
        while at != NIL {
            let Entry { view, next_of_slot, member, .. } = self.entries[at as usize];
            let view = &mut self.views[view as usize];
            view.remove(&mut self.entries, at);
            view.members.swap_remove(member as usize);
            if let Some(&moved) = view.members.get(member as usize) {
                self.entries[moved as usize].member = member;
            }
            self.free_entries.push(at);
            at = next_of_slot;
        }
    }

    /// What a worker has free may have changed: if it has, it goes last in its new queues.
    pub(crate) fn change(&mut self, slot: u32, free: &Resources) {
        let mut at = self.first.get(slot as usize).copied().unwrap_or(NIL);
        // It is at the same place in all views.
        if at == NIL || self.entries[at as usize].is_at(free) {
            return;
        }
        let (gpus, spot) = (free.gpus.get() as usize, spot(free));
        while at != NIL {
            let Entry { view, next_of_slot, .. } = self.entries[at as usize];
            self.views[view as usize].change(&mut self.entries, at, gpus, spot);
            at = next_of_slot;
        }
    }

    /// The slot of the worker that the policy wants; `None`: nothing in the view fits.
    #[inline]
    pub(crate) fn pick(
        &mut self,
        policy: Policy,
        view: u32,
        wanted: &Wanted,
        watch: u16,
        probes: &mut Probes,
    ) -> Option<u32> {
        let entry = self.views[view as usize].pick(policy, wanted, watch, probes)?;
        Some(self.entries[entry as usize].slot)
    }

    /// The slots of a view, in no order.
    pub(crate) fn members(&self, view: u32) -> impl ExactSizeIterator<Item = u32> {
        self.views[view as usize].members.iter().map(|&entry| self.entries[entry as usize].slot)
    }
}

#[cfg(test)]
mod tests;
