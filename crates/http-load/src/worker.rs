//! One worker: its pacer, its requests, its sink, on its own thread.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use proofload_record::clock::Clock;
use proofload_record::{End, Flags, Load, NotSent, Outcome, Row, Sink, Stamp};
use proofload_workload::Next;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::LocalSet;
use tokio::time::timeout;
use tracing::{Instrument, Level, debug, debug_span};

use crate::caps::InFlightCap;
use crate::carriers::Carriers;
use crate::lane::Source;
use crate::pacer::{Pacer, Pacing};
use crate::stop::{Reason, Stop};
use crate::target::{Request, Seen, Target};

/// Requests released in one go before the runtime gets a turn.
const BURST: u32 = 32;

/// What all workers have in common. Only `permits` and, until the first answer that is not a
/// refusal, `leading` are written by more than one of them.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) pacing: Pacing,
    pub(crate) cap: InFlightCap,
    pub(crate) permits: Option<Arc<Semaphore>>,
    pub(crate) permit_timeout: Duration,
    pub(crate) leading: Option<Leading>,
    pub(crate) keep_chunks: bool,
    pub(crate) keep_responses: Option<u32>,
    pub(crate) stop: Stop,
}

/// Watches the first answers of a run: ten refusals and nothing else mean a wrong key or path.
#[derive(Default)]
pub(crate) struct Leading {
    refused: AtomicU32,
    settled: AtomicBool,
}

impl Leading {
    const LIMIT: u32 = 10;

    /// Takes an ended request; whether this makes ten leading refusals.
    fn is_hopeless(&self, row: &Row) -> bool {
        if self.settled.load(Ordering::Relaxed) {
            return false;
        }
        match row.status {
            401 | 403 | 404 => self.refused.fetch_add(1, Ordering::Relaxed) + 1 == Self::LIMIT,
            // No answer says nothing about the key.
            0 => false,
            _ => {
                self.settled.store(true, Ordering::Relaxed);
                false
            }
        }
    }
}

/// What the tasks of one worker share on its thread.
struct Local {
    shared: Arc<Shared>,
    sink: Rc<RefCell<dyn Sink>>,
    in_flight: Cell<u32>,
    queued: Cell<u32>,
    body_bytes: Cell<u64>,
    spun_ns: Rc<Cell<u64>>,
    /// A request has ended; told to whoever waits for one.
    ended: Notify,
}

/// A request under way. However it goes, by its end or by being dropped with its task, its row
/// reaches the sink exactly once.
struct Underway {
    seen: Seen,
    body_bytes: u64,
    local: Rc<Local>,
}

/// What a task carries.
struct Job {
    request: Request,
    underway: Underway,
}

impl Underway {
    fn begin(
        request: &Request,
        due_ns: u64,
        worker: u16,
        started_ns: u64,
        local: &Rc<Local>,
    ) -> Self {
        let due = Stamp::at(due_ns);
        let cancelled = End::Sent(Outcome::Cancelled);
        let mut row = Row::new(request.index, request.class, worker, due, cancelled);
        row.started = Stamp::at(started_ns);
        if request.stream {
            row.flags.set(Flags::STREAM_ASKED);
        }
        let shared = &local.shared;
        let sink = Rc::clone(&local.sink);
        let seen = Seen::new(row, shared.clock, sink, shared.keep_chunks);
        let seen = match shared.keep_responses {
            Some(limit_bytes) => seen.keeping_text(limit_bytes as usize),
            None => seen,
        };
        let body_bytes = request.body.len() as u64;
        local.in_flight.set(local.in_flight.get() + 1);
        local.body_bytes.set(local.body_bytes.get() + body_bytes);
        Self { seen, body_bytes, local: Rc::clone(local) }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.seen.hand_over();
        let local = &self.local;
        let hopeless = |leading: &Leading| leading.is_hopeless(&self.seen.row);
        if local.shared.leading.as_ref().is_some_and(hopeless) {
            local.shared.stop.now(Reason::Refused);
        }
        local.body_bytes.set(local.body_bytes.get() - self.body_bytes);
        local.in_flight.set(local.in_flight.get() - 1);
        local.ended.notify_one();
    }
}

/// Sends everything that its source gives, each at its time, and waits for all of it; or until the
/// run is stopped, which cuts what is in flight.
///
/// # Errors
/// If the timer cannot be had or set.
pub(crate) async fn work<T: Target + 'static>(
    worker: u16,
    source: impl Source,
    target: T,
    sink: Rc<RefCell<dyn Sink>>,
    shared: Arc<Shared>,
) -> std::io::Result<()> {
    let local = Rc::new(Local {
        sink,
        in_flight: Cell::new(0),
        queued: Cell::new(0),
        body_bytes: Cell::new(0),
        spun_ns: Rc::default(),
        ended: Notify::new(),
        shared,
    });
    let spun_ns = Rc::clone(&local.spun_ns);
    let mut pacer = Pacer::new(local.shared.pacing, local.shared.clock, spun_ns)?;
    let tasks = LocalSet::new();
    let stopped = local.shared.stop.clone();
    let ended = tasks.run_until(async {
        tokio::select! {
            biased;
            _ = stopped.stopped() => return Ok(()),
            begun = pacer.begin() => begun?,
        }
        tokio::select! {
            biased;
            _ = stopped.stopped() => Ok(()),
            never = every_second(&local) => match never {},
            sent = send_all(worker, source, Rc::new(target), &mut pacer, &local) => sent,
        }
    });
    let ended = ended.await;
    // Dropping the tasks cuts the requests that are left; each hands its row over as it goes.
    drop(tasks);
    tick(&local);
    ended
}

