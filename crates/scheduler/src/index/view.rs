//! The workers that one kind of request may go to.

use super::Probes;
use super::grid::{Found, Grid, Sorted, Spot};
use super::level::{Axis, LEVELS};
use super::levels::Levels;
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
    /// Of the workers that the key stands for.
    pub(crate) part: Part,
    /// Entries of all its workers, in no order.
    pub(crate) members: Vec<u32>,
    /// By free GPUs.
    grids: Vec<Option<Box<Grid>>>,
    /// Grids that have workers.
    used: u64,
    nodes: Nodes,
    /// Rows and columns that requests lie in.
    sorted: Sorted,
    /// Of a view without GPUs, which has one grid.
    refused: Skyline,
    /// Of a view with GPUs.
    levels: Option<Levels>,
}

impl View {
    pub(crate) fn new(key: ViewKey, part: Part) -> Self {
        Self {
            key,
            part,
            members: Vec::new(),
            grids: Vec::new(),
            used: 0,
            nodes: Nodes::default(),
            sorted: Sorted::default(),
            refused: Skyline::default(),
            levels: (key.gpu != GpuKind::None).then(Levels::new),
        }
    }

    /// Makes ready for requests of this size: sorts the cells of their row and column, and watches their
    /// own. Returns the watch's number, and whether others were forgotten.
    pub(crate) fn prepare(&mut self, entries: &mut [Entry], wanted: &Wanted) -> (u16, bool) {
        let want = wanted.spot();
        let sorted = self.sort(entries, want);
        let Some(levels) = &mut self.levels else { return (0, false) };
        let grids =
            || (0..).zip(&self.grids).filter_map(|(lane, grid)| Some((lane, grid.as_deref()?)));
        if sorted {
            levels.add_row(want.row);
            follow_all(levels, &self.grids);
        }
        if let Some(watch) = levels.find(want) {
            return (watch, false);
        }
        let has = |grid: &Grid| grid.has(&self.nodes, want.row, want.column, want.x, want.y);
        let fits = grids().fold(0, |fits, (lane, grid)| fits | u64::from(has(grid)) << lane);
        levels.watch(want, fits)
    }

