//! Kills schedulers, and once the server, while containers come, are placed and run; then adds everything
//! up. `chaos [SECONDS [SEED]]`; by default 20 seconds.
//!
//! It starts a server of its own, workers as threads ([`worker`]) and schedulers as processes
//! ([`scheduler`], this program itself). Ends with 1 if the books do not balance.

#![expect(clippy::print_stdout, reason = "a demonstration shows what it does")]

mod scheduler;
mod worker;

use std::collections::BTreeSet;
use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use proofload_redis_process::{Fsync, Options as Server, RedisProcess};
use proofload_scheduler::{Megabytes, Millicores, Request, Store, StoreError};
use proofload_scheduler_redis::{Options, RedisStore};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use scheduler::Process;
use worker::{Ledger, Machines, PLACES};

const WORKERS: usize = 20;
const SCHEDULERS: usize = 4;
const PREFIX: &str = "chaos";
/// So many come every 20 ms.
const COME: usize = 40;
const EVERY: Duration = Duration::from_millis(20);
/// After the last has come, everything has to have run within this.
const REST_MAX: Duration = Duration::from_secs(60);

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    if let Some(code) = scheduler::run_if_asked() {
        return code;
    }
    match demonstrate() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("it could not go on: {error}");
            ExitCode::FAILURE
        }
    }
}

/// When it began, to say when what happened.
#[derive(Clone, Copy)]
struct Since(Instant);

impl Since {
    fn say(&self, what: &str) {
        println!("{:6.2} s  {what}", self.0.elapsed().as_secs_f64());
    }
}

fn demonstrate() -> Result<bool> {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().map_or(Ok(20), |text| text.parse())?;
    let seed = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let since = Since(Instant::now());

    let options = Server { append_only: Some(Fsync::EverySecond), ..Server::default() };
    let mut server = RedisProcess::start(options)?;
    let url = server.url();
    since.say(&format!("a Redis server on {}, append-only file on", server.address()));
    let store = RedisStore::open(&url.parse()?, PREFIX, Options::default())?;
    let ledger = Arc::new(Ledger::default());
    let machines = Machines::start(&store, WORKERS, &ledger, seed)?;
    let mut schedulers =
        (0..SCHEDULERS).map(|at| Process::start(&url, at)).collect::<std::io::Result<Vec<_>>>()?;
    since.say(&format!(
        "{WORKERS} workers with room for {PLACES} containers each, {SCHEDULERS} scheduler processes"
    ));

    let (stop, stopped) = mpsc::channel();
    let sender = store.handle()?;
    let sending = thread::spawn(move || send(&sender, &stopped));
    let end = since.0 + Duration::from_secs(seconds);
    let half = since.0 + Duration::from_secs(seconds) / 2;
    let (mut kills, mut server_killed) = (0, false);
    while Instant::now() < end {
        thread::sleep(Duration::from_millis(chance.random_range(100..700)));
        let at = chance.random_range(0..SCHEDULERS);
        schedulers[at].kill()?;
        kills += 1;
        since.say(&format!("scheduler {at} killed; {}", ledger.now()));
        if !server_killed && Instant::now() >= half {
            server_killed = true;
            server.kill()?;
            since.say(&format!("SERVER KILLED; {}", ledger.now()));
            thread::sleep(Duration::from_millis(300));
            let reports = ledger.reports.load(Ordering::Relaxed);
            server.restart()?;
            since.say("server back; until every worker has said what it runs nothing is placed");
            let asked = || ledger.reports.load(Ordering::Relaxed) - reports < WORKERS;
            while asked() && Instant::now() < end {
                thread::sleep(Duration::from_millis(1));
            }
            let reports = ledger.reports.load(Ordering::Relaxed) - reports;
            since.say(&format!("{reports} workers have reported; {}", ledger.now()));
        }
        // A new process takes the place, and the name, of the one that is gone.
        schedulers[at] = Process::start(&url, at)?;
    }
    drop(stop);
    let sent = sending.join().map_err(|_| "the sender fell over")??;
    since.say(&format!("the last of {sent} containers is sent"));
    let forgotten = rest(&store, &ledger, sent)?;
    since.say("everything has run; schedulers and workers end");
    for process in &mut schedulers {
        process.kill()?;
    }
    machines.stop()?;
    Ok(audit(&store, &ledger, sent, forgotten, kills))
}

