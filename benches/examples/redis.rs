//! The goals of the scheduler on Redis in one run, over a server of its own on the loopback. Prints a
//! table in Markdown. With the name of a part only that one: `commands`, `sustained`, `slowlog`, `cold`,
//! `restart`.

use std::collections::HashMap;
use std::error::Error;
use std::io::Write;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use proofload_redis_process::{Options as Server, RedisProcess};
use proofload_scheduler::{
    Batching, Config, ContainerKey, Exchange, Megabytes, Millicores, Policy, Request, Scheduler,
    Store, Worker, WorkerKey,
};
use proofload_scheduler_redis::wire::{Value, cmd, pipe};
use proofload_scheduler_redis::{Options, RedisStore};

type Outcome<T> = Result<T, Box<dyn Error>>;
/// Measures, and prints its rows.
type Part = fn(&mut dyn Write) -> Outcome<()>;

const LEASE: Duration = Duration::from_secs(30);
/// Containers a batch, and of those on a worker.
const BATCH: usize = 256;
const A_WORKER: i64 = 4;
/// Workers and containers of the sustained run.
const WORKERS: usize = 1_000;
const CONTAINERS: usize = 200_000;
/// Batches whose times are read one by one.
const TIMED: usize = 400;
/// Workers and backlog of a cold start.
const MANY: usize = 10_000;
const BACKLOG: usize = 100_000;
const REPEATS: usize = 5;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stdout().lock();
    let parts: [(&str, Part); 5] = [
        ("commands", commands),
        ("sustained", sustained),
        ("slowlog", slowlog),
        ("cold", cold),
        ("restart", restart),
    ];
    let asked = arguments.first().map(String::as_str);
    if asked.is_some_and(|asked| parts.iter().all(|(name, _)| *name != asked)) {
        return Err("usage: redis [commands|sustained|slowlog|cold|restart]".into());
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    writeln!(out, "Load average before: {}\n", load.trim())?;
    writeln!(out, "| what | measured | beside | goal |")?;
    writeln!(out, "| --- | --- | --- | --- |")?;
    for (name, part) in parts {
        if asked.is_none_or(|asked| asked == name) {
            part(&mut out)?;
        }
    }
    Ok(())
}

fn row(out: &mut dyn Write, cells: [&str; 4]) -> Outcome<()> {
    Ok(writeln!(out, "| {} |", cells.join(" | "))?)
}

fn open(server: &RedisProcess) -> Outcome<RedisStore> {
    Ok(RedisStore::open(&server.url().parse()?, "bench", Options::default())?)
}

fn container(number: usize) -> Outcome<Request> {
    Ok(Request::new(format!("container-{number}"), Millicores::new(100)?, Megabytes::new(256)?))
}

/// Workers with room for so many containers each.
fn put_workers(store: &RedisStore, count: usize, room: i64) -> Outcome<()> {
    for i in 0..count {
        let (cpu, memory) = (Millicores::new(room * 100)?, Megabytes::new(room * 256)?);
        store.put_worker(Worker::new(format!("worker-{i}"), cpu, memory))?;
    }
    Ok(())
}

fn enqueue(store: &RedisStore, count: usize) -> Outcome<()> {
    for first in (0..count).step_by(5_000) {
        let requests = (first..count.min(first + 5_000)).map(container).collect::<Outcome<_>>()?;
        store.enqueue(requests, Duration::ZERO)?;
    }
    Ok(())
}

fn config(most: usize, policy: Policy) -> Config {
    let batching = Batching { most, window: Duration::ZERO, adaptive: false };
    Config { policy, batching, ..Config::default() }
}

fn commands(out: &mut dyn Write) -> Outcome<()> {
    let server = RedisProcess::start(Server::default())?;
    let store = open(&server)?;
    put_workers(&store, 20, 100)?;
    enqueue(&store, 100)?;
    let begun = Instant::now();
    let config = config(100, Policy::Spread);
    let mut scheduler = Scheduler::join(store.handle()?, "bench", config, LEASE, begun.elapsed())?;
    let mut placed = 0;
    while placed < 100 {
        placed += scheduler.step(begun.elapsed())?.settled.placed.len();
    }
    placed += scheduler.finish(begun.elapsed())?.settled.placed.len();
    let taken = begun.elapsed();
    let wire = scheduler.store().counters().snapshot().wire.unwrap_or_default();
    let all = wire.commands + wire.script_calls;
    let what = "server commands for 100 containers on 20 workers, connection and scripts included";
    let beside = format!("{placed} placed in {:.2} ms", taken.as_secs_f64() * 1e3);
    row(out, [what, &all.to_string(), &beside, "at most 70"])
}

