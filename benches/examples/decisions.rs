//! The goals of the scheduler's core in one run, each beside what it is compared with, in CPU time of
//! this thread. Prints a table in Markdown. With `replicas` only what concerns several schedulers.

use std::collections::VecDeque;
use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use proofload_benches::process::median;
use proofload_benches::scheduler::{
    Fill, Fleet, HundredOnTwenty, LEASE, LinearScan, Mix, SourceLoop, at_once, requests,
    thread_cpu_ns,
};
use proofload_scheduler::{
    Config, MemoryStore, Placer, Policy, Replica, Request, Resources, Scheduler, Settled, Shape,
    Store, StoreError, WorkerKey,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Each figure is the median of so many repeats; those that are compared take turns.
const REPEATS: usize = 21;
/// Decisions of a repeat, in rounds; between rounds they are taken back, which is not counted.
const ROUND: usize = 1_000;
const ROUNDS: usize = 20;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stdout().lock();
    if arguments == ["replicas"] {
        return replicas(&mut out);
    }
    if !arguments.is_empty() {
        return Err("usage: decisions [replicas]".into());
    }
    writeln!(out, "| what | measured | beside | ratio or difference | goal |")?;
    writeln!(out, "| --- | --- | --- | --- | --- |")?;
    for policy in [Policy::Spread, Policy::BestFit] {
        beside_others(&mut out, policy)?;
    }
    for policy in [Policy::Spread, Policy::BestFit] {
        by_size(&mut out, policy)?;
    }
    whole_batch(&mut out)?;
    for policy in [Policy::Spread, Policy::BestFit] {
        saturation(&mut out, policy)?;
    }
    replicas(&mut out)
}

/// A placer of ours with the requests that it decides about, round after round.
struct Ours {
    placer: Placer,
    shapes: Vec<Shape>,
}

impl Ours {
    fn new(fleet: &Fleet, policy: Policy) -> Self {
        let (mut placer, _) = fleet.placer(policy);
        let shapes =
            requests(ROUND, Mix::Mixed).iter().map(|request| placer.shape(request)).collect();
        let mut ours = Self { placer, shapes };
        ours.repeat();
        ours
    }

    /// Nanoseconds a decision.
    fn repeat(&mut self) -> f64 {
        let mut taken = 0;
        let mut placed = Vec::with_capacity(ROUND);
        for _ in 0..ROUNDS {
            let began = thread_cpu_ns();
            placed.extend(self.shapes.iter().map(|shape| (self.placer.place(shape), shape)));
            taken += thread_cpu_ns() - began;
            for (worker, shape) in placed.drain(..) {
                if let Some(worker) = worker {
                    self.placer.put_back(worker, shape);
                }
            }
        }
        taken as f64 / (ROUND * ROUNDS) as f64
    }
}

/// A decision about mixed requests on 10,000 mixed workers.
fn beside_others(out: &mut impl Write, policy: Policy) -> Outcome<()> {
    const WORKERS: u32 = 10_000;
    const SOURCE: usize = 10;
    const LINEAR: usize = 500;
    let fleet = Fleet::new(WORKERS, Mix::Mixed, Fill::Half);
    let wanted = requests(ROUND, Mix::Mixed);
    let mut ours = Ours::new(&fleet, policy);
    let (first_source, first_scan) = (SourceLoop::new(&fleet), LinearScan::new(&fleet));
    let ready: Vec<_> = wanted.iter().map(|request| first_scan.wanted(request)).collect();
    // One pass over the fleet: a request without GPUs is looked for once.
    let pass = first_scan.wanted(&requests(1, Mix::Uniform)[0]);
    let (mut a, mut b, mut c, mut each) = (vec![], vec![], vec![], vec![]);
    for _ in 0..REPEATS {
        a.push(ours.repeat());
        let mut source = first_source.clone();
        b.push(per_call(&wanted[..SOURCE], |request| source.place(request)));
        let mut scan = first_scan.clone();
        c.push(per_call(&ready[..LINEAR], |wanted| scan.place(wanted)));
        let passes = [&pass; 100];
        each.push(per_call(&passes, |wanted| first_scan.find(wanted)) / f64::from(WORKERS));
    }
    let (ours, source, scan, each) = (median(a), median(b), median(c), median(each));
    let name = policy.name();
    writeln!(
        out,
        "| decision, 10,000 workers, mixed, {name} | {ours:.0} ns | | | at most 150 ns |"
    )?;
    writeln!(
        out,
        "| beside the loop of the source, {name} | {ours:.0} ns | {source:.0} ns | {:.0} × | at least 1,000 × |",
        source / ours
    )?;
    writeln!(
        out,
        "| beside the linear scan ({each:.2} ns a worker), {name} | {ours:.0} ns | {scan:.0} ns | {:.1} × | at least 20 × |",
        scan / ours
    )?;
    Ok(())
}

