//! How long it takes from enqueued to delivered, with workers at work while it is scheduled: a further run
//! of each strategy, so that what workers cost is in no other figure.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use proofload_scheduler::StoreError;
use proofload_stats::{Quantile, quantile};
use proofload_strategies::{Strategy, Work};
use proofload_units::human_duration;
use serde::Serialize;

use super::once::Schedulers;
use super::server::Server;
use super::stage::Stage;
use super::workers::Crew;
use crate::grade::nanoseconds;
use crate::once::feed;
use crate::scenario::Scenario;

/// Threads of workers, each with its share of them.
const CREWS: usize = 2;
/// How often a worker that finds nothing looks again.
const LOOK: Duration = Duration::from_millis(1);

/// What was delivered while it was scheduled.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Delivered {
    pub(crate) strategy: &'static str,
    placed: usize,
    delivered: usize,
    p50_us: Option<f64>,
    p95_us: Option<f64>,
    p99_us: Option<f64>,
    /// What is wrong, in words.
    pub(crate) faults: Vec<String>,
}

/// A run of each strategy; fewer if it is interrupted.
pub(crate) fn deliveries(
    server: &Server,
    strategies: &[Strategy],
    scenario: &Scenario,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<Vec<Delivered>> {
    let mut found = Vec::new();
    for &strategy in strategies {
        let delivered = delivery(server, strategy, scenario, stop)?;
        if stop.load(Ordering::Relaxed) {
            break;
        }
        found.push(delivered);
    }
    Ok(found)
}

fn delivery(
    server: &Server,
    strategy: Strategy,
    scenario: &Scenario,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<Delivered> {
    let stage = Stage::new(server, strategy, scenario, "delivery", false)?;
    let workers = stage.workers(&stage.audit()?);
    let shares = workers.chunks(workers.len().div_ceil(CREWS).max(1));
    let crews = shares.map(|share| Crew::of(&stage, share));
    let crews: Vec<Crew> = crews.collect::<anyhow::Result<_>>()?;
    let schedulers = Schedulers::connect(server, &stage, strategy, scenario, stop)?;
    let requests = scenario.requests();
    let due = |number: usize| {
        scenario
            .arrival_rate
            .map_or(Duration::ZERO, |rate| Duration::from_secs_f64(number as f64 / rate))
    };
    let came: HashMap<String, Duration> =
        requests.iter().enumerate().map(|(number, one)| (one.id.clone(), due(number))).collect();
    if scenario.arrival_rate.is_none() {
        stage.enqueue(&requests, Duration::ZERO)?;
    }
    let work = Work::until(requests.len(), Arc::clone(stop));
    let (is_done, arrivals) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let ran = thread::scope(|scope| {
        let fetching: Vec<_> = crews
            .into_iter()
            .map(|crew| scope.spawn(|| fetch(crew, &work, &is_done, &arrivals)))
            .collect();
        let feeder = scenario.arrival_rate.map(|rate| {
            let bring = |request, due| Ok(stage.enqueue(&[request], due)?);
            let (work, requests) = (&work, requests.clone());
            scope.spawn(move || feed(bring, requests, rate, work, stop))
        });
        let together = schedulers.run(&stage, strategy, scenario, &work, stop);
        is_done.store(true, Ordering::Relaxed);
        for thread in fetching {
            thread.join().map_err(|_| anyhow::anyhow!("a thread of workers panicked"))??;
        }
        if let Some(feeder) = feeder {
            let fed = feeder.join();
            fed.map_err(|_| anyhow::anyhow!("the thread that brings containers panicked"))??;
        }
        Ok::<_, anyhow::Error>(together?.ran)
    })?;
    let arrivals = arrivals.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut faults = stage.audit()?.faults;
    let mut times: HashMap<String, u64> = HashMap::new();
    for (id, at) in arrivals {
        let since = came.get(&id).copied().unwrap_or_default();
        let time = nanoseconds(Duration::saturating_sub(at, since));
        if times.insert(id.clone(), time).is_some() {
            faults.push(format!("{id} was delivered twice"));
        }
    }
    let (placed, delivered) = (ran.placed.len(), times.len());
    if placed != delivered {
        faults.push(format!("{delivered} containers were delivered of {placed} placed"));
    }
    let mut times: Vec<u64> = times.into_values().collect();
    times.sort_unstable();
    let us = |q| quantile(&times, q).map(|ns| ns as f64 / 1e3);
    let [p50_us, p95_us, p99_us] = [Quantile::P50, Quantile::P95, Quantile::P99].map(us);
    let strategy = strategy.name();
    Ok(Delivered { strategy, placed, delivered, p50_us, p95_us, p99_us, faults })
}

/// Fetches until the schedulers are done and nothing is left.
fn fetch(
    mut crew: Crew,
    work: &Work,
    is_done: &AtomicBool,
    arrivals: &Mutex<Vec<(String, Duration)>>,
) -> Result<(), StoreError> {
    loop {
        // What is placed after this look may be missed by it, but not by the next.
        let was_done = is_done.load(Ordering::Relaxed);
        let mut loads = Vec::new();
        crew.look(|load| loads.push((work.now(), load)))?;
        if loads.is_empty() {
            if was_done {
                return Ok(());
            }
            thread::sleep(LOOK);
        }
        for (at, load) in loads {
            crew.release(&load)?;
            let mut arrivals = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
            arrivals.extend(load.ids.into_iter().map(|id| (id, at)));
        }
    }
}

/// As rows of a table whose first is the head.
pub(crate) fn delivery_rows(found: &[Delivered]) -> Vec<Vec<String>> {
    let row = |label: &str, cell: &dyn Fn(&Delivered) -> String| {
        std::iter::once(label.to_owned()).chain(found.iter().map(cell)).collect::<Vec<_>>()
    };
    let time = |us: Option<f64>| {
        us.map_or_else(|| "none".to_owned(), |us| human_duration((us * 1e3).round() as u64))
    };
    vec![
        row("With workers at work", &|one| one.strategy.to_owned()),
        row("Delivered", &|one| format!("{} of {}", one.delivered, one.placed)),
        row("Enqueued to delivered, p50", &|one| time(one.p50_us)),
        row("Enqueued to delivered, p95", &|one| time(one.p95_us)),
        row("Enqueued to delivered, p99", &|one| time(one.p99_us)),
    ]
}
