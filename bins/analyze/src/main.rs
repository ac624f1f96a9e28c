//! Analyses run directories: makes every computed file again, byte for byte, and prints the
//! summary. Imports the detailed CSV files of Logos as run directories and explains them.

mod explain;

use clap::Parser;
use proofload_launch::{Code, Exit, Format, FormatArgs, LogArgs, Session, Terminal, whole_number};
use proofload_logos::{DetailedFile, Import, ImportError};
use proofload_report::{Look, Rows};
use proofload_run_dir::{CreateError, OpenOptions, RunDir};
use proofload_units::printable;
use proofload_verdict::slo::{self, ParseSloError, Slo, Verdict};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

#[derive(Parser)]
#[command(
    name = "proofload-analyze",
    version,
    about = "Analyse run directories again, each as far as it was written"
)]
struct Args {
    /// Run directories, one after the other; what is wrong with one does not keep the others
    #[arg(required_unless_present = "from_logos_csv", value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Put every request into detailed.csv, not only the first million
    #[arg(long)]
    all_rows: bool,
    /// Judge by these objectives instead of those that the run was made with; as often as you like,
    /// written as for proofload-replay
    #[arg(long, value_name = "TEXT", value_parser = Objective::from_str)]
    slo: Vec<Objective>,
    /// Exit with 0 instead of 4 where nothing could be concluded
    #[arg(long)]
    allow_undecided: bool,
    /// Read a directory whose books do not balance; every output then says so
    #[arg(long)]
    accept_unbalanced: bool,
    #[command(flatten)]
    format: FormatArgs,
    /// Show no progress and not where an imported run was put
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    import: ImportArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// What one `--slo` asks for: of a preset there are several.
#[derive(Clone)]
struct Objective(Vec<Slo>);

impl FromStr for Objective {
    type Err = ParseSloError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        slo::parse(text).map(Self)
    }
}

#[derive(clap::Args)]
#[command(next_help_heading = "Import")]
struct ImportArgs {
    /// Import a detailed CSV of Logos' own benchmark as a run directory, and analyse that
    #[arg(long, value_name = "FILE", conflicts_with = "dirs")]
    from_logos_csv: Option<PathBuf>,
    /// Run directory of the import, new or empty [default: results/import-UTC_TIME]
    #[arg(long, value_name = "DIR", requires = "from_logos_csv", conflicts_with = "dirs")]
    out: Option<PathBuf>,
    /// Client duration that an imported request should keep, in whole milliseconds; the file does
    /// not say which one its authors used [default: 10000, as theirs]
    #[arg(
        long,
        value_name = "MS",
        requires = "from_logos_csv",
        conflicts_with = "dirs",
        allow_negative_numbers = true,
        value_parser = whole_number(1..=1_000_000_000_u64, "10000")
    )]
    latency_slo_ms: Option<u64>,
    /// Instead of the summary, show for each request of an imported run what its authors counted,
    /// what we count, and why they differ; with --json as one object
    #[arg(long)]
    explain: bool,
}

fn main() -> ExitCode {
    proofload_launch::run(Args::parse(), |args| &args.log, scenario)
}

fn scenario(mut args: Args, session: &mut Session) -> anyhow::Result<Code> {
    if args.import.explain && args.format.get() == Format::Markdown {
        let why = "--explain has no form in Markdown; leave --format out, or take json";
        return Err(Exit::usage(anyhow::Error::msg(why)).into());
    }
    if let Some(file) = &args.import.from_logos_csv {
        let dir = import(file, &args, session)?;
        args.dirs.push(dir);
    }
    if let [dir] = &args.dirs[..] {
        return analyze(dir, &args, session);
    }
    let mut code = Code::Ok;
    for (place, dir) in args.dirs.iter().enumerate() {
        let between = if place == 0 { "" } else { "\n" };
        match args.format.get() {
            Format::Json => {}
            Format::Markdown => write!(session.out(), "{between}---\n\n")?,
            Format::Text => {
                let name = dir.display().to_string();
                writeln!(session.out(), "{between}==> {} <==", printable(&name))?;
            }
        }
        let found = analyze(dir, &args, session).unwrap_or_else(|error| session.failed(&error));
        code = code.graver(found);
    }
    Ok(code)
}

/// Makes a run directory of a file of Logos.
fn import(path: &Path, args: &Args, session: &Session) -> anyhow::Result<PathBuf> {
    let file = DetailedFile::open(path).map_err(Exit::bad_input)?;
    let ignored = file.ignored_columns();
    if !ignored.is_empty() {
        let names: Vec<String> = ignored.iter().map(|name| format!("`{name}`")).collect();
        session.warn(&format!("{}: ignored columns: {}", path.display(), names.join(", ")));
    }
    let out = args.import.out.clone();
    let import = Import {
        out: out.unwrap_or_else(|| proofload_launch::results_dir("import")),
        program: "proofload-analyze",
        version: env!("CARGO_PKG_VERSION"),
        latency_slo_ns: args.import.latency_slo_ms.unwrap_or(10_000) * 1_000_000,
    };
    let dir = proofload_logos::import(&file, &import).map_err(|error| match error {
        ImportError::Create(CreateError::NotEmpty { .. }) => Exit::usage(error),
        error => Exit::unwritable(error),
    })?;
    if !args.quiet {
        session.tell(&format!("imported {} into {}", path.display(), dir.display()));
    }
    Ok(dir)
}

fn analyze(dir: &Path, args: &Args, session: &mut Session) -> anyhow::Result<Code> {
    let options = OpenOptions { accept_unbalanced: args.accept_unbalanced };
    let rows = if args.all_rows { Rows::All } else { Rows::First };
    let run = RunDir::open_with(dir, options).map_err(Exit::bad_input)?;
    if run.recovery().still_going {
        let why = format!(
            "{}: the run is still going; wait for its program to end, then analyse it",
            dir.display()
        );
        return Err(Exit::bad_input(anyhow::Error::msg(why)).into());
    }
    let slos: Vec<Slo> = args.slo.iter().flat_map(|asked| asked.0.clone()).collect();
    let analysis = if slos.is_empty() {
        proofload_analysis::analyze(&run)
    } else {
        proofload_analysis::analyze_against(&run, &slos)
    };
    let written =
        proofload_report::write_run_dir(&analysis, dir, rows).map_err(Exit::unwritable)?;
    let Terminal { columns, colour } = Terminal::of_stdout();
    let format = args.format.get();
    if args.import.explain {
        let Some(explanation) = proofload_logos::explain(&run) else {
            let why = format!(
                "--explain: {} was not imported, so nobody has published other figures of it",
                dir.display()
            );
            return Err(Exit::usage(anyhow::Error::msg(why)).into());
        };
        match format {
            Format::Json => {
                writeln!(session.out(), "{}", serde_json::to_string_pretty(&explanation)?)?;
            }
            _ => explain::print(&explanation, columns, session.out())?,
        }
    } else {
        match format {
            Format::Json => {
                write!(session.out(), "{}", proofload_report::json(&analysis.results))?;
            }
            Format::Markdown => {
                write!(session.out(), "{}", proofload_report::markdown(&analysis.document))?;
            }
            Format::Text => {
                let look = Look { columns, colour };
                proofload_report::terminal(&analysis.document, &written, look, session.out())?;
            }
        }
    }
    let kept = if analysis.results.degraded { Code::Degraded } else { Code::Ok };
    let asked = match analysis.results.verdict() {
        Some(Verdict::NotMet) => Code::NotMet,
        Some(Verdict::Undecided) if !args.allow_undecided => Code::Undecided,
        _ => Code::Ok,
    };
    Ok(kept.graver(asked))
}
