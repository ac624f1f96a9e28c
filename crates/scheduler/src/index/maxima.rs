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
    /// Levels that have any: most often the first of them that could do is the one that is looked for.
    some: u64,
}

impl Maxima {
    pub(crate) const NONE: Self =
        Self { at: [0; LEVELS], from: [0; LEVELS + 1], block: [0; LEVELS / 8], some: 0 };

    /// Returns whether that is another greatest of the level and all over it.
    #[inline]
    pub(crate) fn set(&mut self, level: usize, greatest: u32) -> bool {
        let known = std::mem::replace(&mut self.at[level], greatest);
        if known == greatest {
            return false;
        }
        self.some = self.some & !(1 << level) | u64::from(greatest != 0) << level;
        let block = level / 8;
        if greatest >= self.block[block] {
            self.block[block] = greatest;
        } else if known == self.block[block] {
            self.block[block] = self.greatest_of(block);
        }
        let before = self.from[level];
        for at in (0..=level).rev() {
            let from = self.at[at].max(self.from[at + 1]);
            if self.from[at] == from {
                break;
            }
            self.from[at] = from;
        }
        self.from[level] != before
    }

    /// By those of its levels that have any, which are few.
    fn greatest_of(&self, block: usize) -> u32 {
        let mut left = self.some & 0xff << (block * 8);
        let mut greatest = 0;
        while left != 0 {
            greatest = greatest.max(self.at[left.trailing_zeros() as usize]);
            left &= left - 1;
        }
        greatest
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

    /// The highest level with that much; there is one. At most 7 looks.
    pub(crate) fn highest(&self, amount: u32, probes: &mut Probes) -> usize {
        probes.one();
        let top = 63 - self.some.leading_zeros() as usize;
        if self.at[top] >= amount {
            return top;
        }
        // `from` is large enough up to the level and too small beyond it.
        let (mut low, mut high) = (0, top);
        while high - low > 1 {
            probes.one();
            let middle = low.midpoint(high);
            if self.from[middle] >= amount { low = middle } else { high = middle }
        }
        low
    }

    /// The lowest level over this one with that much; there is one. At most 22 looks.
    pub(crate) fn lowest_over(&self, level: usize, amount: u32, probes: &mut Probes) -> usize {
        let over = self.some & u64::MAX << level << 1;
        let mut at = over.trailing_zeros() as usize;
        loop {
            probes.one();
            if self.at[at] >= amount {
                return at;
            }
            at += 1;
            if at.is_multiple_of(8) {
                break;
            }
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
