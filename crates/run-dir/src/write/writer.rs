//! A run directory before its run: the manifest and the plan.

use super::files::Files;
use super::prepared::{Prepared, Queues};
use super::recorder::{Keep, Recorder};
use super::responses::KeepResponses;
use crate::error::CreateError;
use crate::format::plan::{self, PlanRow};
use crate::manifest::{Counts, Dropped, Manifest, State, sync_dir};
use crate::{lock, names};
use proofload_record::Books;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A run directory to be made.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where: a folder that is empty or does not exist; folders above it are made.
    pub out: PathBuf,
    /// What is known of the run so far.
    pub manifest: Manifest,
    /// Whether `chunks.bin` is kept.
    pub keep_chunks: bool,
}

/// A run directory whose run has not begun. Takes the plan, entry by entry; then
/// [`Writer::prepare`] makes it ready to begin.
///
/// Dropped before that, it leaves a directory that opens as a run which never began.
#[derive(Debug)]
pub struct Writer {
    pub(super) dir: PathBuf,
    pub(super) manifest: Manifest,
    keep_chunks: bool,
    keep_responses: Option<KeepResponses>,
    plan: BufWriter<File>,
    plan_crc: u32,
    pub(super) planned: u32,
    entry: Vec<u8>,
}

impl Writer {
    /// Makes the directory, with a manifest in it that says `running`.
    ///
    /// # Errors
    /// [`CreateError::NotEmpty`] if there is something in it already, [`CreateError::Io`] if it
    /// cannot be made or written.
    pub fn create(config: Config) -> Result<Self, CreateError> {
        let Config { out: dir, mut manifest, keep_chunks } = config;
        check_vacant(&dir)?;
        fs::create_dir_all(&dir).map_err(CreateError::at(&dir))?;
        manifest.state = State::Running;
        let path = dir.join(names::PLAN);
        let plan = File::create_new(&path).map_err(CreateError::at(&path))?;
        lock::take(&plan);
        manifest.write(&dir).map_err(CreateError::at(&dir.join(names::MANIFEST)))?;
        let mut writer = Self {
            plan: BufWriter::new(plan),
            dir,
            manifest,
            keep_chunks,
            keep_responses: None,
            plan_crc: 0,
            planned: 0,
            entry: Vec::new(),
        };
        plan::encode_header(&mut writer.entry);
        writer.put_entry().map_err(CreateError::at(&path))?;
        Ok(writer)
    }

    /// The manifest, for what becomes known after [`Writer::create`]: the plan's hash, classes.
    pub const fn manifest_mut(&mut self) -> &mut Manifest {
        &mut self.manifest
    }

    /// Keeps the texts of answers in `responses.bin`.
    pub fn keep_responses(&mut self, keep: KeepResponses) {
        self.keep_responses = Some(keep);
    }

    /// Adds the next request of the plan, in due order: the first is plan index 0.
    ///
    /// # Errors
    /// Those of writing `plan.bin`, with its path; [`io::ErrorKind::InvalidInput`] for an id of
    /// more than 65,535 bytes.
    pub fn plan_entry(&mut self, row: &PlanRow<'_>) -> io::Result<()> {
        plan::encode_row(row, &mut self.entry).ok_or_else(|| {
            let why = format!("expected an id of at most 65,535 bytes, found {}", row.id.len());
            io::Error::new(io::ErrorKind::InvalidInput, why)
        })?;
        self.planned += 1;
        self.put_entry().map_err(|error| {
            let path = self.dir.join(names::PLAN);
            io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
        })
    }

    fn put_entry(&mut self) -> io::Result<()> {
        self.plan_crc = crc32c::crc32c_append(self.plan_crc, &self.entry);
        self.plan.write_all(&self.entry)?;
        self.entry.clear();
        Ok(())
    }

    /// Ends the plan and makes it durable, which takes as long as the disk takes.
    pub(super) fn end_plan(&mut self) -> io::Result<()> {
        plan::encode_trailer(self.planned, self.plan_crc, &mut self.entry);
        self.plan.write_all(&self.entry)?;
        self.plan.flush()?;
        self.plan.get_ref().sync_all()?;
        sync_dir(&self.dir)
    }

