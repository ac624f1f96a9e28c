//! Runs the simulator alone: an OpenAI-compatible server to aim any client at.

use anyhow::anyhow;
use clap::Parser;
use proofload_launch::{Code, Exit, LogArgs, Session};
use proofload_server_log::{Source, Writer, make_tables};
use proofload_simulator::{Options, Simulator};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::mpsc;

#[derive(Parser)]
#[command(
    name = "proofload-simulate",
    version,
    about = "Simulate a model server: OpenAI-compatible, seeded, with faults on request",
    after_long_help = settings()
)]
struct Args {
    /// Where to listen; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// A setting of the simulator, such as decode=20ms or fault=truncate:0.01; --help lists them
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Where to log every request, as a Logos server does: sqlite:PATH or
    /// postgres://USER@HOST:PORT/DATABASE
    // A plain string, since clap would repeat a refused value with the password in it.
    #[arg(long, value_name = "URL")]
    server_log: Option<String>,
    #[command(flatten)]
    log: LogArgs,
}

/// The end of `--help`.
fn settings() -> String {
    let mut text = "Settings (--set KEY=VALUE, repeatable; defaults in brackets):\n".to_owned();
    for setting in Options::settings() {
        let _ = writeln!(text, "  {}: {}\n      {}", setting.key, setting.meaning, setting.form);
    }
    text
}

fn main() -> ExitCode {
    proofload_launch::run(Args::parse(), |args| &args.log, scenario)
}

fn scenario(args: Args, session: &mut Session) -> anyhow::Result<Code> {
    let mut options = Options::default();
    for setting in args.settings {
        options.set(&setting).map_err(Exit::usage)?;
    }
    let (writer, rows) = match args.server_log.as_deref() {
        Some(url) => {
            session.protect(&Source::secrets_of(url));
            let source: Source =
                url.parse().map_err(|error| Exit::usage(anyhow!("--server-log: {error}")))?;
            make_tables(&source).map_err(Exit::unwritable)?;
            let (writer, rows) = Writer::start(source)?;
            (Some(writer), Some(rows))
        }
        None => (None, None),
    };
    let mut simulator = Simulator::start(options, args.listen, rows).map_err(Exit::usage)?;
    writeln!(session.out(), "http://{}", simulator.addr())?;
    session.out().flush()?;

    let (end, ended) = mpsc::channel::<()>();
    session.interrupt().on_set(move || drop(end));
    // Nothing is ever sent: it fails when the other end is dropped, which is what is waited for.
    let _ = ended.recv();
    simulator.stop().map_err(Exit::unwritable)?;
    writer.map(Writer::finish).transpose().map_err(Exit::unwritable)?;
    Ok(Code::Ok)
}
