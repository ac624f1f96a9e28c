//! The source's limits, its words for what lies within and beyond them, and its goals.

use std::time::Duration;

use proofload_strategies::{Ran, Strategy};
use proofload_units::human_duration;

use crate::balance::{Balance, Evenness};
use crate::block::{seconds, short};
use crate::once::Once;
use crate::scenario::Scenario;

/// How good a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Good,
    Fair,
    Bad,
    /// There is nothing to grade.
    Undecided,
}

impl Level {
    pub(crate) const fn sign(self) -> &'static str {
        match self {
            Self::Good => "✅",
            Self::Fair => "⚠️",
            Self::Bad => "❌",
            Self::Undecided => "–",
        }
    }
}

/// A figure's grade in the source's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grade {
    pub(crate) level: Level,
    pub(crate) words: &'static str,
}

pub(crate) const fn grade(level: Level, words: &'static str) -> Grade {
    Grade { level, words }
}

/// Time for everything; the source's 2 s and 3 s are the target and half as much again.
pub(crate) fn total(total: Duration, target: Duration) -> Grade {
    if total < target {
        grade(Level::Good, "Excellent")
    } else if total <= target * 3 / 2 {
        grade(Level::Fair, "Good but could be better")
    } else {
        grade(Level::Bad, "Problem, optimization not working")
    }
}

/// Shares are judged only where the total is longer than this: of a shorter one they say nothing.
const SHARES_FROM: Duration = Duration::from_millis(100);

fn within(part: Duration, total: Duration, share: Option<f64>, limits: (Duration, f64)) -> bool {
    part < limits.0 && (total <= SHARES_FROM || share.is_none_or(|share| share < limits.1))
}

fn decision(part: Duration, total: Duration, share: Option<f64>) -> Grade {
    if within(part, total, share, (Duration::from_millis(50), 0.05)) {
        grade(Level::Good, "efficient in-memory processing")
    } else {
        grade(Level::Bad, "not efficient in-memory processing")
    }
}

fn update(part: Duration, total: Duration, share: Option<f64>) -> Grade {
    if within(part, total, share, (Duration::from_millis(200), 0.1)) {
        grade(Level::Good, "efficient batch operations")
    } else {
        grade(Level::Bad, "not efficient batch operations")
    }
}

/// What locks, capacity updates and invalidations may come to: one a worker and batch. A batch of fewer
/// containers than workers touches no more workers than it has containers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) most: u64,
    /// Containers that got their place.
    pub(crate) placed: u64,
    pub(crate) workers: u64,
    /// Whether the strategy makes batches; of one that does not, none are too small to tell.
    pub(crate) is_batching: bool,
}

impl Limit {
    /// From the batches that a run made; for old and lock, from those that they should have made.
    pub(crate) fn of(once: &Once, scenario: &Scenario, strategy: Strategy) -> Self {
        let placed = once.ran.placed.len() as u64;
        let workers = u64::from(scenario.workers);
        let is_batching = matches!(strategy, Strategy::Batch | Strategy::Ours);
        let most = if is_batching {
            once.ran.batches.iter().map(|batch| workers.min(batch.placed as u64)).sum()
        } else {
            let batch = scenario.nominal_batch().max(1);
            placed / batch * workers.min(batch) + workers.min(placed % batch)
        };
        Self { most, placed, workers, is_batching }
    }

    /// Whether so many are within the limit, which one a container never is.
    pub(crate) fn is_met(self, count: u64) -> bool {
        count <= self.most && (self.is_batching || !self.is_one_each(count))
    }

    /// One a container, where that is not one a worker, too.
    const fn is_one_each(self, count: u64) -> bool {
        count >= self.placed && self.placed > self.workers
    }

    const fn per(self) -> &'static str {
        if self.most <= self.workers { "one per worker" } else { "one per worker and batch" }
    }

    fn grade(self, count: u64, [one, one_and_batch, more, each]: [&'static str; 4]) -> Grade {
        if self.placed == 0 && count == 0 {
            grade(Level::Undecided, "undecided: nothing was placed")
        } else if self.is_met(count) && self.is_one_each(count) {
            grade(Level::Undecided, "undecided: batches too small to tell")
        } else if self.is_met(count) {
            grade(Level::Good, if self.most <= self.workers { one } else { one_and_batch })
        } else if count < self.placed {
            grade(Level::Fair, more)
        } else {
            grade(Level::Bad, each)
        }
    }
}

/// Locks or capacity updates.
pub(crate) fn count(count: u64, limit: Limit) -> Grade {
    let more = "more than one per worker";
    let each = "one per container = Not batching";
    limit.grade(count, ["one per worker", "one per worker and batch", more, each])
}

pub(crate) fn invalidations(count: u64, limit: Limit) -> Grade {
    let more = "more than one per worker used";
    let each = "one per container = Over-invalidating";
    limit.grade(count, ["one per worker used", "one per worker used and batch", more, each])
}

