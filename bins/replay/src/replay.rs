//! The run itself: directory, engine, and the end of both.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use proofload_http_load::{Config, InFlightCap, Reason, RunError, Stopped};
use proofload_launch::{Code, Exit, Session, Target, Terminal};
use proofload_live::{Progress, Show, Snapshot, Times};
use proofload_record::clock::{Clock, monotonic_ns};
use proofload_record::{NotSent, Outcome};
use proofload_run_dir::{
    CreateError, Finish, KeepResponses, Manifest, PlanRow, Running, SoFar, State, Writer,
};
use proofload_workload::{Plan, WalkError};

use crate::args::Args;
use crate::target::Reached;

/// The run's clock reads 0 this long after it is set, so that every worker is ready by then.
const HEAD_START_NS: u64 = 50_000_000;

/// A run that is over and sealed.
pub(crate) struct Replayed {
    pub(crate) dir: PathBuf,
    /// What ended it, where that decides how the program ends.
    pub(crate) ended_by: Option<anyhow::Error>,
}

/// Writes the plan, sends it, and seals the run directory, however the run ended.
pub(crate) fn replay(
    args: &Args,
    out: PathBuf,
    target: &Target,
    plan: &Plan,
    reached: &Reached,
    session: &Session,
) -> anyhow::Result<Replayed> {
    let workers = args.run.workers();
    let payloads = plan.payloads().map_err(Exit::bad_input)?;
    let writer = create(args, out, target, plan, reached)?;
    let unwritable = reached.stop.clone();
    let on_failure = move || unwritable.now(Reason::Unwritable);
    let prepared = writer.prepare(workers, on_failure).map_err(Exit::unwritable)?;
    // Last, when nothing is left to do that may wait for a disk.
    let clock = Clock::from_origin(monotonic_ns() + HEAD_START_NS);
    let (running, recorders) = prepared.begin(clock);

    let config = Config {
        pacing: args.pacing,
        max_in_flight: args.max_in_flight.map(std::num::NonZeroU32::get),
        permit_timeout: args.timeout.total,
        cap: InFlightCap::of_machine(workers, reached.is_embedded()),
        keep_chunks: args.chunks,
        // A little more than is kept, so that a key at the limit is found.
        keep_responses: args.keep_responses.map(|limit| limit.get() + KeepResponses::MARGIN_BYTES),
        keep_going: args.keep_going,
    };
    let running = Arc::new(running);
    let progress = show(args, reached, plan, clock, &running);
    let ended = proofload_http_load::run(
        plan,
        payloads,
        &reached.make,
        &config,
        clock,
        recorders,
        &reached.stop,
    );
    progress.stop();
    let (finish, ended_by) = judge(ended, session);
    // Progress has ended, and with it the only other user.
    let Some(running) = Arc::into_inner(running) else {
        anyhow::bail!("the run directory is still in use");
    };
    match (running.finish(finish), ended_by) {
        (Ok(dir), ended_by) => Ok(Replayed { dir, ended_by }),
        (Err(error), _) => Err(Exit::unwritable(error).into()),
    }
}

/// Looks at the places that results go to, before anybody waits for a target. Gives that of the run
/// directory.
pub(crate) fn places(args: &Args) -> anyhow::Result<PathBuf> {
    let out = args.run.out_dir("replay");
    proofload_run_dir::check_vacant(&out).map_err(not_created)?;
    if let Some(folder) = args.output.as_deref().and_then(Path::parent) {
        let made = fs::create_dir_all(folder);
        made.with_context(|| format!("--output: cannot make the folder {}", folder.display()))
            .map_err(Exit::unwritable)?;
    }
    Ok(out)
}

fn not_created(error: CreateError) -> Exit {
    match error {
        CreateError::NotEmpty { .. } => Exit::usage(error),
        CreateError::Io { .. } => Exit::unwritable(error),
    }
}

