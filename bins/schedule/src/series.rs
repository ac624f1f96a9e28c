//! All runs of all strategies, in turns, so that what changes over time changes for each alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use proofload_launch::Session;
use proofload_scheduler::WireCounts;
use proofload_stats::{Quantile, quantile};
use proofload_strategies::{Phase, Strategy};

use crate::balance::Balance;
use crate::block::Block;
use crate::files::Growing;
use crate::grade::{self, Goal, Parts, nanoseconds};
use crate::once::{Once, WireSide, once};
use crate::redis::After;
use crate::scenario::Scenario;
use crate::stage::Kind;

/// How often a line of progress is printed.
pub(crate) const PROGRESS: Duration = Duration::from_secs(3);

/// A run by its figures.
pub(crate) struct Run {
    pub(crate) strategy: Strategy,
    /// Which run of its strategy it is, from 1.
    pub(crate) number: u32,
    pub(crate) total: Duration,
    pub(crate) phases: [Duration; Phase::ALL.len()],
    /// Time that belongs to no phase.
    pub(crate) other: Duration,
    pub(crate) locks: u64,
    pub(crate) locks_waited: u64,
    pub(crate) operations: u64,
    pub(crate) updates: u64,
    pub(crate) invalidations: u64,
    pub(crate) lookups: u64,
    pub(crate) hits: u64,
    pub(crate) stale: u64,
    pub(crate) misses: u64,
    pub(crate) first_loads: u64,
    pub(crate) hit_rate: Option<f64>,
    pub(crate) placed: u64,
    pub(crate) given_up: u64,
    pub(crate) conflicts: u64,
    pub(crate) batches: u64,
    /// Containers a worker.
    pub(crate) loads: Vec<u32>,
    pub(crate) balance: Balance,
    pub(crate) waits_ns: [Option<u64>; 3],
    /// None in memory.
    pub(crate) wire: Option<Wire>,
    pub(crate) faults: Vec<String>,
    pub(crate) goals: Vec<Goal>,
    /// The source's report of it.
    pub(crate) block: String,
}

/// What a run cost on its way to a server, and there.
pub(crate) struct Wire {
    pub(crate) counts: WireCounts,
    pub(crate) side: WireSide,
}

impl Wire {
    /// Commands that the server carried out for the strategy, those inside scripts among them.
    pub(crate) fn commands(&self) -> u64 {
        self.counts.commands + self.counts.script_calls
    }
}

impl Run {
    fn of(
        kind: &Kind,
        strategy: Strategy,
        number: u32,
        mut once: Once,
        scenario: &Scenario,
    ) -> anyhow::Result<Self> {
        let side = once.wire.take();
        let wire = side.map(|side| Wire { counts: once.ran.counts.wire.unwrap_or_default(), side });
        let once = &once;
        let goals = grade::goals(once, scenario, strategy);
        let which = format!("Run: {number} of {}", scenario.repeat);
        let block =
            Block { kind, once, wire: wire.as_ref(), scenario, strategy, goals: &goals, which };
        let block = block.text()?;
        let (ran, counts) = (&once.ran, &once.ran.counts);
        let mut waits: Vec<u64> =
            ran.placed.iter().map(|landed| nanoseconds(landed.wait)).collect();
        waits.sort_unstable();
        Ok(Self {
            strategy,
            number,
            total: ran.total,
            phases: Phase::ALL.map(|phase| ran.phases.of(phase)),
            other: Parts::of(once, scenario).other,
            locks: counts.locks.taken,
            locks_waited: counts.locks.waited,
            operations: counts.operations,
            updates: counts.capacity_updates,
            invalidations: counts.invalidations,
            lookups: counts.cache.lookups,
            hits: counts.cache.hits,
            stale: counts.cache.stale,
            misses: counts.cache.misses,
            first_loads: counts.cache.first_loads,
            hit_rate: counts.cache.hit_rate(),
            placed: once.audit.placed as u64,
            given_up: ran.given_up as u64,
            conflicts: ran.batches.iter().map(|batch| batch.conflicts as u64).sum(),
            batches: ran.batches.len() as u64,
            loads: once.loads().map(|load| u32::try_from(load).unwrap_or(u32::MAX)).collect(),
            balance: Balance::of(once, scenario, strategy),
            waits_ns: [Quantile::P50, Quantile::P95, Quantile::P99].map(|q| quantile(&waits, q)),
            wire,
            faults: once.faults.clone(),
            goals,
            block,
        })
    }

    pub(crate) fn meets_all(&self) -> bool {
        self.goals.iter().all(|goal| goal.met)
    }

    pub(crate) fn workers_used(&self) -> u64 {
        self.loads.iter().filter(|&&load| load > 0).count() as u64
    }
}

/// The strategies of round `round`: there and back again, ABCD DCBA.
pub(crate) fn order(strategies: &[Strategy], round: u32) -> Vec<Strategy> {
    let mut order = strategies.to_vec();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

/// Runs every strategy as often as the scenario says, or until it is interrupted. What ran is in the
/// order in which it did.
pub(crate) fn series(
    kind: &Kind,
    strategies: &[Strategy],
    scenario: &Scenario,
    growing: &mut Growing,
    quiet: bool,
    stop: &Arc<AtomicBool>,
    session: &Session,
) -> anyhow::Result<Vec<Run>> {
    let mut runs = Vec::new();
    let mut said = Instant::now();
    for round in 0..scenario.repeat {
        for strategy in order(strategies, round) {
            let label = (round + 1).to_string();
            let once = once(kind, strategy, scenario, &label, After::HandOver, stop)?;
            if stop.load(Ordering::Relaxed) {
                // It was cut short: no run.
                return Ok(runs);
            }
            growing.batches(strategy, round + 1, &once.ran)?;
            let run = Run::of(kind, strategy, round + 1, once, scenario)?;
            growing.run(&run)?;
            for died in run.wire.iter().flat_map(|wire| &wire.side.died) {
                let name = strategy.name();
                session.warn(&format!("{name}, run {}: {died}", round + 1));
            }
            runs.push(run);
            if !quiet && said.elapsed() > PROGRESS {
                said = Instant::now();
                let all = scenario.repeat as usize * strategies.len();
                session.tell(&format!("{} of {all} runs", runs.len()));
            }
        }
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::order;
    use proofload_strategies::Strategy::{self, Batch, Lock, Old, Ours};

    #[test]
    fn the_order_goes_there_and_back_again() {
        let two: Vec<_> = (0..2).flat_map(|round| order(&Strategy::ALL, round)).collect();
        assert_eq!(two, [Old, Lock, Batch, Ours, Ours, Batch, Lock, Old]);
        assert_eq!(order(&[Ours], 1), [Ours]);
    }
}
