//! Scheduler processes: this program, started again with `PROOFLOAD_SCHEDULER` set.
//!
//! One ends when its standard input does, so none outlives the test, however that ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use proofload_scheduler::{Policy, Scheduler, Store, StoreError};
use proofload_scheduler_redis::{Options, RedisStore};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::at_once;

const VARIABLE: &str = "PROOFLOAD_SCHEDULER";

/// What a process is to do.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    pub(crate) url: String,
    pub(crate) prefix: String,
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) most: usize,
    pub(crate) lease: Duration,
    /// How long the first container of a batch waits for others.
    pub(crate) window: Duration,
}

impl Orders {
    fn text(&self) -> String {
        let Self { url, prefix, name, seed, most, lease, window } = self;
        let (lease, window) = (lease.as_millis(), window.as_millis());
        format!("{url} {prefix} {name} {seed} {most} {lease} {window}")
    }

    fn read(text: &str) -> Self {
        let words: Vec<&str> = text.split(' ').collect();
        let number = |at: usize| words[at].parse().unwrap();
        Self {
            url: words[0].to_owned(),
            prefix: words[1].to_owned(),
            name: words[2].to_owned(),
            seed: number(3),
            most: number(4) as usize,
            lease: Duration::from_millis(number(5)),
            window: Duration::from_millis(number(6)),
        }
    }
}

/// A scheduler process; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

/// What a process says it has done, when it is let end by itself.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Another scheduler of its name had come.
    pub(crate) fenced: bool,
    pub(crate) conflicts: u64,
    pub(crate) lost: u64,
    pub(crate) updates: u64,
    /// The containers that it was told are placed.
    pub(crate) placed: Vec<u64>,
}

impl Process {
    /// Starts one and waits until it has joined.
    pub(crate) fn start(orders: &Orders) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(VARIABLE, orders.text());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut process = Self { child, stdin, lines };
        assert_eq!(process.line(), "joined");
        process
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("a scheduler process ended early").unwrap()
    }

    /// `SIGKILL`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Lets it hear the last answer, and end.
    pub(crate) fn finish(mut self) -> Done {
        self.stdin = None;
        let mut done = Done::default();
        loop {
            let line = self.line();
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let number = || rest.parse().unwrap();
            match word {
                "fenced" => done.fenced = true,
                "conflicts" => done.conflicts = number(),
                "lost" => done.lost = number(),
                "updates" => done.updates = number(),
                "placed" => {
                    done.placed = rest.split(' ').filter_map(|key| key.parse().ok()).collect();
                }
                "end" => break,
                word => panic!("a scheduler process says {word:?}"),
            }
        }
        assert!(self.child.wait().unwrap().success());
        done
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; nobody is left to be told.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// If this is a scheduler process: does what it is there for.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    let orders = std::env::var(VARIABLE).ok()?;
    schedule(&Orders::read(&orders));
    Some(ExitCode::SUCCESS)
}

fn schedule(orders: &Orders) {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stopped.store(true, Ordering::Relaxed);
    });
    let store =
        RedisStore::open(&orders.url.parse().unwrap(), &orders.prefix, Options::default()).unwrap();
    let policy = Policy::ALL[orders.seed as usize % 2];
    let mut config = at_once(orders.most, policy, orders.seed);
    config.batching.window = orders.window;
    config.batching.adaptive = orders.window.is_zero();
    let since = Instant::now();
    let mut scheduler =
        Scheduler::join(store, &orders.name, config, orders.lease, since.elapsed()).unwrap();
    println!("joined");
    let (mut conflicts, mut lost, mut placed) = (0, 0, Vec::new());
    let mut told = |step: proofload_scheduler::Step| {
        conflicts += step.settled.conflicts;
        lost += step.settled.lost;
        placed.extend(step.settled.placed.iter().map(|placed| placed.key.0.to_string()));
    };
    while !stop.load(Ordering::Relaxed) {
        match scheduler.step(since.elapsed()) {
            Ok(step) => {
                if step.is_idle() {
                    thread::sleep(Duration::from_millis(1));
                }
                told(step);
            }
            Err(StoreError::Fenced(_)) => {
                println!("fenced");
                break;
            }
            Err(StoreError::NoAnswer(_) | StoreError::SetBack { .. }) => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => panic!("{error}"),
        }
    }
    if let Ok(step) = scheduler.finish(since.elapsed()) {
        told(step);
    }
    let updates = scheduler.store().counters().snapshot().capacity_updates;
    println!("conflicts {conflicts}\nlost {lost}\nupdates {updates}");
    println!("placed {}\nend", placed.join(" "));
}
