//! The source's report of one run, in the source's labels, so that what reads its output reads ours.

use std::fmt::{self, Write};
use std::time::Duration;

use proofload_stats::{Quantile, quantile};
use proofload_strategies::{Phase, Strategy};
use proofload_units::human_duration;

use crate::balance::Balance;
use crate::grade::{self, Goal, Grade, Limit, Parts, nanoseconds};
use crate::once::Once;
use crate::scenario::Scenario;
use crate::series::Wire;
use crate::stage::Kind;

/// Workers whose load is written out; of more the first and the last.
const WORKERS_SHOWN: usize = 40;

/// A time in seconds with six decimals, as the source's grep and awk lines add up.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.6}s", time.as_secs_f64())
}

/// A time as it is written in a flag: `2s`.
pub(crate) fn short(time: Duration) -> String {
    format!("{}s", time.as_secs_f64())
}

fn human(time: Duration) -> String {
    human_duration(nanoseconds(time))
}

/// Everything that the block needs of a run.
pub(crate) struct Block<'a> {
    pub(crate) kind: &'a Kind,
    pub(crate) once: &'a Once,
    /// None in memory.
    pub(crate) wire: Option<&'a Wire>,
    pub(crate) scenario: &'a Scenario,
    pub(crate) strategy: Strategy,
    pub(crate) goals: &'a [Goal],
    /// Which run this is, in words.
    pub(crate) which: String,
}

