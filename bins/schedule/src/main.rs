//! Schedules containers on workers, in ways old and new, and says what each cost.

mod args;
mod balance;
mod block;
mod compare;
mod figures;
mod file;
mod files;
mod go_bench;
mod grade;
mod improve;
mod once;
mod page;
mod pictures;
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

use clap::Parser;
use proofload_charts::Scene;
use proofload_launch::{Code, Exit, Format, Session};
use proofload_run_dir::{Bare, CreateError, Finish, Manifest, State};
use proofload_strategies::Strategy;
use serde_json::Value;

use crate::args::Args;
use crate::block::{seconds, short};
use crate::compare::{claim_rows, claims, median_run, side_by_side};
use crate::files::{Growing, picture};
use crate::improve::{Improvement, improvement_rows, improvements};
use crate::results::{Deadline, Results};
use crate::scenario::{Scenario, Which};
use crate::series::{Run, series};

fn main() -> ExitCode {
    proofload_launch::run(
        Args::parse(),
        |args| &args.run.log,
        |args, session| schedule(&args, session),
    )
}

fn schedule(args: &Args, session: &mut Session) -> anyhow::Result<Code> {
    let mut settings = args.settings();
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    session.interrupt().on_set(move || asked.store(true, Ordering::Relaxed));
    if args.go_bench {
        let count = settings.repeat.map_or(1, NonZeroU32::get);
        go_bench::go_bench(session.out(), count, Duration::from_secs(1), &stop)?;
        let interrupted = session.interrupt().is_set();
        return Ok(if interrupted { Code::Interrupted } else { Code::Ok });
    }
    let seed = args.run.seed;
    let scenario = match &args.file {
        None => settings.scenario(seed).map_err(Exit::usage)?,
        Some(path) => {
            let file = file::read(path).map_err(Exit::bad_input)?;
            let scenario = file.scenario(settings, seed)?;
            settings = settings.or(file.settings);
            scenario
        }
    };
    let (strategies, judged) = match args.strategy {
        Which::All => (Strategy::ALL.to_vec(), Strategy::Ours),
        Which::One(strategy) => (vec![strategy], strategy),
    };
    let mut record = scenario.record();
    record["store"] = args.store.into();
    record["strategy"] = args.strategy.name().into();
    record["gate"] = args.gate.into();
    let dir = create(args, &record)?;
    let mut growing = Growing::create(&dir)?;
    if settings.cache_ttl_ms.is_some() && judged == Strategy::Ours {
        session.warn(
            "--cache-ttl-ms is for lock and batch; ours, which is judged, has no such time: see it \
             with --strategy batch",
        );
    }
    let runs = series(&strategies, &scenario, &mut growing, args.run.quiet, &stop, session)?;
    let is_scaled = strategies.contains(&Strategy::Ours) && scenario.arrival_rate.is_none();
    let is_scaled = is_scaled && !stop.load(Ordering::Relaxed);
    let scaling =
        if is_scaled { scaling::scaling(&scenario, &stop, args.run.quiet, session)? } else { None };
    let interrupted = session.interrupt().is_set();
    let found = Found::of(args, &scenario, &strategies, judged, &runs, scaling, &record);
    let all = Found { interrupted, ..found };
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
    Ok(all.code(args))
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

/// Everything that was found out.
struct Found<'a> {
    scenario: &'a Scenario,
    strategies: &'a [Strategy],
    judged: Strategy,
    runs: &'a [Run],
    scaling: Option<scaling::Found>,
    claims: Vec<compare::Claim>,
    improvements: Vec<Improvement>,
    deadline: Option<Deadline>,
    interrupted: bool,
    /// What was run, as files keep it.
    record: &'a Value,
}

impl<'a> Found<'a> {
    fn of(
        args: &Args,
        scenario: &'a Scenario,
        strategies: &'a [Strategy],
        judged: Strategy,
        runs: &'a [Run],
        scaling: Option<scaling::Found>,
        record: &'a Value,
    ) -> Self {
        let compared = args.strategy == Which::All;
        let claims = if compared { claims(runs, scenario) } else { Vec::new() };
        let improvements =
            if compared { improvements(runs, scenario, strategies) } else { Vec::new() };
        let own = || runs.iter().filter(move |run| run.strategy == judged);
        let in_time = own().filter(|run| run.total < scenario.target).count();
        let deadline = Deadline::of(own().count() as u64, in_time as u64);
        Self {
            scenario,
            strategies,
            judged,
            runs,
            scaling,
            claims,
            improvements,
            deadline,
            interrupted: false,
            record,
        }
    }

