//! Waking up when a request is due.
//!
//! tokio's timer wheel has a grain of 1 ms and rounds up, which would be most of the latency of a
//! fast server. So a worker waits on a `timerfd` set to the absolute due time; nothing drifts
//! between reading the clock and setting the timer.

use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::str::FromStr;

use proofload_record::clock::Clock;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Above this many requests a second and worker, wake-ups are shared on a grid.
const DENSE_GAP_NS: u64 = 1_000_000_000 / 2_000;
/// The grid.
const GRID_NS: u64 = 100_000;
/// Where the learned margin starts, and its bounds.
const MARGIN_NS: (f64, f64, f64) = (150_000.0, 60_000.0, 2_000_000.0);

/// How a worker waits for a due time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pacing {
    /// A timer to shortly before the due time, then spinning: exact, and costs a core.
    Precise,
    /// A timer a request; above 2,000 requests/s a worker, one a step of a 100 µs grid.
    #[default]
    Balanced,
}

impl Pacing {
    /// The name on the command line and in a manifest.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Precise => "precise",
            Self::Balanced => "balanced",
        }
    }
}

impl FromStr for Pacing {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "precise" => Ok(Self::Precise),
            "balanced" => Ok(Self::Balanced),
            _ => Err("expected `precise` or `balanced`"),
        }
    }
}

/// The waiting of one worker.
pub(crate) struct Pacer {
    timer: AsyncFd<OwnedFd>,
    pacing: Pacing,
    clock: Clock,
    rhythm: Rhythm,
    margin_ns: f64,
    spun_ns: Rc<Cell<u64>>,
}

impl Pacer {
    /// Needs a tokio runtime with I/O around it. Adds the time that it spins to `spun_ns`.
    pub(crate) fn new(
        pacing: Pacing,
        clock: Clock,
        spun_ns: Rc<Cell<u64>>,
    ) -> std::io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "unsound only where the descriptor could change or close \
                                       under it, which an `OwnedFd` held inside cannot"
        )]
        let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
        let rhythm = Rhythm::default();
        Ok(Self { timer, pacing, clock, rhythm, margin_ns: MARGIN_NS.0, spun_ns })
    }

    /// Ready when the run's clock begins to count.
    pub(crate) async fn begin(&self) -> std::io::Result<()> {
        self.sleep_until(0).await
    }

    /// Ready at `due_ns` or as soon after it as this machine can; at once if that has passed.
    /// Whether there was anything to wait for.
    pub(crate) async fn wait(&mut self, due_ns: u64) -> std::io::Result<bool> {
        let dense = self.rhythm.is_dense_at(due_ns);
        let now_ns = self.clock.now_ns();
        if now_ns >= due_ns {
            return Ok(false);
        }
        match self.pacing {
            Pacing::Balanced if dense => {
                self.sleep_until(due_ns.next_multiple_of(GRID_NS)).await?;
            }
            Pacing::Balanced => self.sleep_until(due_ns).await?,
            Pacing::Precise => {
                let wake_ns = due_ns.saturating_sub(self.margin_ns as u64);
                if wake_ns > now_ns {
                    self.sleep_until(wake_ns).await?;
                    self.learn(self.clock.now_ns().saturating_sub(wake_ns));
                }
                self.spin_until(due_ns).await;
            }
        }
        Ok(true)
    }

    async fn sleep_until(&self, at_ns: u64) -> std::io::Result<()> {
        let at_ns = self.clock.origin_ns() + at_ns;
        let value = Timespec {
            tv_sec: (at_ns / 1_000_000_000) as i64,
            tv_nsec: (at_ns % 1_000_000_000) as i64,
        };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::ABSTIME, &once)?;
        loop {
            let mut ready = self.timer.readable().await?;
            let mut expirations = [0u8; 8];
            let read = ready.try_io(|timer| Ok(rustix::io::read(timer, &mut expirations)?));
            match read {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => {}
            }
        }
    }

    /// Turns the runtime while the time comes, so that reads and writes go on.
    async fn spin_until(&mut self, due_ns: u64) {
        let from_ns = self.clock.now_ns();
        let mut now_ns = from_ns;
        while now_ns < due_ns {
            tokio::task::yield_now().await;
            now_ns = self.clock.now_ns();
        }
        self.spun_ns.set(self.spun_ns.get() + (now_ns - from_ns));
    }

    /// Moves the margin towards the 99th percentile of our own wake-up delay: up by 99 parts where
    /// it was too short, down by one where it was enough.
    fn learn(&mut self, delay_ns: u64) {
        const STEP_NS: f64 = 20_000.0;
        let (_, least, most) = MARGIN_NS;
        let step = if delay_ns as f64 > self.margin_ns { 0.99 } else { -0.01 };
        self.margin_ns = (self.margin_ns + step * STEP_NS).clamp(least, most);
    }
}

/// How closely due times follow each other.
#[derive(Default)]
struct Rhythm {
    last_due_ns: u64,
    gap_ns: f64,
}

impl Rhythm {
    /// Takes the next due time; whether the recent ones lie closer than [`DENSE_GAP_NS`].
    fn is_dense_at(&mut self, due_ns: u64) -> bool {
        const WEIGHT: f64 = 1.0 / 32.0;
        let gap_ns = due_ns.saturating_sub(self.last_due_ns) as f64;
        self.last_due_ns = due_ns;
        // A pause says nothing about the burst around it, so it counts as one slow step at most.
        let gap_ns = gap_ns.min(10.0 * DENSE_GAP_NS as f64);
        self.gap_ns += (gap_ns - self.gap_ns) * WEIGHT;
        self.gap_ns < DENSE_GAP_NS as f64
    }
}

#[cfg(test)]
mod tests {
    use super::{DENSE_GAP_NS, Rhythm};

    fn dense_after(gap_ns: u64, steps: u64) -> bool {
        let mut rhythm = Rhythm { last_due_ns: 0, gap_ns: DENSE_GAP_NS as f64 };
        (1..=steps).map(|step| rhythm.is_dense_at(step * gap_ns)).last().unwrap()
    }

    #[test]
    fn only_rates_above_two_thousand_share_wake_ups() {
        for (name, gap_ns, dense) in [
            ("1,000 a second", 1_000_000, false),
            ("1,900 a second", 526_315, false),
            ("2,100 a second", 476_190, true),
            ("10,000 a second", 100_000, true),
        ] {
            assert_eq!(dense_after(gap_ns, 500), dense, "{name}");
        }
    }

    #[test]
    fn one_pause_does_not_end_a_dense_stretch_for_long() {
        let mut rhythm = Rhythm { last_due_ns: 0, gap_ns: 100_000.0 };
        rhythm.is_dense_at(60_000_000_000);
        assert!((1..=64).map(|i| rhythm.is_dense_at(60_000_000_000 + i * 100_000)).last().unwrap());
    }
}
