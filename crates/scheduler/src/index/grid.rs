//! Workers with the same number of free GPUs, on a grid of 64 × 64 levels of what they have free.
//!
//! The `x` axis is the resource that decides first (the *major* one), `y` the other. A row is a level
//! of `x`. It keeps
//!
//! * a `u64` that says which cells have workers, and a queue a cell, first in first out;
//! * a tree of the exact pairs (see [`super::tree`]);
//! * the greatest exact `y` of the row, the greatest in it and all rows above (`above`), and of each
//!   eight rows together (`block`).
//!
//! # Why few places are looked at, and the answer is exact all the same
//!
//! A request `(x, y)` lies in row `r`. Every worker in a row above `r` has enough `x`, so there only
//! `y` counts: some worker there fits if and only if `above[r + 1] ≥ y`, which is one look. `above`
//! never rises from row to row, so the highest row that holds a fit is found by halving (6 looks);
//! the lowest by looking at 7 rows, 8 blocks and 8 rows at most. Row `r` itself is the only
//! one with workers that may lack `x`, and its tree answers for both at once. No other row and no cell
//! has to be tried, however many workers lie on the border. With `h` the height of a tree:
//!
//! | | looks in one grid |
//! | --- | --- |
//! | nothing fits | `1 + h` |
//! | [`Grid::emptiest`] | at most `8 + h` |
//! | [`Grid::tightest`] | at most `24 + 2h` |
//!
//! 2^20 workers in the worst tree of all make `h` 29, so both stay under 128.

use super::Probes;
use super::level::LEVELS;
use super::tree::{Ends, NIL, Nodes};

/// A row's cells, each a queue of entries.
type Cells = Box<[Ends; LEVELS]>;

#[derive(Debug)]
pub(crate) struct Grid {
    /// Rows that have workers.
    rows: u64,
    /// Cells of each row that have workers.
    bits: [u64; LEVELS],
    roots: [u32; LEVELS],
    row: [u32; LEVELS],
    /// One more, so that there is always a row above.
    above: [u32; LEVELS + 1],
    block: [u32; LEVELS / 8],
    /// Made when a row gets its first worker, and kept.
    cells: [Option<Cells>; LEVELS],
}

/// What a request asks for, on the axes of a grid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Want {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) row: usize,
    pub(crate) column: usize,
}

/// Where a fitting worker waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// First in the queue of a cell whose workers all fit.
    Cell { row: usize, column: usize },
    /// First in the queue of a pair.
    Pair(u32),
}