    /// Returns whether that was not done before.
    fn sort(&mut self, entries: &mut [Entry], want: Spot) -> bool {
        let Spot { row, column, .. } = want;
        let before = self.sorted;
        self.sorted.rows |= 1 << row;
        self.sorted.columns |= 1 << column;
        if (before.rows, before.columns) == (self.sorted.rows, self.sorted.columns) {
            return false;
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
                        grid.refresh(&self.nodes, at_row, at_column);
                    }
                }
            }
            // Also of cells that were sorted before, for their column.
            let mut left = grid.used(row);
            while left != 0 {
                grid.refresh_x(&self.nodes, row, left.trailing_zeros() as usize);
                left &= left - 1;
            }
        }
        true
    }

    /// An entry has so much free now, and goes last in its new queues.
    #[inline]
    pub(crate) fn change(&mut self, entries: &mut [Entry], at: u32, gpus: usize, spot: Spot) {
        let entry = &mut entries[at as usize];
        let cell = (usize::from(entry.gpus), usize::from(entry.row), usize::from(entry.column));
        if entry.node != NIL || cell != (gpus, spot.row, spot.column) {
            self.remove(entries, at);
            self.insert(entries, at, gpus, spot);
            return;
        }
        // It stays in a cell that is not sorted: nothing but its place in the queue changes.
        (entry.x, entry.y) = (spot.x, spot.y);
        self.refused.drop_covered(gpus, spot.x, spot.y);
        let Some(grid) = self.grids[gpus].as_deref_mut() else { return };
        let queue = &mut grid.cell(spot.row, spot.column).queue;
        if queue.tail != at {
            unlink(queue, entries, at, |entry| &mut entry.in_cell);
            push(queue, entries, at, |entry| &mut entry.in_cell);
        }
    }

    /// Puts an entry last in the queues of what it has free.
    // Inlined, and so is `remove`: the two calls with all their arguments were 4 % of a decision's instructions.
    #[inline(always)]
    pub(crate) fn insert(&mut self, entries: &mut [Entry], at: u32, gpus: usize, spot: Spot) {
        let Spot { x, y, row, column } = spot;
        self.refused.drop_covered(gpus, x, y);
        if self.grids.len() <= gpus {
            self.grids.resize_with(gpus + 1, || None);
            if let Some(levels) = &mut self.levels {
                levels.widen(gpus + 1);
                follow_all(levels, &self.grids);
            }
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
        let in_row = self.sorted.has_row(row);
        if in_row {
            grid.refresh_x(&self.nodes, row, column);
        }
        let over = grid.joined(&self.nodes, row, column);
        if let Some(levels) = &mut self.levels {
            if over {
                levels.follow_y(gpus, grid, self.sorted, row);
            }
            if in_row {
                levels.follow_x(gpus, grid, self.sorted, row, column);
                levels.joined(gpus, spot);
            }
        }
    }

    /// Takes an entry out of its queues.
    #[inline(always)]
    pub(crate) fn remove(&mut self, entries: &mut [Entry], at: u32) {
        let Entry { x, y, gpus, row, column, node, .. } = entries[at as usize];
        let (gpus, row, column) = (usize::from(gpus), usize::from(row), usize::from(column));
        let Some(grid) = self.grids[gpus].as_deref_mut() else { return };
        unlink(&mut grid.cell(row, column).queue, entries, at, |entry| &mut entry.in_cell);
        if node != NIL {
            let queue = &mut self.nodes.at_mut(node).queue;
            unlink(queue, entries, at, |entry| &mut entry.in_pair);
            if queue.head == NIL {
                grid.remove(&mut self.nodes, row, column, node);
                if self.sorted.has_row(row) {
                    grid.refresh_x(&self.nodes, row, column);
                    if let Some(levels) = &mut self.levels {
                        levels.follow_x(gpus, grid, self.sorted, row, column);
                        levels.left(gpus, Spot { x, y, row, column }, grid, &self.nodes);
                    }
                }
            }
        }
        let over = grid.left(&self.nodes, row, column);
        if let Some(levels) = &mut self.levels
            && over
        {
            levels.follow_y(gpus, grid, self.sorted, row);
        }
        if grid.is_empty() {
            self.used &= !(1 << gpus);
        }
    }

    /// The entry of the worker that the policy wants; `None`: nothing fits.
    pub(crate) fn pick(
        &mut self,
        policy: Policy,
        wanted: &Wanted,
        watch: u16,
        probes: &mut Probes,
    ) -> Option<u32> {
        let want = &wanted.spot();
        let least = wanted.needs.gpus.get() as usize;
        let mut left = self.used & (u64::MAX << least);
        let best = policy == Policy::BestFit;
        let mut own = u64::MAX;
        if let Some(levels) = &self.levels {
            if let Some((fits, fits_own)) = levels.fitting(want, watch, probes) {
                left &= fits;
                own = fits_own;
            }
        } else if self.refused.covers(least, want.x, want.y, probes) {
            return None;
        }
        while left != 0 {
            let gpus = if best { left.trailing_zeros() } else { 63 - left.leading_zeros() };
            left &= !(1 << gpus);
            let Some(grid) = self.grids[gpus as usize].as_deref() else { continue };
            let found = if best {
                grid.tightest(&self.nodes, want, own >> gpus & 1 == 1, probes)
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
        if self.levels.is_none() {
            self.refused.add(least, want.x, want.y);
        }
        None
    }
}

fn follow_all(levels: &mut Levels, grids: &[Option<Box<Grid>>]) {
    for (lane, grid) in grids.iter().enumerate() {
        if let Some(grid) = grid {
            levels.follow_all(lane, grid);
        }
    }
}

/// What a request asks for, and where that lies on a grid: worked out once, when it is made ready. Small, as
/// it is moved with each container of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) needs: Resources,
    row: u8,
    column: u8,
}

impl Wanted {
    pub(crate) fn new(needs: Resources) -> Self {
        let Spot { row, column, .. } = spot(&needs);
        Self { needs, row: row as u8, column: column as u8 }
    }

    fn spot(&self) -> Spot {
        let (x, y) = (self.needs.cpu.get(), self.needs.memory.get());
        Spot { x, y, row: self.row.into(), column: self.column.into() }
    }
}

pub(crate) fn spot(amount: &Resources) -> Spot {
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
    #[inline]
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
