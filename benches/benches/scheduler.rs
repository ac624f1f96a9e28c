//! What a decision costs by the size of the fleet, beside two other ways to take it, and what a batch
//! costs around it.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use proofload_benches::scheduler::{
    Fill, Fleet, HundredOnTwenty, LEASE, LinearScan, Mix, SourceLoop, requests, worker_name,
};
use proofload_scheduler::{
    Claim, Commit, Delta, Exchange, MemoryStore, Outcome, Part, Placer, Policy, Revision, Shape,
    Store, Token, WorkerKey,
};

const WORKERS: [u32; 3] = [1_000, 10_000, 100_000];
/// Decisions of one iteration; all are taken back after it.
const DECISIONS: usize = 500;
const FLEETS: [(&str, Mix, Fill); 3] = [
    ("uniform", Mix::Uniform, Fill::Half),
    ("mixed", Mix::Mixed, Fill::Half),
    ("nearly_full", Mix::Mixed, Fill::NearlyFull),
];

/// Takes decisions and takes them back, outside the time that is counted.
fn decide(placer: &mut Placer, shapes: &[Shape], iterations: u64) -> Duration {
    let mut taken = Duration::ZERO;
    let mut placed = Vec::with_capacity(shapes.len());
    for _ in 0..iterations {
        let began = std::time::Instant::now();
        placed.extend(shapes.iter().map(|shape| (placer.place(shape), shape)));
        taken += began.elapsed();
        for (worker, shape) in placed.drain(..) {
            if let Some(worker) = worker {
                placer.put_back(worker, shape);
            }
        }
    }
    taken
}

/// A decision of ours, by policy, fleet and number of workers.
fn decisions(c: &mut Criterion) {
    let mut group = c.benchmark_group("scheduler/decision");
    group.throughput(Throughput::Elements(DECISIONS as u64));
    for workers in WORKERS {
        for (name, mix, fill) in FLEETS {
            let fleet = Fleet::new(workers, mix, fill);
            for policy in [Policy::Spread, Policy::BestFit] {
                let (mut placer, _) = fleet.placer(policy);
                let shapes: Vec<_> =
                    requests(DECISIONS, mix).iter().map(|request| placer.shape(request)).collect();
                let id = BenchmarkId::new(format!("{}/{name}", policy.name()), workers);
                group.bench_function(id, |b| {
                    b.iter_custom(|iterations| decide(&mut placer, &shapes, iterations));
                });
            }
        }
    }
    group.finish();
}

/// The same decision by a loop as the source has it, and by a linear scan.
fn others(c: &mut Criterion) {
    let mut group = c.benchmark_group("scheduler/others");
    group.sample_size(10);
    for workers in WORKERS {
        let fleet = Fleet::new(workers, Mix::Mixed, Fill::Half);
        let wanted = requests(DECISIONS, Mix::Mixed);
        let mut source = SourceLoop::new(&fleet);
        let mut next = wanted.iter().cycle();
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("source_loop", workers), |b| {
            b.iter(|| next.next().map(|request| source.place(request)));
        });
        let mut scan = LinearScan::new(&fleet);
        let ready: Vec<_> = wanted.iter().map(|request| scan.wanted(request)).collect();
        let mut next = ready.iter().cycle();
        group.bench_function(BenchmarkId::new("linear_scan", workers), |b| {
            b.iter(|| next.next().map(|wanted| scan.place(wanted)));
        });
        // One pass over all workers: what the scan costs for each.
        let cpu_only = requests(DECISIONS, Mix::Uniform).remove(0);
        let ready = scan.wanted(&cpu_only);
        group.throughput(Throughput::Elements(u64::from(workers)));
        group.bench_function(BenchmarkId::new("linear_scan/worker", workers), |b| {
            b.iter(|| scan.find(black_box(&ready)));
        });
    }
    group.finish();
}

/// 100 containers on 20 workers, with its counters and without.
fn batch(c: &mut Criterion) {
    let mut group = c.benchmark_group("scheduler/batch_100_on_20");
    group.throughput(Throughput::Elements(100));
    for (name, counting) in [("counters_on", true), ("counters_off", false)] {
        let mut scenario = HundredOnTwenty::new().expect("a fleet");
        scenario.count(counting);
        group.bench_function(name, |b| {
            b.iter_custom(|iterations| {
                let mut taken = Duration::ZERO;
                for _ in 0..iterations {
                    scenario.enqueue().expect("room in the backlog");
                    let began = std::time::Instant::now();
                    let placed = scenario.batch();
                    taken += began.elapsed();
                    assert_eq!(placed.expect("a batch"), 100);
                    scenario.release().expect("they were placed");
                }
                taken
            });
        });
    }
    group.finish();
}

