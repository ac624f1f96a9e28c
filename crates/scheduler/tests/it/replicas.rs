//! Several schedulers that know how many they are.

use std::collections::VecDeque;
use std::time::Duration;

use proofload_scheduler::{
    Config, MemoryStore, Policy, Replica, Request, Scheduler, Store, Worker,
};

use crate::support::*;

const COUNT: u32 = 4;

fn replicas(store: &MemoryStore, policy: Policy, knowing: bool) -> Vec<Scheduler<MemoryStore>> {
    (0..COUNT)
        .map(|index| {
            let replica = if knowing { Replica { index, count: COUNT } } else { Replica::ALONE };
            let config = Config { replica, seed: index.into(), ..at_once(policy) };
            join(store, &format!("replica-{index}"), config)
        })
        .collect()
}

/// Workers of four sizes, and containers of many, some as large as half of a small worker.
fn size(i: usize) -> (i64, i64) {
    ([100, 250, 500, 1_000, 2_000, 4_000][i * 7 % 6], 128 << (i * 5 % 8))
}

/// The workers are 70 % full and stay so: a tenth ends, and as much comes. In each round the replicas take
/// turns step by step, so that each plans on what it knew before the others committed. Returns how many were
/// turned away for want of room, and how many were placed.
fn churn(policy: Policy, knowing: bool) -> (usize, usize) {
    let sizes = [(8_000, 32_768), (16_000, 32_768), (32_000, 131_072), (64_000, 131_072)];
    let store = fleet((0..200).map(|i| {
        let (millicores, megabytes) = sizes[i / 3 % 4];
        Worker::new(format!("w{i}"), cpu(millicores), memory(megabytes))
    }));
    let capacity: i64 = (0..200).map(|i| sizes[i / 3 % 4].1).sum();
    let mut schedulers = replicas(&store, policy, knowing);
    let (mut conflicts, mut placed) = (0, 0);
    let (mut running, mut used, mut number) = (VecDeque::new(), 0, 0_usize);
    for round in 0..40_u64 {
        let mut coming = Vec::new();
        while used * 10 < capacity * 7 {
            let (millicores, megabytes) = size(number);
            used += megabytes;
            coming.push(Request::new(format!("c{number}"), cpu(millicores), memory(megabytes)));
            number += 1;
        }
        let mut left = coming.len();
        enqueue_at(&store, coming, round);
        for step in 0..2_000 {
            for scheduler in &mut schedulers {
                let now = Duration::from_secs(10 * round) + Duration::from_millis(step);
                let settled = scheduler.step(now).expect("a step").settled;
                left -= settled.placed.len();
                if round > 0 {
                    conflicts += settled.conflicts;
                    placed += settled.placed.len();
                }
                running.extend(settled.placed);
            }
            if left == 0 {
                break;
            }
        }
        assert_eq!(left, 0, "round {round}");
        for _ in 0..running.len() / 10 {
            let ended = running.pop_front().expect("more run");
            let worker = format!("w{}", ended.worker.0);
            assert!(store.release(&ended.request.id, &worker).expect("released"));
            used -= i64::from(ended.request.needs.memory.get());
        }
    }
    assert_eq!(store.audit().faults, Vec::<String>::new());
    (conflicts, placed)
}

fn enqueue_at(store: &MemoryStore, coming: Vec<Request>, round: u64) {
    store.enqueue(coming, Duration::from_secs(10 * round)).expect("new containers");
}

#[test]
fn four_replicas_at_70_percent_are_rarely_turned_away() {
    for policy in [Policy::Spread, Policy::BestFit] {
        let (conflicts, placed) = churn(policy, true);
        assert!(placed > 5_000, "{placed}");
        assert!(conflicts * 200 <= conflicts + placed, "{policy:?}: {conflicts} beside {placed}");
    }
}

/// What the test above would show if replicas did not keep apart.
#[test]
fn replicas_that_do_not_know_of_each_other_are_turned_away_far_more_often() {
    let (conflicts, placed) = churn(Policy::Spread, false);
    assert!(conflicts * 20 > conflicts + placed, "{conflicts} beside {placed}");
}

/// While there is room for all, it does not matter who claims: the fleet is shared evenly.
#[test]
fn a_replica_that_claims_everything_still_gives_each_of_20_workers_5_of_100() {
    let store = fleet((0..20).map(|i| worker(format!("w{i}"))));
    let mut schedulers = replicas(&store, Policy::Spread, true);
    enqueue(&store, (0..100).map(|i| container(format!("c{i}"))));
    assert_eq!(run(&mut schedulers[2], Duration::ZERO), 100);
    assert_eq!(containers_a_worker(&store), vec![5; 20]);
}

/// A replica that was turned away keeps to its share, and beyond it takes all that there is room for.
#[test]
fn a_share_is_no_limit() {
    for policy in [Policy::Spread, Policy::BestFit] {
        let store = fleet((0..20).map(|i| worker(format!("w{i}"))));
        let whole = |i: usize| Request::new(format!("c{i}"), cpu(10_000), memory(1));
        enqueue(&store, (0..2).map(whole));
        // Alike but for their number: both want the same worker.
        let mut schedulers: Vec<_> = (0..2)
            .map(|index| {
                let mut config = at_once(policy);
                (config.replica, config.batching.most) = (Replica { index, count: 2 }, 1);
                join(&store, &format!("replica-{index}"), config)
            })
            .collect();
        let mut conflicts = [0; 2];
        for step in 0..4 {
            for (scheduler, conflicts) in schedulers.iter_mut().zip(&mut conflicts) {
                let now = Duration::from_millis(step);
                *conflicts += scheduler.step(now).expect("a step").settled.conflicts;
            }
        }
        assert_eq!(conflicts, [0, 1], "the second comes too late, and keeps apart from now on");
        enqueue(&store, (2..30).map(whole));
        run(&mut schedulers[1], Duration::from_millis(5));
        assert_eq!(containers_a_worker(&store), vec![1; 20]);
    }
}