/// What a run came to.
struct Run {
    placed: usize,
    taken: Duration,
    /// Round trips of the scheduler, and how many exchanges there were.
    round_trips: u64,
    steps: u64,
    server_cpu: Duration,
    faults: Vec<String>,
    parts: u64,
}

/// Places everything, while another thread releases in batches what was placed.
fn place_and_release(store: &RedisStore, containers: usize) -> Outcome<Run> {
    let workers = store.handle()?;
    let (send, ended) = mpsc::sync_channel::<Vec<(WorkerKey, Vec<ContainerKey>)>>(2);
    let releasing = thread::spawn(move || -> Result<usize, String> {
        let mut released = 0;
        while let Ok(batch) = ended.recv() {
            let parts: Vec<_> = batch.iter().map(|(worker, keys)| (*worker, &keys[..])).collect();
            let there = workers.release_all(&parts).map_err(|error| error.to_string())?;
            released += there.iter().filter(|there| **there).count();
        }
        Ok(released)
    });
    let begun = Instant::now();
    let mut scheduler = Scheduler::join(
        store.handle()?,
        "bench",
        config(BATCH, Policy::BestFit),
        LEASE,
        begun.elapsed(),
    )?;
    let cpu = |info: proofload_scheduler_redis::wire::Info| {
        info.cpu_main_thread.user + info.cpu_main_thread.system
    };
    let before = cpu(store.wire().info()?);
    let wire = |scheduler: &Scheduler<RedisStore>| {
        scheduler.store().counters().snapshot().wire.unwrap_or_default().round_trips
    };
    let trips = wire(&scheduler);
    let begun = Instant::now();
    let (mut placed, mut steps, mut parts) = (0, 0, 0);
    while placed < containers {
        let step = scheduler.step(begun.elapsed())?;
        steps += 1;
        let mut by_worker: HashMap<WorkerKey, Vec<ContainerKey>> = HashMap::new();
        for one in &step.settled.placed {
            by_worker.entry(one.worker).or_default().push(one.key);
        }
        placed += step.settled.placed.len();
        parts += by_worker.len() as u64;
        if !by_worker.is_empty() {
            send.send(by_worker.into_iter().collect())?;
        }
    }
    drop(send);
    let released = releasing.join().map_err(|_| "the releasing thread failed")??;
    let taken = begun.elapsed();
    if released != placed {
        return Err(format!("{placed} placed, {released} released").into());
    }
    let round_trips = wire(&scheduler) - trips;
    scheduler.finish(begun.elapsed())?;
    let server_cpu = cpu(store.wire().info()?) - before;
    let faults = store.audit()?.faults;
    Ok(Run { placed, taken, round_trips, steps, server_cpu, faults, parts })
}

fn sustained(out: &mut dyn Write) -> Outcome<()> {
    let server = RedisProcess::start(Server::default())?;
    let store = open(&server)?;
    put_workers(&store, WORKERS, A_WORKER)?;
    enqueue(&store, CONTAINERS)?;
    let run = place_and_release(&store, CONTAINERS)?;
    if !run.faults.is_empty() {
        return Err(run.faults.join("; ").into());
    }
    let placed = run.placed as f64;
    let per_second = format!("{:.0}", placed / run.taken.as_secs_f64());
    let beside = format!(
        "{:.1} µs of the server's CPU each; {:.1} containers a worker and batch; the books balance",
        run.server_cpu.as_secs_f64() * 1e6 / placed,
        placed / run.parts as f64,
    );
    let what = format!(
        "placements a second into the queues of {WORKERS} workers, batches of {BATCH}, released in batches"
    );
    row(out, [&what, &per_second, &beside, "at least 50,000"])?;
    let trips = format!("{:.2}", run.round_trips as f64 / run.steps as f64);
    let what = "round trips an exchange (plan, claim, changes)";
    row(out, [what, &trips, &format!("{} exchanges", run.steps), "at most 2"])
}

fn slowlog(out: &mut dyn Write) -> Outcome<()> {
    let server = RedisProcess::start(Server::default())?;
    let store = open(&server)?;
    put_workers(&store, WORKERS, A_WORKER)?;
    let containers = TIMED * BATCH;
    enqueue(&store, containers)?;
    for (name, value) in [("slowlog-max-len", "1000000"), ("slowlog-log-slower-than", "0")] {
        store.wire().call::<()>(cmd("CONFIG").arg("SET").arg(name).arg(value))?;
    }
    place_and_release(&store, containers)?;
    let log = store.wire().call::<Value>(cmd("SLOWLOG").arg("GET").arg(-1))?;
    // One more exchange alone, to know the script by its hash.
    store.wire().call::<()>(cmd("SLOWLOG").arg("RESET"))?;
    let token = store.join("hash")?;
    let now = Duration::ZERO;
    store.exchange(Exchange { token, now, commit: None, claim: None, since: None })?;
    let last = store.wire().call::<Value>(cmd("SLOWLOG").arg("GET").arg(-1))?;
    let hash = evaluations(&last).into_iter().next().ok_or("no exchange in the log")?.0;
    let mut times: Vec<u64> = evaluations(&log)
        .into_iter()
        .filter(|(script, _)| *script == hash)
        .map(|(_, microseconds)| microseconds)
        .collect();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1e3;
    let measured = format!("{:.2} ms", at(0.99));
    let beside = format!("p50 {:.2} ms, most {:.2} ms, of {}", at(0.5), at(1.0), times.len());
    let what = format!("SLOWLOG, p99 of exchanges with batches of {BATCH}");
    row(out, [&what, &measured, &beside, "at most 3 ms"])
}

