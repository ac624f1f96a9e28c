//! Analyses run directories: makes every computed file again, byte for byte, and prints the
//! summary.

use clap::Parser;
use proofload_launch::{Code, Exit, LogArgs, Session, Terminal};
use proofload_report::{Look, Rows};
use proofload_run_dir::{OpenOptions, RunDir};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "proofload-analyze",
    version,
    about = "Analyse run directories again, each as far as it was written"
)]
struct Args {
    /// Run directories
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Put every request into detailed.csv, not only the first million
    #[arg(long)]
    all_rows: bool,
    /// Read a directory whose books do not balance; every output then says so
    #[arg(long)]
    accept_unbalanced: bool,
    /// Print one JSON object a directory instead of the summary: that of results.json
    #[arg(long)]
    json: bool,
    /// Show no progress; there is none here, but every program takes the flag
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    log: LogArgs,
}

fn main() -> ExitCode {
    proofload_launch::run(Args::parse(), |args| &args.log, scenario)
}

fn scenario(args: Args, session: &mut Session) -> anyhow::Result<Code> {
    let Args { dirs, all_rows, accept_unbalanced, json, .. } = args;
    let options = OpenOptions { accept_unbalanced };
    let rows = if all_rows { Rows::All } else { Rows::First };
    let mut code = Code::Ok;
    for dir in dirs {
        if analyze(&dir, options, rows, json, session)? == Code::Degraded {
            code = Code::Degraded;
        }
    }
    Ok(code)
}

fn analyze(
    dir: &Path,
    options: OpenOptions,
    rows: Rows,
    json: bool,
    session: &mut Session,
) -> anyhow::Result<Code> {
    let run = RunDir::open_with(dir, options).map_err(Exit::bad_input)?;
    let analysis = proofload_analysis::analyze(&run);
    let written =
        proofload_report::write_run_dir(&analysis, dir, rows).map_err(Exit::unwritable)?;
    if json {
        session.out().write_all(proofload_report::json(&analysis.results).as_bytes())?;
    } else {
        let Terminal { columns, colour } = Terminal::of_stdout();
        let look = Look { columns, colour };
        proofload_report::terminal(&analysis.document, &written, look, session.out())?;
    }
    Ok(if analysis.results.degraded { Code::Degraded } else { Code::Ok })
}
