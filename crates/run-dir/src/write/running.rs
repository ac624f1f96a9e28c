//! A run while it lasts: how far it is, whether writing fails, and its end.

use super::counters::Counters;
use super::scribe::{Scribe, Written};
use crate::books::books;
use crate::error::WriteError;
use crate::format::block::Heartbeat;
use crate::manifest::{Counts, Manifest, State};
use crate::names;
use proofload_record::clock;
use proofload_record::{NotSent, Outcome};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};

/// A run that is being written.
///
/// Dropped without [`Running::finish`], it leaves what a killed program leaves.
pub struct Running {
    dir: PathBuf,
    manifest: Manifest,
    planned: u64,
    counters: Vec<Arc<Counters>>,
    failure: Arc<OnceLock<WriteError>>,
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<Written>>,
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
    pub(crate) fn start(
        dir: PathBuf,
        manifest: Manifest,
        planned: u64,
        counters: Vec<Arc<Counters>>,
        scribe: Scribe,
        on_failure: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let failure = Arc::new(OnceLock::new());
        let (end, ended) = channel();
        let told = Arc::clone(&failure);
        let thread = Builder::new().name("writer".to_owned()).spawn(move || {
            scribe.run(&ended, |error| {
                // The thread fails once at most, so the place is free.
                let _ = told.set(error);
                on_failure();
            })
        })?;
        let (end, thread) = (Some(end), Some(thread));
        Ok(Self { dir, manifest, planned, counters, failure, end, thread })
    }

    /// The manifest, for what becomes known while the run lasts; written by [`Running::finish`].
    pub const fn manifest_mut(&mut self) -> &mut Manifest {
        &mut self.manifest
    }

    /// How far the run is, from counters that the workers keep: exact for each worker to within
    /// the request that it is just counting.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let mut sums = Heartbeat::default();
        let mut progress = Progress { planned: self.planned, ..Progress::default() };
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
        if let Some(end) = self.end.take() {
            // It fails only if the thread has ended, and then `failure` says why.
            let _ = end.send(());
        }
        let joined = self.thread.take().map(JoinHandle::join);
        let Some(Ok(written)) = joined else {
            return Err(WriteError::Panicked { path: self.dir.clone() });
        };
        let failure = Arc::get_mut(&mut self.failure).and_then(OnceLock::take);
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
        manifest.ended = Some(proofload_units::utc_time(clock::wall_ns()));
        manifest.counts = Counts::new(&books, written.chunks_dropped);
        manifest.journal_blocks = failure.is_none().then_some(written.blocks);
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

impl Drop for Running {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been shown on stderr; there is nobody else to tell.
            let _ = thread.join();
        }
    }
}
