//! What each policy does to a whole batch.

use std::collections::HashMap;
use std::time::Duration;

use proofload_scheduler::{
    Batching, Config, MemoryStore, Policy, Request, Scheduler, Store, Worker, WorkerKey,
};

use crate::support::*;

#[test]
fn spread_gives_each_of_20_workers_5_of_100_containers() {
    let store = fleet((0..20).map(|i| worker(format!("w{i}"))));
    enqueue(&store, (0..100).map(|i| container(format!("c{i}"))));
    assert_eq!(run(&mut join(&store, "a", at_once(Policy::Spread)), Duration::ZERO), 100);
    assert_eq!(containers_a_worker(&store), vec![5; 20]);
}

#[test]
fn replicas_with_different_seeds_begin_with_different_workers() {
    let store = fleet((0..1_000).map(|i| worker(format!("w{i}"))));
    let mut first = Vec::new();
    for seed in 0..8 {
        let mut placer = placer(&store, Policy::Spread, seed);
        let shape = placer.shape(&container("c"));
        first.push(placer.place(&shape).expect("it fits"));
    }
    first.sort_unstable();
    first.dedup();
    assert_eq!(first.len(), 8, "{first:?}");
}

#[test]
fn best_fit_fills_a_worker_before_it_begins_the_next() {
    let store = fleet((0..20).map(|i| worker(format!("w{i}"))));
    enqueue(&store, (0..100).map(|i| container(format!("c{i}"))));
    assert_eq!(run(&mut join(&store, "a", at_once(Policy::BestFit)), Duration::ZERO), 100);
    let mut containers = containers_a_worker(&store);
    containers.sort_unstable();
    // 20,480 MB hold 80 of 256 MB.
    assert_eq!(containers[18..], [20, 80]);
}

/// Workers that rise above the bound at any moment, counted by themselves after every placement.
#[test]
fn affinity_keeps_every_worker_under_its_bound_at_every_moment() {
    let store = fleet((0..7).map(|i| worker(format!("w{i}"))));
    let mut placer = placer(&store, Policy::Affinity, 0);
    let mut containers: HashMap<_, u64> = HashMap::new();
    for placed in 0..200_u64 {
        let shape = placer.shape(&container(format!("c{placed}")));
        let on = containers.entry(placer.place(&shape).expect("it fits")).or_default();
        *on += 1;
        // ⌈1.5 × (placed + 1) / 7⌉
        assert!(*on <= (3 * (placed + 1)).div_ceil(14), "{on} of {placed}");
    }
    assert_eq!(containers.len(), 7);
}

/// Below the bound a container's worker depends on names alone: another worker moves only what goes to
/// it.
#[test]
fn affinity_moves_only_what_goes_to_the_new_worker() {
    let place = |workers: usize| -> Vec<String> {
        (0..300)
            .map(|i| {
                let store = fleet((0..workers).map(|i| worker(format!("w{i}"))));
                let mut placer = placer(&store, Policy::Affinity, 0);
                let shape = placer.shape(&container(format!("c{i}")));
                let key = placer.place(&shape).expect("it fits");
                format!("w{}", key.0)
            })
            .collect()
    };
    let (before, after) = (place(9), place(10));
    let moved: Vec<_> =
        before.iter().zip(&after).filter(|(before, after)| before != after).collect();
    assert!(moved.iter().all(|(_, after)| *after == "w9"), "{moved:?}");
    assert!((10..=60).contains(&moved.len()), "a tenth of 300 is expected, {} moved", moved.len());
}

#[test]
fn gpu_types_are_tried_in_their_order_and_gpus_are_whole() {
    let store = fleet([
        worker("cpu"),
        worker("l4").with_gpus("L4", gpus(2)),
        worker("a100").with_gpus("A100", gpus(3)),
    ]);
    let request = |i: usize| container(format!("c{i}")).with_gpus(gpus(2), ["A100", "L4"]);
    let mut placer = placer(&store, Policy::Spread, 0);
    let picks: Vec<_> = (0..4)
        .map(|i| {
            let shape = placer.shape(&request(i));
            placer.place(&shape).map(|key| key.0)
        })
        .collect();
    // One GPU of the A100 worker is left over, and none is ever split.
    assert_eq!(picks, [Some(2), Some(1), None, None]);
    let one = placer.shape(&container("one").with_gpus(gpus(1), ["any"]));
    assert_eq!(placer.place(&one).map(|key| key.0), Some(2));
    let none = placer.shape(&container("none"));
    assert_eq!(placer.place(&none).map(|key| key.0), Some(0), "without GPUs only there");
}

