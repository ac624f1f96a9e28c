//! Replays a workload file against a model server and records what every request saw.

mod args;
mod models;
mod replay;
mod server_log;
mod target;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use proofload_launch::{Code, Exit, Format, Session, Terminal};
use proofload_report::{Look, Rows};
use proofload_run_dir::{OpenOptions, RunDir, State};
use proofload_verdict::slo::Verdict;
use proofload_workload::{Plan, Workload};

use crate::args::Args;

fn main() -> ExitCode {
    proofload_launch::run(
        Args::parse(),
        |args| &args.run.log,
        |args, session| scenario(&args, session),
    )
}

fn scenario(args: &Args, session: &mut Session) -> anyhow::Result<Code> {
    let mut flags = args.target.resolve(args.own_key()).map_err(Exit::usage)?;
    flags.secrets.extend(&args.server_log.secrets());
    session.protect(&flags.secrets);
    let simulated = target::is_simulated(&flags);
    let labels = args.labels(simulated);
    let workload = open(args)?;
    let models = models::map(&args.model_map, &workload)?;
    let plan = workload.plan(&args.plan_options(labels, models)).map_err(Exit::bad_input)?;
    if args.validate {
        return describe(args, &workload, &plan, session);
    }
    if args.warmup >= plan.len() {
        let (warmup, len) = (args.warmup, plan.len());
        let error = anyhow::anyhow!(
            "--warmup {warmup} leaves nothing to analyse: the plan has {len} requests"
        );
        return Err(Exit::usage(error).into());
    }
    warn(args, session);
    let out = replay::places(args)?;
    let (mut log, rows) = args.server_log.prepare(&out, simulated, session)?;
    let reached = target::reach(args, &flags, &plan, rows, session)?;
    log.iter_mut().for_each(|log| log.check(session));
    models::check(args, &plan, &reached, log.as_ref(), session)?;
    let replayed = replay::replay(args, out, &flags, &plan, &reached, session)?;
    // The simulator's last words (truth file, log) are written before anybody reads them.
    reached.end().map_err(Exit::unwritable)?;
    // The analysis reads the plan from the directory, so that both need not fit into memory.
    drop((plan, workload));
    let mut dir = RunDir::open_with(&replayed.dir, OpenOptions::default())
        .with_context(|| "cannot read the run directory that was just written")?;
    if let Some(log) = log {
        log.join(&mut dir, args.run.quiet, session)?;
    }
    conclude(args, &dir, replayed.ended_by, session)
}

fn open(args: &Args) -> anyhow::Result<Workload> {
    match &args.workload {
        Some(path) => Workload::open(path).map_err(|error| Exit::bad_input(error).into()),
        None => Ok(Workload::mixed()),
    }
}

/// `--validate`: what the workload holds, and nothing is sent.
fn describe(
    args: &Args,
    workload: &Workload,
    plan: &Plan,
    session: &mut Session,
) -> anyhow::Result<Code> {
    if args.run.format.get() == Format::Markdown {
        let why = "--validate has no form in Markdown; leave --format out, or take json";
        return Err(Exit::usage(anyhow::Error::msg(why)).into());
    }
    let walked = plan.walk(|_| Ok(())).map_err(Exit::bad_input)?;
    let out = session.out();
    let (len, changed, renamed) = (plan.len(), walked.stream_changed, walked.model_changed);
    if args.run.format.get() == Format::Json {
        let plan = serde_json::json!({
            "requests": len, "stream_changed": changed, "model_changed": renamed,
            "sha256": walked.hash_hex(),
        });
        let described = serde_json::json!({ "workload": workload.describe(), "plan": plan });
        writeln!(out, "{described:#}")?;
        return Ok(Code::Ok);
    }
    write!(out, "{}", workload.describe())?;
    writeln!(
        out,
        "plan        {len} requests; {changed} bodies changed to ask for a stream with usage"
    )?;
    if !args.model_map.is_empty() {
        writeln!(out, "            {renamed} bodies changed to name another model")?;
    }
    writeln!(out, "sha256      {}", walked.hash_hex())?;
    Ok(Code::Ok)
}

fn warn(args: &Args, session: &Session) {
    if args.logos_key.is_some() {
        session.warn_of_visible_key("--logos-key");
    }
    if args.target.insecure {
        session
            .warn("--insecure: the server's certificate is not checked; it may be an impostor's");
    }
}

/// The summary, from the directory that was just written: there is one way to a figure.
fn conclude(
    args: &Args,
    dir: &RunDir,
    ended_by: Option<anyhow::Error>,
    session: &mut Session,
) -> anyhow::Result<Code> {
    let analysis = proofload_analysis::analyze(dir);
    let mut written = proofload_report::write_run_dir(&analysis, dir.path(), Rows::First)
        .map_err(Exit::unwritable)?;
    if let Some(output) = &args.output {
        let beside = proofload_report::write_beside(&analysis, output, Rows::First);
        written.files.extend(beside.map_err(Exit::unwritable)?.files);
    }
    match args.run.format.get() {
        Format::Json => write!(session.out(), "{}", proofload_report::json(&analysis.results))?,
        Format::Markdown => {
            write!(session.out(), "{}", proofload_report::markdown(&analysis.document))?;
        }
        Format::Text => {
            let Terminal { columns, colour } = Terminal::of_stdout();
            let look = Look { columns, colour };
            proofload_report::terminal(&analysis.document, &written, look, session.out())?;
        }
    }
    if let Some(error) = ended_by {
        return Err(error);
    }
    let kept = code_of(dir.manifest().state, analysis.results.degraded);
    let asked = match analysis.results.verdict() {
        None | Some(Verdict::Met) => Code::Ok,
        Some(Verdict::Undecided) => Code::Undecided,
        Some(Verdict::NotMet) => Code::NotMet,
    };
    Ok(args.run.settle(kept.graver(asked)))
}

/// What became of the run. An interrupt that came when it was over has ended nothing.
const fn code_of(state: State, degraded: bool) -> Code {
    match state {
        State::Interrupted => Code::Interrupted,
        _ if degraded => Code::Degraded,
        _ => Code::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::code_of;
    use proofload_launch::Code;
    use proofload_run_dir::State;

    #[test]
    fn what_the_run_says_of_itself_is_what_the_program_ends_with() {
        for (state, degraded, code) in [
            (State::Complete, false, Code::Ok),
            (State::Complete, true, Code::Degraded),
            (State::Interrupted, true, Code::Interrupted),
            (State::Failed, true, Code::Degraded),
        ] {
            assert_eq!(code_of(state, degraded), code, "{state:?} {degraded}");
        }
    }
}