    fn own(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.strategy == self.judged)
    }

    /// The run with the median total; where some miss a goal, of those, so that a block that ends with
    /// `PASSED` speaks for all.
    fn shown(&self) -> Option<&Run> {
        let mut failed: Vec<&Run> = self.own().filter(|run| !run.meets_all()).collect();
        failed.sort_by_key(|run| run.total);
        let middle = failed.len().saturating_sub(1) / 2;
        failed.get(middle).copied().or_else(|| median_run(self.runs, self.judged))
    }

    fn results(&self) -> Results<'_> {
        Results {
            scenario: self.scenario,
            strategies: self.strategies,
            judged: self.judged,
            runs: self.runs,
            claims: &self.claims,
            improvements: &self.improvements,
            deadline: self.deadline,
            scaling: self.scaling.as_ref(),
            state: if self.interrupted { "interrupted" } else { "complete" },
        }
    }

    /// The strategies side by side, what they save, and what the source claims.
    fn tables(&self) -> [Vec<Vec<String>>; 3] {
        [
            side_by_side(self.runs, self.strategies),
            improvement_rows(&self.improvements),
            claim_rows(&self.claims),
        ]
    }

    /// Gives the names of the files.
    fn write(&self, args: &Args, dir: &Bare) -> anyhow::Result<Vec<String>> {
        let mut files = vec!["results.json".to_owned(), "summary.csv".into(), "batches.csv".into()];
        let json = format!("{:#}\n", self.results().json());
        dir.put("results.json", json.as_bytes()).map_err(Exit::unwritable)?;
        let pictures = self.pictures();
        for (name, scene) in &pictures {
            picture(dir, name, scene)?;
        }
        if !pictures.is_empty() {
            files.push("charts/".to_owned());
        }
        let page = proofload_report::html(&page::document(self, pictures))?;
        dir.put("report.html", page.as_bytes()).map_err(Exit::unwritable)?;
        files.push("report.html".to_owned());
        if args.is_stress() {
            dir.put("stress_test_results.txt", self.stress().as_bytes())
                .map_err(Exit::unwritable)?;
            files.push("stress_test_results.txt".to_owned());
        }
        Ok(files)
    }

    fn pictures(&self) -> Vec<(&'static str, Scene)> {
        let Some(run) = median_run(self.runs, self.judged) else { return Vec::new() };
        let mut pictures = vec![
            ("distribution", pictures::distribution(run)),
            ("phases", pictures::phases(self.runs, self.strategies)),
        ];
        if let Some(scaling::Found::Measured(found)) = &self.scaling {
            pictures.push(("scaling", pictures::scaling(found)));
        }
        pictures
    }

    /// What the source's stress test keeps of each run, and the average that its awk line prints.
    fn stress(&self) -> String {
        let kept = ["Total duration:", "Lock acquisitions:", "PASS", "FAIL"];
        let mut text = String::new();
        let (mut sum, mut count) = (0.0, 0);
        for run in self.own() {
            for line in run.block.lines().filter(|line| kept.iter().any(|word| line.contains(word)))
            {
                text.push_str(line);
                text.push('\n');
            }
            sum += run.total.as_secs_f64();
            count += 1;
        }
        if count > 0 {
            text.push_str(&format!("Average: {:.6} Count: {count}\n", sum / f64::from(count)));
        }
        text
    }

    fn print(&self, args: &Args, session: &mut Session) -> anyhow::Result<()> {
        let out = session.out();
        if args.verbose {
            for run in self.own() {
                writeln!(out, "{}", run.block)?;
            }
        } else if let Some(run) = self.shown() {
            writeln!(out, "{}", run.block)?;
        }
        let (own, met) = (self.own().count(), self.own().filter(|run| run.meets_all()).count());
        if own == 0 {
            writeln!(out, "No run was finished.")?;
            return Ok(());
        }
        let name = self.judged.name();
        writeln!(out, "Runs of {name} that meet every goal: {met} of {own}")?;
        for run in self.own().filter(|run| !run.meets_all()).take(3) {
            let missed = run.goals.iter().filter(|goal| !goal.met).map(|goal| goal.name);
            let missed: Vec<_> = missed.collect();
            writeln!(out, "  run {} ({}): {}", run.number, seconds(run.total), missed.join(", "))?;
        }
        if let Some(deadline) = self.deadline {
            writeln!(out, "{}", deadline.text(&short(self.scenario.target)))?;
        }
        if self.strategies.len() > 1 {
            writeln!(
                out,
                "\nMedians of {own} runs each [95% interval], in turns there and back:\n"
            )?;
            let [side_by_side, improvements, claims] = compare::texts(self.tables());
            write!(out, "{side_by_side}")?;
            writeln!(
                out,
                "\nAn improvement is the median of those of all pairs of a run of old and one of the \
                 other:\n"
            )?;
            writeln!(out, "{improvements}")?;
            write!(out, "{claims}")?;
        }
        let grows = match &self.scaling {
            None => return Ok(()),
            Some(scaling::Found::Measured(found)) => {
                format!("grows as their number to the power {}", figures::slope_text(&found.slope))
            }
            Some(scaling::Found::NotMeasured(why)) => format!("is not measured: {why}"),
        };
        writeln!(out, "\nFrom 100 to 10,000 containers time without the window {grows}")?;
        Ok(())
    }

    fn code(&self, args: &Args) -> Code {
        if self.interrupted {
            return Code::Interrupted;
        }
        let goals = if self.own().all(Run::meets_all) { Code::Ok } else { Code::NotMet };
        let gate = match self.deadline.and_then(|deadline| deadline.met) {
            _ if !args.gate => Code::Ok,
            Some(true) => Code::Ok,
            Some(false) => Code::NotMet,
            None if args.run.allow_undecided => Code::Ok,
            None => Code::Undecided,
        };
        goals.graver(gate)
    }
}