/// Nanoseconds a call.
fn per_call<T, R>(over: &[T], mut call: impl FnMut(&T) -> R) -> f64 {
    let began = thread_cpu_ns();
    for each in over {
        std::hint::black_box(call(each));
    }
    (thread_cpu_ns() - began) as f64 / over.len() as f64
}

/// The same decision with more workers.
fn by_size(out: &mut impl Write, policy: Policy) -> Outcome<()> {
    let ours = |workers| Ours::new(&Fleet::new(workers, Mix::Mixed, Fill::Half), policy);
    let (mut small, mut large) = (ours(1_000), ours(100_000));
    let (mut a, mut b) = (vec![], vec![]);
    for _ in 0..REPEATS {
        a.push(large.repeat());
        b.push(small.repeat());
    }
    let (large, small) = (median(a), median(b));
    writeln!(
        out,
        "| decision, 100,000 workers beside 1,000, mixed, {} | {large:.0} ns | {small:.0} ns | {:.2} × | at most 4 × |",
        policy.name(),
        large / small
    )?;
    Ok(())
}

/// 100 containers on 20 workers: claimed, planned, committed, heard of.
fn whole_batch(out: &mut impl Write) -> Outcome<()> {
    const BATCHES: usize = 2_000;
    let mut scenario = HundredOnTwenty::new()?;
    let (mut on, mut off) = (vec![], vec![]);
    for batch in 0..BATCHES {
        let counting = batch.is_multiple_of(2);
        scenario.count(counting);
        scenario.enqueue()?;
        let began = thread_cpu_ns();
        let placed = scenario.batch()?;
        let taken = (thread_cpu_ns() - began) as f64 / 1e3;
        if placed != 100 {
            return Err(format!("{placed} of 100 were placed").into());
        }
        if counting {
            on.push(taken);
        } else {
            off.push(taken);
        }
        scenario.release()?;
    }
    let (on, off) = (median(on), median(off));
    writeln!(out, "| whole batch, 100 on 20, counters on | {on:.1} µs | | | at most 30 µs |")?;
    writeln!(
        out,
        "| counters on beside off (time; instructions are what the goal is about) | {on:.1} µs | {off:.1} µs | {:+.1} % | at most +5 % |",
        100.0 * (on / off - 1.0)
    )?;
    Ok(())
}

/// What is used when nothing more fits: 1,000 mixed workers, more mixed containers than they can hold,
/// in batches of 100 and one by one.
fn saturation(out: &mut impl Write, policy: Policy) -> Outcome<()> {
    let [batches, single] = [100, 1].map(|most| fill(policy, most));
    let (batches, single) = (batches?, single?);
    for (what, batched, alone) in [("CPU", batches.0, single.0), ("GPUs", batches.1, single.1)] {
        writeln!(
            out,
            "| {what} used at saturation, batches of 100 beside one by one, {} | {:.2} % | {:.2} % | {:+.2} points | loses at most 0.3 points |",
            policy.name(),
            100.0 * batched,
            100.0 * alone,
            100.0 * (batched - alone)
        )?;
    }
    Ok(())
}

