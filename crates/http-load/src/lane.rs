//! Payloads on their way to a worker, read a little ahead of their due time.

use std::sync::Arc;
use std::time::Duration;

use proofload_record::clock::Clock;
use proofload_workload::{Next, Payload, PayloadError, Payloads, Plan, Users};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::target::Request;

/// Requests that wait in one lane at most.
const AHEAD: usize = 64;
/// Bytes of bodies that wait in one lane at most; one larger body still passes alone.
const AHEAD_BYTES: u32 = 8 << 20;
/// A payload is read this long before it is due, so that a changed file is found while it matters.
const LEAD: Duration = Duration::from_secs(2);

/// Where a worker gets its work from: it asks when it has nothing to do.
pub(crate) trait Source {
    /// What to do next, at `now_ns` with `in_flight` requests under way.
    async fn next(&mut self, now_ns: u64, in_flight: u32) -> Next<Request>;
}

/// A request with its due time.
struct Planned {
    due_ns: u64,
    request: Request,
    /// Its share of the lane's bytes, given back when the worker takes it.
    _bytes: OwnedSemaphorePermit,
}

/// The worker's end of a lane: its part of an open loop.
pub(crate) struct Lane(mpsc::Receiver<Planned>);

impl Source for Lane {
    async fn next(&mut self, _now_ns: u64, _in_flight: u32) -> Next<Request> {
        match self.0.recv().await {
            Some(Planned { due_ns, request, _bytes }) => Next::Due { due_ns, request },
            None => Next::Done,
        }
    }
}

/// A worker's part of a closed loop: the same request again and again.
pub(crate) struct Repeated {
    pub(crate) users: Users,
    pub(crate) payload: Payload,
}

impl Source for Repeated {
    async fn next(&mut self, now_ns: u64, in_flight: u32) -> Next<Request> {
        match self.users.next(now_ns, in_flight) {
            Next::Due { due_ns, request: index } => {
                let Payload { body, stream } = self.payload.clone();
                Next::Due { due_ns, request: Request { index, class: 0, body, stream } }
            }
            Next::AfterCompletion => Next::AfterCompletion,
            Next::Done => Next::Done,
        }
    }
}

/// The loader's end of all lanes.
pub(crate) struct Loader {
    lanes: Vec<(mpsc::Sender<Planned>, Arc<Semaphore>)>,
}

/// A loader and one lane a worker.
pub(crate) fn lanes(workers: usize) -> (Loader, Vec<Lane>) {
    let (senders, lanes) = (0..workers)
        .map(|_| {
            let (sender, lane) = mpsc::channel(AHEAD);
            ((sender, Arc::new(Semaphore::new(AHEAD_BYTES as usize))), Lane(lane))
        })
        .unzip();
    (Loader { lanes: senders }, lanes)
}

impl Loader {
    /// Reads every payload in the order of the plan and hands request `i` to lane
    /// `i mod workers`. Ends early, without a word, when a lane has gone: its worker was stopped.
    pub(crate) async fn load(
        self,
        plan: &Plan,
        mut payloads: Payloads,
        clock: Clock,
    ) -> Result<(), PayloadError> {
        for index in 0..plan.len() {
            let due_ns = plan.due_ns(index);
            let ahead_ns = due_ns.saturating_sub(clock.now_ns());
            if let Some(early) = Duration::from_nanos(ahead_ns).checked_sub(LEAD) {
                tokio::time::sleep(early).await;
            }
            let Payload { body, stream } = payloads.read(index)?;
            let (lane, budget) = &self.lanes[index as usize % self.lanes.len()];
            let bytes = u32::try_from(body.len()).unwrap_or(u32::MAX).clamp(1, AHEAD_BYTES);
            let budget = Arc::clone(budget).acquire_many_owned(bytes);
            let Ok(_bytes) = budget.await else { return Ok(()) };
            let request = Request { index, class: plan.class(index), body, stream };
            if lane.send(Planned { due_ns, request, _bytes }).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}