    /// Does everything of the run that may wait for a disk: ends the plan, makes the files that
    /// will grow, and begins the thread that writes. After it, [`Prepared::begin`] begins the run
    /// at once.
    ///
    /// Request `i` of the plan belongs to worker `i mod workers`, and a worker releases its own in
    /// their order: that is how a reader knows which were under way when the program was killed.
    ///
    /// `on_failure` is called once, on the writer's thread, if writing fails or the thread panics:
    /// nothing is written any more, so it should stop the run.
    ///
    /// # Errors
    /// [`CreateError::Io`] if a file cannot be made, or the thread.
    pub fn prepare(
        self,
        workers: usize,
        on_failure: impl FnOnce() + Send + 'static,
    ) -> Result<Prepared, CreateError> {
        self.prepare_queued(workers, Recorder::ROWS_QUEUED, on_failure)
    }

    fn prepare_queued(
        mut self,
        workers: usize,
        rows_queued: usize,
        on_failure: impl FnOnce() + Send + 'static,
    ) -> Result<Prepared, CreateError> {
        let path = self.dir.join(names::PLAN);
        self.end_plan().map_err(CreateError::at(&path))?;
        let planned = u64::from(self.planned);
        self.manifest.workers = u16::try_from(workers).unwrap_or(u16::MAX);
        self.manifest.counts =
            Counts::new(&Books { planned, ..Books::default() }, Dropped::default());
        let path = self.dir.join(names::MANIFEST);
        self.manifest.write(&self.dir).map_err(CreateError::at(&path))?;
        let keep = Keep { chunks: self.keep_chunks, responses: self.keep_responses.is_some() };
        let files = Files::create(&self.dir, keep)?;
        let lock = self.plan.into_parts().0;
        let queues = Queues { rows: rows_queued, keep, texts: self.keep_responses };
        Prepared::new(self.dir, self.manifest, planned, queues, lock, files, on_failure)
    }
}

