//! Units of time for an axis, and words for a title.

use proofload_units::human_duration;

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    ns: f64,
    label: &'static str,
}

impl Unit {
    /// Seconds.
    pub(super) const S: Self = Self { ns: 1e9, label: "s" };
    const MS: Self = Self { ns: 1e6, label: "ms" };
    const US: Self = Self { ns: 1e3, label: "µs" };

    /// The one in which values up to `most_ns` have few digits.
    pub(super) const fn of_most(most_ns: f64) -> Self {
        if most_ns >= 10e9 {
            Self::S
        } else if most_ns >= 2e6 {
            Self::MS
        } else {
            Self::US
        }
    }

    /// Nanoseconds in this unit.
    pub(super) fn of(self, ns: f64) -> f64 {
        ns / self.ns
    }

    /// The title of an axis in it.
    pub(super) fn title(self, what: &str) -> String {
        format!("{what}, {}", self.label)
    }
}

/// A limit in words, as somebody would have typed it.
pub(super) fn limit(ns: f64) -> String {
    for (unit, label) in [(1e9, "s"), (1e6, "ms")] {
        if ns >= unit && ns % unit == 0.0 {
            return format!("SLO {} {label}", ns / unit);
        }
    }
    format!("SLO {}", words(ns))
}

/// A duration in words.
pub(super) fn words(ns: f64) -> String {
    human_duration(ns.round().max(0.0) as u64)
}
