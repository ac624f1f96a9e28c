//! A decision asks for no memory.

use std::time::Duration;

use allocation_counter::measure;
use proofload_scheduler::{Policy, Request};

use crate::support::*;

#[test]
fn a_decision_in_steady_state_allocates_nothing() {
    for policy in [Policy::Spread, Policy::BestFit, Policy::Affinity] {
        let store = fleet((0..200).map(|i| match i % 3 {
            0 => worker(format!("w{i}")).with_gpus("L4", gpus(8)),
            _ => worker(format!("w{i}")),
        }));
        let mut placer = placer(&store, policy, 0);
        let shapes: Vec<_> = (0..500_i64)
            .map(|i| {
                let request =
                    Request::new(format!("c{i}"), cpu(100 + i % 7 * 50), memory(128 + i % 5 * 128));
                let request =
                    if i % 4 == 0 { request.with_gpus(gpus(1), ["H100", "L4"]) } else { request };
                placer.shape(&request)
            })
            .collect();
        // The same again on a fleet that was given back: every row and node has been there before.
        let mut round = || {
            let placed: Vec<_> =
                shapes.iter().map(|shape| (placer.place(shape).expect("it fits"), shape)).collect();
            for (worker, shape) in placed {
                placer.put_back(worker, shape);
            }
        };
        for _ in 0..10 {
            round();
        }
        let mut placed = Vec::with_capacity(shapes.len());
        let decisions =
            measure(|| placed.extend(shapes.iter().filter_map(|shape| placer.place(shape))));
        assert_eq!(placed.len(), 500);
        assert_eq!(decisions.count_total, 0, "{policy:?}");
    }
}

/// A whole batch allocates for its messages, but not more with every batch.
#[test]
fn a_batch_allocates_as_much_as_the_one_before() {
    let store = fleet((0..20).map(|i| worker(format!("w{i}"))));
    let mut scheduler = join(&store, "a", at_once(Policy::Spread));
    let mut batches = Vec::new();
    for batch in 0..12_u64 {
        enqueue(&store, (0..100).map(|i| container(format!("c{batch}-{i}"))));
        let mut placed = 0;
        let allocated = measure(|| placed = run(&mut scheduler, Duration::from_millis(batch * 20)));
        assert_eq!(placed, 100);
        batches.push(allocated.count_total);
    }
    assert!(batches[11] <= 60, "for 100 containers: {batches:?}");
}
