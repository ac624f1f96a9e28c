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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a plain array, after each change: few amounts, so that equal ones and none are common.
        #[test]
        fn answers_as_a_plain_array_would_in_few_looks(
            changes in vec((0..LEVELS, 0_u32..6), 1..200),
        ) {
            let (mut maxima, mut plain) = (Maxima::NONE, [0; LEVELS]);
            let from = |plain: &[u32; LEVELS], level: usize| plain[level..].iter().copied().max();
            for (level, greatest) in changes {
                let before = from(&plain, level);
                plain[level] = greatest;
                prop_assert_eq!(maxima.set(level, greatest), from(&plain, level) != before);
                for amount in 1..6 {
                    for level in 0..LEVELS {
                        prop_assert_eq!(Some(maxima.from(level)), from(&plain, level));
                        let lowest = (level + 1..LEVELS).find(|&at| plain[at] >= amount);
                        let mut probes = Probes::default();
                        let any = maxima.any_over(level, amount, &mut probes);
                        prop_assert_eq!((any, probes.0), (lowest.is_some(), 1));
                        if any {
                            let mut probes = Probes::default();
                            let found = maxima.lowest_over(level, amount, &mut probes);
                            prop_assert_eq!(Some(found), lowest);
                            prop_assert!(probes.0 <= 22, "{} looks", probes.0);
                        }
                    }
                    if let Some(highest) = plain.iter().rposition(|&at| at >= amount) {
                        let mut probes = Probes::default();
                        prop_assert_eq!(maxima.highest(amount, &mut probes), highest);
                        prop_assert!(probes.0 <= 7, "{} looks", probes.0);
                    }
                }
            }
        }
    }
}
