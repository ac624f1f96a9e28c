//! A scheduler process: this program, started again with `PROOFLOAD_CHAOS` set. It ends when its standard
//! input does, so that none outlives the demonstration.

use std::io::{self, Read};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use proofload_scheduler::{Backoff, Batching, Config, Policy, Scheduler, StoreError};
use proofload_scheduler_redis::{Options, RedisStore};

const VARIABLE: &str = "PROOFLOAD_CHAOS";
/// Short, so that what a killed one held is soon somebody else's.
const LEASE: Duration = Duration::from_millis(500);

/// A scheduler that can be killed.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(url: &str, at: usize) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(VARIABLE, format!("{url} {at}")).stdin(Stdio::piped());
        command.spawn().map(Self)
    }

    /// `SIGKILL`.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.0.kill()?;
        self.0.wait().map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.kill();
    }
}

/// If this is a scheduler process: schedules until it is killed.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    let orders = std::env::var(VARIABLE).ok()?;
    thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let (url, at) = orders.split_once(' ')?;
    loop {
        match schedule(url, at.parse().ok()?) {
            // Its predecessor's name is its own now; somebody who took it from this one is the better one.
            Err(StoreError::Fenced(_)) => return Some(ExitCode::SUCCESS),
            Err(StoreError::NoAnswer(_) | StoreError::SetBack { .. }) => {
                thread::sleep(Duration::from_millis(20));
            }
            Err(error) => {
                println!("          scheduler {at}: {error}");
                return Some(ExitCode::FAILURE);
            }
            Ok(never) => match never {},
        }
    }
}

fn schedule(url: &str, at: u64) -> Result<std::convert::Infallible, StoreError> {
    let no_answer = |error: &dyn std::error::Error| StoreError::NoAnswer(error.to_string());
    let address = url.parse().map_err(|error| no_answer(&error))?;
    let store = RedisStore::open(&address, super::PREFIX, Options::default())
        .map_err(|error| no_answer(&error))?;
    let config = Config {
        policy: Policy::ALL[at as usize % 2],
        seed: at,
        batching: Batching::ADAPTIVE,
        backoff: Backoff {
            first: Duration::from_millis(20),
            most: Duration::from_millis(200),
            tries: u32::MAX,
        },
        ..Config::default()
    };
    let since = Instant::now();
    let mut scheduler = Scheduler::join(store, &format!("s{at}"), config, LEASE, since.elapsed())?;
    loop {
        match scheduler.step(since.elapsed()) {
            Ok(step) if step.is_idle() => thread::sleep(Duration::from_millis(2)),
            Ok(_) => {}
            Err(StoreError::NoAnswer(_) | StoreError::SetBack { .. }) => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error),
        }
    }
}
