//! The source's two benchmarks, printed as `go test -bench -benchmem` prints them, so that benchstat
//! reads them.
//!
//! `BenchmarkBatchScheduling` is 100 containers on 20 workers: claimed, planned, committed, heard of. That
//! they come and end is not counted. `BenchmarkBatchSchedulingWithCacheContention` is the same batches by
//! several schedulers on one store, a thread each, so that each changes workers that the others have
//! cached. As in a run each is told which of how many it is. There coming and ending is counted too, and the
//! time is the wall's divided by all batches. As many threads as CPUs take part, from two to eight.
//! `stale/op` says how many containers of a batch were planned on a worker that had changed meanwhile.
//! Allocations are counted by the allocator of the program, on the threads that schedule.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use allocation_counter::{AllocationInfo, measure};
use proofload_scheduler::{
    AmountError, Batching, Config, Megabytes, MemoryStore, Millicores, Placed, Replica, Request,
    Scheduler, Store, StoreError, Worker,
};

const WORKERS: u32 = 20;
const CONTAINERS: usize = 100;
/// Longer than any of these takes.
const LEASE: Duration = Duration::from_secs(3_600);
const ITERATIONS_MOST: u64 = 1_000_000_000;

/// Why a benchmark did not end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GoBenchError {
    /// The store turned something away.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A constant of this module is out of range.
    #[error("an amount is out of range")]
    Amount(#[from] AmountError),
    /// Fewer were placed than came.
    #[error("{0} of 100 containers were placed")]
    Unplaced(usize),
    /// A thread ended early.
    #[error("a scheduler's thread has panicked")]
    Thread,
    /// It cannot be written.
    #[error("cannot write the benchmarks")]
    Write(#[from] io::Error),
}

/// What so many operations took.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    iterations: u64,
    taken: Duration,
    bytes: u64,
    allocations: u64,
    /// Containers planned on a worker that another scheduler had changed since, where there are others.
    stale: Option<u64>,
}

impl Sample {
    fn add(&mut self, info: &AllocationInfo) {
        self.bytes += info.bytes_total;
        self.allocations += info.count_total;
    }
}

/// Runs both benchmarks `count` times, each time for at least `benchtime`, and prints a line for each; no
/// more lines once `stop` is set.
pub(crate) fn go_bench(
    out: &mut dyn Write,
    count: u32,
    benchtime: Duration,
    stop: &AtomicBool,
) -> Result<(), GoBenchError> {
    let parallelism = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    writeln!(out, "goos: {}", std::env::consts::OS)?;
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    writeln!(out, "goarch: {arch}\npkg: proofload-schedule")?;
    for _ in 0..count {
        let sample = until(benchtime, stop, |iterations| one_scheduler(iterations, stop))?;
        let Some(sample) = sample else { return Ok(()) };
        line(out, "BenchmarkBatchScheduling", parallelism, &sample)?;
    }
    for _ in 0..count {
        let threads = parallelism.max(2);
        let sample = until(benchtime, stop, |iterations| contention(iterations, threads, stop))?;
        let Some(sample) = sample else { return Ok(()) };
        line(out, "BenchmarkBatchSchedulingWithCacheContention", parallelism, &sample)?;
    }
    writeln!(out, "PASS")?;
    Ok(())
}

/// Go's columns: name and GOMAXPROCS if it is not 1, iterations, then values with their units, between
/// tabs.
fn line(out: &mut dyn Write, name: &str, parallelism: usize, sample: &Sample) -> io::Result<()> {
    let n = sample.iterations.max(1);
    let ns = sample.taken.as_nanos() as f64 / n as f64;
    let procs = if parallelism == 1 { String::new() } else { format!("-{parallelism}") };
    write!(out, "{name}{procs}\t{n:>8}\t{ns:>10.0} ns/op")?;
    if let Some(stale) = sample.stale {
        write!(out, "\t{:>10.2} stale/op", stale as f64 / n as f64)?;
    }
    writeln!(out, "\t{:>8} B/op\t{:>8} allocs/op", sample.bytes / n, sample.allocations / n)
}

