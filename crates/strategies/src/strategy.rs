//! Which strategy, and running it.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use proofload_scheduler::{Batching, Counters, Policy, Replica, Store, StoreError};

use crate::primitives::Primitives;
use crate::ran::{Ran, difference};
use crate::work::Work;
use crate::{batch, lock, old, ours};

/// A way to schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// A container at a time, the fleet read under locks for each.
    Old,
    /// A container at a time on a cached fleet, one lock each. Its requests are handed to it.
    Lock,
    /// A batch planned on a cached fleet, one lock and one update a worker.
    Batch,
    /// One exchange a batch, no lock.
    Ours,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Old, Self::Lock, Self::Batch, Self::Ours];

    /// Its name on a command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::Lock => "lock",
            Self::Batch => "batch",
            Self::Ours => "ours",
        }
    }

    /// The steps that it is made of; `None` for ours.
    #[must_use]
    pub const fn steps(self) -> Option<Steps> {
        match self {
            Self::Old => Some(Steps::Old),
            Self::Lock => Some(Steps::Lock),
            Self::Batch => Some(Steps::Batch),
            Self::Ours => None,
        }
    }
}

/// A strategy that is made of [`Primitives`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Steps {
    /// [`Strategy::Old`].
    Old,
    /// [`Strategy::Lock`].
    Lock,
    /// [`Strategy::Batch`].
    Batch,
}

/// How the strategies work.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Which worker ours takes; the others choose as their source does.
    pub policy: Policy,
    /// Where ours begins its round.
    pub seed: u64,
    /// When a batch is closed.
    pub batching: Batching,
    /// How long a cached worker is good for, with lock and batch.
    pub cache_lifetime: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            seed: 1,
            batching: Batching::FIXED,
            cache_lifetime: Duration::from_millis(500),
        }
    }
}

/// Why a run could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A replica ended by itself.
    #[error("replica {0} panicked, a fault of this program")]
    Panicked(usize),
}

/// Schedules all of `work` with one replica a handle of `replicas`, each in a thread of its own if there
/// are several. `hand` takes out of the backlog what a strategy is handed, at nobody's cost.
///
/// # Errors
/// [`RunError`].
pub fn run<S>(
    strategy: Strategy,
    replicas: Vec<S>,
    hand: &S,
    work: &Work,
    settings: &Settings,
) -> Result<Ran, RunError>
where
    S: Primitives + Store + Send + Sync,
{
    match strategy.steps() {
        Some(steps) => run_steps(steps, replicas, hand, work, settings),
        None => {
            let count = u32::try_from(replicas.len()).unwrap_or(u32::MAX);
            let numbered = (0..count).map(|index| Replica { index, count }).zip(replicas);
            run_ours(numbered.collect(), work, settings)
        }
    }
}

/// The same for a store that takes steps only.
///
/// # Errors
/// [`RunError`].
pub fn run_steps<S: Primitives + Send + Sync>(
    steps: Steps,
    replicas: Vec<S>,
    hand: &S,
    work: &Work,
    settings: &Settings,
) -> Result<Ran, RunError> {
    in_threads(replicas, S::counters, |replica, store| match steps {
        Steps::Old => old::run(&store, work, replica),
        Steps::Lock => lock::run(&store, hand, work, settings, replica),
        Steps::Batch => batch::run(&store, work, settings, replica),
    })
}

/// The same for ours, which needs no steps. Each of `replicas` is told which one it is: others may be in
/// other processes.
///
/// # Errors
/// [`RunError`].
pub fn run_ours<S: Store + Send>(
    replicas: Vec<(Replica, S)>,
    work: &Work,
    settings: &Settings,
) -> Result<Ran, RunError> {
    let counters = |(_, store): &(Replica, S)| store.counters();
    in_threads(replicas, counters, |_, (which, store)| ours::run(store, work, settings, which))
}

/// Runs each replica and adds up what they did, with what their counters went up by.
fn in_threads<S: Send>(
    replicas: Vec<S>,
    counters: impl Fn(&S) -> Arc<Counters> + Sync,
    run: impl Fn(usize, S) -> Result<Ran, StoreError> + Sync,
) -> Result<Ran, RunError> {
    let run = |replica: usize, store: S| -> Result<Ran, StoreError> {
        let counters = counters(&store);
        let before = counters.snapshot();
        let mut ran = run(replica, store)?;
        ran.counts = difference(counters.snapshot(), before);
        Ok(ran)
    };
    let several = replicas.len() > 1;
    let mut ran = Ran::default();
    if several {
        let run = &run;
        thread::scope(|scope| {
            let threads: Vec<_> = replicas
                .into_iter()
                .enumerate()
                .map(|(replica, store)| scope.spawn(move || run(replica, store)))
                .collect();
            for (replica, thread) in threads.into_iter().enumerate() {
                ran.join(thread.join().map_err(|_| RunError::Panicked(replica))??);
            }
            Ok::<(), RunError>(())
        })?;
    } else {
        for store in replicas {
            ran.join(run(0, store)?);
        }
    }
    Ok(ran)
}
