//! A whole program on `launch`: shared flags, Ctrl-C, exit codes.
//! `cargo run -p proofload-launch --example hello -- --help`

use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use clap::Parser;
use proofload_launch::{Code, Exit, RunArgs, Session, TargetArgs};

/// Say where requests would go, and wait a little.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// How long to wait for Ctrl-C
    #[arg(long, value_name = "SECONDS", default_value_t = 1)]
    wait: u32,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    run: RunArgs,
}

fn main() -> ExitCode {
    proofload_launch::run(
        Args::parse(),
        |args| &args.run.log,
        |args, session| scenario(&args, session),
    )
}

fn scenario(args: &Args, session: &mut Session) -> anyhow::Result<Code> {
    let target = args.target.resolve(None).map_err(Exit::usage)?;
    // From here on no message shows a key.
    session.protect(&target.secrets);
    let (interrupted, wait) = mpsc::channel();
    session.interrupt().on_set(move || interrupted.send(()).unwrap_or_default());
    writeln!(session.out(), "{:?}, seed {}", target.place, args.run.seed)?;
    let code = match wait.recv_timeout(Duration::from_secs(args.wait.into())) {
        Ok(()) => Code::Interrupted,
        Err(_) => Code::Ok,
    };
    Ok(args.run.settle(code))
}