impl Block<'_> {
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        self.configuration(&mut out)?;
        self.progress(&mut out)?;
        writeln!(out, "=== Performance Test Results ===\n")?;
        self.timing(&mut out)?;
        self.efficiency(&mut out)?;
        self.cache(&mut out)?;
        self.distribution(&mut out)?;
        writeln!(out, "=== Validating Performance Goals ===\n")?;
        for Goal { met, text, .. } in self.goals {
            writeln!(out, "{} {text}", if *met { "✓" } else { "✗" })?;
        }
        let passed = self.goals.iter().all(|goal| goal.met);
        writeln!(out, "\n=== Performance Test {} ===", if passed { "PASSED" } else { "FAILED" })?;
        Ok(out)
    }

    fn configuration(&self, out: &mut String) -> fmt::Result {
        let Self { kind, scenario, strategy, which, .. } = self;
        writeln!(out, "=== Starting Comprehensive Performance Test ===")?;
        writeln!(out, "Configuration:")?;
        writeln!(out, "  - Workers: {}", scenario.workers)?;
        writeln!(out, "  - Containers: {}", scenario.containers)?;
        writeln!(out, "  - Target time: {}", short(scenario.target))?;
        let policy = match strategy {
            Strategy::Ours => scenario.policy.name(),
            Strategy::Old => "first that fits",
            Strategy::Lock | Strategy::Batch => "affinity by hash",
        };
        writeln!(out, "  - Strategy: {} ({policy})", strategy.name())?;
        match (kind.server(), scenario.op_delay.is_zero()) {
            (Some(server), _) => {
                for line in server.lines() {
                    writeln!(out, "  - {line}")?;
                }
            }
            (None, true) => writeln!(out, "  - Store: memory")?,
            (None, false) => {
                writeln!(out, "  - Store: memory, {} an operation", human(scenario.op_delay))?;
            }
        }
        writeln!(out, "  - {which}\n")
    }

    fn progress(&self, out: &mut String) -> fmt::Result {
        let Self { once, scenario, .. } = self;
        let (ran, parts) = (&once.ran, Parts::of(once, scenario));
        let decided = ran.decisions;
        writeln!(out, "Starting to schedule {} containers...", scenario.containers)?;
        let (retrieved, from) = (self.retrieved(), self.fleet_from());
        match scenario.replicas {
            1 => writeln!(out, "Retrieved {retrieved} workers from {from}")?,
            replicas => {
                writeln!(out, "Retrieved {retrieved} workers from {from}, by {replicas} replicas")?;
            }
        }
        writeln!(out, "Made {decided} scheduling decisions in {}", human(parts.decision))?;
        let groups: usize = ran.batches.iter().map(|batch| batch.workers).sum();
        writeln!(out, "Grouped into {groups} worker batches")?;
        writeln!(out, "Batch update completed in {}\n", human(parts.update))
    }

    /// Workers that were read to know the fleet. Old reads each under a lock, beside the one lock that
    /// each try takes to write.
    const fn retrieved(&self) -> u64 {
        let ran = &self.once.ran;
        match self.strategy {
            Strategy::Old => ran.counts.locks.taken.saturating_sub(ran.batches.len() as u64),
            Strategy::Lock | Strategy::Batch | Strategy::Ours => ran.counts.cache.first_loads,
        }
    }

    const fn fleet_from(&self) -> &'static str {
        match self.strategy {
            Strategy::Old => "the store, anew for each container",
            Strategy::Lock | Strategy::Batch => "cache",
            Strategy::Ours => "snapshot",
        }
    }

    fn timing(&self, out: &mut String) -> fmt::Result {
        let Self { once, scenario, .. } = self;
        let ran = &once.ran;
        let parts = Parts::of(once, scenario);
        let share = |part: Duration| {
            parts.share(part).map_or_else(String::new, |share| format!(" ({:.1}%)", 100.0 * share))
        };
        writeln!(out, "Timing:")?;
        if scenario.replicas > 1 {
            let replicas = scenario.replicas;
            writeln!(out, "  (parts of the time of {replicas} replicas together)")?;
        }
        let total = grade::total(ran.total, scenario.target);
        line(out, "Total duration:", &seconds(ran.total), Some(total))?;
        let mut part = |label: &str, part: Duration, grade| {
            line(out, label, &format!("{}{}", human(part), share(part)), grade)
        };
        part("Decision making:", parts.decision, Some(parts.decision_grade()))?;
        part("Batch capacity update:", parts.update, Some(parts.update_grade()))?;
        for (label, phase) in [
            ("Reading the store:", Phase::Read),
            ("Dispatch:", Phase::Dispatch),
            ("Waiting for the window:", Phase::Window),
            ("Idle:", Phase::Idle),
        ] {
            part(label, ran.phases.of(phase), None)?;
        }
        part("Other:", parts.other, None)?;
        let average = u32::try_from(ran.placed.len()).ok().and_then(|n| ran.total.checked_div(n));
        let average = average.map_or_else(|| "none".to_owned(), human);
        line(out, "Average per container:", &average, None)?;
        let mut waits: Vec<u64> =
            ran.placed.iter().map(|landed| nanoseconds(landed.wait)).collect();
        waits.sort_unstable();
        let [p50, p95, p99] = [Quantile::P50, Quantile::P95, Quantile::P99]
            .map(|q| quantile(&waits, q).map_or_else(|| "none".to_owned(), human_duration));
        let text = format!("p50 {p50}, p95 {p95}, p99 {p99}");
        line(out, "Wait of a container:", &text, None)?;
        writeln!(out)
    }

    fn efficiency(&self, out: &mut String) -> fmt::Result {
        let Self { once, scenario, .. } = self;
        let counts = &once.ran.counts;
        let limit = Limit::of(once, scenario, self.strategy);
        let each = |count: u64| match limit.placed {
            0 => count.to_string(),
            placed => format!("{count} ({:.1} per container)", count as f64 / placed as f64),
        };
        writeln!(out, "Resource Efficiency:")?;
        line(out, "Containers scheduled:", &once.audit.placed.to_string(), None)?;
        let used = once.workers_used();
        let text = format!("{used} (out of {} available)", scenario.workers);
        let graded = grade::workers_used(used, scenario.usable_workers());
        line(out, "Workers used:", &text, Some(graded))?;
        let locks = counts.locks.taken;
        let graded = grade::count(locks, limit);
        line(out, "Lock acquisitions:", &each(locks), Some(graded))?;
        let updates = counts.capacity_updates;
        let graded = grade::count(updates, limit);
        line(out, "Capacity updates:", &each(updates), Some(graded))?;
        let graded = grade::invalidations(counts.invalidations, limit);
        line(out, "Cache invalidations:", &counts.invalidations.to_string(), Some(graded))?;
        line(out, "Store operations:", &each(counts.operations), None)?;
        let (waited, time) = (counts.locks.waited, human(counts.locks.wait));
        line(out, "Locks waited for:", &format!("{waited} ({time})"), None)?;
        if let Some(wire) = self.wire {
            writeln!(out)?;
            self.server(out, wire, each)?;
        }
        writeln!(out)
    }

    /// What went over the wire, and what the server says of it.
    fn server(&self, out: &mut String, wire: &Wire, each: impl Fn(u64) -> String) -> fmt::Result {
        let Wire { counts, side } = wire;
        writeln!(out, "Redis:")?;
        line(out, "Round trips:", &each(counts.round_trips), None)?;
        line(out, "Server commands:", &each(wire.commands()), None)?;
        line(out, "  of these in scripts:", &counts.script_calls.to_string(), None)?;
        line(out, "Bytes sent:", &counts.bytes_sent.to_string(), None)?;
        line(out, "Bytes received:", &counts.bytes_received.to_string(), None)?;
        let cpu = side.truth.cpu.map_or_else(|| "unknown".to_owned(), human);
        line(out, "Server CPU:", &cpu, None)?;
        line(out, "Server's own INFO:", &side.truth.text(), None)?;
        if let Some(delivered) = side.delivered {
            let text = format!("{delivered} (fetched, acknowledged, given back)");
            line(out, "Delivered to workers:", &text, None)?;
        }
        for died in &side.died {
            line(out, "Replica that died:", died, None)?;
        }
        Ok(())
    }

    fn cache(&self, out: &mut String) -> fmt::Result {
        let cache = &self.once.ran.counts.cache;
        writeln!(out, "Cache Performance:")?;
        line(out, "Cache hits:", &cache.hits.to_string(), None)?;
        line(out, "Cache misses:", &cache.misses.to_string(), None)?;
        line(out, "Cache stale:", &cache.stale.to_string(), None)?;
        line(out, "First load:", &format!("{} workers", cache.first_loads), None)?;
        let rate = cache.hit_rate();
        let text =
            rate.map_or_else(|| "undecided".to_owned(), |rate| format!("{:.1}%", rate * 100.0));
        line(out, "Hit rate:", &text, Some(grade::hit_rate(rate)))?;
        writeln!(out)
    }

    fn distribution(&self, out: &mut String) -> fmt::Result {
        let Self { once, scenario, strategy, .. } = self;
        let graded = Balance::of(once, scenario, *strategy).grade();
        writeln!(out, "Worker Distribution:  {} {}", graded.level.sign(), graded.words)?;
        let workers = &once.audit.workers;
        let placed = once.audit.placed.max(1) as f64;
        let hidden = workers.len().saturating_sub(WORKERS_SHOWN);
        for (place, worker) in workers.iter().enumerate() {
            if hidden > 0 && (WORKERS_SHOWN / 2..WORKERS_SHOWN / 2 + hidden).contains(&place) {
                if place == WORKERS_SHOWN / 2 {
                    writeln!(out, "  ... ({hidden} more workers)")?;
                }
                continue;
            }
            let share = 100.0 * worker.containers as f64 / placed;
            writeln!(out, "  {}: {} containers ({share:.1}%)", worker.id, worker.containers)?;
        }
        writeln!(out)
    }
}

/// A label, its figure, and the grade behind it.
fn line(out: &mut String, label: &str, figure: &str, grade: Option<Grade>) -> fmt::Result {
    match grade {
        Some(Grade { level, words }) => {
            writeln!(out, "  {label:<25}{figure:<25} {} {words}", level.sign())
        }
        None => writeln!(out, "  {label:<25}{figure}"),
    }
}
