//! A replica: this program once more, told what to do over its standard input, by a program that started it.

use std::io::{self, BufRead, Write};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
use proofload_launch::Code;
use proofload_scheduler::{Batching, Replica};
use proofload_scheduler_redis::wire::Address;
use proofload_scheduler_redis::{Options, RedisStore};
use proofload_strategies::{Primitives, Ran, Settings, Strategy, Work, run_ours, run_steps};
use proofload_strategies_redis::RedisPrimitives;

use super::line::{Job, Order, Said, Told};
use super::truth::commands;

/// Does one run and ends. Whoever started it is told how it went, and it ends at once with them.
pub(crate) fn replica() -> anyhow::Result<Code> {
    let (code, said) = match run() {
        Ok(told) => (Code::Ok, Said::Ran(Box::new(told))),
        Err(error) => (Code::Internal, Said::Failed(format!("{error:#}"))),
    };
    say(&said)?;
    Ok(code)
}

fn say(said: &Said) -> anyhow::Result<()> {
    let mut line = serde_json::to_string(said)?;
    line.push('\n');
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush())?;
    Ok(())
}

fn run() -> anyhow::Result<Told> {
    let mut first = String::new();
    io::stdin().lock().read_line(&mut first)?;
    let job: Job = serde_json::from_str(&first)
        .map_err(|_| anyhow!("--replica is how this program starts itself; use --replicas"))?;
    let stop = Arc::new(AtomicBool::new(false));
    let go = listen(Arc::clone(&stop))?;
    let near: Address = job.near.parse()?;
    let far: Address = job.far.parse()?;
    let strategy = Strategy::ALL.into_iter().find(|strategy| strategy.name() == job.strategy);
    let strategy = strategy.context("an unknown strategy")?;
    let batching = Batching {
        most: job.batch,
        window: Duration::from_micros(job.window_us),
        adaptive: job.adaptive,
    };
    let settings = Settings {
        policy: job.policy().context("an unknown policy")?,
        seed: job.seed,
        batching,
        cache_lifetime: Duration::from_micros(job.cache_ttl_us),
    };
    // It begins when all are told to, wherever the store is.
    let begin = || -> anyhow::Result<Work> {
        say(&Said::Ready)?;
        go.recv().context("nobody said that it begins")?;
        let work = Work::until(job.containers, Arc::clone(&stop));
        // Whoever reads it is there, or this process ends.
        Ok(work.telling(|settled| drop(say(&Said::Settled(settled)))))
    };
    let (ran, beside) = match strategy.steps() {
        None => {
            let store = RedisStore::open(&far, &job.prefix, Options::default())?;
            let which = Replica { index: job.index, count: job.count };
            let work = begin()?;
            (run_ours(vec![(which, store)], &work, &settings)?, 0)
        }
        Some(steps) => {
            let open = |address| RedisPrimitives::open(address, &job.prefix, Default::default());
            let (own, hand) = (open(&far)?, open(&near)?);
            let counters = Primitives::counters(&hand);
            let work = begin()?;
            let before = commands(&counters.snapshot());
            let ran: Ran = run_steps(steps, vec![own], &hand, &work, &settings)?;
            (ran, commands(&counters.snapshot()) - before)
        }
    };
    Ok(Told::of(&ran, beside))
}

/// Hears what comes after the job. When the other end closes, there is nobody to work for.
fn listen(stop: Arc<AtomicBool>) -> io::Result<Receiver<()>> {
    let (begin, go) = channel();
    let hear = move || {
        for line in io::stdin().lines() {
            match line.ok().and_then(|line| serde_json::from_str(&line).ok()) {
                Some(Order::Go) => drop(begin.send(())),
                Some(Order::Over) => stop.store(true, Ordering::Relaxed),
                None => break,
            }
        }
        process::exit(i32::from(Code::Interrupted as u8));
    };
    thread::Builder::new().name("orders".to_owned()).spawn(hear)?;
    Ok(go)
}
