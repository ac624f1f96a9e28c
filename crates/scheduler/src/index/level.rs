//! Which of the 64 levels of an axis an amount lies in.
//!
//! A level is a quarter of an octave: a relative step without a unit, so that levels of CPU and of memory
//! can stand beside each other as millicores and MB cannot.

use crate::amount::{Megabytes, Millicores};

/// Levels of an axis; a row of cells is one `u64`.
pub(crate) const LEVELS: usize = 64;

/// A resource that the grid has an axis for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Axis {
    Cpu,
    Memory,
}

/// 32 millicores and 128 MB: what the lowest levels are apart.
const CPU_SHIFT: u32 = 5;
const MEMORY_SHIFT: u32 = 7;
const _: () = assert!(Millicores::MAX.get() >> CPU_SHIFT == (1 << 17) - 1);
const _: () = assert!(Megabytes::MAX.get() >> MEMORY_SHIFT == (1 << 17) - 1);

impl Axis {
    /// The level of `value`: four to an octave, evenly wide below the first, never falling as the
    /// value rises. The greatest amount is in level 63.
    #[inline]
    pub(crate) fn level(self, value: u32) -> usize {
        let quanta = value >> self.shift();
        if quanta < 4 {
            return quanta as usize;
        }
        let octave = quanta.ilog2();
        ((octave - 1) * 4 + ((quanta >> (octave - 2)) & 3)) as usize
    }

    /// The least value of a level.
    pub(crate) fn floor(self, level: usize) -> u32 {
        let level = level as u32;
        let quanta = if level < 4 { level } else { (4 | level & 3) << (level / 4 - 1) };
        quanta << self.shift()
    }

    const fn shift(self) -> u32 {
        match self {
            Self::Cpu => CPU_SHIFT,
            Self::Memory => MEMORY_SHIFT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_never_fall_and_use_the_whole_axis() {
        for (axis, max) in
            [(Axis::Cpu, Millicores::MAX.get()), (Axis::Memory, Megabytes::MAX.get())]
        {
            let mut last = 0;
            for value in (0..=max).step_by(13) {
                let level = axis.level(value);
                assert!(level == last || level == last + 1, "{axis:?} {value}: {last} -> {level}");
                last = level;
            }
            for level in 0..LEVELS {
                let floor = axis.floor(level);
                assert_eq!(axis.level(floor), level, "{axis:?} {floor}");
                assert!(floor == 0 || axis.level(floor - 1) == level - 1, "{axis:?} {floor}");
            }
            assert_eq!((axis.level(0), axis.level(max)), (0, LEVELS - 1), "{axis:?}");
        }
    }
}
