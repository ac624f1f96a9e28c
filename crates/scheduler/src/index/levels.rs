//! Which numbers of free GPUs have a worker that fits, without a look at each number's grid.
//!
//! A view of workers with GPUs has up to 64 grids, and most of those that a request is looked for in may hold
//! no fit. What the grids know is kept here side by side, a *lane* for each number of free GPUs:
//!
//! * for the rows that requests lie in, the greatest `y` over the row: it says whether a worker there fits;
//! * for their cells, the greatest `x` beyond the cell in its row: it says the same;
//! * for the request's own cell a *watch*: the lanes in which some worker of that cell fits. It is set up
//!   when the request is made ready, and corrected when a worker of that cell comes or goes, so that no
//!   decision has to ask.
//!
//! So three looks, each at one place with its lanes, name all lanes that hold a fit. For a list of eight types
//! that makes at most `24 + 11 + h` under spread and `24 + max(1 + 2h, 26 + h)` under best-fit, which is 83
//! with 2^20 different pairs in one cell. A replica that keeps apart looks in three views a type: at most 125.
//!
//! A size that is no longer watched, as more than [`WATCHES`] others came since, is looked for grid by grid: the
//! answer is the same. A planner makes it ready again before it comes to that.

use super::Probes;
use super::grid::{Grid, Sorted, Spot};
use super::level::LEVELS;
use super::tree::Nodes;

/// A place a level, with all lanes side by side.
type Places = Box<[u32]>;

/// So many sizes of requests are watched in a view. One more, and all are forgotten: those still in use are
/// soon made ready again.
pub(crate) const WATCHES: usize = 1_024;

/// No watch.
const NONE: u16 = u16::MAX;

/// A size of request.
#[derive(Clone, Copy, Debug)]
struct Watch {
    x: u32,
    y: u32,
    /// Lanes in which a worker of its own cell fits.
    fits: u64,
    /// The next of the same cell.
    next: u16,
}

#[derive(Debug)]
pub(crate) struct Levels {
    /// For each row that requests lie in, the greatest `y` over it.
    over_y: Places,
    /// For each such row, and each column that requests lie in, the greatest `x` beyond that cell.
    over_x: [Option<Places>; LEVELS],
    /// How many there are.
    lanes: usize,
    watches: Vec<Watch>,
    /// The first watch of each cell.
    first: Box<[u16]>,
}

impl Levels {
    pub(crate) fn new() -> Self {
        Self {
            over_y: Box::default(),
            over_x: [const { None }; LEVELS],
            lanes: 0,
            watches: Vec::new(),
            first: vec![NONE; LEVELS * LEVELS].into(),
        }
    }

    /// The lanes that have a fit, and those that have one in the request's own cell. `None`: the request is
    /// not watched, others were in its place, so every lane has to be looked at.
    #[inline]
    pub(crate) fn fitting(
        &self,
        want: &Spot,
        watch: u16,
        probes: &mut Probes,
    ) -> Option<(u64, u64)> {
        let watch = self.watches.get(usize::from(watch))?;
        let over_x = self.over_x[want.row].as_deref()?;
        if (watch.x, watch.y) != (want.x, want.y) {
            return None;
        }
        // The watch, and a place each for the rows over it and the cells beyond.
        probes.some(3);
        let over_y = &self.over_y[want.row * self.lanes..][..self.lanes];
        let over_x = &over_x[want.column * self.lanes..][..self.lanes];
        // Without a branch, as none could be foretold.
        let over = over_y.iter().zip(over_x).rev().fold(0, |lanes, (&y, &x)| {
            lanes << 1 | u64::from(y >= want.y) | u64::from(x >= want.x)
        });
        Some((over | watch.fits, watch.fits))
    }

    /// A grid's greatest `y` from this row on is another: what is over the rows under it may be, from the
    /// highest down.
    pub(crate) fn follow_y(&mut self, lane: usize, grid: &Grid, sorted: Sorted, row: usize) {
        let mut left = sorted.rows & !(u64::MAX << row);
        while left != 0 {
            let level = 63 - left.leading_zeros() as usize;
            let greatest = grid.greatest_y_from(level + 1);
            let known = &mut self.over_y[level * self.lanes + lane];
            if std::mem::replace(known, greatest) == greatest {
                break;
            }
            left &= !(1 << level);
        }
    }

