//! One run of one strategy on a fresh store, and what the books said after it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use proofload_scheduler::{Audit, Batching, Request, WorkerKey};
use proofload_strategies::{Ran, Settings, Strategy, Work, run};

use crate::redis::{self, After, Truth};
use crate::scenario::Scenario;
use crate::stage::{Kind, Stage};

/// A run with everything that is judged.
pub(crate) struct Once {
    pub(crate) ran: Ran,
    /// Added up from the containers.
    pub(crate) audit: Audit,
    /// Where what the strategy says and what the store holds differ, in words.
    pub(crate) faults: Vec<String>,
    /// Why containers were given up, where the store was told.
    pub(crate) refused: Vec<String>,
    /// None in memory.
    pub(crate) wire: Option<WireSide>,
}

/// What there is of a run only where its store is a server.
pub(crate) struct WireSide {
    /// The server's own count beside ours.
    pub(crate) truth: Truth,
    /// Containers that workers fetched, acknowledged and gave back after the run; none where they were
    /// not asked to.
    pub(crate) delivered: Option<usize>,
    /// Replicas that ended before the run did, in words.
    pub(crate) died: Vec<String>,
}

impl Once {
    /// Containers a worker, in the order of the workers.
    pub(crate) fn loads(&self) -> impl Iterator<Item = usize> + Clone {
        self.audit.workers.iter().map(|worker| worker.containers)
    }

    pub(crate) fn workers_used(&self) -> usize {
        self.loads().filter(|&load| load > 0).count()
    }
}

/// One run on a store of this kind. `label` tells it from others of its strategy.
pub(crate) fn once(
    kind: &Kind,
    strategy: Strategy,
    scenario: &Scenario,
    label: &str,
    after: After,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<Once> {
    if let Kind::Redis(server) = kind {
        return redis::once(server, strategy, scenario, label, after, stop);
    }
    let stage = Stage::new(scenario)?;
    let (replicas, hand) = (stage.replicas(scenario, stop), stage.hand());
    let settings = Settings {
        policy: scenario.policy,
        seed: scenario.seed,
        batching: scenario.batching,
        cache_lifetime: scenario.cache_lifetime,
    };
    let requests = scenario.requests();
    let containers = requests.len();
    let ran = match scenario.arrival_rate {
        None => {
            stage.enqueue(requests, Duration::ZERO)?;
            let work = Work::until(containers, Arc::clone(stop));
            run(strategy, replicas, &hand, &work, &settings)?
        }
        Some(rate) => {
            let work = Work::until(containers, Arc::clone(stop));
            let bring = |request, due| Ok(stage.enqueue(vec![request], due)?);
            thread::scope(|scope| {
                let feeder = scope.spawn(|| feed(bring, requests, rate, &work, stop));
                let ran = run(strategy, replicas, &hand, &work, &settings);
                let fed = feeder.join();
                fed.map_err(|_| anyhow::anyhow!("the thread that brings containers panicked"))??;
                Ok::<_, anyhow::Error>(ran?)
            })?
        }
    };
    let audit = stage.audit();
    let mut refused = stage.refused();
    if refused.is_empty() && ran.given_up > 0 {
        refused = unfit(scenario)?;
    }
    let faults = faults(&ran, &audit);
    Ok(Once { ran, audit, faults, refused, wire: None })
}

/// Why containers were given up by a strategy that tells the store no reason: what ours says of one of
/// each kind on a fleet that is still empty.
pub(crate) fn unfit(scenario: &Scenario) -> anyhow::Result<Vec<String>> {
    let stage = Stage::new(scenario)?;
    let kinds: Vec<_> = scenario.requests().into_iter().take(2).collect();
    let work = Work::of(kinds.len());
    stage.enqueue(kinds, Duration::ZERO)?;
    let batching = Batching { window: Duration::ZERO, ..Batching::ADAPTIVE };
    let settings = Settings { batching, ..Settings::default() };
    run(Strategy::Ours, vec![stage.hand()], &stage.hand(), &work, &settings)?;
    let mut reasons = stage.refused();
    if reasons.is_empty() {
        reasons.push("no worker had enough left for the others".to_owned());
    }
    Ok(reasons)
}

/// Brings the containers at even distances.
pub(crate) fn feed(
    bring: impl Fn(Request, Duration) -> anyhow::Result<()>,
    requests: Vec<Request>,
    rate: f64,
    work: &Work,
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    for (number, request) in requests.into_iter().enumerate() {
        let due = Duration::from_secs_f64(number as f64 / rate);
        while let Some(left) = due.checked_sub(work.now()).filter(|left| !left.is_zero()) {
            if stop.load(std::sync::atomic::Ordering::Relaxed) {
                return Ok(());
            }
            thread::sleep(left.min(Duration::from_millis(100)));
        }
        bring(request, due)?;
    }
    Ok(())
}

/// The strategy's own account against the store's.
pub(crate) fn faults(ran: &Ran, audit: &Audit) -> Vec<String> {
    let mut faults = audit.faults.clone();
    if ran.placed.len() != audit.placed {
        faults.push(format!(
            "the strategy placed {} containers, the workers have {}",
            ran.placed.len(),
            audit.placed
        ));
    }
    let versions: u64 = audit.workers.iter().map(|worker| worker.version).sum();
    if ran.counts.capacity_updates != versions {
        faults.push(format!(
            "{} capacity updates were counted, the workers' versions rose by {versions}",
            ran.counts.capacity_updates
        ));
    }
    let mut placed: HashMap<WorkerKey, usize> = HashMap::new();
    for landed in &ran.placed {
        *placed.entry(landed.worker).or_default() += 1;
    }
    for worker in &audit.workers {
        let said = placed.get(&worker.key).copied().unwrap_or_default();
        if said != worker.containers {
            faults.push(format!(
                "the strategy placed {said} containers on {}, it has {}",
                worker.id, worker.containers
            ));
        }
    }
    faults
}