pub(crate) fn workers_used(used: usize, usable: usize) -> Grade {
    if usable == 0 {
        grade(Level::Undecided, "undecided: no worker has what the containers need")
    } else if used >= usable {
        grade(Level::Good, "Good distribution")
    } else if used * 2 < usable {
        grade(Level::Bad, "Poor distribution")
    } else {
        grade(Level::Fair, "Not all workers used")
    }
}

pub(crate) fn hit_rate(rate: Option<f64>) -> Grade {
    match rate {
        None => grade(Level::Undecided, "no lookups: undecided"),
        Some(rate) if rate > 0.95 => grade(Level::Good, "Excellent, cache working"),
        Some(rate) if rate >= 0.8 => grade(Level::Fair, "Good but room for improvement"),
        Some(_) => grade(Level::Bad, "Cache thrashing, check TTL"),
    }
}

/// A goal, and whether this run meets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Goal {
    /// The same in every run, for counting.
    pub(crate) name: &'static str,
    pub(crate) met: bool,
    /// In the source's words, with this run's figures.
    pub(crate) text: String,
}

/// What the source asks of a run: all of it must be met.
pub(crate) fn goals(once: &Once, scenario: &Scenario, strategy: Strategy) -> Vec<Goal> {
    let (ran, counts) = (&once.ran, &once.ran.counts);
    let containers = u64::from(scenario.containers);
    let limit = Limit::of(once, scenario, strategy);
    let is_good = |grade: Grade| grade.level == Level::Good;
    let parts = Parts::of(once, scenario);
    let mut goals = Vec::new();
    let mut goal = |name, met, text| goals.push(Goal { name, met, text });

    let target = short(scenario.target);
    let (total_s, placed) = (seconds(ran.total), once.audit.placed);
    let met = ran.total < scenario.target;
    goal("total time", met, format!("Total scheduling time: {total_s} (target: <{target})"));
    let met = placed as u64 == containers;
    let text = if met {
        format!("All {containers} containers scheduled successfully")
    } else {
        let why = once.refused.first().map_or(String::new(), |why| format!(" ({why})"));
        format!("{placed} of {containers} containers scheduled{why}")
    };
    goal("all scheduled", met, text);
    let time = human_duration(nanoseconds(parts.decision));
    let text = format!("Decision making: {time} (limit: 50 ms; 5% of totals over 100 ms)");
    goal("decision time", is_good(parts.decision_grade()), text);
    let time = human_duration(nanoseconds(parts.update));
    let text = format!("Batch capacity update: {time} (limit: 200 ms; 10% of totals over 100 ms)");
    goal("update time", is_good(parts.update_grade()), text);
    let (locks, updates) = (counts.locks.taken, counts.capacity_updates);
    let (most, per) = (limit.most, limit.per());
    let text = format!("Lock acquisitions: {locks} (expected at most {most}, {per})");
    goal("locks", limit.is_met(locks), text);
    let text = format!("Capacity updates: {updates} (expected at most {most}, {per})");
    goal("updates", limit.is_met(updates), text);
    let rate = counts.cache.hit_rate();
    let text = match rate {
        Some(rate) => format!("Cache hit rate: {:.1}% (expected >95%)", rate * 100.0),
        None => "Cache hit rate: no lookups (expected >95%)".to_owned(),
    };
    goal("hit rate", is_good(hit_rate(rate)), text);
    if let Some((met, text)) = distribution(once, scenario, strategy) {
        goal("distribution", met, text);
    }
    let met = once.faults.is_empty();
    let text = match once.faults.first() {
        None => "No workers with negative capacity (no double-booking)".to_owned(),
        Some(fault) => format!("The books of the workers are wrong: {fault}"),
    };
    goal("books", met, text);
    goals
}

/// Whether workers are reasonably distributed, in words; none where that is not asked.
fn distribution(once: &Once, scenario: &Scenario, strategy: Strategy) -> Option<(bool, String)> {
    let used = once.workers_used();
    let balance = Balance::of(once, scenario, strategy);
    let is_even = match Evenness::of(scenario, strategy) {
        Evenness::NotAsked => return None,
        Evenness::Even => balance == Balance::Good,
        Evenness::ByHash { .. } => matches!(balance, Balance::Good | Balance::Between),
    };
    let is_used = workers_used(used, scenario.usable_workers()).level != Level::Bad;
    let text = match is_even && is_used {
        true => format!("Workers are reasonably distributed ({used} workers used)"),
        false => format!(
            "Workers should be reasonably distributed ({used} workers used; {})",
            balance.grade().words
        ),
    };
    Some((is_even && is_used, text))
}

