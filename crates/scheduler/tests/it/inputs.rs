//! Input that cannot be right, or cannot be met.

use std::time::Duration;

use proofload_scheduler::{Gpus, Megabytes, Millicores, Policy, Refusal, Request, Store, Worker};

use crate::support::*;

#[test]
fn amounts_outside_their_range_are_refused_by_name() {
    for (error, text) in [
        (
            Millicores::new(-1).unwrap_err(),
            "CPU in millicores: expected a whole number from 0 to 4194303, found -1",
        ),
        (
            Megabytes::new(i64::MAX).unwrap_err(),
            "memory in MB: expected a whole number from 0 to 16777215, found 9223372036854775807",
        ),
        (Gpus::new(64).unwrap_err(), "GPUs: expected a whole number from 0 to 63, found 64"),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn workers_and_requests_that_make_no_sense_are_refused_and_change_nothing() {
    let store = fleet([worker("w")]);
    let mut typeless = worker("x");
    typeless.total.gpus = gpus(1);
    for (worker, text) in [
        (worker("w"), "worker \"w\" is registered already; remove it first"),
        (worker(""), "worker \"\" has an empty id; give every worker a name of its own"),
        (
            proofload_scheduler::Worker::new("x", cpu(0), memory(1)),
            "worker \"x\" has no CPU; give it at least 1 millicore",
        ),
        (
            proofload_scheduler::Worker::new("x", cpu(1), memory(0)),
            "worker \"x\" has no memory; give it at least 1 MB",
        ),
        (typeless, "worker \"x\" has GPUs without a type; name their type"),
    ] {
        assert_eq!(store.put_worker(worker).unwrap_err().to_string(), text);
    }
    enqueue(&store, [container("known")]);
    for (request, text) in [
        (container("known"), "container \"known\" is known already"),
        (container("good"), "container \"good\" is known already"),
        (container(""), "container \"\" has an empty id; give every container a name of its own"),
        (
            Request::new("x", cpu(0), memory(1)),
            "container \"x\" asks for no CPU; ask for at least 1 millicore",
        ),
        (
            Request::new("x", cpu(1), memory(0)),
            "container \"x\" asks for no memory; ask for at least 1 MB",
        ),
        (
            container("x").with_gpus(gpus(0), ["L4"]),
            "container \"x\" lists GPU types but asks for 0 GPUs; ask for at least 1",
        ),
        (
            container("x").with_gpus::<&str>(gpus(1), []),
            "container \"x\" asks for GPUs of no type; list the types that will do, or `any`",
        ),
        (
            container("x").with_gpus(gpus(1), ["L4"; 9]),
            "container \"x\" lists more than 8 GPU types; list the best 8, or end the list with `any`",
        ),
    ] {
        let error = store.enqueue(vec![container("good"), request], Duration::ZERO).unwrap_err();
        assert_eq!(error.to_string(), text);
    }
    assert_eq!((store.audit().waiting, store.audit().workers.len()), (1, 1));
}

#[test]
fn what_can_never_fit_is_refused_with_the_reason_and_holds_nobody_up() {
    let mut spot = worker("spot");
    (spot.pool, spot.preemptable) = ("spot".into(), true);
    let store = fleet([worker("w"), worker("g").with_gpus("L4", gpus(2)), spot]);
    let in_pool = |id: &str, pool: &str| {
        let mut request = container(id);
        request.pool = Some(pool.into());
        request
    };
    enqueue(
        &store,
        [
            in_pool("pool", "nowhere"),
            container("gpu").with_gpus(gpus(1), ["H100", "B200"]),
            Request::new("large", Millicores::MAX, Megabytes::MAX),
            container("many").with_gpus(gpus(3), ["any"]),
            in_pool("spot", "spot"),
            container("good"),
        ],
    );
    let mut scheduler = join(&store, "a", at_once(Policy::Spread));
    assert_eq!(run(&mut scheduler, Duration::ZERO), 1);
    let reasons: Vec<String> =
        store.refused().into_iter().map(|(id, reason)| format!("{id}: {reason}")).collect();
    assert_eq!(
        reasons,
        [
            "pool: no worker is in the pool \"nowhere\"",
            "gpu: no worker has GPUs of the type H100 or B200",
            "large: larger than any worker it may go to: it asks for 4194303 m and 16777215 MB with 0 GPUs; of each, the most that a worker has is 10000 m, 20480 MB and 0 GPUs",
            "many: larger than any worker it may go to: it asks for 100 m and 256 MB with 3 GPUs; of each, the most that a worker has is 10000 m, 20480 MB and 2 GPUs",
            "spot: no worker takes requests of this kind (those that would do can be taken away, and it is not preemptable)",
        ]
    );
    assert_eq!(store.audit().waiting, 0);
}

/// The reason is one that is so, and the first that leaves no worker.
#[test]
fn a_request_of_a_kind_that_no_worker_takes_is_told_what_rules_it_out() {
    let with_gpus = |id: &str| worker(id).with_gpus("H100", gpus(8));
    let in_pool = |mut worker: Worker, is_named_only: bool| {
        (worker.pool, worker.requires_pool_selector) = ("p".to_owned(), is_named_only);
        worker
    };
    let spot = |mut worker: Worker| {
        worker.preemptable = true;
        worker
    };
    let plain = || container("c");
    let of_gpu = || container("c").with_gpus(gpus(1), ["H100"]);
    let named = |mut request: Request| {
        request.pool = Some("p".to_owned());
        request
    };
    for (workers, request, why) in [
        (vec![with_gpus("a")], plain(), "all of them have GPUs, and it asks for none"),
        (
            vec![with_gpus("a"), in_pool(worker("b"), true)],
            plain(),
            "those that would do require that their pool is named",
        ),
        (
            vec![worker("a"), in_pool(with_gpus("b"), true)],
            of_gpu(),
            "those that would do require that their pool is named",
        ),
        (
            vec![worker("a"), in_pool(with_gpus("b"), false)],
            named(plain()),
            "the workers of its pool have GPUs, and it asks for none",
        ),
        (
            vec![with_gpus("a"), in_pool(worker("b"), false)],
            named(of_gpu()),
            "the workers of its pool have other GPUs, or none",
        ),
        (
            vec![spot(worker("a")), with_gpus("b")],
            plain(),
            "those that would do can be taken away, and it is not preemptable",
        ),
    ] {
        let names: Vec<_> = workers.iter().map(|worker| worker.id.clone()).collect();
        let reason = placer(&fleet(workers), Policy::Spread, 0).never_fits(&request);
        assert_eq!(reason, Some(Refusal::NoWorker(why)), "{names:?}: {request:?}");
    }
}

/// Without any worker nothing is known to be impossible.
#[test]
fn an_empty_fleet_refuses_nobody() {
    let store = fleet([]);
    enqueue(&store, [container("c")]);
    let mut scheduler = join(&store, "a", at_once(Policy::Spread));
    assert_eq!(run(&mut scheduler, Duration::ZERO), 0);
    assert_eq!((store.refused().len(), store.audit().waiting), (0, 1));
    store.put_worker(worker("late")).expect("new");
    assert_eq!(run(&mut scheduler, Duration::from_secs(1)), 1);
}

#[test]
fn a_container_that_finds_nothing_free_is_tried_again_later_and_later_and_then_given_up() {
    let store = fleet([worker("w")]);
    let whole = |id: &str| Request::new(id, cpu(10_000), memory(1));
    enqueue(&store, [whole("first"), whole("second")]);
    let mut config = at_once(Policy::Spread);
    config.backoff.tries = 4;
    let mut scheduler = join(&store, "a", config);
    let mut requeued_at = Vec::new();
    for millisecond in 0..10_000 {
        let step = scheduler.step(Duration::from_millis(millisecond)).expect("a step");
        requeued_at.extend((step.requeued > 0).then_some(millisecond));
        if step.refused > 0 {
            break;
        }
    }
    // 250 and 500 ms apart, and the steps that a claim and its answer take. The fourth try is the last.
    let apart: Vec<u64> = requeued_at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(apart.len(), 2);
    assert!((250..255).contains(&apart[0]) && (500..505).contains(&apart[1]), "{apart:?}");
    assert_eq!(store.refused(), [("second".to_owned(), Refusal::NothingFree(4))]);
}

/// Each try is a decision of the planner, and the reason names as many.
#[test]
fn a_container_is_tried_as_often_as_its_refusal_says() {
    for (tries, decided) in [(0, 1), (1, 1), (2, 2), (3, 3), (7, 7)] {
        let store = fleet([worker("w")]);
        let whole = |id: &str| Request::new(id, cpu(10_000), memory(1));
        enqueue(&store, [whole("first")]);
        let mut config = at_once(Policy::Spread);
        config.backoff.tries = tries;
        let mut scheduler = join(&store, "a", config);
        assert_eq!(run(&mut scheduler, Duration::ZERO), 1);
        enqueue(&store, [whole("second")]);
        let before = scheduler.planner().placer().examined().decisions;
        for second in 1..60 {
            scheduler.step(Duration::from_secs(second)).expect("a step");
        }
        assert_eq!(scheduler.planner().placer().examined().decisions - before, decided.into());
        let refused = Refusal::NothingFree(decided);
        assert_eq!(store.refused(), [("second".to_owned(), refused)], "{tries} tries");
    }
}

/// A drained worker may come back, so what only it could hold is not refused for good.
#[test]
fn what_only_a_drained_worker_could_hold_waits_for_it() {
    let mut drained = proofload_scheduler::Worker::new("d", cpu(20_000), memory(20_480));
    drained.pool = "drained".into();
    let store = fleet([worker("w"), drained]);
    store.drain_worker("d").expect("there");
    let mut in_pool = container("pool");
    in_pool.pool = Some("drained".into());
    enqueue(&store, [in_pool, Request::new("large", cpu(15_000), memory(1))]);
    let mut scheduler = join(&store, "a", at_once(Policy::Spread));
    assert_eq!(run(&mut scheduler, Duration::ZERO), 0);
    assert_eq!((store.refused(), store.audit().waiting), (Vec::new(), 2));
    store.set_status("d", proofload_scheduler::Status::Available).expect("there");
    assert_eq!(run(&mut scheduler, Duration::from_secs(1)), 2);
}

/// 300 workers of which none is within another: what only the last could hold is not called too large.
#[test]
fn a_fleet_of_many_shapes_refuses_only_what_none_of_them_could_hold() {
    let store = fleet(
        (1..=300)
            .map(|i| proofload_scheduler::Worker::new(format!("w{i}"), cpu(i), memory(301 - i))),
    );
    let only_last = |id: &str| Request::new(id, cpu(300), memory(1));
    enqueue(&store, [only_last("first"), only_last("second")]);
    enqueue(&store, [Request::new("none", cpu(300), memory(2))]);
    let mut scheduler = join(&store, "a", at_once(Policy::Spread));
    assert_eq!(run(&mut scheduler, Duration::ZERO), 1);
    let refused: Vec<_> = store.refused().into_iter().map(|(id, _)| id).collect();
    assert_eq!((refused, store.audit().waiting), (vec!["none".to_owned()], 1));
}
