//! Which of the 64 levels of an axis an amount lies in.

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
    pub(crate) fn level(self, value: u32) -> usize {
        let quanta = match self {
            Self::Cpu => value >> CPU_SHIFT,
            Self::Memory => value >> MEMORY_SHIFT,
        };
        if quanta < 4 {
            return quanta as usize;
        }
        let octave = quanta.ilog2();
        ((octave - 1) * 4 + ((quanta >> (octave - 2)) & 3)) as usize
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
            assert_eq!((axis.level(0), axis.level(max)), (0, LEVELS - 1), "{axis:?}");
        }
    }
}