/// The two times that the source judges.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) decision: Duration,
    pub(crate) update: Duration,
    /// What belongs to no phase: between them, and threads that start and end.
    pub(crate) other: Duration,
    total: Duration,
    replicas: u32,
}

impl Parts {
    pub(crate) fn of(once: &Once, scenario: &Scenario) -> Self {
        use proofload_strategies::Phase;
        let Ran { phases, total, .. } = once.ran;
        let named: Duration = Phase::ALL.into_iter().map(|phase| phases.of(phase)).sum();
        Self {
            decision: phases.of(Phase::Decision),
            update: phases.of(Phase::Update),
            other: (total * scenario.replicas).saturating_sub(named),
            total,
            replicas: scenario.replicas,
        }
    }

    /// A part's share of the time of all replicas together; none if there was no time.
    pub(crate) fn share(&self, part: Duration) -> Option<f64> {
        let all = self.total.as_secs_f64() * f64::from(self.replicas);
        (all > 0.0).then(|| part.as_secs_f64() / all)
    }

    pub(crate) fn decision_grade(&self) -> Grade {
        decision(self.decision, self.total, self.share(self.decision))
    }

    pub(crate) fn update_grade(&self) -> Grade {
        update(self.update, self.total, self.share(self.update))
    }
}

pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Level::{Bad, Fair, Good, Undecided};
    use super::{Limit, count, decision, hit_rate, invalidations, total, update, workers_used};
    use std::time::Duration;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn share(part: u64, all: u64) -> Option<f64> {
        Some(part as f64 / all as f64)
    }

    #[test]
    fn times_have_the_limits_of_the_source() {
        for (time, want) in
            [(0, Good), (1_999, Good), (2_000, Fair), (3_000, Fair), (3_001, Bad), (9_000, Bad)]
        {
            assert_eq!(total(ms(time), ms(2_000)).level, want, "{time} ms");
        }
        for (part, all, want) in [
            (49, 60, Good),
            (50, 60, Bad),
            (5, 100, Good),
            (5, 101, Good),
            (6, 101, Bad),
            (49, 2_000, Good),
        ] {
            assert_eq!(
                decision(ms(part), ms(all), share(part, all)).level,
                want,
                "decision {part} of {all} ms"
            );
        }
        for (part, all, want) in [
            (99, 100, Good),
            (20, 150, Bad),
            (14, 150, Good),
            (200, 5_000, Bad),
            (199, 5_000, Good),
        ] {
            assert_eq!(
                update(ms(part), ms(all), share(part, all)).level,
                want,
                "update {part} of {all} ms"
            );
        }
    }

    #[test]
    fn counts_have_upper_limits() {
        let limit = Limit { most: 20, placed: 100, workers: 20, is_batching: true };
        for (n, want, words) in [
            (0, Good, "one per worker"),
            (20, Good, "one per worker"),
            (21, Fair, "more than one per worker"),
            (99, Fair, "more than one per worker"),
            (100, Bad, "one per container = Not batching"),
            (2_100, Bad, "one per container = Not batching"),
        ] {
            assert_eq!((count(n, limit).level, count(n, limit).words), (want, words), "{n}");
            assert_eq!(invalidations(n, limit).level, want, "{n}");
        }
        assert_eq!(invalidations(100, limit).words, "one per container = Over-invalidating");
        for (used, want) in [(20, Good), (19, Fair), (10, Fair), (9, Bad), (0, Bad)] {
            assert_eq!(workers_used(used, 20).level, want, "{used} of 20");
        }
        assert_eq!(workers_used(0, 0).level, Undecided);
        for (rate, want) in [
            (Some(1.0), Good),
            (Some(0.951), Good),
            (Some(0.95), Fair),
            (Some(0.8), Fair),
            (Some(0.799), Bad),
            (None, Undecided),
        ] {
            assert_eq!(hit_rate(rate).level, want, "{rate:?}");
        }
    }

    #[test]
    fn one_a_container_is_never_one_a_worker() {
        // Ten batches of ten on 20 workers, and the same by who makes no batches.
        let batching = Limit { most: 100, placed: 100, workers: 20, is_batching: true };
        let none = Limit { is_batching: false, ..batching };
        assert_eq!(count(100, batching).words, "undecided: batches too small to tell");
        assert_eq!(count(99, batching).words, "one per worker and batch");
        assert!(batching.is_met(100) && !batching.is_met(101));
        assert_eq!(count(100, none).words, "one per container = Not batching");
        assert!(none.is_met(99) && !none.is_met(100));
        // As many workers as containers: one a container is one a worker.
        let wide = Limit { most: 20, placed: 20, workers: 20, is_batching: false };
        assert_eq!(count(20, wide).level, Good);
        let nothing = Limit { most: 0, placed: 0, workers: 20, is_batching: true };
        assert_eq!((count(0, nothing).level, count(1, nothing).level), (Undecided, Bad));
    }
}
