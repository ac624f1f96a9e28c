//! What a program and its replicas say to each other: a line of JSON each.

use std::time::Duration;

use proofload_scheduler::{
    CacheCounts, ContainerKey, LockCounts, Policy, Snapshot, WireCounts, WorkerKey,
};
use proofload_strategies::{Batch, Landed, Phase, Phases, Ran};
use serde::{Deserialize, Serialize};

/// What a replica is to do. The addresses hold the password: a pipe is seen by its two ends only.
#[derive(Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) near: String,
    pub(super) far: String,
    pub(super) prefix: String,
    pub(super) strategy: String,
    pub(super) index: u32,
    pub(super) count: u32,
    pub(super) containers: usize,
    pub(super) policy: String,
    pub(super) seed: u64,
    pub(super) batch: usize,
    pub(super) window_us: u64,
    pub(super) adaptive: bool,
    pub(super) cache_ttl_us: u64,
}

impl Job {
    pub(super) fn policy(&self) -> Option<Policy> {
        Policy::ALL.into_iter().find(|policy| policy.name() == self.policy)
    }
}

/// What a program says after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    Go,
    /// All containers are settled, or the run is to end.
    Over,
}

/// What a replica says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// It is connected.
    Ready,
    /// So many containers more are placed or given up.
    Settled(usize),
    Ran(Box<Told>),
    Failed(String),
}

/// What a run of a replica came to.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    total_ns: u64,
    phases_ns: [u64; Phase::ALL.len()],
    /// Its moment, placed, conflicts, workers, decision and update.
    batches: Vec<(u64, usize, usize, usize, u64, u64)>,
    /// Container, worker, wait.
    placed: Vec<(u64, u32, u64)>,
    decisions: u64,
    given_up: usize,
    locks: [u64; 4],
    operations: u64,
    capacity_updates: u64,
    invalidations: u64,
    cache: [u64; 5],
    wire: [u64; 6],
    /// Commands of its hand, which are no strategy's.
    pub(super) beside: u64,
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Told {
    pub(super) fn of(ran: &Ran, beside: u64) -> Self {
        let Snapshot { locks, operations, capacity_updates, invalidations, cache, .. } = ran.counts;
        let wire = ran.counts.wire.unwrap_or_default();
        let batch = |batch: &Batch| {
            let Batch { at, placed, conflicts, workers, decision, update, .. } = *batch;
            (ns(at), placed, conflicts, workers, ns(decision), ns(update))
        };
        let landed = |one: &Landed| (one.container.0, one.worker.0, ns(one.wait));
        Self {
            total_ns: ns(ran.total),
            phases_ns: Phase::ALL.map(|phase| ns(ran.phases.of(phase))),
            batches: ran.batches.iter().map(batch).collect(),
            placed: ran.placed.iter().map(landed).collect(),
            decisions: ran.decisions,
            given_up: ran.given_up,
            locks: [locks.taken, locks.waited, ns(locks.wait), ns(locks.held)],
            operations,
            capacity_updates,
            invalidations,
            cache: [cache.lookups, cache.hits, cache.stale, cache.misses, cache.first_loads],
            wire: [
                wire.round_trips,
                wire.commands,
                wire.bytes_sent,
                wire.bytes_received,
                wire.script_calls,
                wire.script_loads,
            ],
            beside,
        }
    }

    /// The run again, of the replica with this number.
    pub(super) fn ran(&self, replica: usize) -> Ran {
        let time = Duration::from_nanos;
        let mut phases = Phases::default();
        for (phase, spent) in Phase::ALL.into_iter().zip(self.phases_ns) {
            phases.add(phase, time(spent));
        }
        let batch = |&(at, placed, conflicts, workers, decision, update): &(_, _, _, _, _, _)| {
            let (at, decision, update) = (time(at), time(decision), time(update));
            Batch { replica, at, placed, conflicts, workers, decision, update }
        };
        let landed = |&(container, worker, wait): &(u64, u32, u64)| Landed {
            container: ContainerKey(container),
            worker: WorkerKey(worker),
            wait: time(wait),
        };
        let [taken, waited, wait, held] = self.locks;
        let [lookups, hits, stale, misses, first_loads] = self.cache;
        let [round_trips, commands, bytes_sent, bytes_received, script_calls, script_loads] =
            self.wire;
        Ran {
            total: time(self.total_ns),
            phases,
            batches: self.batches.iter().map(batch).collect(),
            placed: self.placed.iter().map(landed).collect(),
            decisions: self.decisions,
            given_up: self.given_up,
            counts: Snapshot {
                locks: LockCounts { taken, waited, wait: time(wait), held: time(held) },
                operations: self.operations,
                capacity_updates: self.capacity_updates,
                invalidations: self.invalidations,
                cache: CacheCounts { lookups, hits, stale, misses, first_loads },
                wire: Some(WireCounts {
                    round_trips,
                    commands,
                    bytes_sent,
                    bytes_received,
                    script_calls,
                    script_loads,
                }),
                ..Snapshot::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Said, Told};

    /// Each number is another one, so that none can stand in another's place.
    #[test]
    fn what_is_told_is_what_was_run() {
        let told = Told {
            total_ns: 1,
            phases_ns: [2, 3, 4, 5, 6, 7],
            batches: vec![(8, 9, 10, 11, 12, 13)],
            placed: vec![(14, 15, 16)],
            decisions: 17,
            given_up: 18,
            locks: [19, 20, 21, 22],
            operations: 23,
            capacity_updates: 24,
            invalidations: 25,
            cache: [26, 27, 28, 29, 30],
            wire: [31, 32, 33, 34, 35, 36],
            beside: 37,
        };
        let ran = told.ran(3);
        assert_eq!((ran.batches[0].replica, ran.counts.wire.unwrap().commands), (3, 32));
        assert_eq!(Told::of(&ran, 37), told);
        let line = serde_json::to_string(&Said::Ran(Box::new(told))).unwrap();
        assert!(!line.contains('\n'), "{line}");
        let Said::Ran(read) = serde_json::from_str(&line).unwrap() else { panic!("{line}") };
        assert_eq!(Told::of(&ran, 37), *read);
    }
}
