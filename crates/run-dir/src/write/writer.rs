//! A run directory before its run: the manifest and the plan.

use super::journal::Journal;
use super::latencies::Latencies;
use super::recorder::Recorder;
use super::running::Running;
use super::scribe::{Files, Named, Scribe};
use crate::error::CreateError;
use crate::format::generator::TableWriter;
use crate::format::plan::{self, PlanRow};
use crate::manifest::{Anchor, Counts, Manifest, State, sync_dir};
use crate::names;
use proofload_record::Books;
use proofload_record::clock::{self, Clock};
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
/// [`Writer::start`] begins the run.
///
/// Dropped before that, it leaves a directory that opens as a run which never began.
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    manifest: Manifest,
    keep_chunks: bool,
    plan: BufWriter<File>,
    plan_crc: u32,
    planned: u32,
    sealed: bool,
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
        manifest.write(&dir).map_err(CreateError::at(&dir.join(names::MANIFEST)))?;
        let path = dir.join(names::PLAN);
        let mut writer = Self {
            plan: BufWriter::new(File::create_new(&path).map_err(CreateError::at(&path))?),
            dir,
            manifest,
            keep_chunks,
            plan_crc: 0,
            planned: 0,
            sealed: false,
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

    /// Adds the next request of the plan, in due order: the first is plan index 0.
    ///
    /// # Errors
    /// Those of writing `plan.bin`, with its path; [`io::ErrorKind::InvalidInput`] for an id of
    /// more than 65,535 bytes, and after [`Writer::seal_plan`].
    pub fn plan_entry(&mut self, row: &PlanRow) -> io::Result<()> {
        let refuse = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        if self.sealed {
            return Err(refuse("expected an open plan, found a sealed one".to_owned()));
        }
        plan::encode_row(row, &mut self.entry).ok_or_else(|| {
            refuse(format!("expected an id of at most 65,535 bytes, found {}", row.id.len()))
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

    /// Ends the plan and makes it durable, which takes as long as the disk takes; a second call
    /// does nothing. [`Writer::start`] does it too, but by then the run's clock has been chosen:
    /// call it before, and the first requests are not late.
    ///
    /// # Errors
    /// [`CreateError::Io`].
    pub fn seal_plan(&mut self) -> Result<(), CreateError> {
        if self.sealed {
            return Ok(());
        }
        let seal = |writer: &mut Self| {
            plan::encode_trailer(writer.planned, writer.plan_crc, &mut writer.entry);
            writer.plan.write_all(&writer.entry)?;
            writer.plan.flush()?;
            writer.plan.get_ref().sync_all()?;
            sync_dir(&writer.dir)
        };
        seal(self).map_err(CreateError::at(&self.dir.join(names::PLAN)))?;
        self.sealed = true;
        Ok(())
    }

    /// Begins the run: a [`Recorder`] for each worker, and the thread that writes.
    ///
    /// Request `i` of the plan belongs to worker `i mod workers`, and a worker releases its own in
    /// their order: that is how a reader knows which were under way when the program was killed.
    ///
    /// `on_failure` is called once, on the writer's thread, if writing fails: nothing is written
    /// any more, so it should stop the run.
    ///
    /// # Errors
    /// [`CreateError::Io`] if a file cannot be made, or the thread.
    pub fn start(
        self,
        clock: Clock,
        workers: usize,
        on_failure: impl FnOnce() + Send + 'static,
    ) -> Result<(Running, Vec<Recorder>), CreateError> {
        self.start_queued(clock, workers, Recorder::ROWS_QUEUED, on_failure)
    }

    fn start_queued(
        mut self,
        clock: Clock,
        workers: usize,
        rows_queued: usize,
        on_failure: impl FnOnce() + Send + 'static,
    ) -> Result<(Running, Vec<Recorder>), CreateError> {
        self.seal_plan()?;
        let planned = u64::from(self.planned);
        let wall_ns = wall_at(clock);
        self.manifest.workers = u16::try_from(workers).unwrap_or(u16::MAX);
        self.manifest.clock = Anchor { monotonic_ns: clock.origin_ns(), wall_ns };
        self.manifest.started = proofload_units::utc_time(wall_ns);
        self.manifest.counts = Counts::new(&Books { planned, ..Books::default() }, 0);
        let files = create_files(&self.dir, wall_ns, self.keep_chunks)?;
        let path = self.dir.join(names::MANIFEST);
        self.manifest.write(&self.dir).map_err(CreateError::at(&path))?;

        let (classes, warmup) = (self.manifest.classes.len(), self.manifest.warmup_requests);
        let keep_chunks = self.keep_chunks;
        let ends = (0..self.manifest.workers)
            .map(|_| Recorder::new(clock, classes, rows_queued, keep_chunks, warmup));
        let (recorders, links): (Vec<_>, Vec<_>) = ends.unzip();
        let counters = links.iter().map(|link| link.counters.clone()).collect();
        let scribe = Scribe::new(clock, files, links);
        let dir = self.dir.clone();
        let running =
            Running::start(self.dir, self.manifest, planned, counters, scribe, on_failure)
                .map_err(CreateError::at(&dir))?;
        Ok((running, recorders))
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

/// Wall time at which `clock` reads 0, in nanoseconds since the Unix epoch.
fn wall_at(clock: Clock) -> u64 {
    let (monotonic_ns, wall_ns) = (clock::monotonic_ns(), clock::wall_ns());
    (wall_ns + clock.origin_ns()).saturating_sub(monotonic_ns)
}

/// Makes the files that grow. The journal is last: where it exists, the others do.
fn create_files(dir: &Path, wall_ns: u64, keep_chunks: bool) -> Result<Files, CreateError> {
    let create = |name: &str| {
        let path = dir.join(name);
        let file = File::create(&path).map_err(CreateError::at(&path))?;
        Ok(Named { path, file })
    };
    let notes = create(names::NOTES)?;
    let Named { path, file } = create(names::LATENCIES)?;
    let latencies =
        Latencies::new(BufWriter::new(file), wall_ns).map_err(CreateError::at(&path))?;
    let latencies = Named { path, file: latencies };
    let Named { path, file } = create(names::GENERATOR)?;
    let table = TableWriter::new(file).map_err(CreateError::at(&path))?;
    let generator = Named { path, file: table };
    let chunks = if keep_chunks { Some(create(names::CHUNKS)?) } else { None };
    let Named { path, file } = create(names::JOURNAL)?;
    let journal = Named { path, file: Journal::new(file) };
    Ok(Files { journal, notes, latencies, generator, chunks })
}

#[cfg(test)]
mod tests {
    use super::{Config, Writer};
    use crate::{Fate, Finish, Manifest, PlanRow, RunDir, State};
    use proofload_record::clock::{Clock, monotonic_ns};
    use proofload_record::{End, NotSent, Note, Outcome, Row, Sink, Stamp};

    /// A queue of four rows, filled far faster than the writer wakes.
    #[test]
    fn rows_that_find_the_queue_full_are_dropped_and_still_counted() {
        const SENT: u32 = 2_000;
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().to_owned();
        let manifest = Manifest::new("proofload-test", "0.0.0");
        let mut writer = Writer::create(Config { out, manifest, keep_chunks: false }).unwrap();
        for _ in 0..SENT + 2 {
            let row = PlanRow { id: "".into(), due_ns: 0, class: 0, offset: 0, len: 0, crc: 0 };
            writer.plan_entry(&row).unwrap();
        }
        let clock = Clock::from_origin(monotonic_ns());
        let (running, mut recorders) = writer.start_queued(clock, 1, 4, || ()).unwrap();
        for index in 0..SENT {
            recorders[0].released(0);
            let end = match index % 4 {
                0 => End::NotSent(NotSent::InFlightCap),
                1 => End::Sent(Outcome::Reset),
                _ => End::Sent(Outcome::Ok),
            };
            let row = Row::new(index, 0, 0, Stamp::at(0), end);
            recorders[0].finished(&row, Note::default());
        }
        recorders[0].released(0);
        let dropped = running.progress().rows_dropped;
        assert!(dropped > 0);
        drop(recorders);
        let finish = Finish { state: State::Complete, end_reason: None };
        let run = RunDir::open(&running.finish(finish).unwrap()).unwrap();
        let books = run.books();
        assert_eq!(books.rows_dropped, dropped);
        assert_eq!(run.rows().len() as u64 + dropped, u64::from(SENT));
        assert_eq!(books.not_sent, [0, 0, 500]);
        assert_eq!((books.outcome(Outcome::Reset), books.outcome(Outcome::Ok)), (500, 1_000));
        assert_eq!((books.outcome(Outcome::Lost), books.not_reached), (1, 1));
        assert_eq!(run.fate(SENT), Fate::LostOrDropped);
        assert_eq!(run.fate(SENT + 1), Fate::NotReached);
    }
}
