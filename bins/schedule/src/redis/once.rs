//! One run of one strategy on keys of its own, and what the server and the books said after it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use proofload_scheduler::{Audit, Batching, Replica};
use proofload_scheduler_redis::{Options, RedisStore};
use proofload_strategies::{Ran, Settings, Strategy, Work, run_ours, run_steps};
use proofload_strategies_redis::RedisPrimitives;

use super::replicas::{Replicas, Together};
use super::server::Server;
use super::stage::{Books, Stage};
use super::truth::{Truth, commands};
use super::workers::Crew;
use crate::once::{Once, WireSide, faults, feed, unfit};
use crate::scenario::{Mix, Scenario};

/// Whoever schedules, connected and not begun.
pub(super) enum Schedulers {
    Ours(RedisStore),
    Steps(RedisPrimitives),
    Processes(Replicas),
}

impl Schedulers {
    pub(super) fn connect(
        server: &Server,
        stage: &Stage<'_>,
        strategy: Strategy,
        scenario: &Scenario,
        stop: &AtomicBool,
    ) -> anyhow::Result<Self> {
        if scenario.replicas > 1 {
            let started = Replicas::start(server, &stage.prefix, strategy, scenario, stop);
            return Ok(Self::Processes(started?));
        }
        let (far, prefix) = (server.far(), &stage.prefix);
        Ok(match strategy.steps() {
            None => Self::Ours(
                RedisStore::open(far, prefix, Options::default()).with_context(|| server.way())?,
            ),
            Some(_) => Self::Steps(
                RedisPrimitives::open(far, prefix, Default::default())
                    .with_context(|| server.way())?,
            ),
        })
    }

    /// Schedules all of `work`.
    pub(super) fn run(
        self,
        stage: &Stage<'_>,
        strategy: Strategy,
        scenario: &Scenario,
        work: &Work,
        stop: &AtomicBool,
    ) -> anyhow::Result<Together> {
        let settings = Settings {
            policy: scenario.policy,
            seed: scenario.seed,
            batching: scenario.batching,
            cache_lifetime: scenario.cache_lifetime,
        };
        let alone = |ran: Ran| Together { ran, beside: 0, died: Vec::new() };
        match (self, stage.books(), strategy.steps()) {
            (Self::Processes(replicas), ..) => {
                replicas.run(scenario.containers as usize, stop, || stage.is_drained())
            }
            (Self::Ours(store), ..) => {
                Ok(alone(run_ours(vec![(Replica::ALONE, store)], work, &settings)?))
            }
            (Self::Steps(own), Books::Steps(hand), Some(steps)) => {
                // What the hand does is in its own counters.
                Ok(alone(run_steps(steps, vec![own], hand, work, &settings)?))
            }
            (Self::Steps(_), ..) => Err(anyhow::anyhow!("steps on a store that takes none")),
        }
    }
}

/// What comes after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Workers fetch everything, acknowledge it and give it back; with the keys kept or not.
    HandOver,
    /// Nothing: it was run for its time alone.
    Nothing,
}

/// One run. `label` tells it from the others of its strategy in the names of its keys.
pub(crate) fn once(
    server: &Server,
    strategy: Strategy,
    scenario: &Scenario,
    label: &str,
    after: After,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<Once> {
    let keep = server.keep && after == After::HandOver;
    let stage = Stage::new(server, strategy, scenario, label, keep)?;
    let schedulers = Schedulers::connect(server, &stage, strategy, scenario, stop)?;
    let requests = scenario.requests();
    let containers = requests.len();
    if scenario.arrival_rate.is_none() {
        stage.enqueue(&requests, Duration::ZERO)?;
    }
    let (before, set_up) = (server.observer.look()?, stage.commands());
    let work = Work::until(containers, Arc::clone(stop));
    let bring = |request, due| Ok(stage.enqueue(&[request], due)?);
    let together = match scenario.arrival_rate {
        None => schedulers.run(&stage, strategy, scenario, &work, stop)?,
        Some(rate) => thread::scope(|scope| {
            let feeder = scope.spawn(|| feed(bring, requests, rate, &work, stop));
            let together = schedulers.run(&stage, strategy, scenario, &work, stop);
            let fed = feeder.join();
            fed.map_err(|_| anyhow::anyhow!("the thread that brings containers panicked"))??;
            together
        })?,
    };
    let beside = stage.commands() - set_up + together.beside;
    let (ran, died) = (together.ran, together.died);
    let truth = Truth::between(&before, &server.observer.look()?, commands(&ran.counts), beside);
    let truth = Truth { is_short: !died.is_empty(), ..truth };
    let audit = stage.audit()?;
    let mut refused = stage.refused()?;
    if refused.is_empty() && ran.given_up > 0 {
        refused = unfit(scenario)?;
    }
    let gone = audit.popped.saturating_sub(ran.given_up);
    if !died.is_empty() && gone > 0 {
        refused.push(format!("{gone} popped by a replica that died"));
    }
    // What a replica did that died has been told by nobody.
    let mut faults = if died.is_empty() { faults(&ran, &audit) } else { audit.faults.clone() };
    let delivered = match after {
        After::Nothing => None,
        After::HandOver => {
            let (delivered, wrong) = hand_over(&stage, &audit)?;
            faults.extend(wrong);
            Some(delivered)
        }
    };
    let wire = Some(WireSide { truth, delivered, died });
    Ok(Once { ran, audit, faults, refused, wire })
}

/// Makes the server know the scripts of ours, by a run with one container: the first of a server would cost
/// more than the others. The steps' own is made known when they are opened.
pub(crate) fn make_known(
    server: &Server,
    scenario: &Scenario,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let one = Scenario {
        workers: 1,
        gpu_workers: 0,
        mix: Mix::Cpu,
        containers: 1,
        batching: Batching::ADAPTIVE,
        arrival_rate: None,
        replicas: 1,
        ..scenario.clone()
    };
    once(server, Strategy::Ours, &one, "first", After::Nothing, stop)?;
    Ok(())
}

/// Workers fetch what was placed on them, acknowledge it and give it back. Gives how many containers
/// they got, and where that is not what was placed, in words.
fn hand_over(stage: &Stage<'_>, audit: &Audit) -> anyhow::Result<(usize, Vec<String>)> {
    let mut crew = Crew::of(stage, &stage.workers(audit))?;
    let (mut faults, mut got) = (Vec::new(), HashSet::new());
    loop {
        let mut loads = Vec::new();
        crew.look(|load| loads.push(load))?;
        if loads.is_empty() {
            break;
        }
        for load in loads {
            let unknown = crew.release(&load)?;
            if unknown > 0 {
                faults
                    .push(format!("a worker gave back {unknown} containers that it did not have"));
            }
            for id in load.ids {
                if let Some(id) = got.replace(id) {
                    faults.push(format!("{id} was delivered twice"));
                }
            }
        }
    }
    if got.len() != audit.placed {
        faults.push(format!("{} containers were delivered of {} placed", got.len(), audit.placed));
    }
    let empty = stage.audit()?;
    if empty.placed > 0 {
        faults.push(format!("{} containers are on workers that gave all back", empty.placed));
    }
    let after = empty.faults.into_iter().map(|fault| format!("after all was given back: {fault}"));
    faults.extend(after);
    Ok((got.len(), faults))
}
