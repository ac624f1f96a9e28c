//! A run from its first due time to its last answer.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use proofload_record::Sink;
use proofload_record::clock::Clock;
use proofload_workload::{Payload, PayloadError, Payloads, Plan, Users};
use tokio::sync::Semaphore;

use crate::caps::InFlightCap;
use crate::lane::{self, Source};
use crate::pacer::Pacing;
use crate::stop::{Reason, Stop};
use crate::target::MakeTarget;
use crate::worker::{self, Leading, Shared};

/// How a plan is sent.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// How a worker waits for a due time.
    pub pacing: Pacing,
    /// Requests in flight at most over all workers; a request kept back keeps its due time.
    pub max_in_flight: Option<u32>,
    /// The cap of each worker, from [`InFlightCap::of_machine`].
    pub cap: InFlightCap,
    /// A request that has waited so long for a permit ends as `timeout_total` and is not sent.
    pub permit_timeout: Duration,
    /// Whether the arrival of every content chunk is kept.
    pub keep_chunks: bool,
    /// Whether what answers say is kept, and up to how many bytes of each.
    pub keep_responses: Option<u32>,
    /// Whether to go on where the first ten answers are all 401, 403 or 404.
    pub keep_going: bool,
}

/// How a run ended: `None` when the whole plan was sent and answered.
pub type Stopped = Option<Reason>;

/// Why a run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The workload changed or could not be read; what was sent until then is kept.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// A worker could not get its thread, runtime or timer.
    #[error("cannot start a worker")]
    Worker(#[source] io::Error),
}

/// Sends the whole plan and waits for the answers.
///
/// One worker a sink. `clock` may start a little ahead, so that all workers are ready at 0.
///
/// # Errors
/// [`RunError::Payload`] if a payload is not what was planned, [`RunError::Worker`] if this machine
/// refuses a thread or timer. In both cases every row so far has reached its sink.
pub fn run<M, S>(
    plan: &Plan,
    payloads: Payloads,
    make: &M,
    config: &Config,
    clock: Clock,
    sinks: Vec<S>,
    stop: &Stop,
) -> Result<Stopped, RunError>
where
    M: MakeTarget,
    S: Sink + Send + 'static,
{
    let (loader, lanes) = lane::lanes(sinks.len());
    let load = || {
        let loading = runtime().map_err(RunError::Worker)?.block_on(async {
            tokio::select! {
                _ = stop.stopped() => Ok(()),
                loaded = loader.load(plan, payloads, clock) => loaded,
            }
        });
        if loading.is_err() {
            stop.now(Reason::PayloadLost);
        }
        Ok(loading?)
    };
    drive(lanes.into_iter().zip(sinks).collect(), load, make, config, clock, stop)
}

/// Lets `users` send `payload` again and again, each when its last answer has ended.
///
/// # Errors
/// [`RunError::Worker`] if this machine refuses a thread or timer. Every row so far has reached its
/// sink.
pub fn run_users<M, S>(
    users: &Users,
    payload: &Payload,
    make: &M,
    config: &Config,
    clock: Clock,
    sinks: Vec<S>,
    stop: &Stop,
) -> Result<Stopped, RunError>
where
    M: MakeTarget,
    S: Sink + Send + 'static,
{
    let workers = u32::try_from(sinks.len()).unwrap_or(u32::MAX);
    let part =
        |worker| lane::Repeated { users: users.slice(worker, workers), payload: payload.clone() };
    let work = (0..workers).map(part).zip(sinks).collect();
    drive(work, || Ok(()), make, config, clock, stop)
}

/// Runs a worker for each source, and `beside` on this thread until it is done.
fn drive<M, W, S>(
    work: Vec<(W, S)>,
    beside: impl FnOnce() -> Result<(), RunError>,
    make: &M,
    config: &Config,
    clock: Clock,
    stop: &Stop,
) -> Result<Stopped, RunError>
where
    M: MakeTarget,
    W: Source + Send,
    S: Sink + Send + 'static,
{
    let permits = config.max_in_flight.map(|most| Arc::new(Semaphore::new(most as usize)));
    let leading = (!config.keep_going).then(Leading::default);
    let stop = stop.clone();
    let shared = Arc::new(Shared {
        clock,
        pacing: config.pacing,
        cap: config.cap,
        permits,
        permit_timeout: config.permit_timeout,
        leading,
        keep_chunks: config.keep_chunks,
        keep_responses: config.keep_responses,
        stop: stop.clone(),
    });

    std::thread::scope(|scope| {
        let mut workers = Vec::with_capacity(work.len());
        for (number, (source, sink)) in work.into_iter().enumerate() {
            let shared = Arc::clone(&shared);
            let stop = stop.clone();
            let body = move || {
                let ended = one_worker(number, source, make, sink, shared);
                // Without this worker the plan cannot be kept, so the others stop too.
                ended.inspect_err(|_| stop.now(Reason::WorkerFailed))
            };
            let name = format!("worker-{number}");
            let thread = std::thread::Builder::new().name(name).spawn_scoped(scope, body);
            workers.push(thread.map_err(RunError::Worker)?);
        }
        let beside = beside();
        for worker in workers {
            match worker.join() {
                Ok(ended) => ended.map_err(RunError::Worker)?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        beside?;
        Ok(stop.reason())
    })
}

fn one_worker<M: MakeTarget, W: Source, S: Sink + 'static>(
    number: usize,
    source: W,
    make: &M,
    sink: S,
    shared: Arc<Shared>,
) -> io::Result<()> {
    let runtime = runtime()?;
    let sink = Rc::new(RefCell::new(sink));
    let index = u16::try_from(number).unwrap_or(u16::MAX);
    let target = {
        let _inside = runtime.enter();
        make.make(number, shared.clock)
    };
    let ended = runtime.block_on(worker::work(index, source, target, sink, shared));
    // A look-up of a name may hang for long; nobody waits for it any more.
    runtime.shutdown_background();
    ended
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()
}
