//! A run while it lasts: how far it is, whether writing fails, and its end.

use super::counters::Counters;
use super::scribe::Written;
use super::so_far::{Seen, Shown, SoFar};
use crate::books::books;
use crate::error::WriteError;
use crate::format::block::Heartbeat;
use crate::manifest::{Counts, Manifest, State};
use crate::names;
use proofload_record::clock;
use proofload_record::{NotSent, Outcome};
use std::fs::File;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

/// A run that is being written.
///
/// Dropped without [`Running::finish`], it leaves what a killed program leaves.
pub struct Running {
    pub(crate) dir: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) planned: u64,
    pub(crate) counters: Vec<Arc<Counters>>,
    pub(crate) shown: Shown,
    pub(crate) thread: Thread,
}

/// The writer's thread, as whoever waits for it sees it. Dropped, it ends the thread.
pub(crate) struct Thread {
    /// Why it could not write on.
    pub(crate) failure: Arc<OnceLock<WriteError>>,
    /// A message ends the run, and its disconnection ends the thread as a kill would.
    pub(crate) end: Option<Sender<()>>,
    pub(crate) handle: Option<JoinHandle<Written>>,
    /// Held until nothing is written any more, the manifest included.
    pub(crate) _lock: File,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Requests in the plan.
    pub planned: u64,
    /// Requests that were due and let go.
    pub released: u64,
    /// Of those, ended.
    pub finished: u64,
    /// Let go and not ended.
    pub in_flight: u64,
    /// Of those, waiting for a permit, as of each worker's last second.
    pub queued: u64,
    /// Ended requests by [`Outcome::code`].
    pub outcomes: [u64; Outcome::COUNT],
    /// Requests that never left, by [`NotSent::code`].
    pub not_sent: [u64; NotSent::ALL.len()],
    /// Rows lost because the writer could not keep up.
    pub rows_dropped: u64,
    /// Time to first token of the `ok` rows that are written, warm-up included: up to half a second
    /// old, and none before the first.
    pub ttft: Option<SoFar>,
    /// How late requests were released, up to each worker's last second.
    pub lateness: Option<SoFar>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    /// Complete, interrupted or failed.
    pub state: State,
    /// Why it did not run to its end, in words.
    pub end_reason: Option<String>,
}

impl Running {
    /// The manifest, for what becomes known while the run lasts; written by [`Running::finish`].
    pub const fn manifest_mut(&mut self) -> &mut Manifest {
        &mut self.manifest
    }

    /// How far the run is. Counts are the workers' own: exact for each worker to within the request
    /// that it is just counting.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let mut sums = Heartbeat::default();
        let Seen { ttft, lateness } = self.shown.get();
        let mut progress =
            Progress { planned: self.planned, ttft, lateness, ..Progress::default() };
        for counters in &self.counters {
            // In this order: what has ended must have been released.
            let ended = counters.ended();
            progress.finished += ended.total();
            progress.released += counters.released();
            progress.queued += u64::from(counters.queued());
            progress.rows_dropped += counters.dropped().total();
            ended.add_to(&mut sums);
        }
        progress.in_flight = progress.released - progress.finished;
        progress.outcomes = sums.outcomes;
        progress.not_sent = sums.not_sent;
        progress
    }

    /// Writes what is left, checks the books, makes all files durable and seals the manifest.
    /// Gives the directory's path.
    ///
    /// Call it when the workers are done and their recorders dropped: what a worker records later
    /// is not written, and what it had under way counts as lost.
    ///
    /// # Errors
    /// [`WriteError`]. The manifest then says `failed` where it can still be written, and the rows
    /// written before are safe.
    pub fn finish(mut self, finish: Finish) -> Result<PathBuf, WriteError> {
        let thread = &mut self.thread;
        if let Some(end) = thread.end.take() {
            // It fails only if the thread has ended, and then `failure` says why.
            let _ = end.send(());
        }
        let joined = thread.handle.take().map(JoinHandle::join);
        self.manifest.ended = Some(proofload_units::utc_time(clock::wall_ns()));
        let Some(Ok(written)) = joined else {
            let error = WriteError::Panicked { path: self.dir.clone() };
            self.manifest.state = State::Failed;
            self.manifest.end_reason = Some(error.to_string());
            // Where this fails too, the run looks killed, which it nearly was.
            let _ = self.manifest.write(&self.dir);
            return Err(error);
        };
        let failure = Arc::get_mut(&mut self.thread.failure).and_then(OnceLock::take);
        let books = books(self.planned, &written.last, failure.is_none());
        let unbalanced = books.check().err();

        let manifest = &mut self.manifest;
        let sound = failure.is_none() && unbalanced.is_none();
        manifest.state = if sound { finish.state } else { State::Failed };
        let problem = || failure.as_ref().map(ToString::to_string);
        manifest.end_reason = problem().or_else(|| unbalanced.as_ref().map(ToString::to_string));
        if sound {
            manifest.end_reason = finish.end_reason;
        }
        manifest.counts = Counts::new(&books, written.dropped);
        manifest.journal_blocks = failure.is_none().then_some(written.blocks);
        manifest.files = written.files;
        let sealed = manifest.write(&self.dir);
        if let Some(error) = failure {
            return Err(error);
        }
        sealed.map_err(WriteError::at(&self.dir.join(names::MANIFEST)))?;
        match unbalanced {
            Some(source) => Err(WriteError::Unbalanced { path: self.dir.clone(), source }),
            None => Ok(self.dir.clone()),
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.end = None;
        if let Some(handle) = self.handle.take() {
            // A panic of the thread has been shown on stderr; there is nobody else to tell.
            let _ = handle.join();
        }
    }
}