/// Makes the run directory with its plan.
fn create(
    args: &Args,
    out: PathBuf,
    target: &Target,
    plan: &Plan,
    reached: &Reached,
) -> anyhow::Result<Writer> {
    let mut manifest = Manifest::new("proofload-replay", env!("CARGO_PKG_VERSION"));
    let names: Vec<_> = target.headers.iter().map(proofload_launch::Header::name).collect();
    manifest.run_id.clone_from(&reached.run_id);
    manifest.git_commit = proofload_launch::GIT_COMMIT.map(str::to_owned);
    manifest.config = args.record(args.labels(reached.is_embedded()), &names);
    manifest.seed = args.run.seed;
    manifest.target.url.clone_from(&reached.url);
    manifest.target.simulated = reached.is_simulated();
    manifest.classes = plan.classes().iter().map(Into::into).collect();
    manifest.warmup_requests = u64::from(args.warmup);
    manifest.slos.clone_from(&args.slo);
    manifest.latency_slo_ns = (args.latency_slo_ms * 1e6).round() as u64;

    let config = proofload_run_dir::Config { out, manifest, keep_chunks: args.chunks };
    let mut writer = Writer::create(config).map_err(not_created)?;
    if let Some(limit) = args.keep_responses {
        let (limit_bytes, secrets) = (limit.get(), target.secrets.clone());
        writer.keep_responses(KeepResponses { limit_bytes, secrets });
    }
    let walked = plan.walk(|entry| {
        writer.plan_entry(&PlanRow {
            id: entry.id,
            due_ns: entry.due_ns,
            class: entry.class,
            offset: entry.offset,
            len: entry.len,
            crc: entry.crc,
        })
    });
    let walked = walked.map_err(|error| match error {
        WalkError::Visit(error) => Exit::unwritable(error),
        WalkError::Payload(error) => Exit::bad_input(error),
    })?;
    let manifest = writer.manifest_mut();
    manifest.plan_hash = walked.hash_hex();
    manifest.stream_changed = walked.stream_changed;
    manifest.model_changed = walked.model_changed;
    Ok(writer)
}

fn show(
    args: &Args,
    reached: &Reached,
    plan: &Plan,
    clock: Clock,
    running: &Arc<Running>,
) -> Progress {
    let show = Show {
        quiet: args.run.quiet,
        simulated: reached.is_simulated(),
        in_place: Terminal::of_stderr().colour,
    };
    let (running, span_ns) = (Arc::clone(running), plan.span_ns());
    Progress::start(show, move || {
        let progress = running.progress();
        let outcomes = Outcome::ALL.map(Outcome::label).into_iter().zip(progress.outcomes);
        let not_sent = NotSent::ALL.map(NotSent::label).into_iter().zip(progress.not_sent);
        let errors = outcomes.filter(|&(name, _)| name != Outcome::Ok.label()).chain(not_sent);
        let times = |SoFar { n, p50_ns, p99_ns }| Times { n, p50_ns, p99_ns };
        Snapshot {
            planned: progress.planned,
            released: progress.released,
            ok: progress.outcomes[usize::from(Outcome::Ok.code())],
            errors: errors.collect(),
            in_flight: progress.in_flight,
            waiting: progress.queued,
            elapsed_ns: clock.now_ns(),
            span_ns,
            ttft: progress.ttft.map(times),
            lateness: progress.lateness.map(times),
        }
    })
}

/// What the end of the engine means for the manifest and for the program.
fn judge(ended: Result<Stopped, RunError>, session: &Session) -> (Finish, Option<anyhow::Error>) {
    let finish = |state, reason: &str| Finish { state, end_reason: Some(reason.to_owned()) };
    match ended {
        Ok(None) => (Finish { state: State::Complete, end_reason: None }, None),
        Ok(Some(Reason::Interrupted)) => (finish(State::Interrupted, "interrupted"), None),
        Ok(Some(Reason::Refused)) => {
            let reason = "the first ten answers were all 401, 403 or 404: wrong key, path, or a \
                          model that the server does not have?";
            session.warn(&format!("{reason} Ended early; --keep-going sends all the same"));
            (finish(State::Failed, reason), None)
        }
        // The writer has the reason, and `finish` returns it.
        Ok(Some(Reason::Unwritable | Reason::PayloadLost | Reason::WorkerFailed)) => {
            (finish(State::Failed, "ended by a fault"), None)
        }
        Err(error) => {
            let finish = finish(State::Failed, &error.to_string());
            let error = match error {
                RunError::Payload(_) => Exit::bad_input(error),
                RunError::Worker(_) => Exit::with(Code::Internal, error),
            };
            (finish, Some(error.into()))
        }
    }
}
