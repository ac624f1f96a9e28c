//! The workers that one kind of request may go to.

use super::Probes;
use super::grid::{Found, Grid, Sorted, Spot};
use super::level::{Axis, LEVELS};
use super::tree::{Ends, NIL, Nodes};
use crate::amount::Resources;
use crate::policy::Policy;
use crate::replica::Part;

/// What a kind of request asks of a worker beside amounts. A worker is in at most 16 views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ViewKey {
    /// The pool it must be in; `None`: any worker that requires no selector.
    pub(crate) pool: Option<u32>,
    pub(crate) gpu: GpuKind,
    /// Preemptable workers will do too.
    pub(crate) preemptable: bool,
    pub(crate) part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum GpuKind {
    /// A worker without GPUs.
    None,
    Any,
    Type(u32),
}

/// A worker's place in a view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) slot: u32,
    pub(crate) view: u32,
    /// The next entry of the same worker.
    pub(crate) next_of_slot: u32,
    /// Where it stands in the view's list of members.
    pub(crate) member: u32,
    /// Where it stands on the grid of this many free GPUs.
    x: u32,
    y: u32,
    gpus: u8,
    row: u8,
    column: u8,
    /// Its pair, if its cell is sorted.
    node: u32,
    in_cell: Link,
    in_pair: Link,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    previous: u32,
    next: u32,
}

const NO_LINK: Link = Link { previous: NIL, next: NIL };

impl Entry {
    pub(crate) fn new(slot: u32, view: u32, next_of_slot: u32, member: u32) -> Self {
        Self {
            slot,
            view,
            next_of_slot,
            member,
            x: 0,
            y: 0,
            gpus: 0,
            row: 0,
            column: 0,
            node: NIL,
            in_cell: NO_LINK,
            in_pair: NO_LINK,
        }
    }
}

impl Entry {
    /// Whether it stands where a worker with this much free should.
    pub(crate) fn is_at(&self, free: &Resources) -> bool {
        (self.x, self.y, u32::from(self.gpus))
            == (free.cpu.get(), free.memory.get(), free.gpus.get())
    }
}

#[derive(Debug)]
pub(crate) struct View {
    pub(crate) key: ViewKey,
    /// Entries of all its workers, in no order.
    pub(crate) members: Vec<u32>,
    /// By free GPUs.
    grids: Vec<Option<Box<Grid>>>,
    /// Grids that have workers.
    used: u64,
    nodes: Nodes,
    /// Rows and columns that requests lie in.
    sorted: Sorted,
    refused: Skyline,
}

impl View {
    pub(crate) fn new(key: ViewKey) -> Self {
        Self {
            key,
            members: Vec::new(),
            grids: Vec::new(),
            used: 0,
            nodes: Nodes::default(),
            sorted: Sorted::default(),
            refused: Skyline::default(),
        }
    }

    /// Makes ready for requests of this size: sorts the cells of their row and column.
    pub(crate) fn prepare(&mut self, entries: &mut [Entry], needs: &Resources) {
        let Spot { row, column, .. } = spot(needs);
        let before = self.sorted;
        self.sorted.rows |= 1 << row;
        self.sorted.columns |= 1 << column;
        if (before.rows, before.columns) == (self.sorted.rows, self.sorted.columns) {
            return;
        }
        for grid in self.grids.iter_mut().flatten() {
            for at_row in 0..LEVELS {
                let mut left = grid.used(at_row);
                while left != 0 {
                    let at_column = left.trailing_zeros() as usize;
                    left &= left - 1;
                    if before.has(at_row, at_column) || !self.sorted.has(at_row, at_column) {
                        continue;
                    }
                    let mut at = grid.head(at_row, at_column);
                    while at != NIL {
                        sort_in(grid, &mut self.nodes, entries, at);
                        at = entries[at as usize].in_cell.next;
                    }
                    if left == 0 {
                        grid.refresh(&self.nodes, at_row, at_column, 0);
                    }
                }
            }
        }
    }

    /// Puts an entry last in the queues of what it has free.
    #[inline]
    pub(crate) fn insert(&mut self, entries: &mut [Entry], at: u32, free: &Resources) {
        let gpus = free.gpus.get() as usize;
        let Spot { x, y, row, column } = spot(free);
        self.refused.drop_covered(gpus, x, y);
        if self.grids.len() <= gpus {
            self.grids.resize_with(gpus + 1, || None);
        }
        self.used |= 1 << gpus;
        let grid = self.grids[gpus].get_or_insert_with(|| Box::new(Grid::new()));
        let entry = &mut entries[at as usize];
        (entry.x, entry.y) = (x, y);
        (entry.gpus, entry.row, entry.column, entry.node) =
            (gpus as u8, row as u8, column as u8, NIL);
        push(&mut grid.cell(row, column).queue, entries, at, |entry| &mut entry.in_cell);
        if self.sorted.has(row, column) {
            sort_in(grid, &mut self.nodes, entries, at);
        }
        grid.joined(&self.nodes, row, column, Axis::Memory.floor(column));
    }