/// As many operations as take the time: tried with more and more, as Go does. None if stopped.
fn until(
    benchtime: Duration,
    stop: &AtomicBool,
    run: impl Fn(u64) -> Result<Sample, GoBenchError>,
) -> Result<Option<Sample>, GoBenchError> {
    let mut iterations = 1;
    loop {
        let sample = run(iterations)?;
        if stop.load(Relaxed) {
            return Ok(None);
        }
        if sample.taken >= benchtime || iterations >= ITERATIONS_MOST {
            return Ok(Some(sample));
        }
        let taken_ns = sample.taken.as_nanos().max(1);
        let enough = benchtime.as_nanos() * u128::from(iterations) / taken_ns;
        let enough = u64::try_from(enough + enough / 5).unwrap_or(ITERATIONS_MOST);
        iterations = enough.clamp(iterations + 1, iterations * 100).min(ITERATIONS_MOST);
    }
}

/// A scheduler, and where what it placed went.
struct Runner {
    store: MemoryStore,
    scheduler: Scheduler<MemoryStore>,
    name: &'static str,
    workers: Vec<String>,
    placed: Vec<Placed>,
    now: Duration,
}

impl Runner {
    fn join(
        store: &MemoryStore,
        name: &'static str,
        seed: u64,
        replica: Replica,
    ) -> Result<Self, StoreError> {
        let batching = Batching { window: Duration::ZERO, ..Batching::FIXED };
        let config = Config { seed, replica, batching, ..Config::default() };
        let scheduler = Scheduler::join(store.handle(), name, config, LEASE, Duration::ZERO)?;
        let workers = (0..WORKERS).map(worker_name).collect();
        let (store, placed, now) = (store.handle(), Vec::new(), Duration::ZERO);
        Ok(Self { store, scheduler, name, workers, placed, now })
    }

    fn enqueue(&mut self, round: u64) -> Result<(), GoBenchError> {
        let (cpu, memory) = (Millicores::new(100)?, Megabytes::new(256)?);
        let name = |at| format!("{}-{round}-{at}", self.name);
        let requests = (0..CONTAINERS).map(|at| Request::new(name(at), cpu, memory)).collect();
        self.store.enqueue(requests, self.now)?;
        Ok(())
    }

    /// A batch: claim, plan and commit, hear.
    fn batch(&mut self) -> Result<usize, StoreError> {
        self.now += Duration::from_millis(1);
        let mut placed = self.scheduler.step(self.now)?.settled.placed;
        placed.append(&mut self.scheduler.step(self.now)?.settled.placed);
        placed.append(&mut self.scheduler.finish(self.now)?.settled.placed);
        let count = placed.len();
        self.placed = placed;
        Ok(count)
    }

    fn release(&mut self) -> Result<(), StoreError> {
        for placed in self.placed.drain(..) {
            self.store.release(&placed.request.id, &self.workers[placed.worker.0 as usize])?;
        }
        Ok(())
    }
}

fn worker_name(number: u32) -> String {
    format!("worker-{}", number + 1)
}

fn fleet() -> Result<MemoryStore, GoBenchError> {
    let store = MemoryStore::new();
    for number in 0..WORKERS {
        let (cpu, memory) = (Millicores::new(10_000)?, Megabytes::new(20_480)?);
        store.put_worker(Worker::new(worker_name(number), cpu, memory))?;
    }
    Ok(store)
}