/// Looks that a run directory could be made at `dir`, and makes nothing; [`Writer::create`] does so
/// too. A program calls it first, so that nobody waits for a target only to learn this.
///
/// # Errors
/// [`CreateError::NotEmpty`] if there is something in it already, [`CreateError::Io`] if it is no
/// folder or cannot be read.
pub fn check_vacant(dir: &Path) -> Result<(), CreateError> {
    let mut entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(CreateError::at(dir))?,
    };
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(CreateError::NotEmpty { path: dir.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorder::BYTES_QUEUED;
    use super::{Config, Writer};
    use crate::{Fate, Finish, KeepResponses, Manifest, PlanRow, Recorder, RunDir, Running, State};
    use proofload_record::clock::{Clock, monotonic_ns};
    use proofload_record::{End, NotSent, Note, Outcome, Row, Secrets, Sink, Stamp};
    use std::path::Path;

    /// Begins a run of one worker with a queue of `rows_queued` rows.
    fn begin(
        out: &Path,
        planned: u32,
        rows_queued: usize,
        keep_chunks: bool,
    ) -> (Running, Recorder) {
        let manifest = Manifest::new("proofload-test", "0.0.0");
        let mut writer =
            Writer::create(Config { out: out.to_owned(), manifest, keep_chunks }).unwrap();
        for _ in 0..planned {
            let row = PlanRow { id: "", due_ns: 0, class: 0, offset: 0, len: 0, crc: 0 };
            writer.plan_entry(&row).unwrap();
        }
        let prepared = writer.prepare_queued(1, rows_queued, || ()).unwrap();
        let (running, mut recorders) = prepared.begin(Clock::from_origin(monotonic_ns()));
        (running, recorders.remove(0))
    }

    fn complete() -> Finish {
        Finish { state: State::Complete, end_reason: None }
    }

    /// A queue of four rows, filled far faster than the writer wakes.
    #[test]
    fn rows_that_find_the_queue_full_are_dropped_and_still_counted() {
        const SENT: u32 = 2_000;
        let dir = tempfile::tempdir().unwrap();
        let (running, mut recorder) = begin(dir.path(), SENT + 2, 4, false);
        for index in 0..SENT {
            recorder.released(0);
            let end = match index % 4 {
                0 => End::NotSent(NotSent::InFlightCap),
                1 => End::Sent(Outcome::Reset),
                _ => End::Sent(Outcome::Ok),
            };
            let row = Row::new(index, 0, 0, Stamp::at(0), end);
            recorder.finished(&row, Note::default());
        }
        recorder.released(0);
        let dropped = running.progress().rows_dropped;
        assert!(dropped > 0);
        drop(recorder);
        let run = RunDir::open(&running.finish(complete()).unwrap()).unwrap();
        let books = run.books();
        assert_eq!(books.rows_dropped, dropped);
        assert_eq!(run.rows().len() as u64 + dropped, u64::from(SENT));
        assert_eq!(books.not_sent, [0, 0, 500]);
        assert_eq!((books.outcome(Outcome::Reset), books.outcome(Outcome::Ok)), (500, 1_000));
        assert_eq!((books.outcome(Outcome::Lost), books.not_reached), (1, 1));
        assert_eq!(run.fate(SENT), Fate::LostOrDropped);
        assert_eq!(run.fate(SENT + 1), Fate::NotReached);
    }

    /// Records `requests` of `arrivals` chunks at once; gives how many are in the file and how many
    /// were dropped.
    fn record_chunks(requests: u32, arrivals: usize) -> (u64, u64) {
        let dir = tempfile::tempdir().unwrap();
        let (running, mut recorder) = begin(dir.path(), requests, Recorder::ROWS_QUEUED, true);
        let arrivals_ns = vec![7; arrivals];
        for index in 0..requests {
            recorder.released(0);
            recorder.chunks(index, &arrivals_ns);
            let row = Row::new(index, 0, 0, Stamp::at(0), End::Sent(Outcome::Ok));
            recorder.finished(&row, Note::default());
        }
        drop(recorder);
        let run = RunDir::open(&running.finish(complete()).unwrap()).unwrap();
        let kept = run.chunks().unwrap().unwrap();
        (kept.map(Result::unwrap).count() as u64, run.manifest().counts.chunks_dropped)
    }

    #[test]
    fn chunks_are_queued_as_rows_are() {
        assert_eq!(record_chunks(5_000, 10), (5_000, 0));
    }

    #[test]
    fn texts_beyond_the_bytes_that_may_wait_are_dropped_and_counted() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = Manifest::new("proofload-test", "0.0.0");
        let config = Config { out: dir.path().to_owned(), manifest, keep_chunks: false };
        let mut writer = Writer::create(config).unwrap();
        writer.keep_responses(KeepResponses { limit_bytes: 5, secrets: Secrets::default() });
        for _ in 0..2 {
            let row = PlanRow { id: "", due_ns: 0, class: 0, offset: 0, len: 0, crc: 0 };
            writer.plan_entry(&row).unwrap();
        }
        let prepared = writer.prepare_queued(1, 4, || ()).unwrap();
        let (running, mut recorders) = prepared.begin(Clock::from_origin(monotonic_ns()));
        let texts = ["kept whole".to_owned(), "x".repeat(BYTES_QUEUED as usize)];
        for (index, text) in (0..).zip(texts) {
            recorders[0].released(0);
            recorders[0].response(index, text, false);
            let row = Row::new(index, 0, 0, Stamp::at(0), End::Sent(Outcome::Ok));
            recorders[0].finished(&row, Note::default());
        }
        drop(recorders);
        let run = RunDir::open(&running.finish(complete()).unwrap()).unwrap();
        assert_eq!(run.manifest().counts.responses_dropped, 1);
        let texts = run.responses().unwrap().unwrap();
        assert_eq!(texts.get(0).unwrap().unwrap().text, "kept ");
        assert_eq!((texts.len(), texts.get(1).unwrap()), (1, None));
    }

    /// As one request's chunks are more than half of what may wait, it takes a writer that wakes in
    /// between for two of them to be kept.
    #[test]
    fn chunks_beyond_the_bytes_that_may_wait_are_dropped_and_counted() {
        let (kept, dropped) = record_chunks(3, BYTES_QUEUED as usize / 16 + 1);
        assert!(kept >= 1, "{kept}");
        assert_eq!(kept + dropped, 3);
        let (kept, dropped) = record_chunks(2, BYTES_QUEUED as usize / 8);
        assert_eq!((kept, dropped), (0, 2), "one that never fits is dropped");
    }
}
