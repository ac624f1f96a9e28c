//! What is to be done in a run, shared by everybody who does it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// How often an empty backlog is looked at.
const IDLE: Duration = Duration::from_millis(1);

/// So many containers, from one moment on.
#[derive(Debug)]
pub struct Work {
    containers: usize,
    settled: AtomicUsize,
    begin: Instant,
    stop: Arc<AtomicBool>,
}

impl Work {
    /// `containers` are, or will be, in the backlog; the run's time is 0 now.
    #[must_use]
    pub fn of(containers: usize) -> Self {
        Self::until(containers, Arc::default())
    }

    /// The same, ended early once `stop` is set.
    #[must_use]
    pub fn until(containers: usize, stop: Arc<AtomicBool>) -> Self {
        Self { containers, settled: AtomicUsize::new(0), begin: Instant::now(), stop }
    }

    /// The run's time.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Whether every container is placed or given up, or the run is to end.
    pub(crate) fn is_over(&self) -> bool {
        self.settled.load(Relaxed) >= self.containers || self.stop.load(Relaxed)
    }

    /// So many containers are placed or given up.
    pub(crate) fn settle(&self, containers: usize) {
        self.settled.fetch_add(containers, Relaxed);
    }

    /// Nothing is there at the moment.
    pub(crate) fn idle(&self) {
        thread::sleep(IDLE);
    }
}