async fn send_all<T: Target + 'static>(
    worker: u16,
    mut source: impl Source,
    target: Rc<T>,
    pacer: &mut Pacer,
    local: &Rc<Local>,
) -> std::io::Result<()> {
    let clock = local.shared.clock;
    let carriers = Carriers::new();
    let mut burst = 0;
    loop {
        let (due_ns, request) = match source.next(clock.now_ns(), local.in_flight.get()).await {
            Next::Due { due_ns, request } => (due_ns, request),
            Next::AfterCompletion => {
                local.ended.notified().await;
                continue;
            }
            Next::Done => break,
        };
        if pacer.wait(due_ns).await? {
            burst = 0;
        }
        release(worker, request, due_ns, clock.now_ns(), &target, &carriers, local);
        burst += 1;
        if burst % BURST == 0 {
            tokio::task::yield_now().await;
        }
    }
    while local.in_flight.get() > 0 {
        local.ended.notified().await;
    }
    Ok(())
}

/// Lets a request go: from here on it is `sent`, or `not_sent` if this machine is at its cap.
fn release<T: Target + 'static>(
    worker: u16,
    request: Request,
    due_ns: u64,
    started_ns: u64,
    target: &Rc<T>,
    carriers: &Carriers<Job>,
    local: &Rc<Local>,
) {
    let lateness_ns = started_ns.saturating_sub(due_ns);
    local.sink.borrow_mut().released(lateness_ns);
    let cap = local.shared.cap;
    let full = local.in_flight.get() >= cap.requests || local.body_bytes.get() > cap.body_bytes;
    let mut underway = Underway::begin(&request, due_ns, worker, started_ns, local);
    if full {
        underway.seen.end(End::NotSent(NotSent::InFlightCap), started_ns);
        return;
    }
    let target = Rc::clone(target);
    carriers.give(Job { request, underway }, async move |job: &mut Job| {
        // Asked first, so that a run without the log pays for one look at a flag.
        if tracing::enabled!(Level::DEBUG) {
            traced(job, &*target).await;
        } else {
            exchange(job, &*target).await;
        }
    });
}

/// Sends a request when it may, and sees its answer. The permit goes when this is dropped, too.
async fn exchange<T: Target>(job: &mut Job, target: &T) {
    if let Ok(_permit) = permit(&mut job.underway).await {
        target.send(&job.request, &mut job.underway.seen).await;
    }
}

/// The same inside a span of its own, from its release to its end.
async fn traced<T: Target>(job: &mut Job, target: &T) {
    let index = job.request.index;
    let late_us = job.underway.seen.row.lateness_ns().unwrap_or(0) / 1_000;
    let span = debug_span!("request", index, late_us);
    exchange(job, target).instrument(span.clone()).await;
    let row = &job.underway.seen.row;
    let outcome = row.end.label();
    let (status, attempts, reused) = (row.status, row.attempts, row.flags.has(Flags::REUSED));
    let error = job.underway.seen.note.error.as_deref();
    span.in_scope(|| debug!(outcome, status, attempts, reused, error, "ended"));
}

/// One more request that waits for a permit, as long as this lives.
struct Queued<'a>(&'a Cell<u32>);

impl<'a> Queued<'a> {
    fn new(queued: &'a Cell<u32>) -> Self {
        queued.set(queued.get() + 1);
        Self(queued)
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// The wait for a permit has ended the request.
struct GaveUp;

/// Waits for a permit where there is a limit; the due time and `started` stay what they are.
async fn permit(underway: &mut Underway) -> Result<Option<OwnedSemaphorePermit>, GaveUp> {
    let local = Rc::clone(&underway.local);
    let Some(permits) = &local.shared.permits else { return Ok(None) };
    let queued = Queued::new(&local.queued);
    let waited = timeout(local.shared.permit_timeout, Arc::clone(permits).acquire_owned()).await;
    drop(queued);
    let got_ns = local.shared.clock.now_ns();
    let seen = &mut underway.seen;
    seen.row.permit_wait_ns = Stamp::at(got_ns).since(seen.row.started).unwrap_or(0);
    // The semaphore is never closed, so what is missing is time.
    waited.ok().and_then(Result::ok).map(Some).ok_or_else(|| {
        seen.note.error = Some("no permit under --max-in-flight in time".into());
        seen.end(End::Sent(Outcome::TimeoutTotal), got_ns);
        GaveUp
    })
}

async fn every_second(local: &Local) -> Infallible {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.tick().await;
    loop {
        seconds.tick().await;
        tick(local);
    }
}

fn tick(local: &Local) {
    let (in_flight, queued) = (local.in_flight.get(), local.queued.get());
    local.sink.borrow_mut().tick(Load { in_flight, queued, spin_ns: local.spun_ns.take() });
}