impl Grid {
    pub(crate) fn new() -> Self {
        Self {
            rows: 0,
            bits: [0; LEVELS],
            roots: [NIL; LEVELS],
            row: [0; LEVELS],
            above: [0; LEVELS + 1],
            block: [0; LEVELS / 8],
            cells: [const { None }; LEVELS],
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The queue of a cell that is or was in use.
    pub(crate) fn cell(&mut self, row: usize, column: usize) -> &mut Ends {
        let cells = self.cells[row].get_or_insert_with(|| Box::new([Ends::EMPTY; LEVELS]));
        &mut cells[column]
    }

    pub(crate) fn head(&self, row: usize, column: usize) -> u32 {
        self.cells[row].as_ref().map_or(NIL, |cells| cells[column].head)
    }

    /// The node of the pair in its row, made where there is none.
    pub(crate) fn obtain(
        &mut self,
        nodes: &mut Nodes,
        row: usize,
        column: usize,
        x: u32,
        y: u32,
    ) -> u32 {
        self.rows |= 1 << row;
        self.bits[row] |= 1 << column;
        if y > self.row[row] {
            self.set_greatest(row, y);
        }
        nodes.obtain(&mut self.roots[row], x, y)
    }

    /// Takes out a pair that nobody has free any more.
    pub(crate) fn remove(&mut self, nodes: &mut Nodes, row: usize, node: u32) {
        let y = nodes.at(node).y;
        nodes.remove(&mut self.roots[row], node);
        if y == self.row[row] {
            let greatest = nodes.greatest_y(self.roots[row]);
            if greatest != y {
                self.set_greatest(row, greatest);
            }
        }
    }

    /// A cell has lost its last worker.
    pub(crate) fn clear(&mut self, row: usize, column: usize) {
        self.bits[row] &= !(1 << column);
        if self.bits[row] == 0 {
            self.rows &= !(1 << row);
        }
    }

    fn set_greatest(&mut self, row: usize, y: u32) {
        self.row[row] = y;
        let block = row / 8;
        self.block[block] = self.row[block * 8..][..8].iter().copied().max().unwrap_or(0);
        for at in (0..=row).rev() {
            let above = self.row[at].max(self.above[at + 1]);
            if self.above[at] == above {
                break;
            }
            self.above[at] = above;
        }
    }

    /// The emptiest worker that fits: the highest level of `x`, then
    /// * if all workers of that row that have at least the request's level of `y` certainly fit, the
    ///   highest level of `y`, first in first out;
    /// * otherwise the most `y`, then the most `x`, first in first out.
    pub(crate) fn emptiest(&self, nodes: &Nodes, want: Want, probes: &mut Probes) -> Option<Found> {
        probes.one();
        if self.above[want.row + 1] >= want.y {
            let row = self.highest_row(want.y, probes);
            probes.one();
            let column = 63 - self.bits[row].leading_zeros() as usize;
            if column > want.column {
                return Some(Found::Cell { row, column });
            }
            return nodes.last(self.roots[row], 1, probes).map(Found::Pair);
        }
        self.fits_in_row(nodes, want, probes).map(Found::Pair)
    }

    /// The worker that would have the least left over: the lowest level of `x` at which any fits, then
    /// the least `y`, then the least `x`, first in first out.
    pub(crate) fn tightest(&self, nodes: &Nodes, want: Want, probes: &mut Probes) -> Option<Found> {
        if self.fits_in_row(nodes, want, probes).is_some() {
            return nodes.first(self.roots[want.row], want.x, want.y, probes).map(Found::Pair);
        }
        probes.one();
        if self.above[want.row + 1] < want.y {
            return None;
        }
        let row = self.lowest_row(want, probes);
        nodes.first(self.roots[row], 1, want.y, probes).map(Found::Pair)
    }

    /// The pair with the most `y` of those with enough `x` in the request's own row, if it fits.
    fn fits_in_row(&self, nodes: &Nodes, want: Want, probes: &mut Probes) -> Option<u32> {
        if self.row[want.row] < want.y {
            probes.one();
            return None;
        }
        let last = nodes.last(self.roots[want.row], want.x, probes)?;
        (nodes.at(last).y >= want.y).then_some(last)
    }

    /// The highest row with that much `y`; there is one.
    fn highest_row(&self, y: u32, probes: &mut Probes) -> usize {
        let top = 63 - self.rows.leading_zeros() as usize;
        probes.one();
        if self.row[top] >= y {
            return top;
        }
        // `above` is `≥ y` up to the row and `< y` beyond it.
        let (mut low, mut high) = (0, top);
        while high - low > 1 {
            probes.one();
            let middle = low.midpoint(high);
            if self.above[middle] >= y { low = middle } else { high = middle }
        }
        low
    }

    /// The lowest row over the request's with that much `y`; there is one.
    fn lowest_row(&self, want: Want, probes: &mut Probes) -> usize {
        let mut row = want.row + 1;
        while !row.is_multiple_of(8) {
            probes.one();
            if self.row[row] >= want.y {
                return row;
            }
            row += 1;
        }
        let mut block = row / 8;
        loop {
            probes.one();
            if self.block[block] >= want.y {
                break;
            }
            block += 1;
        }
        row = block * 8;
        loop {
            probes.one();
            if self.row[row] >= want.y {
                return row;
            }
            row += 1;
        }
    }
}
