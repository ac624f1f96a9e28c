//! The one clock of a run: `CLOCK_MONOTONIC`, read directly, so that our stamps, a timerfd's
//! absolute times and the simulator's truth file are on one axis without conversion.

use rustix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` in nanoseconds, as the kernel gives it.
#[must_use]
pub fn monotonic_ns() -> u64 {
    nanos(ClockId::Monotonic)
}

/// Wall time in nanoseconds since the Unix epoch; only ever used to say *when* a run was.
#[must_use]
pub fn wall_ns() -> u64 {
    nanos(ClockId::Realtime)
}

/// CPU time of the calling thread in nanoseconds.
#[must_use]
pub fn thread_cpu_ns() -> u64 {
    nanos(ClockId::ThreadCPUTime)
}

/// CPU time of the whole process in nanoseconds.
#[must_use]
pub fn process_cpu_ns() -> u64 {
    nanos(ClockId::ProcessCPUTime)
}

fn nanos(id: ClockId) -> u64 {
    let time = clock_gettime(id);
    // Both parts are never negative for these clocks on a machine that has booted after 1970.
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// A clock that counts from the moment the run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    origin_ns: u64,
}

impl Clock {
    /// A clock that reads 0 at `origin_ns` of `CLOCK_MONOTONIC`, which may lie ahead.
    #[must_use]
    pub const fn from_origin(origin_ns: u64) -> Self {
        Self { origin_ns }
    }

    /// Where 0 lies on `CLOCK_MONOTONIC`, in nanoseconds.
    #[must_use]
    pub const fn origin_ns(self) -> u64 {
        self.origin_ns
    }

    /// Nanoseconds since the run began; 0 before that.
    #[must_use]
    pub fn now_ns(self) -> u64 {
        monotonic_ns().saturating_sub(self.origin_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, monotonic_ns};

    #[test]
    fn counts_from_its_origin_and_never_below_zero() {
        let ahead = Clock::from_origin(monotonic_ns() + 3_600_000_000_000);
        assert_eq!(ahead.now_ns(), 0);
        let past = Clock::from_origin(monotonic_ns() - 5_000);
        assert!(past.now_ns() >= 5_000);
    }
}