/// Script and microseconds of each call of a script in a log, the latest first.
fn evaluations(log: &Value) -> Vec<(Vec<u8>, u64)> {
    let Value::Array(entries) = log else { return Vec::new() };
    let one = |entry: &Value| {
        let Value::Array(fields) = entry else { return None };
        let (Value::Int(time), Value::Array(words)) = (fields.get(2)?, fields.get(3)?) else {
            return None;
        };
        match (words.first()?, words.get(1)?) {
            (Value::BulkString(name), Value::BulkString(hash)) if name == b"EVALSHA" => {
                Some((hash.clone(), u64::try_from(*time).ok()?))
            }
            _ => None,
        }
    };
    entries.iter().filter_map(one).collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn cold(out: &mut dyn Write) -> Outcome<()> {
    let server = RedisProcess::start(Server::default())?;
    let store = open(&server)?;
    put_workers(&store, MANY, 100)?;
    // What the source reads: a hash a worker, with the fields that ours has.
    let mut hashes = pipe();
    for i in 0..MANY {
        let hash = hashes.cmd("HSET").arg(format!("worker:{i}"));
        hash.arg("id").arg(format!("worker-{i}")).arg("status").arg("available");
        for (field, value) in [
            ("total_cpu", 10_000),
            ("free_cpu", 10_000),
            ("total_memory", 25_600),
            ("free_memory", 25_600),
            ("total_gpu_count", 0),
            ("gpu_count", 0),
            ("resource_version", 0),
            ("priority", 0),
            ("preemptable", 0),
            ("requires_pool_selector", 0),
        ] {
            hash.arg(field).arg(value);
        }
        hash.arg("gpu").arg("").arg("pool_name").arg("default").arg("runtime").arg("runc");
    }
    store.wire().call_all(&hashes)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for repeat in 0..REPEATS {
        let reader = store.handle()?;
        let token = reader.join(&format!("reader {repeat}"))?;
        let begun = Instant::now();
        let now = Duration::ZERO;
        let whole =
            reader.exchange(Exchange { token, now, commit: None, claim: None, since: None })?;
        ours.push(begun.elapsed());
        if whole.delta.workers.len() != MANY {
            return Err("the fleet is not whole".into());
        }
        let begun = Instant::now();
        for i in 0..MANY {
            let fields: HashMap<String, String> =
                store.wire().call(cmd("HGETALL").arg(format!("worker:{i}")))?;
            if fields.len() != 15 {
                return Err("a worker is not whole".into());
            }
        }
        theirs.push(begun.elapsed());
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let ratio = format!(
        "a hash read a worker: {}, {:.0} × as long",
        milliseconds(theirs),
        theirs.as_secs_f64() / ours.as_secs_f64()
    );
    let what = format!("cold snapshot of {MANY} workers, median of {REPEATS}");
    row(out, [&what, &milliseconds(ours), &ratio, "at least 60 × faster"])
}

fn restart(out: &mut dyn Write) -> Outcome<()> {
    let server = RedisProcess::start(Server::default())?;
    let store = open(&server)?;
    put_workers(&store, MANY, 100)?;
    enqueue(&store, BACKLOG)?;
    let mut times = Vec::new();
    for repeat in 0..REPEATS {
        let begun = Instant::now();
        let mut scheduler = Scheduler::join(
            store.handle()?,
            &format!("scheduler {repeat}"),
            config(BATCH, Policy::Spread),
            LEASE,
            begun.elapsed(),
        )?;
        while scheduler.step(begun.elapsed())?.settled.placed.is_empty() {}
        times.push(begun.elapsed());
        scheduler.finish(begun.elapsed())?;
    }
    let what = format!(
        "start of a scheduler to its first placement, {MANY} workers, a backlog of {BACKLOG}, median of {REPEATS}"
    );
    row(out, [&what, &milliseconds(median(times)), "connection included", "at most 1 s"])
}