    /// A cell of a row that requests lie in may have another greatest `x`: so may what is beyond the cells
    /// before it.
    pub(crate) fn follow_x(
        &mut self,
        lane: usize,
        grid: &Grid,
        sorted: Sorted,
        row: usize,
        column: usize,
    ) {
        let Some(over_x) = &mut self.over_x[row] else { return };
        let mut left = sorted.columns & !(u64::MAX << column);
        while left != 0 {
            let level = 63 - left.leading_zeros() as usize;
            let greatest = grid.greatest_x_from(row, level + 1);
            let known = &mut over_x[level * self.lanes + lane];
            if std::mem::replace(known, greatest) == greatest {
                break;
            }
            left &= !(1 << level);
        }
    }

    /// Requests lie in this row from now on.
    pub(crate) fn add_row(&mut self, row: usize) {
        self.over_x[row].get_or_insert_with(|| places(self.lanes));
    }

    /// There are more lanes from now on. All grids must be followed anew.
    pub(crate) fn widen(&mut self, lanes: usize) {
        self.lanes = lanes;
        self.over_y = places(lanes);
        self.over_x.iter_mut().flatten().for_each(|over_x| *over_x = places(lanes));
    }

    /// All that a grid says.
    pub(crate) fn follow_all(&mut self, lane: usize, grid: &Grid) {
        for row in 0..LEVELS {
            self.over_y[row * self.lanes + lane] = grid.greatest_y_from(row + 1);
            let Some(over_x) = &mut self.over_x[row] else { continue };
            for column in 0..LEVELS {
                over_x[column * self.lanes + lane] = grid.greatest_x_from(row, column + 1);
            }
        }
    }

    /// A worker that has this much has come to its cell.
    pub(crate) fn joined(&mut self, lane: usize, spot: Spot) {
        let mut at = self.first[cell(spot)];
        while at != NONE {
            let watch = &mut self.watches[usize::from(at)];
            if watch.x <= spot.x && watch.y <= spot.y {
                watch.fits |= 1 << lane;
            }
            at = watch.next;
        }
    }

    /// The last worker that had this much has left its cell.
    pub(crate) fn left(&mut self, lane: usize, spot: Spot, grid: &Grid, nodes: &Nodes) {
        let mut at = self.first[cell(spot)];
        while at != NONE {
            let watch = &mut self.watches[usize::from(at)];
            if watch.fits >> lane & 1 == 1
                && watch.x <= spot.x
                && watch.y <= spot.y
                && !grid.has(nodes, spot.row, spot.column, watch.x, watch.y)
            {
                watch.fits &= !(1 << lane);
            }
            at = watch.next;
        }
    }

    /// The watch of requests of this size, if there is one.
    pub(crate) fn find(&self, want: Spot) -> Option<u16> {
        let mut at = self.first[cell(want)];
        while at != NONE {
            let watch = &self.watches[usize::from(at)];
            if (watch.x, watch.y) == (want.x, want.y) {
                return Some(at);
            }
            at = watch.next;
        }
        None
    }

    /// Watches requests of this size, which fit in these lanes of their own cell. `true`: to make room all
    /// others were forgotten.
    pub(crate) fn watch(&mut self, want: Spot, fits: u64) -> (u16, bool) {
        let full = self.watches.len() == WATCHES;
        if full {
            self.watches.clear();
            self.first.fill(NONE);
        }
        let at = self.watches.len() as u16;
        let next = std::mem::replace(&mut self.first[cell(want)], at);
        self.watches.push(Watch { x: want.x, y: want.y, fits, next });
        (at, full)
    }
}

fn places(lanes: usize) -> Places {
    vec![0; lanes * LEVELS].into()
}

fn cell(spot: Spot) -> usize {
    spot.row * LEVELS + spot.column
}
