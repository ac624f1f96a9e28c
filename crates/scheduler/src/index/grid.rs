//! Workers with the same number of free GPUs, on a grid of 64 × 64 levels of what they have free.
//!
//! `x` is CPU and `y` memory. A row is a level of `x`, a column a level of `y`, a cell what lies in both:
//! a queue of workers, first in first out. A `u64` a row says which of its cells have workers.
//!
//! # Why few places are looked at, and the answer is exact all the same
//!
//! A request lies in a cell itself. All workers of a cell that is over it *on both axes* fit, and none of
//! a cell that is under it on one. Only the cells in the request's own row and column may hold
//! workers that fit beside workers that do not. These are kept *sorted*: their workers are in a tree of
//! exact pairs too (see [`super::tree`]). Which rows and columns those are is known before the first
//! decision, when the request is made ready. Then
//!
//! * the greatest exact `y` of each row, where its uppermost cell is sorted, and else the least `y` of
//!   that cell's level, says of every row over the request's whether a worker there fits: in such a row
//!   only `y` counts, and the cell in which it matters is a sorted one;
//! * in the request's own row, all of which is sorted, the greatest exact `x` of each cell says the
//!   same of every column over the request's;
//! * the request's own cell is left, and its tree answers for both axes at once.
//!
//! So no cell has to be tried in vain, however many workers lie on the border. [`Maxima`] finds the highest
//! such level in 7 looks and the lowest in 22. With `h` the height of a tree, the looks in one grid are
//!
//! | | |
//! | --- | --- |
//! | nothing fits | at most `4 + h` |
//! | [`Grid::emptiest`] | at most `11 + h` |
//! | [`Grid::tightest`] | at most `28 + 2h` |
//!
//! 2^20 workers in the worst tree of all make `h` 29, so a request without GPUs, which is looked for in one
//! grid, stays under 128 whatever the fleet. A request for GPUs may be looked for in many: see
//! [`super::levels`], which names those that hold a fit in 3 looks a type, and says whether the request's
//! own cell is worth a look. Then `tightest` takes at most `1 + 2h` or `26 + h`.

use super::Probes;
use super::level::{Axis, LEVELS};
use super::maxima::Maxima;
use super::tree::{Ends, NIL, Nodes};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    /// Its workers, first in first out.
    pub(crate) queue: Ends,
    /// Their pairs, if it is sorted.
    root: u32,
}

/// A row's cells, and the greatest `x` of each, if requests lie in the row: nobody else asks for it.
#[derive(Debug)]
struct Row {
    cells: [Cell; LEVELS],
    greatest_x: Maxima,
}

#[derive(Debug)]
pub(crate) struct Grid {
    /// Cells of each row that have workers.
    bits: [u64; LEVELS],
    greatest_y: Maxima,
    /// Made when a row gets its first worker, and kept.
    rows: [Option<Box<Row>>; LEVELS],
    workers: usize,
}

/// A place on a grid: what a request asks for, or what a worker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) row: usize,
    pub(crate) column: usize,
}

/// Rows and columns whose cells are sorted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) rows: u64,
    pub(crate) columns: u64,
}

impl Sorted {
    /// Requests lie in this row.
    pub(crate) fn has_row(&self, row: usize) -> bool {
        self.rows >> row & 1 == 1
    }

    /// A row or a column that requests lie in.
    pub(crate) fn has(&self, row: usize, column: usize) -> bool {
        (self.rows >> row | self.columns >> column) & 1 == 1
    }
}

/// The queue that the wanted worker is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Of a cell all of whose workers fit.
    Cell { row: usize, column: usize },
    /// Of a pair.
    Pair(u32),
}

