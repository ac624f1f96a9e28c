//! Workers, a thread each, and what they have seen with their own eyes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use proofload_scheduler::{Megabytes, Millicores, Request, StoreError, Worker};
use proofload_scheduler_redis::{RedisStore, WorkerSide};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How many of the containers a worker has room for.
pub(crate) const PLACES: usize = 80;
/// A worker that is not heard of for so long is given up.
const TTL: Duration = Duration::from_secs(10);
const TURN: Duration = Duration::from_millis(5);

/// What has really happened, whatever the store says.
#[derive(Default)]
pub(crate) struct Ledger {
    containers: Mutex<BTreeMap<String, Seen>>,
    pub(crate) reports: AtomicUsize,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    started: usize,
    /// Its worker was given up, and ended it.
    broken_off: usize,
    finished: usize,
}

impl Ledger {
    fn containers(&self) -> MutexGuard<'_, BTreeMap<String, Seen>> {
        self.containers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn saw(&self, name: &str, what: impl FnOnce(&mut Seen)) {
        what(self.containers().entry(name.to_owned()).or_default());
    }

    fn count(&self, of: impl Fn(&Seen) -> bool) -> usize {
        self.containers().values().filter(|seen| of(seen)).count()
    }

    pub(crate) fn finished(&self) -> usize {
        self.count(|seen| seen.finished > 0)
    }

    pub(crate) fn has_finished(&self, name: &str) -> bool {
        self.containers().get(name).is_some_and(|seen| seen.finished > 0)
    }

    pub(crate) fn was_started(&self, name: &str) -> bool {
        self.containers().contains_key(name)
    }

    /// Those that were started again although nobody had broken them off.
    pub(crate) fn run_twice(&self) -> Vec<String> {
        let containers = self.containers();
        let twice = |seen: &Seen| seen.started > 1 + seen.broken_off || seen.finished > 1;
        let names = containers.iter().filter(|(_, seen)| twice(seen));
        names.map(|(name, seen)| format!("{name} was started {} times", seen.started)).collect()
    }

    pub(crate) fn now(&self) -> String {
        let running = self.count(|seen| seen.started > seen.finished + seen.broken_off);
        format!("{} containers have run, {running} are running", self.finished())
    }
}

/// All workers.
pub(crate) struct Machines {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<(), StoreError>>>,
}

impl Machines {
    pub(crate) fn start(
        store: &RedisStore,
        count: usize,
        ledger: &Arc<Ledger>,
        seed: u64,
    ) -> super::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for at in 0..count {
            let (cpu, memory) = (Millicores::new(10_000)?, Megabytes::new(20_480)?);
            let worker = Worker::new(format!("w{at}"), cpu, memory);
            let (side, _) = WorkerSide::register(store.handle()?, &worker, &[])?;
            let mut machine = Machine {
                side,
                worker,
                running: Vec::new(),
                finished: Vec::new(),
                told: 0,
                chance: ChaCha8Rng::seed_from_u64(seed * 1_000 + at as u64),
                ledger: Arc::clone(ledger),
            };
            let stop = Arc::clone(&stop);
            threads.push(thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    match machine.turn() {
                        // The server is away: what runs goes on running.
                        Ok(()) | Err(StoreError::NoAnswer(_) | StoreError::SetBack { .. }) => {}
                        Err(StoreError::NoSuchWorker(_)) => machine.come_again()?,
                        Err(error) => return Err(error),
                    }
                    thread::sleep(TURN);
                }
                Ok(())
            }));
        }
        Ok(Self { stop, threads })
    }

    pub(crate) fn stop(self) -> super::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| "a worker fell over")??;
        }
        Ok(())
    }
}

struct Running {
    request: Request,
    until: Instant,
}

struct Machine {
    side: WorkerSide,
    worker: Worker,
    running: Vec<Running>,
    /// What has ended here: after a set-back the store is told again.
    finished: Vec<String>,
    /// How many of those the store has been told of.
    told: usize,
    chance: ChaCha8Rng,
    ledger: Arc<Ledger>,
}

impl Machine {
    fn turn(&mut self) -> Result<(), StoreError> {
        self.end();
        if self.side.beat(TTL)? {
            let running: Vec<_> = self.running.iter().map(|one| one.request.clone()).collect();
            self.side.report(&running, &self.finished)?;
            self.ledger.reports.fetch_add(1, Ordering::Relaxed);
        }
        self.tell()?;
        for fetched in self.side.fetch(PLACES)? {
            let until = Instant::now() + Duration::from_millis(self.chance.random_range(50..500));
            self.ledger.saw(&fetched.request.id, |seen| seen.started += 1);
            let request = Request::clone(&fetched.request);
            self.running.push(Running { request, until });
        }
        self.side.acknowledge()
    }

    /// What has run for its time ends, whether the store can be told or not.
    fn end(&mut self) {
        let now = Instant::now();
        for Running { request, .. } in self.running.extract_if(.., |one| one.until <= now) {
            self.ledger.saw(&request.id, |seen| seen.finished += 1);
            self.finished.push(request.id);
        }
    }

    /// Says what has ended. By name: after a set-back a container may have another key.
    fn tell(&mut self) -> Result<(), StoreError> {
        let names: Vec<_> = self.finished[self.told..].iter().map(String::as_str).collect();
        if !names.is_empty() {
            self.side.release_named(&names)?;
            self.told = self.finished.len();
        }
        Ok(())
    }

    /// It was given up: what it runs is somebody else's, so it ends it and begins anew.
    fn come_again(&mut self) -> Result<(), StoreError> {
        for Running { request, .. } in self.running.drain(..) {
            self.ledger.saw(&request.id, |seen| seen.broken_off += 1);
        }
        let Ok(store) = self.side.store().handle() else { return Ok(()) };
        match WorkerSide::register(store, &self.worker, &[]) {
            Ok((side, _)) => self.side = side,
            Err(StoreError::NoAnswer(_) | StoreError::DuplicateWorker(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
