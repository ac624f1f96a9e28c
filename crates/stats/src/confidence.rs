//! How sure an interval is to be.

/// The share of repetitions in which an interval holds the true value: strictly between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Confidence(f64);

impl Confidence {
    /// 95 %, what every output uses unless it says otherwise.
    pub const PERCENT_95: Self = Self(0.95);

    /// The confidence of this share; none outside 0 to 1, at its ends, or for NaN.
    #[must_use]
    pub fn new(share: f64) -> Option<Self> {
        (share > 0.0 && share < 1.0).then_some(Self(share))
    }

    /// The share of repetitions that may miss on one side, where the other side has no bound.
    pub(crate) fn one_tail(self) -> f64 {
        1.0 - self.0
    }

    /// The share of repetitions that may miss on each of two sides.
    pub(crate) fn each_tail(self) -> f64 {
        self.one_tail() / 2.0
    }
}