fn name(number: usize) -> String {
    format!("c{number}")
}

fn request(number: usize) -> Result<Request> {
    let (cpu, memory) = (Millicores::new(125)?, Megabytes::new(256)?);
    Ok(Request::new(name(number), cpu, memory))
}

/// Sends containers until it is told to stop; how many.
fn send(store: &RedisStore, stop: &mpsc::Receiver<()>) -> Result<usize> {
    let mut sent = 0;
    while let Err(mpsc::RecvTimeoutError::Timeout) = stop.recv_timeout(EVERY) {
        let some = (sent..sent + COME).map(request).collect::<Result<Vec<_>>>()?;
        loop {
            match store.enqueue(some.clone(), Duration::ZERO) {
                // All come or none: if one is known, an answer was lost and they have come.
                Ok(_) | Err(StoreError::DuplicateContainer(_)) => break,
                Err(StoreError::NoAnswer(_)) => thread::sleep(Duration::from_millis(20)),
                Err(error) => return Err(error.into()),
            }
        }
        sent += COME;
    }
    Ok(sent)
}

/// Waits until everything that was sent has run. What a server has forgotten before anybody saw it only
/// its sender can know: that is sent once more. How many those were.
fn rest(store: &RedisStore, ledger: &Ledger, sent: usize) -> Result<usize> {
    let (began, mut forgotten, mut quiet) = (Instant::now(), 0, 0);
    while ledger.finished() < sent && began.elapsed() < REST_MAX {
        thread::sleep(Duration::from_millis(50));
        let audit = store.audit()?;
        quiet = if audit.waiting + audit.leased + audit.placed == 0 { quiet + 1 } else { 0 };
        if quiet < 3 {
            continue;
        }
        quiet = 0;
        let lost: BTreeSet<_> = store.lost()?.into_iter().map(|(_, name)| name).collect();
        let never =
            |number: &usize| !ledger.was_started(&name(*number)) && !lost.contains(&name(*number));
        let again: Vec<_> = (0..sent).filter(never).collect();
        if again.is_empty() {
            break;
        }
        forgotten += again.len();
        for number in again {
            store.enqueue(vec![request(number)?], Duration::ZERO)?;
        }
    }
    Ok(forgotten)
}

/// Everything added up; whether it balances.
fn audit(store: &RedisStore, ledger: &Ledger, sent: usize, forgotten: usize, kills: usize) -> bool {
    let books = match (store.audit(), store.lost()) {
        (Ok(books), Ok(lost)) => (books, lost),
        (Err(error), _) | (_, Err(error)) => {
            println!("the books cannot be read: {error}");
            return false;
        }
    };
    let (books, lost) = books;
    let lost: BTreeSet<_> = lost.into_iter().map(|(_, name)| name).collect();
    let twice = ledger.run_twice();
    let missing: Vec<_> = (0..sent)
        .map(name)
        .filter(|name| !ledger.has_finished(name) && !lost.contains(name))
        .collect();
    let still = books.waiting + books.leased + books.placed;
    println!("\nThe books");
    println!("  schedulers killed                    {kills:>8}");
    println!("  servers killed                       {:>8}", 1);
    println!("  containers sent                      {sent:>8}");
    println!("  of these forgotten, and sent again   {forgotten:>8}");
    println!("  run to their end                     {:>8}", ledger.finished());
    println!("  lost with a worker, and named        {:>8}", lost.len());
    println!("  run twice                            {:>8}", twice.len());
    println!("  missing                              {:>8}", missing.len());
    println!("  left in backlog, leases and queues   {still:>8}");
    println!("  disagreements in the store           {:>8}", books.faults.len());
    for what in twice.iter().chain(&missing).chain(&books.faults).take(10) {
        println!("    {what}");
    }
    let balances = twice.is_empty()
        && missing.is_empty()
        && books.faults.is_empty()
        && still == 0
        && kills > 0;
    println!("{}", if balances { "They balance." } else { "THEY DO NOT BALANCE." });
    balances
}