/// A store with this fleet, empty.
fn store(workers: u32) -> MemoryStore {
    let store = MemoryStore::new();
    for state in Fleet::new(workers, Mix::Mixed, Fill::Empty).states {
        store.put_worker((*state.worker).clone()).expect("a new worker");
    }
    store
}

/// What the store does with a commit of 100 containers, five a worker.
fn commit(c: &mut Criterion) {
    let store = store(1_000);
    let token = store.join("bench").expect("joined");
    let mut number = 0;
    let mut group = c.benchmark_group("scheduler/commit");
    group.throughput(Throughput::Elements(100));
    group.bench_function("100_on_20", |b| {
        b.iter_custom(|iterations| {
            let mut taken = Duration::ZERO;
            for _ in 0..iterations {
                number += 1;
                store.enqueue(requests(100, Mix::Uniform), Duration::ZERO).expect("new containers");
                let claimed = exchange(&store, token, None, true, SINCE_NOW).claimed;
                let part = |at: u32| Part { worker: WorkerKey(at), epoch: 1, count: 5 };
                let containers = claimed.iter().map(|claimed| claimed.key).collect();
                let commit =
                    Commit { batch: number, parts: (0..20).map(part).collect(), containers };
                let began = std::time::Instant::now();
                let reply = exchange(&store, token, Some(&commit), false, SINCE_NOW);
                taken += began.elapsed();
                let verdict = reply.verdict.expect("a verdict");
                assert!(verdict.outcomes.iter().all(|&outcome| outcome == Outcome::Placed));
                for (at, claimed) in claimed.iter().enumerate() {
                    let worker = worker_name(at as u32 / 5);
                    assert!(store.release(&claimed.request.id, &worker).expect("an answer"));
                }
            }
            taken
        });
    });
    group.finish();
}

/// Reading the fleet: all of it, and 100 workers that have changed; from the store, and into a placer
/// that has an index of every kind of request.
fn snapshots(c: &mut Criterion) {
    let mut group = c.benchmark_group("scheduler/snapshot");
    for workers in WORKERS {
        let store = store(workers);
        let token = store.join("bench").expect("joined");
        group.throughput(Throughput::Elements(u64::from(workers)));
        group.bench_function(BenchmarkId::new("read", workers), |b| {
            b.iter(|| exchange(&store, token, None, false, None));
        });
        let fleet = Fleet::new(workers, Mix::Mixed, Fill::Half);
        let whole = fleet.delta();
        let wanted = requests(DECISIONS, Mix::Mixed);
        let build = || {
            let mut placer = Placer::new(Policy::Spread, 1, store.counters());
            placer.apply(&whole);
            for request in &wanted {
                placer.shape(request);
            }
            placer
        };
        group.bench_function(BenchmarkId::new("build", workers), |b| b.iter_with_large_drop(build));
        let mut placer = build();
        // Every hundredth worker or so, free and not.
        let step = (workers / 100) as usize;
        let change = |of: &Fleet, to: u64| {
            let changed = of.states.iter().step_by(step).take(100).cloned();
            Delta { to: Revision(to), whole: false, workers: changed.collect() }
        };
        let fuller = Fleet::new(workers, Mix::Mixed, Fill::NearlyFull);
        let mut deltas = [change(&fuller, 2), change(&fleet, 3)].into_iter().cycle();
        group.throughput(Throughput::Elements(100));
        group.bench_function(BenchmarkId::new("delta_100", workers), |b| {
            b.iter_batched(
                || deltas.next(),
                |delta| delta.inspect(|delta| placer.apply(delta)),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// Nothing is newer than this.
const SINCE_NOW: Option<Revision> = Some(Revision(u64::MAX));

fn exchange(
    store: &MemoryStore,
    token: Token,
    commit: Option<&Commit>,
    claim: bool,
    since: Option<Revision>,
) -> proofload_scheduler::Reply {
    let claim = claim.then_some(Claim { most: 100, lease: LEASE });
    let exchange = Exchange { token, now: Duration::ZERO, commit, claim, since };
    store.exchange(exchange).expect("an answer")
}

criterion_group!(benches, decisions, others, batch, commit, snapshots);
criterion_main!(benches);
