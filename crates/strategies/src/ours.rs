//! The scheduler of `proofload-scheduler`, step by step.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use proofload_scheduler::{Backoff, Config, Replica, Scheduler, Store, StoreError};

use crate::ran::{Batch, Landed, Phase, Ran};
use crate::strategy::Settings;
use crate::timed::{Spent, Timed};
use crate::work::Work;

/// How long a claimed container stays with a scheduler that is not heard of any more.
const LEASE: Duration = Duration::from_secs(30);
/// A container that finds nothing free is tried three times, as in the strategies' source.
const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(10), most: Duration::from_millis(100), tries: 3 };

pub(crate) fn run<S: Store>(
    store: S,
    work: &Work,
    settings: &Settings,
    replica: Replica,
) -> Result<Ran, StoreError> {
    let spent = Arc::new(Mutex::new(Spent::default()));
    let store = Timed::new(store, Arc::clone(&spent));
    // Replicas begin their rounds at different workers.
    let seed = settings.seed.wrapping_add(replica.index.into());
    let Settings { policy, batching, .. } = *settings;
    let config = Config { policy, seed, replica, batching, backoff: BACKOFF };
    let name = format!("replica-{}", replica.index);
    let replica = replica.index as usize;
    let mut ran = Ran::default();
    let mut scheduler = ran
        .phases
        .time(Phase::Read, || Scheduler::join(store, &name, config, LEASE, work.now()))?;
    // That was no step: all of it is the first load of the fleet.
    *spent.lock().unwrap_or_else(PoisonError::into_inner) = Spent::default();
    let (mut decision, mut update) = (Duration::ZERO, Duration::ZERO);
    // The first step hears nothing yet: what it asked for comes with the second.
    let mut has_asked = false;
    loop {
        let is_last = work.is_over();
        let step = if is_last {
            // What is still under way is heard: it has cost something, and a stop may come when it has
            // placed something. The run's time is over: it is in no part of it.
            scheduler.finish(work.now())?
        } else {
            let (step, decided, updated) = timed(&mut ran, &spent, || scheduler.step(work.now()))?;
            decision += decided;
            update += updated;
            step
        };
        let placed = step.settled.placed.len();
        let decisions = placed + step.settled.conflicts + step.requeued + step.refused;
        ran.decisions += decisions as u64;
        if placed + step.settled.conflicts + step.refused > 0 {
            let at = work.now();
            let workers: BTreeSet<_> =
                step.settled.placed.iter().map(|placed| placed.worker).collect();
            let (conflicts, workers) = (step.settled.conflicts, workers.len());
            ran.batches.push(Batch { replica, at, placed, conflicts, workers, decision, update });
            (decision, update) = (Duration::ZERO, Duration::ZERO);
            ran.placed.extend(step.settled.placed.iter().map(|placed| Landed {
                container: placed.key,
                worker: placed.worker,
                wait: at.saturating_sub(placed.enqueued),
            }));
            ran.given_up += step.refused;
            ran.total = at;
            work.settle(placed + step.refused);
        }
        if is_last {
            return Ok(ran);
        }
        // A verdict that is under way is heard before anything is waited for.
        let is_awaited = scheduler.planner().in_flight() > 0;
        if let Some(due) = scheduler.planner().due() {
            let left = due.saturating_sub(work.now());
            // What has just been sent may fill the batch: hear it first.
            if !left.is_zero() && step.claimed == 0 && !is_awaited {
                ran.phases
                    .time(Phase::Window, || thread::sleep(left.min(Duration::from_millis(1))));
            }
        } else if has_asked && step.is_idle() && !is_awaited && !work.is_over() {
            ran.phases.time(Phase::Idle, || work.idle());
        }
        has_asked = true;
    }
}

/// Does something with the scheduler, and tells what of its time went into deciding and into writing.
fn timed<T>(
    ran: &mut Ran,
    spent: &Mutex<Spent>,
    act: impl FnOnce() -> Result<T, StoreError>,
) -> Result<(T, Duration, Duration), StoreError> {
    let since = Instant::now();
    let done = act()?;
    let all = since.elapsed();
    let Spent { update, read } =
        std::mem::take(&mut *spent.lock().unwrap_or_else(PoisonError::into_inner));
    let decision = all.saturating_sub(update + read);
    ran.phases.add(Phase::Update, update);
    ran.phases.add(Phase::Read, read);
    ran.phases.add(Phase::Decision, decision);
    Ok((done, decision, update))
}
