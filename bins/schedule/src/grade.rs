//! The source's limits, its words for what lies within and beyond them, and its goals.

use std::time::Duration;

use proofload_units::human_duration;

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

const fn grade(level: Level, words: &'static str) -> Grade {
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

fn within(part: Duration, limit: Duration, share: f64, total: Duration) -> bool {
    part < limit && (total <= SHARES_FROM || part.as_secs_f64() < share * total.as_secs_f64())
}

pub(crate) fn decision(part: Duration, total: Duration) -> Grade {
    if within(part, Duration::from_millis(50), 0.05, total) {
        grade(Level::Good, "efficient in-memory processing")
    } else {
        grade(Level::Bad, "not efficient in-memory processing")
    }
}

pub(crate) fn update(part: Duration, total: Duration) -> Grade {
    if within(part, Duration::from_millis(200), 0.1, total) {
        grade(Level::Good, "efficient batch operations")
    } else {
        grade(Level::Bad, "not efficient batch operations")
    }
}

/// Locks or capacity updates; `limit` is one a worker and batch.
pub(crate) fn count(count: u64, limit: u64, containers: u64) -> Grade {
    if count <= limit {
        grade(Level::Good, "one per worker")
    } else if count < containers {
        grade(Level::Fair, "more than one per worker")
    } else {
        grade(Level::Bad, "one per container = Not batching")
    }
}

pub(crate) fn invalidations(count: u64, limit: u64, containers: u64) -> Grade {
    if count <= limit {
        grade(Level::Good, "one per worker used")
    } else if count < containers {
        grade(Level::Fair, "more than one per worker used")
    } else {
        grade(Level::Bad, "one per container = Over-invalidating")
    }
}

pub(crate) fn workers_used(used: usize, usable: usize) -> Grade {
    if used >= usable {
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

/// Containers a worker. The source names numbers at a mean of 5: 3 to 7 are 0.6 to 1.4 times the mean
/// (whole containers, so rounded outwards), 0 to 2 beside 10 are 0.4 beside 2 times, 0 beside 20 is 0
/// beside 4 times. What lies between these has no words of the source.
pub(crate) fn balance(loads: impl Iterator<Item = usize> + Clone) -> Grade {
    let (least, most) = (loads.clone().min().unwrap_or(0), loads.clone().max().unwrap_or(0));
    let (sum, workers) = loads.fold((0, 0), |(sum, workers), load| (sum + load, workers + 1));
    let mean = sum as f64 / f64::from(workers.max(1));
    let (least, most) = (least as f64, most as f64);
    if least >= (0.6 * mean).floor() && most <= (1.4 * mean).ceil() {
        grade(Level::Good, "Good balance")
    } else if least == 0.0 && most >= 4.0 * mean {
        grade(Level::Bad, "Affinity broken")
    } else if least <= 0.4 * mean && most >= 2.0 * mean {
        grade(Level::Fair, "Uneven")
    } else {
        grade(Level::Fair, "Outside good balance, but not uneven")
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
pub(crate) fn goals(once: &Once, scenario: &Scenario, is_spread: bool) -> Vec<Goal> {
    let (ran, counts) = (&once.ran, &once.ran.counts);
    let (containers, workers) = (u64::from(scenario.containers), u64::from(scenario.workers));
    let limit = scenario.updates_most();
    let is_good = |grade: Grade| grade.level == Level::Good;
    let parts = Parts::of(once);
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
    goal("decision time", is_good(decision(parts.decision, ran.total)), text);
    let time = human_duration(nanoseconds(parts.update));
    let text = format!("Batch capacity update: {time} (limit: 200 ms; 10% of totals over 100 ms)");
    goal("update time", is_good(update(parts.update, ran.total)), text);
    let (locks, updates) = (counts.locks.taken, counts.capacity_updates);
    let per = if limit == workers { "one per worker" } else { "one per worker and batch" };
    let text = format!("Lock acquisitions: {locks} (expected at most {limit}, {per})");
    goal("locks", locks <= limit, text);
    let text = format!("Capacity updates: {updates} (expected at most {limit}, {per})");
    goal("updates", updates <= limit, text);
    let rate = counts.cache.hit_rate();
    let text = match rate {
        Some(rate) => format!("Cache hit rate: {:.1}% (expected >95%)", rate * 100.0),
        None => "Cache hit rate: no lookups (expected >95%)".to_owned(),
    };
    goal("hit rate", is_good(hit_rate(rate)), text);
    if is_spread {
        let used = once.workers_used();
        let even = balance_of(once, scenario);
        let met = even.level == Level::Good
            && workers_used(used, scenario.usable_workers()).level != Level::Bad;
        let text = match met {
            true => format!("Workers are reasonably distributed ({used} workers used)"),
            false => format!(
                "Workers should be reasonably distributed ({used} workers used; {})",
                even.words
            ),
        };
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

/// The worse of the balances among workers with GPUs and without.
pub(crate) fn balance_of(once: &Once, scenario: &Scenario) -> Grade {
    let plain = (scenario.workers - scenario.gpu_workers) as usize;
    let with_load = |loads: Vec<usize>| loads.iter().any(|&load| load > 0).then_some(loads);
    let groups = [once.loads().take(plain).collect(), once.loads().skip(plain).collect()];
    let grades = groups.into_iter().filter_map(with_load);
    let grades = grades.map(|loads| balance(loads.into_iter()));
    grades.max_by_key(|grade| grade.level).unwrap_or(grade(Level::Undecided, "nothing was placed"))
}

/// The two times that the source judges.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) decision: Duration,
    pub(crate) update: Duration,
}

impl Parts {
    pub(crate) fn of(once: &Once) -> Self {
        use proofload_strategies::Phase;
        let phases = &once.ran.phases;
        Self { decision: phases.of(Phase::Decision), update: phases.of(Phase::Update) }
    }
}

pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Level::{Bad, Fair, Good, Undecided};
    use super::{balance, count, decision, hit_rate, invalidations, total, update, workers_used};
    use std::time::Duration;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
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
            assert_eq!(decision(ms(part), ms(all)).level, want, "decision {part} of {all} ms");
        }
        for (part, all, want) in [
            (99, 100, Good),
            (20, 150, Bad),
            (14, 150, Good),
            (200, 5_000, Bad),
            (199, 5_000, Good),
        ] {
            assert_eq!(update(ms(part), ms(all)).level, want, "update {part} of {all} ms");
        }
    }

    #[test]
    fn counts_have_upper_limits() {
        for (n, want, words) in [
            (0, Good, "one per worker"),
            (20, Good, "one per worker"),
            (21, Fair, "more than one per worker"),
            (99, Fair, "more than one per worker"),
            (100, Bad, "one per container = Not batching"),
            (2_100, Bad, "one per container = Not batching"),
        ] {
            assert_eq!((count(n, 20, 100).level, count(n, 20, 100).words), (want, words), "{n}");
            assert_eq!(invalidations(n, 20, 100).level, want, "{n}");
        }
        assert_eq!(invalidations(100, 20, 100).words, "one per container = Over-invalidating");
        for (used, want) in [(20, Good), (19, Fair), (10, Fair), (9, Bad), (0, Bad)] {
            assert_eq!(workers_used(used, 20).level, want, "{used} of 20");
        }
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
    fn balance_goes_by_the_mean() {
        for (loads, level, words) in [
            (&[5_usize, 5, 5, 5] as &[_], Good, "Good balance"),
            (&[3, 7, 5, 5], Good, "Good balance"),
            (&[3, 8, 4, 5], Fair, "Outside good balance, but not uneven"),
            (&[2, 10, 3, 5], Fair, "Uneven"),
            (&[0, 20, 0, 0], Bad, "Affinity broken"),
            (&[0, 0, 0, 0, 25, 0], Bad, "Affinity broken"),
            (&[6, 14, 10], Good, "Good balance"),
            (&[4, 20, 6, 10], Fair, "Uneven"),
            (&[0, 1, 1, 0], Good, "Good balance"),
            (&[], Good, "Good balance"),
        ] {
            let found = balance(loads.iter().copied());
            assert_eq!((found.level, found.words), (level, words), "{loads:?}");
        }
    }
}
