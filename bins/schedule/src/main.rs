//! Schedules containers on workers, in ways old and new, and says what each cost.

mod args;
mod balance;
mod block;
mod compare;
mod figures;
mod file;
mod files;
mod found;
mod go_bench;
mod grade;
mod improve;
mod metrics;
mod once;
mod page;
mod pictures;
mod redis;
mod results;
mod scaling;
mod scenario;
mod series;
mod stage;

use std::fs;
use std::io::ErrorKind;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::anyhow;
use clap::Parser;
use proofload_launch::{Code, Exit, Format, Session};
use proofload_run_dir::{Bare, CreateError, Finish, Manifest, State};
use proofload_strategies::Strategy;
use serde_json::Value;

use crate::args::Args;
use crate::files::Growing;
use crate::found::Found;
use crate::redis::{Chosen, Server};
use crate::scenario::Which;
use crate::series::series;
use crate::stage::Kind;

fn main() -> ExitCode {
    proofload_launch::run(
        Args::parse(),
        |args| &args.run.log,
        |args, session| schedule(&args, session),
    )
}

fn schedule(args: &Args, session: &mut Session) -> anyhow::Result<Code> {
    if args.replica {
        return redis::replica();
    }
    let mut settings = args.settings();
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    session.interrupt().on_set(move || asked.store(true, Ordering::Relaxed));
    let chosen = args.store.chosen()?;
    let is_redis = matches!(chosen, Chosen::Redis { .. });
    if args.go_bench {
        if is_redis {
            return Err(Exit::usage(anyhow!("--go-bench is of the store in memory")).into());
        }
        let count = settings.repeat.map_or(1, NonZeroU32::get);
        go_bench::go_bench(session.out(), count, Duration::from_secs(1), &stop)?;
        let interrupted = session.interrupt().is_set();
        return Ok(if interrupted { Code::Interrupted } else { Code::Ok });
    }
    let seed = args.run.seed;
    let mut scenario = match &args.file {
        None => settings.scenario(seed).map_err(Exit::usage)?,
        Some(path) => {
            let file = file::read(path).map_err(Exit::bad_input)?;
            let scenario = file.scenario(settings, seed)?;
            settings = settings.or(file.settings);
            scenario
        }
    };
    if is_redis {
        if !scenario.op_delay.is_zero() {
            let text =
                "--op-delay is of the store in memory; a server is put further away by --rtt-ms";
            return Err(Exit::usage(anyhow!(text)).into());
        }
        scenario.repeat = settings.repeat.map_or(REPEAT_REDIS, NonZeroU32::get);
    }
    let kind = reach(chosen, session)?;
    let strategies = args.strategy.strategies();
    let judged = match args.strategy {
        Which::All => Strategy::Ours,
        Which::One(strategy) => strategy,
    };
    let mut record = scenario.record();
    record["store"] = kind.name().into();
    if let Some(server) = kind.server() {
        record["redis"] = server.record();
    }
    record["strategy"] = args.strategy.name().into();
    record["gate"] = args.gate.into();
    let dir = create(args, &record)?;
    let mut growing = Growing::create(&dir, kind.server().is_some())?;
    if settings.cache_ttl_ms.is_some() && judged == Strategy::Ours {
        session.warn(
            "--cache-ttl-ms is for lock and batch; ours, which is judged, has no such time: see it \
             with --strategy batch",
        );
    }
    if let Some(server) = kind.server().filter(|_| strategies.contains(&Strategy::Ours)) {
        redis::make_known(server, &scenario, &stop)?;
    }
    let runs = series(&kind, &strategies, &scenario, &mut growing, args.run.quiet, &stop, session)?;
    let is_scaled = strategies.contains(&Strategy::Ours) && scenario.arrival_rate.is_none();
    let is_scaled = is_scaled && !stop.load(Ordering::Relaxed);
    let scaling = if is_scaled {
        scaling::scaling(&kind, &scenario, &stop, args.run.quiet, session)?
    } else {
        None
    };
    let deliveries = match kind.server() {
        Some(server) if !stop.load(Ordering::Relaxed) => {
            redis::deliveries(server, &strategies, &scenario, &stop)?
        }
        _ => Vec::new(),
    };
    let interrupted = session.interrupt().is_set();
    let all = Found {
        deliveries,
        interrupted,
        ..Found::of(args, &kind, &scenario, &record, judged, &runs, scaling)
    };
    let files = all.write(args, &dir)?;
    let (state, reason) = match interrupted {
        true => (State::Interrupted, Some("interrupted".to_owned())),
        false => (State::Complete, None),
    };
    let at = dir.finish(Finish { state, end_reason: reason }).map_err(Exit::unwritable)?;
    match args.format() {
        Format::Json => writeln!(session.out(), "{:#}", all.results().json())?,
        Format::Markdown => {
            let document = page::document(&all, Vec::new());
            write!(session.out(), "{}", proofload_report::markdown(&document))?;
        }
        Format::Text => {
            all.print(args, session)?;
            writeln!(session.out(), "\nFiles in {}: {}", at.display(), files.join(", "))?;
        }
    }
    for left in kind.server().into_iter().flat_map(Server::left) {
        session.warn(&left);
    }
    Ok(all.code(args))
}

/// Runs of each strategy on a server, where nothing else is said: `old` takes its time there.
const REPEAT_REDIS: u32 = 5;

/// Looks whether the store can be used, before anything is written.
fn reach(chosen: Chosen, session: &Session) -> anyhow::Result<Kind> {
    let Chosen::Redis { address, prefix, keep, rtt, is_visible } = chosen else {
        return Ok(Kind::Memory);
    };
    if is_visible {
        session.warn(
            "the password in --store can be seen by other users of this machine and stays in the \
             shell's history; --password-env keeps it out of both",
        );
    }
    let server = Server::reach(address, prefix, keep, rtt)?;
    if let Some(warning) = server.warning() {
        session.warn(&warning);
    }
    Ok(Kind::Redis(Box::new(server)))
}

/// Tries of a free folder's name while others are started in the same second.
const NAMES_TRIED: usize = 100;

fn create(args: &Args, record: &Value) -> anyhow::Result<Bare> {
    let out = args.run.out.clone().map_or_else(own_folder, Ok).map_err(refused)?;
    create_in(out, args, record).map_err(refused)
}

/// A new folder, made here, so that nobody else who starts now takes it, too.
fn own_folder() -> Result<PathBuf, CreateError> {
    let mut tried = 0;
    loop {
        tried += 1;
        let path = proofload_launch::results_dir("schedule");
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        match made.and_then(|()| fs::create_dir(&path)) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && tried < NAMES_TRIED => {}
            Err(source) => return Err(CreateError::Io { path, source }),
        }
    }
}

fn refused(error: CreateError) -> anyhow::Error {
    match error {
        CreateError::NotEmpty { .. } => Exit::usage(error).into(),
        CreateError::Io { .. } => Exit::unwritable(error).into(),
    }
}

fn create_in(out: PathBuf, args: &Args, record: &Value) -> Result<Bare, CreateError> {
    let mut manifest = Manifest::new("proofload-schedule", env!("CARGO_PKG_VERSION"));
    manifest.git_commit = proofload_launch::GIT_COMMIT.map(str::to_owned);
    manifest.config = record.clone();
    manifest.seed = args.run.seed;
    Bare::create(out, manifest)
}