#[test]
fn pools_selectors_and_preemptable_workers_are_kept_apart() {
    let with = |id: &str, change: &dyn Fn(&mut Worker)| {
        let mut worker = worker(id);
        change(&mut worker);
        worker
    };
    let store = fleet([
        with("closed", &|w| (w.pool, w.requires_pool_selector) = ("closed".into(), true)),
        with("spot", &|w| (w.pool, w.preemptable) = ("spot".into(), true)),
        with("open", &|w| w.pool = "open".into()),
    ]);
    let place = |change: &dyn Fn(&mut Request)| {
        let mut request = container("c");
        change(&mut request);
        let mut placer = placer(&store, Policy::Spread, 0);
        let shape = placer.shape(&request);
        placer.place(&shape).map(|key| ["closed", "spot", "open"][key.0 as usize])
    };
    assert_eq!(place(&|_| ()), Some("open"));
    assert_eq!(place(&|r| r.pool = Some("closed".into())), Some("closed"));
    assert_eq!(place(&|r| r.pool = Some("spot".into())), None);
    assert_eq!(place(&|r| (r.pool, r.preemptable) = (Some("spot".into()), true)), Some("spot"));
    assert_eq!(place(&|r| r.pool = Some("nowhere".into())), None);
}

#[test]
fn a_higher_priority_is_placed_before_a_lower_one_that_came_first() {
    let store = fleet([worker("w")]);
    let mut low = container("low");
    let mut high = container("high");
    (low.needs.cpu, high.needs.cpu, high.priority) = (cpu(10_000), cpu(10_000), 1);
    enqueue(&store, [low, high]);
    let mut scheduler = join(&store, "a", at_once(Policy::Spread));
    let mut placed = Vec::new();
    for step in 0..6 {
        placed.extend(scheduler.step(Duration::from_millis(step)).expect("a step").settled.placed);
    }
    assert_eq!(placed.iter().map(|p| p.request.id.as_str()).collect::<Vec<_>>(), ["high"]);
}

/// 99 containers wait for the window; the hundredth closes it.
#[test]
fn a_batch_closes_by_count_or_by_window_and_an_adaptive_one_with_the_backlog() {
    for (name, batching, count, due) in [
        ("window", Batching::FIXED, 99, 50),
        ("count", Batching::FIXED, 100, 0),
        ("adaptive", Batching::ADAPTIVE, 99, 0),
    ] {
        let store = fleet((0..20).map(|i| worker(format!("w{i}"))));
        enqueue(&store, (0..count).map(|i| container(format!("c{i}"))));
        let mut scheduler = join(&store, "a", Config { batching, ..Config::default() });
        let at = Duration::from_millis(7);
        scheduler.step(at).expect("a claim");
        scheduler.finish(at).expect("its answer");
        assert_eq!(scheduler.planner().due(), Some(at + Duration::from_millis(due)), "{name}");
    }
}

