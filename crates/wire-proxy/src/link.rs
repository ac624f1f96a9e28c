//! A connection of a client with its connection to the server, and what all connections share.

use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::held::Held;
use crate::plan::{Direction, Ending, Fault};

/// What all connections of a proxy share.
pub(crate) struct Shared {
    /// Becomes readable when everything is to end, and stays so.
    pub(crate) stop: OwnedFd,
    pub(crate) stopped: AtomicBool,
    delay: Duration,
    /// How much earlier than that a reply leaves, in nanoseconds.
    early_ns: AtomicU64,
    armed: Mutex<Option<Fault>>,
    request: Mutex<Held>,
    reply: Mutex<Held>,
}

impl Shared {
    pub(crate) fn new(stop: OwnedFd, delay: Duration, fault: Option<Fault>) -> Self {
        Self {
            stop,
            stopped: AtomicBool::new(false),
            delay,
            early_ns: AtomicU64::new(0),
            armed: Mutex::new(fault),
            request: Mutex::default(),
            reply: Mutex::default(),
        }
    }

    pub(crate) fn delay(&self) -> Duration {
        self.delay
    }

    /// How long a chunk stays.
    pub(crate) fn hold(&self, direction: Direction) -> Duration {
        match direction {
            Direction::Request => Duration::ZERO,
            Direction::Reply => self.delay.saturating_sub(self.early()),
        }
    }

    pub(crate) fn early(&self) -> Duration {
        Duration::from_nanos(self.early_ns.load(Relaxed))
    }

    pub(crate) fn set_early(&self, early: Duration) {
        self.early_ns.store(u64::try_from(early.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn held(&self, direction: Direction) -> MutexGuard<'_, Held> {
        let held = match direction {
            Direction::Request => &self.request,
            Direction::Reply => &self.reply,
        };
        held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn armed(&self) -> MutexGuard<'_, Option<Fault>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of `bytes` that are about to leave may, and what happens after them.
    pub(crate) fn admit(&self, direction: Direction, bytes: usize) -> (usize, Option<Ending>) {
        let mut armed = self.armed();
        match &mut *armed {
            Some(fault) if fault.direction == direction => {
                if bytes as u64 >= fault.after_bytes {
                    let (left, ending) = (fault.after_bytes as usize, fault.ending);
                    *armed = None;
                    (left, Some(ending))
                } else {
                    fault.after_bytes -= bytes as u64;
                    (bytes, None)
                }
            }
            _ => (bytes, None),
        }
    }
}

/// The two sides of a connection.
pub(crate) struct Link {
    pub(crate) client: TcpStream,
    pub(crate) upstream: TcpStream,
    pub(crate) shared: Arc<Shared>,
    /// Set a little before the last bytes that may pass are written, so that no answer to them does.
    pub(crate) ending: OnceLock<Ending>,
}

impl Link {
    pub(crate) fn source(&self, direction: Direction) -> &TcpStream {
        match direction {
            Direction::Request => &self.client,
            Direction::Reply => &self.upstream,
        }
    }

    pub(crate) fn sink(&self, direction: Direction) -> &TcpStream {
        match direction {
            Direction::Request => &self.upstream,
            Direction::Reply => &self.client,
        }
    }

    /// Tells both sides that nothing more comes, after what was written.
    pub(crate) fn close(&self) {
        // One that is closed already is what is wanted.
        let _ = self.client.shutdown(Shutdown::Write);
        let _ = self.upstream.shutdown(Shutdown::Write);
    }

    /// The same, and nothing more is taken from either.
    pub(crate) fn break_off(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.upstream.shutdown(Shutdown::Both);
    }
}
