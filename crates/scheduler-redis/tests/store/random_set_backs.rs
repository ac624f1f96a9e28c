//! Set-backs at random among everything else: what workers run and what the books say agree.

use proofload_scheduler::{Policy, Store};
use proofload_scheduler_redis::wire::cmd;
use proofload_scheduler_redis::{Options, WorkerSide};

use super::*;
use crate::support::{at_once, open, server, worker};

pub(super) const TESTS: &[Test] =
    &[("whenever the server is set back, nothing runs twice and the books are right", at_random)];

const ROUNDS: u64 = 4;
const STEPS: usize = 250;
const LONG: Duration = Duration::from_secs(3_600);

/// Numbers that look drawn, the same in each run.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// A worker as it is, whatever the books say.
struct Process {
    name: &'static str,
    side: Option<WorkerSide>,
    runs: Vec<(ContainerKey, Request)>,
    finished: Vec<String>,
}

impl Process {
    /// `None`: it has to report first, or was given up, and has done what it then has to do.
    fn heard<T>(&mut self, result: Result<T, StoreError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(StoreError::SetBack { .. }) => {
                self.beat();
                None
            }
            Err(StoreError::NoSuchWorker(_)) => {
                (self.side, self.runs) = (None, Vec::new());
                None
            }
            Err(error) => panic!("{}: {error}", self.name),
        }
    }

    fn beat(&mut self) {
        let Some(side) = &mut self.side else { return };
        let beat = side.beat(LONG);
        if self.heard(beat) != Some(true) {
            return;
        }
        let runs: Vec<_> = self.runs.iter().map(|(_, request)| request.clone()).collect();
        let side = self.side.as_mut().unwrap();
        // Every second time it does not hear the answer, and asks again.
        if runs.len() % 2 == 0 {
            let twin = WorkerSide::attach(side.store().handle().unwrap(), self.name);
            let unheard = twin.and_then(|mut twin| twin.report(&runs, &self.finished));
            assert!(unheard.is_ok_and(|reported| reported.strays.is_empty()), "{}", self.name);
        }
        let reported = side.report(&runs, &self.finished);
        if let Some(reported) = self.heard(reported) {
            assert!(reported.strays.is_empty(), "{}: {reported:?}", self.name);
        }
    }

    fn end_one(&mut self, at: usize) {
        let (_, request) = self.runs.remove(at);
        let side = self.side.as_ref().unwrap();
        self.finished.push(request.id.clone());
        let key = side.key();
        let done = side.store().release_named(key, &[&request.id]);
        if let Some(done) = self.heard(done) {
            assert_eq!(done, [true], "{} does not have {}", self.name, request.id);
        }
    }
}

type Image = Vec<(String, Vec<u8>)>;

fn image(store: &RedisStore) -> Image {
    let keys: Vec<String> = store.wire().call(cmd("KEYS").arg("{p}:*")).unwrap();
    let dump = |key: String| (key.clone(), store.wire().call(cmd("DUMP").arg(key)).unwrap());
    keys.into_iter().map(dump).collect()
}

/// As if another process had started on what was saved then.
fn set_back(store: &RedisStore, image: &Image) {
    store.wire().call::<()>(&cmd("FLUSHALL")).unwrap();
    for (key, dumped) in image {
        let mut restore = cmd("RESTORE");
        store.wire().call::<()>(restore.arg(key).arg(0).arg(&dumped[..])).unwrap();
    }
    let mut mark = cmd("HSET");
    store.wire().call::<()>(mark.arg("{p}:meta").arg("run_id").arg("another")).unwrap();
}

fn at_random() {
    let placed: usize = (0..ROUNDS).map(one_round).sum();
    assert!(placed > 0, "nothing ever happened");
}

/// How many were placed.
fn one_round(round: u64) -> usize {
    let server = server();
    let options = Options {
        report_within: Duration::from_millis(100),
        worker_ttl: Some(LONG),
        ..Options::default()
    };
    let store = open(&server, "p", options);
    let mut drawn = Drawn(round);
    let mut workers = ["u", "v", "w"].map(|name| Process {
        name,
        side: None,
        runs: Vec::new(),
        finished: Vec::new(),
    });
    let join = || {
        let config = at_once([Policy::Spread, Policy::BestFit][round as usize % 2]);
        (0..9).find_map(|_| Scheduler::join(store.handle().unwrap(), "s", config, LEASE, NOW).ok())
    };
    let mut scheduler = join().unwrap();
    let mut saved = image(&store);
    let (mut number, mut placed) = (0, 0);
    for step in 0..STEPS {
        let at = drawn.below(workers.len());
        let chance = drawn.below(100);
        let process = &mut workers[at];
        match chance {
            0..12 => {
                let names: Vec<_> = (number..number + 3).map(|i| format!("c{i}")).collect();
                number += 3;
                store.enqueue(requests(names), NOW).unwrap();
            }
            12..42 => match scheduler.step(NOW) {
                Ok(step) => placed += step.settled.placed.len(),
                Err(StoreError::Fenced(_)) => scheduler = join().unwrap(),
                Err(StoreError::SetBack { .. } | StoreError::NoAnswer(_)) => {}
                Err(error) => panic!("{error}"),
            },
            42..62 => {
                if let Some(side) = &mut process.side {
                    let fetched = side.fetch(2);
                    for fetched in process.heard(fetched).unwrap_or_default() {
                        process.runs.push((fetched.key, Request::clone(&fetched.request)));
                    }
                } else if let Ok((side, _)) =
                    WorkerSide::register(store.handle().unwrap(), &worker(process.name), &[])
                {
                    process.side = Some(side);
                }
            }
            62..70 if !process.runs.is_empty() => {
                let which = drawn.below(process.runs.len());
                process.end_one(which);
            }
            70..74 => process.beat(),
            // It dies, and is found dead at once.
            74..80 => {
                if let Some(side) = process.side.take() {
                    let _ = side.beat(Duration::ZERO);
                    process.runs.clear();
                }
            }
            80..90 => saved = image(&store),
            90..100 => {
                set_back(&store, &saved);
                // Whoever registered since is told so before anything else happens.
                workers.rotate_left(at);
                workers.iter_mut().for_each(Process::beat);
                if drawn.below(2) == 0 {
                    std::thread::sleep(Duration::from_millis(110));
                }
            }
            _ => {}
        }
        let mut running: Vec<_> = workers
            .iter()
            .flat_map(|worker| &worker.runs)
            .map(|(_, request)| &request.id)
            .collect();
        running.sort_unstable();
        let count = running.len();
        running.dedup();
        assert_eq!(running.len(), count, "round {round}, step {step}: {running:?}");
        let faults = store.audit().unwrap().faults;
        let wrong = |fault: &&String| !fault.ends_with("is booked beyond what it has");
        assert_eq!(faults.iter().find(wrong), None, "round {round}, step {step}");
    }
    for process in &mut workers {
        process.beat();
        while process.side.is_some() && !process.runs.is_empty() {
            process.end_one(0);
        }
    }
    placed
}