/// A batch is planned as if each container were alone, so it leaves as much unused as one by one does:
/// the same.
#[test]
fn a_batch_places_every_container_where_one_by_one_would() {
    for policy in Policy::ALL {
        let books = |most: usize| -> Vec<_> {
            let store = fleet((0..30).map(|i| match i % 3 {
                0 => worker(format!("w{i}")).with_gpus(["L4", "A100"][i % 2], gpus(4)),
                _ => worker(format!("w{i}")),
            }));
            // More than there is room for, of every kind.
            enqueue(
                &store,
                (0..900_usize).map(|i| {
                    let mut request = container(format!("c{i}"));
                    request.needs =
                        resources([250, 500, 2_000][i % 3], [4_096, 256, 1_024, 512][i % 4], 0);
                    if i % 5 == 0 { request.with_gpus(gpus(1), ["A100", "L4"]) } else { request }
                }),
            );
            let mut config = at_once(policy);
            config.batching.most = most;
            let placed = run(&mut join(&store, "a", config), Duration::ZERO);
            let audit = store.audit();
            assert_eq!((audit.placed, audit.faults), (placed, Vec::new()));
            assert!(audit.placed < 900);
            audit
                .workers
                .into_iter()
                .map(|worker| (worker.id, worker.containers, worker.free))
                .collect()
        };
        assert_eq!(books(1), books(100), "{policy:?}");
    }
}

/// Small workers are full when large ones still have room: affinity must find it, and say no only then.
#[test]
fn affinity_refuses_only_what_fits_nowhere() {
    let sized = |i: usize| {
        let size = if i == 0 { 40 } else { 2 };
        Worker::new(format!("w{i}"), cpu(size * 100), memory(size * 256))
    };
    let store = fleet((0..10).map(sized));
    let mut placer = placer(&store, Policy::Affinity, 0);
    let placed = (0..100)
        .filter(|i| {
            let shape = placer.shape(&container(format!("c{i}")));
            placer.place(&shape).is_some()
        })
        .count();
    assert_eq!(placed, 40 + 9 * 2);
}

/// A placer alone takes requests that a store would not, and workers that it never heard of.
#[test]
fn what_makes_no_sense_finds_no_place_and_changes_nothing() {
    let store = fleet([worker("w"), worker("g").with_gpus("L4", gpus(8))]);
    for policy in Policy::ALL {
        let mut placer = placer(&store, policy, 0);
        for (cpu, memory) in [(0, 1), (1, 0), (0, 0), (4_194_303, 16_777_215)] {
            for request in [
                Request::new("", self::cpu(cpu), self::memory(memory)),
                Request::new("", self::cpu(cpu), self::memory(memory))
                    .with_gpus(gpus(63), ["any"; 9]),
            ] {
                let shape = placer.shape(&request);
                assert_eq!(placer.place(&shape), None, "{policy:?} {request:?}");
            }
        }
        let shape = placer.shape(&container("c"));
        let placed = placer.place(&shape).expect("it fits");
        assert!(!placer.put_back(WorkerKey(7), &shape), "no such worker");
        assert!(placer.put_back(placed, &shape));
        assert!(!placer.put_back(placed, &shape), "nothing is planned there any more");
        assert_eq!(placer.free(placed), Some(resources(10_000, 20_480, 0)));
    }
}

/// The pool and the dearer GPU type come while the containers wait for the window.
#[test]
fn workers_of_a_new_pool_or_type_serve_containers_that_were_claimed_before() {
    let store = fleet([worker("w"), worker("l4").with_gpus("L4", gpus(1))]);
    let mut in_pool = container("pool");
    in_pool.pool = Some("late".into());
    enqueue(&store, [in_pool, container("gpu").with_gpus(gpus(1), ["H100", "L4"])]);
    let mut scheduler = join(&store, "a", Config::default());
    scheduler.step(Duration::ZERO).expect("a claim");
    scheduler.step(Duration::from_millis(1)).expect("its answer");
    let mut late = worker("late");
    late.pool = "late".into();
    let wanted = [late, worker("h100").with_gpus("H100", gpus(1))]
        .map(|worker| store.put_worker(worker).expect("new"));
    assert_eq!(run_to_rest(&mut scheduler, 2..60), 2);
    let audit = store.audit();
    for key in wanted {
        let worker = audit.workers.iter().find(|worker| worker.key == key).expect("there");
        assert_eq!(worker.containers, 1, "{}", worker.id);
    }
}

fn run_to_rest(
    scheduler: &mut Scheduler<MemoryStore>,
    milliseconds: std::ops::Range<u64>,
) -> usize {
    milliseconds
        .map(|at| scheduler.step(Duration::from_millis(at)).expect("a step").settled.placed.len())
        .sum()
}