    /// Takes an entry out of its queues.
    #[inline]
    pub(crate) fn remove(&mut self, entries: &mut [Entry], at: u32) {
        let Entry { gpus, row, column, node, .. } = entries[at as usize];
        let (gpus, row, column) = (usize::from(gpus), usize::from(row), usize::from(column));
        let Some(grid) = self.grids[gpus].as_deref_mut() else { return };
        unlink(&mut grid.cell(row, column).queue, entries, at, |entry| &mut entry.in_cell);
        if node != NIL {
            let queue = &mut self.nodes.at_mut(node).queue;
            unlink(queue, entries, at, |entry| &mut entry.in_pair);
            if queue.head == NIL {
                grid.remove(&mut self.nodes, row, column, node);
            }
        }
        grid.left(&self.nodes, row, column, |column| Axis::Memory.floor(column));
        if grid.is_empty() {
            self.used &= !(1 << gpus);
        }
    }

    /// The entry of the worker that the policy wants for `needs`; `None`: nothing fits.
    pub(crate) fn pick(
        &mut self,
        policy: Policy,
        needs: &Resources,
        probes: &mut Probes,
    ) -> Option<u32> {
        let want = spot(needs);
        let least = needs.gpus.get() as usize;
        if self.refused.covers(least, want.x, want.y, probes) {
            return None;
        }
        let mut left = self.used & (u64::MAX << least);
        while left != 0 {
            let (gpus, best) = match policy {
                Policy::BestFit => (left.trailing_zeros() as usize, true),
                Policy::Spread | Policy::Affinity => (63 - left.leading_zeros() as usize, false),
            };
            left &= !(1 << gpus);
            let Some(grid) = self.grids[gpus].as_deref() else { continue };
            let found = if best {
                grid.tightest(&self.nodes, want, probes)
            } else {
                grid.emptiest(&self.nodes, want, probes)
            };
            match found {
                Some(Found::Cell { row, column }) if best => return Some(grid.tail(row, column)),
                Some(Found::Cell { row, column }) => return Some(grid.head(row, column)),
                Some(Found::Pair(node)) => return Some(self.nodes.at(node).queue.head),
                None => {}
            }
        }
        self.refused.add(least, want.x, want.y);
        None
    }
}

fn spot(amount: &Resources) -> Spot {
    let (x, y) = (amount.cpu.get(), amount.memory.get());
    Spot { x, y, row: Axis::Cpu.level(x), column: Axis::Memory.level(y) }
}

/// Puts an entry into the tree of its cell, last in the queue of its pair.
fn sort_in(grid: &mut Grid, nodes: &mut Nodes, entries: &mut [Entry], at: u32) {
    let Entry { x, y, row, column, .. } = entries[at as usize];
    let node = grid.obtain(nodes, Spot { x, y, row: row.into(), column: column.into() });
    entries[at as usize].node = node;
    push(&mut nodes.at_mut(node).queue, entries, at, |entry| &mut entry.in_pair);
}

fn push(ends: &mut Ends, entries: &mut [Entry], at: u32, link: impl Fn(&mut Entry) -> &mut Link) {
    *link(&mut entries[at as usize]) = Link { previous: ends.tail, next: NIL };
    if ends.tail == NIL {
        ends.head = at;
    } else {
        link(&mut entries[ends.tail as usize]).next = at;
    }
    ends.tail = at;
}

fn unlink(ends: &mut Ends, entries: &mut [Entry], at: u32, link: impl Fn(&mut Entry) -> &mut Link) {
    let Link { previous, next } = *link(&mut entries[at as usize]);
    if previous == NIL {
        ends.head = next;
    } else {
        link(&mut entries[previous as usize]).next = next;
    }
    if next == NIL {
        ends.tail = previous;
    } else {
        link(&mut entries[next as usize]).previous = previous;
    }
}

/// Amounts that nothing had free when they were last asked for. Whoever asks for as much or more on
/// every axis is refused in a look, until a worker comes by that has what was refused.
#[derive(Debug, Default)]
struct Skyline {
    refused: [(u8, u32, u32); Self::MOST],
    len: usize,
}

impl Skyline {
    const MOST: usize = 4;

    fn covers(&self, gpus: usize, x: u32, y: u32, probes: &mut Probes) -> bool {
        self.refused[..self.len].iter().any(|&(g, refused_x, refused_y)| {
            probes.one();
            usize::from(g) <= gpus && refused_x <= x && refused_y <= y
        })
    }

    /// Remembers a refusal; what it covers is forgotten, and the oldest if there is no room.
    fn add(&mut self, gpus: usize, x: u32, y: u32) {
        self.retain(|(g, a, b)| !(gpus <= g && x <= a && y <= b));
        if self.len == Self::MOST {
            self.refused.rotate_left(1);
            self.len -= 1;
        }
        self.refused[self.len] = (gpus as u8, x, y);
        self.len += 1;
    }

    /// A worker has this much free: what it could take is no longer refused.
    fn drop_covered(&mut self, gpus: usize, x: u32, y: u32) {
        if self.len != 0 {
            self.retain(|(g, a, b)| !(g <= gpus && a <= x && b <= y));
        }
    }

    fn retain(&mut self, keep: impl Fn((usize, u32, u32)) -> bool) {
        let mut kept = 0;
        for at in 0..self.len {
            let (g, x, y) = self.refused[at];
            if keep((usize::from(g), x, y)) {
                self.refused[kept] = self.refused[at];
                kept += 1;
            }
        }
        self.len = kept;
    }
}
