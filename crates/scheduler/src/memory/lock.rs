//! Locks whose guards count: taken in the constructor, held until the drop.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use super::Ledger;
use crate::clock::Clock;
use crate::counters::{Counters, LockKind};
use crate::store::WorkerKey;

/// The section in which an operation runs.
pub(super) struct Section<'a> {
    ledger: MutexGuard<'a, Ledger>,
    counters: &'a Counters,
    clock: &'a dyn Clock,
    since: Duration,
}

impl<'a> Section<'a> {
    pub(super) fn enter(
        ledger: &'a Mutex<Ledger>,
        counters: &'a Counters,
        clock: &'a dyn Clock,
    ) -> Self {
        match ledger.try_lock() {
            Ok(ledger) => {
                counters.lock(LockKind::Section, None);
                Self { ledger, counters, clock, since: clock.now() }
            }
            Err(TryLockError::Poisoned(poisoned)) => {
                counters.lock(LockKind::Section, None);
                Self { ledger: poisoned.into_inner(), counters, clock, since: clock.now() }
            }
            Err(TryLockError::WouldBlock) => {
                let asked = clock.now();
                let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
                let since = clock.now();
                counters.lock(LockKind::Section, Some(since.saturating_sub(asked)));
                Self { ledger, counters, clock, since }
            }
        }
    }
}

impl Deref for Section<'_> {
    type Target = Ledger;
    fn deref(&self) -> &Ledger {
        &self.ledger
    }
}

impl DerefMut for Section<'_> {
    fn deref_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        self.counters.unlock(LockKind::Section, self.clock.now().saturating_sub(self.since));
    }
}

/// A lock for each worker that was ever locked.
#[derive(Default)]
pub(super) struct Locks(Mutex<HashMap<WorkerKey, Arc<Lock>>>);

#[derive(Default)]
struct Lock {
    taken: Mutex<bool>,
    freed: Condvar,
}

impl Locks {
    pub(super) fn lock<'a>(
        &self,
        worker: WorkerKey,
        counters: &'a Counters,
        clock: &'a dyn Clock,
    ) -> WorkerLock<'a> {
        let lock = Arc::clone(
            self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(worker).or_default(),
        );
        let mut taken = lock.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wait = None;
        if *taken {
            let asked = clock.now();
            while *taken {
                taken = lock.freed.wait(taken).unwrap_or_else(PoisonError::into_inner);
            }
            wait = Some(clock.now().saturating_sub(asked));
        }
        *taken = true;
        drop(taken);
        counters.lock(LockKind::Worker, wait);
        WorkerLock { lock, counters, clock, since: clock.now() }
    }
}

/// A worker that nobody else can lock. Dropping it is the release, an operation of its own.
#[must_use = "the lock is released when this is dropped"]
pub struct WorkerLock<'a> {
    lock: Arc<Lock>,
    counters: &'a Counters,
    clock: &'a dyn Clock,
    since: Duration,
}

impl std::fmt::Debug for WorkerLock<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerLock").finish_non_exhaustive()
    }
}

impl Drop for WorkerLock<'_> {
    fn drop(&mut self) {
        self.counters.operation(1);
        self.counters.unlock(LockKind::Worker, self.clock.now().saturating_sub(self.since));
        *self.lock.taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.lock.freed.notify_one();
    }
}
