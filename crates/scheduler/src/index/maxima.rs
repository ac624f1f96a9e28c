//! The greatest amount at each of 64 levels, and where one is large enough.

use super::Probes;
use super::level::LEVELS;

/// A greatest amount a level; 0 where there is none.
#[derive(Debug)]
pub(crate) struct Maxima {
    at: [u32; LEVELS],
    /// The greatest at the level and all over it; one more, so that there is always one over it. It
    /// never rises from level to level.
    from: [u32; LEVELS + 1],
    /// The greatest of each eight levels.
    block: [u32; LEVELS / 8],
}

impl Maxima {
    pub(crate) const NONE: Self =
        Self { at: [0; LEVELS], from: [0; LEVELS + 1], block: [0; LEVELS / 8] };

    /// Returns whether that is another greatest of the level and all over it.
    #[inline]
    pub(crate) fn set(&mut self, level: usize, greatest: u32) -> bool {
        if self.at[level] == greatest {
            return false;
        }
        let before = self.from[level];
        self.at[level] = greatest;
        let block = level / 8;
        self.block[block] = self.at[block * 8..][..8].iter().copied().max().unwrap_or(0);
        for at in (0..=level).rev() {
            let from = self.at[at].max(self.from[at + 1]);
            if self.from[at] == from {
                break;
            }
            self.from[at] = from;
        }
        self.from[level] != before
    }

    /// The greatest at the level and all over it.
    pub(crate) fn from(&self, level: usize) -> u32 {
        self.from[level]
    }

    /// Whether some level over this one has that much. One look.
    #[inline]
    pub(crate) fn any_over(&self, level: usize, amount: u32, probes: &mut Probes) -> bool {
        probes.one();
        self.from[level + 1] >= amount
    }

    /// The highest level with that much; there is one. At most 6 looks.
    pub(crate) fn highest(&self, amount: u32, probes: &mut Probes) -> usize {
        // `from` is large enough up to the level and too small beyond it.
        let (mut low, mut high) = (0, LEVELS);
        while high - low > 1 {
            probes.one();
            let middle = low.midpoint(high);
            if self.from[middle] >= amount { low = middle } else { high = middle }
        }
        low
    }

    /// The lowest level over this one with that much; there is one. At most 22 looks.
    pub(crate) fn lowest_over(&self, level: usize, amount: u32, probes: &mut Probes) -> usize {
        let mut at = level + 1;
        while !at.is_multiple_of(8) {
            probes.one();
            if self.at[at] >= amount {
                return at;
            }
            at += 1;
        }
        let mut block = at / 8;
        loop {
            probes.one();
            if self.block[block] >= amount {
                break;
            }
            block += 1;
        }
        at = block * 8;
        loop {
            probes.one();
            if self.at[at] >= amount {
                return at;
            }
            at += 1;
        }
    }
}
