//! G02: did we send what the plan asked for?

use super::percent;
use crate::{Level, Trust};
use proofload_record::NotSent;
use proofload_units::{human_count, human_duration};

/// Least share of the offered rate that must have been sent.
pub const ACHIEVED_LEAST: f64 = 0.98;
/// A plan shorter than this has no rate to speak of, and is judged by its counts alone: 1 s.
pub const WINDOW_LEAST_NS: u64 = 1_000_000_000;

/// What the plan offered and what left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Requests that were due while the run lasted.
    pub offered: u64,
    /// Of those, the ones that were started.
    pub sent: u64,
    /// Of those, the ones that never left, by reason.
    pub not_sent: [u64; NotSent::ALL.len()],
    /// From the first due time to the last, in nanoseconds.
    pub due_window_ns: u64,
    /// From the first due time to the last start, in nanoseconds.
    pub start_window_ns: u64,
}

impl Rate {
    /// Achieved over offered rate; none where nothing was offered.
    ///
    /// What was not sent counts against it, and so does a last start that lags behind the last due
    /// time: the same requests over a longer time are a lower rate.
    #[must_use]
    pub fn achieved(&self) -> Option<f64> {
        if self.offered == 0 {
            return None;
        }
        let sent = self.sent as f64 / self.offered as f64;
        if self.due_window_ns < WINDOW_LEAST_NS {
            return Some(sent);
        }
        let window = self.start_window_ns.max(self.due_window_ns);
        Some(sent * self.due_window_ns as f64 / window as f64)
    }
}

/// G02: the generator sent at the rate that the plan offered.
#[must_use]
pub fn rate(seen: &Rate) -> Trust {
    let title = "offered rate";
    let Some(achieved) = seen.achieved() else {
        let evidence = "no request was due".to_owned();
        return Trust { id: "G02", title, level: Level::Ok, evidence, remedy: None };
    };
    let mut evidence =
        format!("{} of {} requests sent", human_count(seen.sent), human_count(seen.offered),);
    // All that were due at one moment have no rate.
    if seen.due_window_ns > 0 {
        let over = human_duration(seen.due_window_ns);
        evidence += &format!(", {} of the offered rate over {over}", percent(achieved));
    }
    for (reason, &count) in NotSent::ALL.iter().zip(&seen.not_sent).filter(|(_, count)| **count > 0)
    {
        evidence += &format!("; not sent: {} {}", human_count(count), reason.label());
    }
    let level = if achieved < ACHIEVED_LEAST {
        evidence += &format!(" (under {})", percent(ACHIEVED_LEAST));
        Level::Invalid
    } else if seen.not_sent.iter().any(|&count| count > 0) {
        Level::Warn
    } else {
        Level::Ok
    };
    let remedy = (level > Level::Ok)
        .then_some("raise the limits of this machine (ulimit -n, local ports), or lower the rate");
    Trust { id: "G02", title, level, evidence, remedy }
}

#[cfg(test)]
mod tests {
    use super::{Rate, rate};
    use crate::Level::{Invalid, Ok, Warn};

    const SECOND_NS: u64 = 1_000_000_000;

    #[test]
    fn what_did_not_leave_counts_and_so_does_what_left_late() {
        let fit = Rate {
            offered: 1_000,
            sent: 1_000,
            due_window_ns: 100 * SECOND_NS,
            start_window_ns: 100 * SECOND_NS,
            ..Rate::default()
        };
        let dropped = |count| Rate { sent: 1_000 - count, not_sent: [0, count, 0], ..fit };
        for (name, seen, want) in [
            ("all on time", fit, Ok),
            ("the last one 2 % late", Rate { start_window_ns: 102 * SECOND_NS, ..fit }, Ok),
            ("the last one 3 % late", Rate { start_window_ns: 103 * SECOND_NS, ..fit }, Invalid),
            ("one not sent", dropped(1), Warn),
            ("two in a hundred not sent", dropped(20), Warn),
            ("more not sent", dropped(21), Invalid),
            (
                "a burst without a rate",
                Rate { due_window_ns: 1_000, start_window_ns: 9_000, ..fit },
                Ok,
            ),
            ("nothing due", Rate::default(), Ok),
        ] {
            let trust = rate(&seen);
            assert_eq!(trust.level, want, "{name}: {}", trust.evidence);
        }
    }

    #[test]
    fn the_evidence_names_the_reason() {
        let seen = Rate { offered: 10, sent: 8, not_sent: [2, 0, 0], ..Rate::default() };
        assert_eq!(
            rate(&seen).evidence,
            "8 of 10 requests sent; not sent: 2 no_descriptor (under 98.0 %)",
            "at one moment there is no rate"
        );
        let seen = Rate { due_window_ns: SECOND_NS, start_window_ns: SECOND_NS, ..seen };
        let over = "8 of 10 requests sent, 80.0 % of the offered rate over 1.00 s; not sent: 2";
        assert!(rate(&seen).evidence.starts_with(over), "{}", rate(&seen).evidence);
    }
}
