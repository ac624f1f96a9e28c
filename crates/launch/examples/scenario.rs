//! A small program on `proofload-launch`: it lists numbers, waits, or fails, and keeps a file.
//!
//! The integration tests start it as a user would.

use std::fs;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use anyhow::anyhow;
use clap::{Parser, ValueEnum};
use proofload_launch::{Code, Exit, OwnKey, RunArgs, Session, TargetArgs};

/// List numbers, wait, or fail.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// What to do
    #[arg(value_enum)]
    task: Task,
    /// A key, as the replay's `--logos-key` takes it
    #[arg(long, value_name = "KEY")]
    logos_key: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Task {
    /// Print many lines, then keep the results
    List,
    /// Wait for Ctrl-C, then keep the results
    Wait,
    /// Look at nothing any more
    Hang,
    /// Fail with a message that repeats the key
    Fail,
    /// Fail without a code
    FailBare,
    /// Conclude nothing
    Undecided,
}

fn main() -> ExitCode {
    proofload_launch::run(Args::parse(), |args| &args.run.log, scenario)
}

fn scenario(args: Args, session: &mut Session) -> anyhow::Result<Code> {
    let own_key = args.logos_key.as_deref().map(|key| OwnKey {
        flag: "--logos-key",
        header: "logos_key",
        key,
    });
    let target = args.target.resolve(own_key).map_err(Exit::usage)?;
    session.protect(&target.secrets);
    if own_key.is_some() {
        session.warn_of_visible_key("--logos-key");
    }
    let (interrupted, wait) = mpsc::channel();
    // Fails where nobody waits any more.
    session.interrupt().on_set(move || interrupted.send(()).unwrap_or_default());
    let code = match args.task {
        Task::List => {
            for number in 0..100_000 {
                writeln!(session.out(), "line {number}")?;
            }
            Code::Ok
        }
        Task::Wait => {
            writeln!(session.out(), "ready")?;
            wait.recv()?;
            Code::Interrupted
        }
        Task::Hang => {
            writeln!(session.out(), "ready")?;
            loop {
                thread::park();
            }
        }
        Task::Fail => {
            for header in &target.headers {
                tracing::warn!(value = header.value(), "sending a header");
            }
            let said = args.logos_key.unwrap_or_default();
            return Err(Exit::bad_input(anyhow!("it says {said}").context("refused")).into());
        }
        Task::FailBare => return Err(anyhow!("no code fits")),
        Task::Undecided => Code::Undecided,
    };
    fs::write(args.run.out_dir("scenario"), "kept").map_err(Exit::unwritable)?;
    Ok(args.run.settle(code))
}
