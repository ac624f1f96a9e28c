//! Replaying faster or slower, exactly.

use std::ops::RangeInclusive;

/// By how much a plan is faster than its workload. An `f64` is a whole number times a power of two,
/// so dividing by it needs no rounding but the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speed {
    mantissa: u64,
    /// The speed is `mantissa / 2^shift`.
    shift: u32,
}

impl Speed {
    /// Within it nothing overflows, see [`Self::due_ns`].
    pub(crate) const RANGE: RangeInclusive<f64> = 0.01..=1_000_000.0;

    /// `None` outside [`Self::RANGE`]; NaN is outside.
    pub(crate) fn new(value: f64) -> Option<Self> {
        if !Self::RANGE.contains(&value) {
            return None;
        }
        let bits = value.to_bits();
        // Normal and positive in this range: the sign is 0 and the leading 1 of the mantissa hidden.
        let mantissa = (bits & ((1 << 52) - 1)) | (1 << 52);
        let shift = 1_075 - (bits >> 52) as u32;
        Some(Self { mantissa, shift })
    }

    /// `offset_ns` divided by the speed and rounded to whole nanoseconds, halves up.
    ///
    /// The shift lies between 33 and 59 and an offset below 2^55, so the dividend is below 2^115;
    /// at a hundredth of the speed the latest arrival is at 100 years, a sixth of the clock.
    pub(crate) const fn due_ns(self, offset_ns: u64) -> u64 {
        let (offset, mantissa) = (offset_ns as u128, self.mantissa as u128);
        (((offset << (self.shift + 1)) + mantissa) / (2 * mantissa)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::Speed;
    use crate::offset::OFFSET_MAX_NS;
    use proptest::prelude::*;

    #[test]
    fn divides_exactly_and_rounds_halves_up() {
        for (speed, offset_ns, want_ns) in [
            (1.0, OFFSET_MAX_NS, OFFSET_MAX_NS),
            (20.0, 9_059_000_000, 452_950_000),
            (2.0, 3, 2),
            (2.0, 1, 1),
            (3.0, 1, 0),
            (3.0, 2, 1),
            (0.5, 7, 14),
            (1_000_000.0, OFFSET_MAX_NS, 31_622_400_000),
        ] {
            assert_eq!(
                Speed::new(speed).unwrap().due_ns(offset_ns),
                want_ns,
                "{offset_ns} / {speed}"
            );
        }
        let slowest = Speed::new(0.01).unwrap().due_ns(OFFSET_MAX_NS);
        assert!(slowest.abs_diff(OFFSET_MAX_NS * 100) < 1_000, "0.01 is a float just above 1/100");
        assert!(
            [0.0, -1.0, 0.009, 1e7, f64::NAN, f64::INFINITY]
                .iter()
                .all(|&speed| Speed::new(speed).is_none())
        );
    }

    proptest! {
        #[test]
        fn is_near_the_float_and_keeps_the_order(
            speed in Speed::RANGE, a in 0..OFFSET_MAX_NS, b in 0..OFFSET_MAX_NS,
        ) {
            let exact = Speed::new(speed).unwrap();
            let float = a as f64 / speed;
            prop_assert!((exact.due_ns(a) as f64 - float).abs() <= 0.5 + float * 1e-15);
            prop_assert!(exact.due_ns(a.max(b)) >= exact.due_ns(a.min(b)));
        }
    }
}
