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
        let free = match ledger.try_lock() {
            Ok(ledger) => Some(ledger),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        let mut wait = None;
        let ledger = free.unwrap_or_else(|| {
            let asked = clock.now();
            let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            wait = Some(clock.now().saturating_sub(asked));
            ledger
        });
        counters.lock(LockKind::Section, wait);
        Self { ledger, counters, clock, since: clock.now() }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A millisecond later whenever it is read.
    #[derive(Default)]
    struct Ticking(AtomicU64);

    impl Clock for Ticking {
        fn now(&self) -> Duration {
            Duration::from_millis(self.0.fetch_add(1, Ordering::SeqCst))
        }
    }

    #[test]
    fn locks_that_are_free_are_held_and_not_waited_for() {
        let (ledger, locks, counters, clock) =
            (Mutex::default(), Locks::default(), Counters::new(), Ticking::default());
        drop(Section::enter(&ledger, &counters, &clock));
        let section = counters.snapshot().section;
        assert_eq!((section.taken, section.waited, section.wait), (1, 0, Duration::ZERO));
        assert_eq!(section.held, Duration::from_millis(1));
        drop(locks.lock(WorkerKey(0), &counters, &clock));
        let locks = counters.snapshot().locks;
        assert_eq!((locks.taken, locks.waited, locks.wait), (1, 0, Duration::ZERO));
        assert_eq!(locks.held, Duration::from_millis(1));
    }

    /// The waiting thread has read the clock once, so it is at the lock or about to be.
    fn let_go_when_waited_for<T>(clock: &Ticking, held: T, seen: u64) {
        while clock.0.load(Ordering::SeqCst) == seen {
            std::thread::yield_now();
        }
        drop(held);
    }

    #[test]
    fn locks_that_are_taken_are_waited_for() {
        let (ledger, locks, counters, clock) =
            (Mutex::default(), Locks::default(), Counters::new(), Ticking::default());
        let others = Counters::new();
        std::thread::scope(|scope| {
            let held = Section::enter(&ledger, &others, &clock);
            let seen = clock.0.load(Ordering::SeqCst);
            let waiting = scope.spawn(|| drop(Section::enter(&ledger, &counters, &clock)));
            let_go_when_waited_for(&clock, held, seen);
            waiting.join().expect("no panic");
            let held = locks.lock(WorkerKey(0), &others, &clock);
            let seen = clock.0.load(Ordering::SeqCst);
            let waiting = scope.spawn(|| drop(locks.lock(WorkerKey(0), &counters, &clock)));
            let_go_when_waited_for(&clock, held, seen);
            waiting.join().expect("no panic");
        });
        for counts in [counters.snapshot().section, counters.snapshot().locks] {
            assert_eq!((counts.taken, counts.waited), (1, 1));
            // Asked at a tick; the holder's drop is the next, the end of the wait the one after.
            assert_eq!(counts.wait, Duration::from_millis(2));
            assert_eq!(counts.held, Duration::from_millis(1));
        }
    }
}
