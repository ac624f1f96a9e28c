//! The one thread that writes while a run lasts.
//!
//! It wakes every [`WAKE`], takes histograms and chunks, and every [`BEAT_NS`] (earlier where a
//! queue of rows fills) writes a block. Of each worker it first reads how many rows are in the
//! queue and then takes exactly those, so a block holds every row that its heartbeat counts, no
//! fewer and no more. It keeps nothing of a request once its row is written, but for counts of
//! times ([`Tally`]).

use super::counters::Ends;
use super::files::Files;
use super::latencies::{Group, Metric};
use super::own_load::{OwnLoad, Probe, Shares};
use super::recorder::{Handed, Link, Recorder, Span};
use super::responses::KeepResponses;
use super::so_far::{Shown, Tally};
use super::summed::Summed;
use crate::error::WriteError;
use crate::format::block::{Heartbeat, WorkerCount};
use crate::format::generator::{GeneratorSecond, TableWriter};
use crate::format::{chunk, note};
use crate::manifest::{Dropped, Manifest, Sum};
use crate::names;
use proofload_record::Load;
use proofload_record::clock::Clock;
use proofload_stats::Quantile;
use proofload_stats::hist::Histogram;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Between two looks at the queues.
const WAKE: Duration = Duration::from_millis(50);
/// Between two heartbeats, in nanoseconds.
const BEAT_NS: u64 = 250_000_000;
/// Rows in a queue that do not wait for the next heartbeat.
const ROWS_WAITING: u64 = Recorder::ROWS_QUEUED as u64 / 4;

/// Texts are written as soon as they are so many bytes.
const PIECE_BYTES: usize = 1 << 20;

/// What the writer is told when the run begins.
pub(crate) struct Start {
    pub(crate) dir: PathBuf,
    /// As it stands in the directory until the run ends.
    pub(crate) manifest: Manifest,
    pub(crate) clock: Clock,
    pub(crate) links: Vec<Link>,
    /// Where what it has seen of the times is shown.
    pub(crate) shown: Shown,
    pub(crate) keep_responses: Option<KeepResponses>,
}

/// How far the writing came.
#[derive(Default)]
pub(crate) struct Written {
    /// The last heartbeat that is in the file.
    pub(crate) last: Heartbeat,
    /// Blocks in the file.
    pub(crate) blocks: u32,
    /// Requests whose chunks, and texts, were dropped.
    pub(crate) dropped: Dropped,
    /// What the other files are known by, once all is durable.
    pub(crate) files: BTreeMap<String, Sum>,
}

/// A worker as the writer sees it.
struct Worker {
    link: Link,
    /// Rows taken out of its queue, all in the file or in the block being made.
    taken: Ends,
    /// Rows that were in its queue when the heartbeat began, and those before.
    due: u64,
    before: Option<OwnLoad>,
}

/// Writes until it is told to end.
pub(crate) struct Scribe {
    clock: Clock,
    files: Files,
    workers: Vec<Worker>,
    probe: Probe,
    tally: Tally,
    written: Written,
    beat_at_ns: u64,
    texts: Vec<u8>,
    /// Records of chunks, or of texts, being made.
    records: Vec<u8>,
    keep_responses: Option<KeepResponses>,
}

impl Scribe {
    /// Begins the files with the moment at which the run's clock reads 0, durably: whatever block
    /// there is, the manifest beside it says when it was.
    pub(crate) fn begin(start: Start, files: Files<Summed<File>>) -> Result<Self, WriteError> {
        let Start { dir, manifest, clock, links, shown, keep_responses } = start;
        manifest.write(&dir).map_err(WriteError::at(&dir.join(names::MANIFEST)))?;
        let worker = |link| Worker { link, taken: Ends::default(), due: 0, before: None };
        Ok(Self {
            clock,
            files: files.begin(manifest.clock.wall_ns)?,
            workers: links.into_iter().map(worker).collect(),
            probe: Probe::new(),
            tally: Tally::new(shown),
            written: Written::default(),
            beat_at_ns: 0,
            texts: Vec::new(),
            records: Vec::new(),
            keep_responses,
        })
    }

