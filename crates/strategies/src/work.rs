//! What is to be done in a run, shared by everybody who does it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often an empty backlog is looked at.
const IDLE: Duration = Duration::from_millis(1);

/// So many containers, from one moment on.
pub struct Work {
    containers: usize,
    settled: AtomicUsize,
    begin: Instant,
    stop: Arc<AtomicBool>,
    /// Wakes those who idle once all is settled, so that no replica idles on after the end.
    over: Condvar,
    gate: Mutex<()>,
    /// Told how many were settled, each time.
    tell: Option<Box<dyn Fn(usize) + Send + Sync>>,
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work")
            .field("containers", &self.containers)
            .field("settled", &self.settled)
            .finish_non_exhaustive()
    }
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
        Self {
            containers,
            settled: AtomicUsize::new(0),
            begin: Instant::now(),
            stop,
            over: Condvar::new(),
            gate: Mutex::new(()),
            tell: None,
        }
    }

    /// Has somebody told how many containers were settled, each time that some are: whoever adds it up
    /// over several processes, and then has `stop` set in each.
    #[must_use]
    pub fn telling(self, tell: impl Fn(usize) + Send + Sync + 'static) -> Self {
        Self { tell: Some(Box::new(tell)), ..self }
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
        if let Some(tell) = &self.tell {
            tell(containers);
        }
        if self.is_over() {
            // Whoever has just looked and not yet begun to wait has the gate.
            drop(self.gate.lock().unwrap_or_else(PoisonError::into_inner));
            self.over.notify_all();
        }
    }

    /// Nothing is there at the moment. Returns after a while, or when all is over.
    pub(crate) fn idle(&self) {
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.over.wait_timeout_while(gate, IDLE, |()| !self.is_over());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}