/// The shares of CPU and of GPUs that are used.
fn fill(policy: Policy, most: usize) -> Outcome<(f64, f64)> {
    const CONTAINERS: usize = 60_000;
    let fleet = Fleet::new(1_000, Mix::Mixed, Fill::Empty);
    let store = store(&fleet)?;
    let mut scheduler =
        Scheduler::join(store.handle(), "one", at_once(policy, most), LEASE, Duration::ZERO)?;
    store.enqueue(requests(CONTAINERS, Mix::Mixed), Duration::ZERO)?;
    // Time stands still, so what found no place does not come back: each is tried once.
    let mut tried = 0;
    while tried < CONTAINERS {
        let step = scheduler.step(Duration::ZERO)?;
        tried += step.settled.placed.len() + step.requeued + step.refused;
    }
    let audit = store.audit();
    if !audit.faults.is_empty() {
        return Err(audit.faults.join("; ").into());
    }
    let total = |of: fn(&Resources) -> u32| -> f64 {
        fleet.states.iter().map(|state| f64::from(of(&state.worker.total))).sum()
    };
    let free = |of: fn(&Resources) -> u32| -> f64 {
        audit.workers.iter().map(|worker| f64::from(of(&worker.free))).sum()
    };
    let used = |of: fn(&Resources) -> u32| 1.0 - free(of) / total(of);
    Ok((used(|it| it.cpu.get()), used(|it| it.gpus.get())))
}

fn store(fleet: &Fleet) -> Outcome<MemoryStore> {
    let store = MemoryStore::new();
    for state in &fleet.states {
        store.put_worker((*state.worker).clone())?;
    }
    Ok(store)
}

/// Four schedulers on one store whose workers are 70 % full all the time: what comes is as much as what
/// ends. Each on a thread of its own, and taking turns step by step, so that each plans on what it knew
/// before the other three committed.
fn replicas(out: &mut impl Write) -> Outcome<()> {
    let ways = [("a thread each", true), ("in turns", false)];
    for (policy, mix) in [
        (Policy::Spread, Mix::Uniform),
        (Policy::Spread, Mix::Mixed),
        (Policy::BestFit, Mix::Uniform),
        (Policy::BestFit, Mix::Mixed),
    ] {
        for (how, threads) in ways {
            let (placed, refused) = churn(policy, mix, threads)?;
            let containers = match mix {
                Mix::Uniform => "100 m and 256 MB",
                Mix::Mixed => "mixed, without GPUs",
            };
            writeln!(
                out,
                "| 4 replicas at 70 % demand, containers {containers}, {how}, {}: refused at commit | {refused} of {} placements | | {:.3} % | at most 0.5 % |",
                policy.name(),
                placed + refused,
                100.0 * refused as f64 / (placed + refused) as f64
            )?;
        }
    }
    Ok(())
}

