//! A run whose files are made and whose clock has not begun.

use super::files::Files;
use super::recorder::{Keep, Recorder};
use super::responses::KeepResponses;
use super::running::{Running, Thread};
use super::scribe::{Scribe, Start, Written};
use super::so_far::Shown;
use super::summed::Summed;
use crate::error::CreateError;
use crate::manifest::{Anchor, Manifest};
use proofload_record::clock::{self, Clock};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};

/// How much waits between a worker and the writer.
#[derive(Clone)]
pub(crate) struct Queues {
    /// Rows of one worker, and requests of one worker whose chunks, or texts, wait.
    pub(crate) rows: usize,
    pub(crate) keep: Keep,
    /// How texts are written, where they are kept.
    pub(crate) texts: Option<KeepResponses>,
}

/// A run that is ready to begin: its files are made and durable, its writer waits.
///
/// A program chooses the moment 0 after it has this and not before: however slow the disk is, the
/// first requests are then not late. Dropped, it leaves a run of which nothing was sent.
pub struct Prepared {
    dir: PathBuf,
    manifest: Manifest,
    planned: u64,
    queues: Queues,
    /// Dropped before the thread, which waits for it.
    start: Sender<Start>,
    thread: Thread,
}

impl Prepared {
    pub(crate) fn new(
        dir: PathBuf,
        manifest: Manifest,
        planned: u64,
        queues: Queues,
        lock: File,
        files: Files<Summed<File>>,
        on_failure: impl FnOnce() + Send + 'static,
    ) -> Result<Self, CreateError> {
        let failure = Arc::new(OnceLock::new());
        let (told, (start, started), (end, ended)) = (Arc::clone(&failure), channel(), channel());
        let handle = spawn(on_failure, move |alarm| {
            let Ok(start) = started.recv() else { return Written::default() };
            let mut failed = |error| {
                // The thread fails once at most, so the place is free.
                let _ = told.set(error);
                alarm.sound();
            };
            match Scribe::begin(start, files) {
                Ok(scribe) => scribe.run(&ended, failed),
                Err(error) => {
                    failed(error);
                    Written::default()
                }
            }
        });
        let handle = Some(handle.map_err(CreateError::at(&dir))?);
        let thread = Thread { failure, end: Some(end), handle, _lock: lock };
        Ok(Self { dir, manifest, planned, queues, start, thread })
    }

    /// Begins the run, with a [`Recorder`] for each worker. It waits for nothing: the writer's
    /// thread puts the moment at which `clock` reads 0 into the manifest, before the first block.
    #[must_use]
    pub fn begin(self, clock: Clock) -> (Running, Vec<Recorder>) {
        let Self { dir, mut manifest, planned, queues, start, thread } = self;
        let wall_ns = wall_at(clock);
        manifest.clock = Anchor { monotonic_ns: clock.origin_ns(), wall_ns };
        manifest.started = proofload_units::utc_time(wall_ns);
        let (classes, warmup) = (manifest.classes.len(), manifest.warmup_requests);
        let ends = (0..manifest.workers)
            .map(|_| Recorder::new(clock, classes, queues.rows, queues.keep, warmup));
        let (recorders, links): (Vec<_>, Vec<_>) = ends.unzip();
        let counters = links.iter().map(|link| Arc::clone(&link.counters)).collect();
        let shown = Shown::default();
        let opening = Start {
            dir: dir.clone(),
            manifest: manifest.clone(),
            clock,
            links,
            shown: shown.clone(),
            keep_responses: queues.texts,
        };
        // The thread waits for it, and if it were gone, the end of the run would say so.
        let _ = start.send(opening);
        (Running { dir, manifest, planned, counters, shown, thread }, recorders)
    }
}

/// Wall time at which `clock` reads 0, in nanoseconds since the Unix epoch.
fn wall_at(clock: Clock) -> u64 {
    let (monotonic_ns, wall_ns) = (clock::monotonic_ns(), clock::wall_ns());
    (wall_ns + clock.origin_ns()).saturating_sub(monotonic_ns)
}

/// Tells somebody, once, that writing has ended too early: when it is sounded, or dropped by a
/// panic.
struct Alarm<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Alarm<F> {
    fn sound(&mut self) {
        if let Some(tell) = self.0.take() {
            tell();
        }
    }

    fn disarm(&mut self) {
        self.0 = None;
    }
}

impl<F: FnOnce()> Drop for Alarm<F> {
    fn drop(&mut self) {
        self.sound();
    }
}

/// Begins the writer's thread, which does `write`; a panic there sounds the alarm, too.
fn spawn<F: FnOnce() + Send + 'static>(
    on_failure: F,
    write: impl FnOnce(&mut Alarm<F>) -> Written + Send + 'static,
) -> io::Result<JoinHandle<Written>> {
    let mut alarm = Alarm(Some(on_failure));
    Builder::new().name("writer".to_owned()).spawn(move || {
        let written = write(&mut alarm);
        alarm.disarm();
        written
    })
}

#[cfg(test)]
mod tests {
    use super::spawn;
    use crate::write::scribe::Written;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn whatever_ends_the_writer_too_early_is_told_once() {
        for (name, sounds, panics, want) in [
            ("all is well", false, false, 0),
            ("an error", true, false, 1),
            ("a panic", false, true, 1),
            ("a panic after an error", true, true, 1),
        ] {
            let told = Arc::new(AtomicU32::new(0));
            let count = Arc::clone(&told);
            let tell = move || {
                count.fetch_add(1, Ordering::SeqCst);
            };
            let thread = spawn(tell, move |alarm| {
                if sounds {
                    alarm.sound();
                }
                assert!(!panics, "a fault that this test makes");
                Written::default()
            });
            assert_eq!(thread.unwrap().join().is_err(), panics, "{name}");
            assert_eq!(told.load(Ordering::SeqCst), want, "{name}");
        }
    }
}
