//! What the scheduler is measured on and beside: fleets and requests that are the same every time, and
//! two other ways to decide.

mod fleet;
mod linear;
mod source;

pub use fleet::{Fill, Fleet, Mix, requests};
pub use linear::{LinearScan, Wanted};
pub use source::SourceLoop;

use std::time::{Duration, Instant};

use proofload_scheduler::{
    Batching, Config, Gpus, Megabytes, MemoryStore, Millicores, Placed, Policy, Request, Resources,
    Scheduler, Store, StoreError, Worker,
};

/// An amount that is written in this crate.
///
/// # Panics
/// If it is out of range.
pub(crate) fn amount(cpu_millicores: u32, memory_mb: u32, gpus: u32) -> Resources {
    let amounts = (
        Millicores::new(cpu_millicores.into()),
        Megabytes::new(memory_mb.into()),
        Gpus::new(gpus.into()),
    );
    let (Ok(cpu), Ok(memory), Ok(gpus)) = amounts else {
        panic!("out of range: {cpu_millicores} m, {memory_mb} MB, {gpus} GPUs");
    };
    Resources { cpu, memory, gpus }
}

/// The CPU time of the calling thread, in nanoseconds.
#[must_use]
pub fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or(0)
}

/// The scenario of 100 equal containers on 20 equal workers, again and again: a batch is placed, then
/// all of it ends.
pub struct HundredOnTwenty {
    store: MemoryStore,
    scheduler: Scheduler<MemoryStore>,
    placed: Vec<Placed>,
    now: Duration,
}

impl HundredOnTwenty {
    /// An empty fleet and a scheduler that has loaded it.
    ///
    /// # Errors
    /// What the store says.
    pub fn new() -> Result<Self, StoreError> {
        let store = MemoryStore::new();
        let size = amount(10_000, 20_480, 0);
        for number in 0..20 {
            store.put_worker(Worker::new(worker_name(number), size.cpu, size.memory))?;
        }
        let scheduler = Scheduler::join(
            store.handle(),
            "bench",
            at_once(Policy::Spread, 100),
            LEASE,
            Duration::ZERO,
        )?;
        Ok(Self { store, scheduler, placed: Vec::new(), now: Duration::ZERO })
    }

    /// Puts 100 containers into the backlog: not part of the batch.
    ///
    /// # Errors
    /// What the store says.
    pub fn enqueue(&self) -> Result<(), StoreError> {
        let needs = amount(100, 256, 0);
        let batch =
            (0..100).map(|i| Request::new(format!("container-{i}"), needs.cpu, needs.memory));
        self.store.enqueue(batch.collect(), self.now).map(drop)
    }

    /// Claims, plans and commits what waits, and hears the verdict. Returns how many were placed. A function
    /// of its own in any build, so that its instructions can be counted.
    ///
    /// # Errors
    /// What the store says.
    #[inline(never)]
    pub fn batch(&mut self) -> Result<usize, StoreError> {
        self.now += Duration::from_millis(1);
        self.scheduler.step(self.now)?;
        self.scheduler.step(self.now)?;
        let placed = self.scheduler.finish(self.now)?.settled.placed;
        let count = placed.len();
        self.placed.extend(placed);
        Ok(count)
    }

    /// Ends all containers and lets the scheduler hear of it: not part of the batch.
    ///
    /// # Errors
    /// What the store says.
    pub fn release(&mut self) -> Result<(), StoreError> {
        for placed in self.placed.drain(..) {
            self.store.release(&placed.request.id, &worker_name(placed.worker.0))?;
        }
        self.scheduler.step(self.now)?;
        self.scheduler.finish(self.now).map(drop)
    }

    /// Batches that come, are placed and end, until so many seconds are over. Returns how many.
    ///
    /// # Errors
    /// What the store says, and if a container of a batch found no place.
    pub fn run_for(&mut self, seconds: f64) -> Result<u64, Box<dyn std::error::Error>> {
        let (began, mut batches) = (Instant::now(), 0);
        while began.elapsed().as_secs_f64() < seconds {
            self.enqueue()?;
            let placed = self.batch()?;
            if placed != 100 {
                return Err(format!("{placed} of 100 were placed").into());
            }
            self.release()?;
            batches += 1;
        }
        Ok(batches)
    }

    /// Stops or goes on counting.
    pub fn count(&self, on: bool) {
        self.scheduler.store().counters().count(on);
    }
}

/// How long a claimed container stays with its scheduler: longer than any run here.
pub const LEASE: Duration = Duration::from_secs(3_600);

/// The name of a worker by its key: a store numbers them as they come.
#[must_use]
pub fn worker_name(number: u32) -> String {
    format!("worker-{number}")
}

/// A configuration that plans up to `most` containers as soon as they are claimed.
#[must_use]
pub fn at_once(policy: Policy, most: usize) -> Config {
    let batching = Batching { most, window: Duration::ZERO, adaptive: false };
    Config { policy, batching, ..Config::default() }
}