    /// Writes until a message comes (then everything is written and durable), the sender is gone
    /// (then nothing more is written, as if the program had been killed), or writing fails, which
    /// `failed` is told at once.
    pub(crate) fn run(mut self, end: &Receiver<()>, failed: impl FnOnce(WriteError)) -> Written {
        if let Err(error) = self.write_until(end) {
            failed(error);
        }
        for Worker { link, .. } in &self.workers {
            self.written.dropped.chunks += link.counters.chunks.dropped();
            self.written.dropped.responses += link.counters.responses.dropped();
        }
        self.written
    }

    fn write_until(&mut self, end: &Receiver<()>) -> Result<(), WriteError> {
        self.beat()?;
        loop {
            match end.recv_timeout(WAKE) {
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(()) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now_ns = self.clock.now_ns();
            self.take_handed(now_ns)?;
            self.take_chunks()?;
            self.take_responses()?;
            if now_ns >= self.beat_at_ns || self.is_pressed() {
                self.beat()?;
            }
            self.tally.show(now_ns);
            self.files.latencies.with(|log| log.end_second(now_ns))?;
        }
        let now_ns = self.clock.now_ns();
        self.take_handed(now_ns)?;
        self.beat()?;
        self.files.latencies.with(|log| log.end(now_ns))?;
        self.written.files = self.files.sync()?;
        Ok(())
    }

    /// Whether a queue must not wait for the next heartbeat.
    fn is_pressed(&self) -> bool {
        let waiting = |worker: &Worker| worker.link.counters.handed() - worker.taken.total();
        self.workers.iter().any(|worker| waiting(worker) >= ROWS_WAITING)
    }

    /// Writes every row that is in a queue now, and a heartbeat after them.
    fn beat(&mut self) -> Result<(), WriteError> {
        let now_ns = self.clock.now_ns();
        for worker in &mut self.workers {
            worker.due = worker.link.counters.handed();
        }
        while !self.write_block(now_ns)? {}
        self.beat_at_ns = now_ns + BEAT_NS;
        Ok(())
    }

    /// Writes one block; true when it holds the last of the rows that were due at `now_ns`.
    fn write_block(&mut self, now_ns: u64) -> Result<bool, WriteError> {
        let mut heartbeat = Heartbeat::default();
        let mut whole = true;
        for worker in &mut self.workers {
            let waiting = worker.due - worker.taken.total();
            // In this order, and after `due`: what has ended must have been released.
            let dropped = worker.link.counters.dropped();
            let released = worker.link.counters.released();
            let room = self.files.journal.file.room();
            whole &= waiting <= room as u64;
            for finished in worker.link.rows.try_iter().take(room.min(waiting as usize)) {
                worker.taken.add(finished.row.end);
                self.files.journal.file.push(&finished.row);
                self.files.latencies.with(|log| log.add(&finished.row))?;
                self.tally.add(&finished.row);
                if !finished.note.is_empty() {
                    note::encode(finished.row.index, &finished.note, &mut self.texts);
                }
            }
            worker.taken.add_to(&mut heartbeat);
            dropped.add_to(&mut heartbeat);
            heartbeat.rows_dropped += dropped.total();
            let finished = worker.taken.total() + dropped.total();
            heartbeat.workers.push(WorkerCount { released, finished });
        }
        // A block that could not take every row is only as good as the heartbeat before it.
        heartbeat.at_ns = if whole { now_ns } else { self.written.last.at_ns };
        // Notes, chunks and answers first: a row in the file has what belongs to it.
        self.files.notes.with(|file| file.write_all(&self.texts))?;
        self.texts.clear();
        self.take_chunks()?;
        self.take_responses()?;
        self.files.journal.with(|journal| journal.write(&mut heartbeat))?;
        self.written.last = heartbeat;
        self.written.blocks = self.files.journal.file.blocks();
        Ok(whole)
    }

    /// Takes the histograms of the seconds that have ended, and writes a row for each worker's.
    fn take_handed(&mut self, now_ns: u64) -> Result<(), WriteError> {
        let mut rows = false;
        for (number, worker) in (0..).zip(&mut self.workers) {
            let Some(thread) = worker.link.counters.thread() else { continue };
            worker.before.get_or_insert_with(|| self.probe.read(now_ns, thread));
            while let Ok(handed) = worker.link.handed.try_recv() {
                let (metric, group, span, mut histogram) = match handed {
                    Handed::Gaps { class, span, histogram } => {
                        (Metric::Itl, Group::of(class), span, histogram)
                    }
                    Handed::Second { span, load, lateness } => {
                        let now = self.probe.read(now_ns, thread);
                        let before = worker.before.replace(now).unwrap_or(now);
                        let row = second(number, span, load, &lateness, now.since(&before));
                        self.files.generator.with(|table| table.write(&row))?;
                        rows = true;
                        self.tally.add_lateness(&lateness);
                        (Metric::Lateness, Group::All, span, lateness)
                    }
                };
                if !histogram.is_empty() {
                    self.files.latencies.with(|log| log.write(metric, group, span, &histogram))?;
                }
                histogram.reset();
                // Where the worker is gone or has enough of them, it is freed here.
                let _ = worker.link.spares.try_send(histogram);
            }
        }
        if rows { self.files.generator.with(TableWriter::flush) } else { Ok(()) }
    }

    /// Writes the chunks that are in the queues now.
    fn take_chunks(&mut self) -> Result<(), WriteError> {
        let Some(file) = &mut self.files.chunks else { return Ok(()) };
        for worker in &self.workers {
            let Some(queue) = &worker.link.chunks else { continue };
            for chunks in queue.try_iter() {
                worker.link.counters.chunks.add_taken(chunks.size_bytes());
                chunk::encode(&chunks, &mut self.records);
            }
            file.with(|file| file.write_all(&self.records))?;
            self.records.clear();
        }
        Ok(())
    }

    /// Writes the texts that are in the queues now.
    fn take_responses(&mut self) -> Result<(), WriteError> {
        let (Some(keep), Some(file)) = (&self.keep_responses, &mut self.files.responses) else {
            return Ok(());
        };
        for worker in &self.workers {
            let Some(queue) = &worker.link.responses else { continue };
            for response in queue.try_iter() {
                keep.encode(&response, &mut self.records);
                worker.link.counters.responses.add_taken(response.held_bytes());
                if self.records.len() >= PIECE_BYTES {
                    file.with(|file| file.write_all(&self.records))?;
                    self.records.clear();
                }
            }
            file.with(|file| file.write_all(&self.records))?;
            self.records.clear();
        }
        Ok(())
    }
}

/// The row of one worker's second.
fn second(
    worker: u16,
    span: Span,
    load: Load,
    lateness: &Histogram,
    shares: Shares,
) -> GeneratorSecond {
    let length_ns = span.to_ns.saturating_sub(span.from_ns);
    GeneratorSecond {
        second: span.from_ns / 1_000_000_000,
        length_ms: length_ns as f64 / 1e6,
        worker,
        released: lateness.len(),
        lateness_p99_ns: lateness.quantile(Quantile::P99),
        lateness_max_ns: lateness.max_ns(),
        busy_share: shares.busy,
        waiting_share: shares.waiting,
        steal_share: shares.steal,
        throttled_ms: shares.throttled_ms,
        in_flight: load.in_flight,
        queued: load.queued,
        spin_share: if length_ns == 0 { 0.0 } else { load.spin_ns as f64 / length_ns as f64 },
    }
}