impl Grid {
    pub(crate) fn new() -> Self {
        Self {
            bits: [0; LEVELS],
            greatest_y: Maxima::NONE,
            rows: [const { None }; LEVELS],
            workers: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.workers == 0
    }

    /// The cell, for its queue.
    pub(crate) fn cell(&mut self, row: usize, column: usize) -> &mut Cell {
        &mut self.row(row).cells[column]
    }

    fn row(&mut self, row: usize) -> &mut Row {
        self.rows[row].get_or_insert_with(|| {
            let cell = Cell { queue: Ends::EMPTY, root: NIL };
            Box::new(Row { cells: [cell; LEVELS], greatest_x: Maxima::NONE })
        })
    }

    pub(crate) fn head(&self, row: usize, column: usize) -> u32 {
        self.rows[row].as_ref().map_or(NIL, |row| row.cells[column].queue.head)
    }

    pub(crate) fn tail(&self, row: usize, column: usize) -> u32 {
        self.rows[row].as_ref().map_or(NIL, |row| row.cells[column].queue.tail)
    }

    fn root(&self, row: usize, column: usize) -> u32 {
        self.rows[row].as_ref().map_or(NIL, |row| row.cells[column].root)
    }

    /// The greatest `y` of the row and all over it.
    pub(crate) fn greatest_y_from(&self, row: usize) -> u32 {
        self.greatest_y.from(row)
    }

    /// The greatest `x` of the cells from this one on, of a row that requests lie in.
    pub(crate) fn greatest_x_from(&self, row: usize, column: usize) -> u32 {
        self.rows[row].as_ref().map_or(0, |row| row.greatest_x.from(column))
    }

    /// Whether a sorted cell has a worker with so much.
    pub(crate) fn has(&self, nodes: &Nodes, row: usize, column: usize, x: u32, y: u32) -> bool {
        nodes.first(self.root(row, column), x, y, &mut Probes::default()).is_some()
    }

    /// Cells of a row that have workers.
    pub(crate) fn used(&self, row: usize) -> u64 {
        self.bits[row]
    }

    /// The node of a pair in its sorted cell, made where there is none.
    #[inline]
    pub(crate) fn obtain(&mut self, nodes: &mut Nodes, spot: Spot) -> u32 {
        let row = self.row(spot.row);
        nodes.obtain(&mut row.cells[spot.column].root, spot.x, spot.y)
    }

    /// Takes a pair that nobody has any more out of its sorted cell.
    #[inline]
    pub(crate) fn remove(&mut self, nodes: &mut Nodes, row: usize, column: usize, node: u32) {
        nodes.remove(&mut self.row(row).cells[column].root, node);
    }

    /// Sets the greatest `x` of a cell in a row that requests lie in.
    pub(crate) fn refresh_x(&mut self, nodes: &Nodes, row: usize, column: usize) {
        let row = self.row(row);
        row.greatest_x.set(column, nodes.greatest_x(row.cells[column].root));
    }

    /// A worker has joined the cell, and its tree if it is sorted.
    /// Returns whether the greatest `y` of the row and all over it is another.
    #[inline]
    pub(crate) fn joined(&mut self, nodes: &Nodes, row: usize, column: usize) -> bool {
        self.workers += 1;
        self.bits[row] |= 1 << column;
        self.bits[row] >> column == 1 && self.refresh(nodes, row, column)
    }

    /// A worker has left the cell, and its tree if it is sorted. Returns the same.
    #[inline]
    pub(crate) fn left(&mut self, nodes: &Nodes, row: usize, column: usize) -> bool {
        self.workers -= 1;
        let uppermost = self.bits[row] >> column == 1;
        if self.head(row, column) == NIL {
            self.bits[row] &= !(1 << column);
        }
        if !uppermost {
            return false;
        }
        match self.bits[row].checked_ilog2() {
            Some(column) => self.refresh(nodes, row, column as usize),
            None => self.greatest_y.set(row, 0),
        }
    }

    /// Sets a row's greatest `y` by its uppermost cell.
    pub(crate) fn refresh(&mut self, nodes: &Nodes, row: usize, column: usize) -> bool {
        let root = self.root(row, column);
        let greatest =
            if root == NIL { Axis::Memory.floor(column) } else { nodes.greatest_y(root) };
        self.greatest_y.set(row, greatest)
    }

    /// The emptiest worker that fits: the highest row, and in it the highest column, that hold one. If
    /// all of that cell fit, the first of its queue; else the most `y`, then the most `x`, then the
    /// first of that queue.
    pub(crate) fn emptiest(
        &self,
        nodes: &Nodes,
        want: &Spot,
        probes: &mut Probes,
    ) -> Option<Found> {
        if self.greatest_y.any_over(want.row, want.y, probes) {
            let row = self.greatest_y.highest(want.y, probes);
            probes.one();
            let column = self.bits[row].ilog2() as usize;
            if column > want.column {
                return Some(Found::Cell { row, column });
            }
            return nodes.last(self.root(row, column), 1, probes).map(Found::Pair);
        }
        let row = self.rows[want.row].as_deref()?;
        if row.greatest_x.any_over(want.column, want.x, probes) {
            let column = row.greatest_x.highest(want.x, probes);
            return nodes.last(row.cells[column].root, want.x, probes).map(Found::Pair);
        }
        probes.one();
        if self.bits[want.row] >> want.column & 1 == 0 {
            return None;
        }
        // The most `y` of those with enough `x`: if it is too little, so is all other.
        let pair = nodes.last(row.cells[want.column].root, want.x, probes)?;
        (nodes.at(pair).y >= want.y).then_some(Found::Pair(pair))
    }

    /// The tightest worker that fits: the lowest row, and in it the lowest column, that hold one. If
    /// all of that cell fit, the last of its queue; else the least `y`, then the least `x`, then the first
    /// of that queue.
    /// With `own` the request's own cell is looked in; without, it is known to hold none.
    pub(crate) fn tightest(
        &self,
        nodes: &Nodes,
        want: &Spot,
        own: bool,
        probes: &mut Probes,
    ) -> Option<Found> {
        if let Some(row) = self.rows[want.row].as_deref() {
            probes.one();
            if own
                && self.bits[want.row] >> want.column & 1 == 1
                && let Some(pair) = nodes.first(row.cells[want.column].root, want.x, want.y, probes)
            {
                return Some(Found::Pair(pair));
            }
            if row.greatest_x.any_over(want.column, want.x, probes) {
                let column = row.greatest_x.lowest_over(want.column, want.x, probes);
                return nodes.first(row.cells[column].root, want.x, 1, probes).map(Found::Pair);
            }
        }
        if !self.greatest_y.any_over(want.row, want.y, probes) {
            return None;
        }
        let row = self.greatest_y.lowest_over(want.row, want.y, probes);
        probes.one();
        let used = self.bits[row] >> want.column;
        if used & 1 == 1
            && let Some(pair) = nodes.first(self.root(row, want.column), 1, want.y, probes)
        {
            return Some(Found::Pair(pair));
        }
        let over = used & !1;
        Some(Found::Cell { row, column: want.column + over.trailing_zeros() as usize })
    }
}