fn one_scheduler(iterations: u64, stop: &AtomicBool) -> Result<Sample, GoBenchError> {
    let mut runner = Runner::join(&fleet()?, "a", 1, Replica::ALONE)?;
    let mut sample = Sample { iterations, ..Sample::default() };
    for round in 0..iterations {
        if stop.load(Relaxed) {
            break;
        }
        runner.enqueue(round)?;
        let mut placed = Ok(0);
        let info = measure(|| {
            let began = Instant::now();
            placed = runner.batch();
            sample.taken += began.elapsed();
        });
        sample.add(&info);
        match placed? {
            CONTAINERS => runner.release()?,
            fewer => return Err(GoBenchError::Unplaced(fewer)),
        }
    }
    Ok(sample)
}

fn contention(iterations: u64, threads: usize, stop: &AtomicBool) -> Result<Sample, GoBenchError> {
    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let store = fleet()?;
    let mut runners = Vec::new();
    // As many as there are names, if that is fewer: those that join are those that are told of.
    let count = threads.min(NAMES.len()) as u32;
    for (index, name) in (0..count).zip(NAMES) {
        runners.push(Runner::join(&store, name, index.into(), Replica { index, count })?);
    }
    let (rounds, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let all = usize::try_from(iterations).unwrap_or(usize::MAX);
    let work = |runner: &mut Runner| -> Result<(), GoBenchError> {
        while done.load(Relaxed) < all * CONTAINERS && !stop.load(Relaxed) {
            // Whoever has placed what it took brings the next batch; another may take it.
            let round = rounds.fetch_add(1, Relaxed);
            if round < all {
                runner.enqueue(round as u64)?;
            }
            let placed = runner.batch()?;
            runner.release()?;
            done.fetch_add(placed, Relaxed);
            if placed == 0 {
                thread::yield_now();
            }
        }
        Ok(())
    };
    let began = Instant::now();
    let ended: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = runners
            .iter_mut()
            .map(|runner| {
                scope.spawn(|| {
                    let mut result = Ok(());
                    let info = measure(|| result = work(runner));
                    result.map(|()| info)
                })
            })
            .collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let mut sample = Sample { iterations, taken: began.elapsed(), ..Sample::default() };
    for end in ended {
        sample.add(&end.map_err(|_| GoBenchError::Thread)??);
    }
    let counts = runners.iter().map(|runner| runner.scheduler.store().counters().snapshot());
    sample.stale = Some(counts.map(|counts| counts.cache.stale).sum());
    Ok(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    static NEVER: AtomicBool = AtomicBool::new(false);

    #[test]
    fn a_benchmark_that_is_stopped_ends_without_a_line() {
        let (mut out, stop) = (Vec::new(), AtomicBool::new(false));
        thread::scope(|scope| {
            let ended = scope.spawn(|| {
                let hour = Duration::from_secs(3_600);
                go_bench(&mut out, 1, hour, &stop)
            });
            stop.store(true, Relaxed);
            ended.join().expect("no panic").expect("it ends");
        });
        let text = String::from_utf8(out).expect("text");
        assert!(!text.contains("Benchmark") && !text.contains("PASS"), "{text}");
    }

    /// A result line of Go's benchmark format (golang.org/design/14313-benchmark-format): a name that
    /// begins with `Benchmark`, iterations, then pairs of value and unit, between white space.
    /// Name, iterations, and figures with their units.
    type Line<'a> = (String, u64, Vec<(f64, &'a str)>);

    fn parse(line: &str) -> Option<Line<'_>> {
        let mut fields = line.split_whitespace();
        let name = fields.next()?;
        let after = name.strip_prefix("Benchmark")?;
        if after.chars().next().is_some_and(char::is_lowercase) {
            return None;
        }
        // Without a suffix it ran on one CPU; Go writes none of `-1`.
        let name = match name.rsplit_once('-') {
            Some((name, procs)) => procs.parse().ok().filter(|&n: &u32| n > 1).map(|_| name)?,
            None => name,
        };
        let iterations = fields.next()?.parse().ok().filter(|&n| n > 0)?;
        let rest: Vec<&str> = fields.collect();
        let (pairs, left) = rest.as_chunks::<2>();
        let values = pairs.iter().map(|&[value, unit]| Some((value.parse().ok()?, unit)));
        let values = values.collect::<Option<Vec<_>>>()?;
        (left.is_empty() && !values.is_empty()).then(|| (name.to_owned(), iterations, values))
    }

    #[test]
    fn the_output_is_in_the_format_of_go_and_counts_what_happened() {
        let mut out = Vec::new();
        go_bench(&mut out, 2, Duration::from_millis(5), &NEVER).expect("both benchmarks");
        let text = String::from_utf8(out).expect("text");
        let mut lines = text.lines();
        for key in ["goos", "goarch", "pkg"] {
            let (found, value) = lines.next().and_then(|line| line.split_once(": ")).expect(key);
            assert!(found == key && !value.trim().is_empty(), "{key} in {text}");
        }
        assert_eq!(lines.next_back(), Some("PASS"));
        let results: Vec<_> = lines.map(|line| parse(line).expect(line)).collect();
        let names: Vec<_> = results.iter().map(|result| result.0.as_str()).collect();
        let plain = "BenchmarkBatchScheduling";
        let contended = "BenchmarkBatchSchedulingWithCacheContention";
        assert_eq!(names, [plain, plain, contended, contended]);
        for (name, iterations, values) in &results {
            let units: Vec<_> = values.iter().map(|value| value.1).collect();
            let want: &[_] = match name.as_str() == contended {
                true => &["ns/op", "stale/op", "B/op", "allocs/op"],
                false => &["ns/op", "B/op", "allocs/op"],
            };
            assert_eq!(units, want, "{name}");
            let counted = |&(value, unit): &(f64, &str)| value > 0.0 || unit == "stale/op";
            assert!(*iterations > 0 && values.iter().all(counted), "{name}: {values:?}");
        }
    }

    /// Go leaves the number of CPUs out where it is one.
    #[test]
    fn one_cpu_has_no_suffix() {
        let sample = Sample { iterations: 2, taken: Duration::from_micros(3), ..Sample::default() };
        for (parallelism, want) in [(1, "BenchmarkBatch\t"), (8, "BenchmarkBatch-8\t")] {
            let mut out = Vec::new();
            line(&mut out, "BenchmarkBatch", parallelism, &sample).expect("a line");
            let text = String::from_utf8(out).expect("text");
            assert!(text.starts_with(want), "{text}");
            let (_, iterations, values) = parse(text.trim_end()).expect(&text);
            assert_eq!((iterations, values[0]), (2, (1_500.0, "ns/op")));
        }
    }

    #[test]
    fn a_line_that_benchstat_would_pass_over_is_not_parsed() {
        for wrong in [
            "Benchmarkbatch-2\t1\t10 ns/op",
            "BenchmarkBatch-2\tone\t10 ns/op",
            "BenchmarkBatch-2\t1\t10 ns/op\t5",
            "BenchmarkBatch-2\t1",
            "BenchmarkBatch-1\t1\t10 ns/op",
            "BenchmarkBatch-2\t0\t10 ns/op",
            "Benchmark Batch-2\t1\t10 ns/op",
        ] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }

    /// A known number of allocations more a batch shows in the result.
    #[test]
    fn allocations_are_counted() {
        let sample = one_scheduler(50, &NEVER).expect("it runs");
        let a_batch = sample.allocations / 50;
        // The claim's list, the commit's, the verdict's; never one for each of the 100 containers.
        assert!((5..100).contains(&a_batch), "{a_batch}");
        assert!(sample.bytes > sample.allocations);
    }

    /// Alone a scheduler is never behind; of two, one is sooner or later.
    #[test]
    fn schedulers_invalidate_each_other() {
        let stale = |threads| contention(200, threads, &NEVER).expect("it ends").stale;
        assert_eq!(stale(1), Some(0));
        assert!((0..100).any(|_| stale(2) > Some(0)));
    }
}