/// How many were placed and how many turned away for lack of room, once the fleet is at 70 %.
fn churn(policy: Policy, mix: Mix, threads: bool) -> Outcome<(usize, usize)> {
    const ROUNDS: usize = 100;
    let mut fleet = Fleet::new(400, mix, Fill::Empty);
    fleet.states.retain(|state| state.worker.gpu.is_none());
    // The store numbers workers in the order in which they come.
    let names: Vec<String> = fleet.states.iter().map(|it| it.worker.id.clone()).collect();
    let store = store(&fleet)?;
    let mut replicas = Vec::new();
    for (seed, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let replica = Replica { index: seed as u32, count: 4 };
        let config = Config { seed: seed as u64, replica, ..at_once(policy, 100) };
        replicas.push(Scheduler::join(store.handle(), name, config, LEASE, Duration::ZERO)?);
    }
    let mut all = requests(500_000, mix).into_iter().filter(|it| it.gpus.is_empty());
    let capacity = fleet.states.iter().fold((0, 0), |sum, it| plus(sum, &it.worker.total));
    let (mut demand, mut running) = ((0, 0), VecDeque::new());
    let (mut placed, mut refused) = (0, 0);
    for round in 0..=ROUNDS {
        let mut coming = Vec::new();
        while demand.0 * 10 < capacity.0 * 7 && demand.1 * 10 < capacity.1 * 7 {
            let request = all.next().ok_or("too few requests")?;
            demand = plus(demand, &request.needs);
            coming.push(request);
        }
        let now = Duration::from_secs(10 * round as u64);
        let count = coming.len();
        store.enqueue(coming, now)?;
        let settled = if threads {
            on_threads(&mut replicas, now, count)?
        } else {
            in_turns(&mut replicas, now, count)?
        };
        // The first round fills the fleet.
        if round > 0 {
            placed += settled.0.len();
            refused += settled.1;
        }
        running.extend(settled.0);
        for _ in 0..running.len() / 10 {
            let Some((worker, request)) = running.pop_front() else { break };
            store.release(&request.id, &names[worker.0 as usize])?;
            let needs = &request.needs;
            demand =
                (demand.0 - u64::from(needs.cpu.get()), demand.1 - u64::from(needs.memory.get()));
        }
    }
    let audit = store.audit();
    if audit.faults.is_empty() {
        Ok((placed, refused))
    } else {
        Err(audit.faults.join("; ").into())
    }
}

/// CPU and memory with those of one more.
fn plus(sum: (u64, u64), more: &Resources) -> (u64, u64) {
    (sum.0 + u64::from(more.cpu.get()), sum.1 + u64::from(more.memory.get()))
}

/// Containers with their workers, and how many were turned away.
type Round = (Vec<(WorkerKey, Arc<Request>)>, usize);

fn take(into: &mut Round, settled: Settled) {
    into.0.extend(settled.placed.into_iter().map(|placed| (placed.worker, placed.request)));
    into.1 += settled.conflicts;
}

/// Steps one scheduler after the other until so many containers are placed.
fn in_turns(
    replicas: &mut [Scheduler<MemoryStore>],
    now: Duration,
    count: usize,
) -> Outcome<Round> {
    let mut round = Round::default();
    for step in 0.. {
        if round.0.len() == count {
            break;
        }
        for scheduler in &mut *replicas {
            // What found no place comes back within seconds, and the next round is later.
            let now = now + Duration::from_millis(step);
            take(&mut round, scheduler.step(now)?.settled);
        }
        if step > 9_000 {
            return Err(format!("only {} of {count} were placed", round.0.len()).into());
        }
    }
    Ok(round)
}

/// Lets them race until so many containers are placed.
fn on_threads(
    replicas: &mut [Scheduler<MemoryStore>],
    now: Duration,
    count: usize,
) -> Outcome<Round> {
    let done = AtomicUsize::new(0);
    let race = |scheduler: &mut Scheduler<MemoryStore>| -> Result<Round, StoreError> {
        let (mut round, began) = (Round::default(), Instant::now());
        while done.load(Relaxed) < count && began.elapsed() < Duration::from_secs(9) {
            let step = scheduler.step(now + began.elapsed())?;
            done.fetch_add(step.settled.placed.len(), Relaxed);
            take(&mut round, step.settled);
        }
        Ok(round)
    };
    let mut all = Round::default();
    thread::scope(|scope| -> Outcome<()> {
        let race = &race;
        let running: Vec<_> =
            replicas.iter_mut().map(|scheduler| scope.spawn(move || race(scheduler))).collect();
        for thread in running {
            let round = thread.join().map_err(|_| "a scheduler's thread has panicked")??;
            all.0.extend(round.0);
            all.1 += round.1;
        }
        Ok(())
    })?;
    if all.0.len() == count {
        Ok(all)
    } else {
        Err(format!("only {} of {count} were placed", all.0.len()).into())
    }
}
