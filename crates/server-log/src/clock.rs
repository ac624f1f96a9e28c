//! How far the clock of a log is from ours.

use proofload_units::human_duration;

/// From here on a difference is named: clocks that are kept by NTP are far closer.
const NAMED_NS: u64 = 1_000_000_000;
/// Time zones differ by multiples of this.
const ZONE_STEP_NS: u64 = 15 * 60 * 1_000_000_000;
/// How far from such a multiple a difference may be and still look like one.
const ZONE_SLACK_NS: u64 = 60 * 1_000_000_000;

/// Differences between the server's arrival and our write, in nanoseconds.
#[derive(Default)]
pub(crate) struct Offsets(Vec<i64>);

impl Offsets {
    pub(crate) fn add(&mut self, arrived_wall_ns: u64, written_wall_ns: u64) {
        let difference = i128::from(arrived_wall_ns) - i128::from(written_wall_ns);
        self.0.push(i64::try_from(difference).unwrap_or(i64::MAX));
    }

    /// What the log's clock is ahead of ours, in nanoseconds; negative where it is behind.
    ///
    /// Waiting in the network or for the server only adds to a difference, so the twentieth part
    /// that is least is closest to the clocks'.
    pub(crate) fn typical_ns(&mut self) -> Option<i64> {
        let at = self.0.len() / 20;
        (at < self.0.len()).then(|| *self.0.select_nth_unstable(at).1)
    }

    /// What is wrong with the server's clock, in words. `naive` says whether its times have no zone.
    pub(crate) fn problem(&mut self, naive: bool) -> Option<String> {
        let offset_ns = self.typical_ns()?;
        let size_ns = offset_ns.unsigned_abs();
        if size_ns < NAMED_NS {
            return None;
        }
        let direction = if offset_ns > 0 { "ahead of" } else { "behind" };
        let steps = (size_ns + ZONE_STEP_NS / 2) / ZONE_STEP_NS;
        let is_zone = steps > 0 && size_ns.abs_diff(steps * ZONE_STEP_NS) <= ZONE_SLACK_NS;
        let (sign, minutes) = (if offset_ns > 0 { '+' } else { '-' }, steps * 15);
        let zone = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
        let cause = match (is_zone, naive) {
            (true, true) => format!(
                "its times have no zone and look like {zone}; say so in --server-log-map with \
                 time_zone = \"{zone}\""
            ),
            (true, false) => format!(
                "that is the time zone {zone}: does the server write local times where UTC belongs?"
            ),
            (false, _) => "set both clocks by NTP".to_owned(),
        };
        Some(format!(
            "the log's clock is {} {direction} ours, so only times within the log are comparable; \
             {cause}",
            human_duration(size_ns)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Offsets;

    const SECOND: i64 = 1_000_000_000;

    fn problem(offset_ns: i64, naive: bool) -> Option<String> {
        let mut offsets = Offsets::default();
        let written: u64 = 1_764_064_800_000_000_000;
        for request in 0..100 {
            // Some wait long before the server takes them up.
            let wait_ns = if request % 10 == 0 { 1_000 } else { 40 * SECOND };
            offsets.add(written.saturating_add_signed(offset_ns + wait_ns), written);
        }
        offsets.problem(naive)
    }

    #[test]
    fn a_clock_that_is_off_is_named_and_a_slow_server_is_not() {
        assert_eq!(Offsets::default().problem(true), None);
        for (offset_ns, naive, want) in [
            (0, true, None),
            (SECOND / 2, false, None),
            (-SECOND / 2, false, None),
            (180 * SECOND, false, Some(("ahead of ours", "NTP"))),
            (-180 * SECOND, true, Some(("behind ours", "NTP"))),
            (7_201 * SECOND, true, Some(("ahead of ours", "time_zone = \"+02:00\""))),
            (-12_600 * SECOND, true, Some(("behind ours", "time_zone = \"-03:30\""))),
            (7_200 * SECOND, false, Some(("ahead of ours", "the time zone +02:00"))),
        ] {
            let found = problem(offset_ns, naive);
            match want {
                None => assert_eq!(found, None, "{offset_ns}"),
                Some((direction, cause)) => {
                    let found = found.unwrap_or_default();
                    assert!(found.contains(direction) && found.contains(cause), "{found}");
                }
            }
        }
    }
}
