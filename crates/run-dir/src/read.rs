//! Reading a run directory, whatever state it was left in.

mod check;
mod head;
mod histograms;
mod journal;
mod recovery;
mod side;

pub use histograms::Series;
pub use recovery::Recovery;

use crate::books::{books, books_of};
use crate::error::OpenError;
use crate::format::chunk::ChunkReader;
use crate::format::generator::{self, GeneratorSecond};
use crate::format::note;
use crate::format::plan::Plan;
use crate::format::response::Responses;
use crate::manifest::{Manifest, State};
use crate::{lock, names, server};
use journal::Found;
use proofload_record::{Books, Class, Note, Outcome, Row, ServerSide};
use side::SideFiles;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

/// How a run directory is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Open one that does not add up, too; [`Recovery::imbalance`] then says what does not.
    pub accept_unbalanced: bool,
}

/// What became of a planned request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate<'a> {
    /// It has a row.
    Row(&'a Row),
    /// It was under way when the program was killed.
    Lost,
    /// It ended, and its row was dropped because the writer could not keep up.
    Dropped,
    /// One of the two: both happened in this run, and only their numbers are known.
    LostOrDropped,
    /// It was due after the run ended.
    NotReached,
    /// It was due after the last heartbeat of a run that was killed, or its row cannot be read.
    Unknown,
}

/// A run directory, read whole.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    manifest: Manifest,
    classes: Vec<Class>,
    plan: Plan,
    journal: Found,
    notes: BTreeMap<u32, Note>,
    books: Books,
    recovery: Recovery,
    seconds: Vec<GeneratorSecond>,
    histograms: Vec<Series>,
    server: Option<ServerSide>,
}

impl RunDir {
    /// Opens a directory that adds up.
    ///
    /// A directory that a killed program left behind is one: see [`RunDir::recovery`].
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(path, OpenOptions::default())
    }

    /// Opens a directory as `options` say.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with(path: &Path, options: OpenOptions) -> Result<Self, OpenError> {
        // The lock before the manifest: a run that ends in between has written its last one.
        let is_written = lock::is_held(path);
        let manifest = head::read_manifest(path)?;
        if manifest.without_requests {
            let (path, program) = (path.to_owned(), manifest.program);
            return Err(OpenError::WithoutRequests { path, program });
        }
        let classes = head::read_classes(path, &manifest)?;
        let file = path.join(names::JOURNAL);
        let (was_sealed, has_journal) = (manifest.was_sealed(), file.exists());
        let began = has_journal || was_sealed;
        let plan = head::read_plan(&path.join(names::PLAN), began)?;
        let mut journal =
            if has_journal { journal::read(&file, plan.len())? } else { Found::default() };
        journal.rows.sort_unstable_by_key(|row| row.index);

        let mut recovery = Recovery::of(&manifest, has_journal.then_some(&journal));
        recovery.still_going = is_written && manifest.state == State::Running;
        let sealed = recovery.sealed;
        let planned = plan.len() as u64;
        let books = if was_sealed && !sealed {
            books_of(planned, &journal.rows)
        } else {
            books(planned, &journal.last.clone().unwrap_or_default(), sealed)
        };
        recovery.imbalance = check::problem(&plan, &journal, &books, sealed.then_some(&manifest));
        if let Some(problem) = recovery.imbalance.clone().filter(|_| !options.accept_unbalanced) {
            return Err(OpenError::Unbalanced { path: path.to_owned(), problem });
        }

        let mut opened = Self {
            path: path.to_owned(),
            manifest,
            classes,
            plan,
            journal,
            notes: BTreeMap::new(),
            books,
            recovery,
            seconds: Vec::new(),
            histograms: Vec::new(),
            server: None,
        };
        if began {
            opened.read_rest()?;
        }
        Ok(opened)
    }

    /// Reads what the books do without. Damage here costs what it hits and is reported.
    fn read_rest(&mut self) -> Result<(), OpenError> {
        let damage = &mut self.recovery.damage;
        let mut side = SideFiles::of(&self.path, &self.manifest, damage);
        self.notes = side.read(names::NOTES, |bytes, torn| {
            let (notes, cut, altered) = note::decode(bytes);
            let lines = altered + u64::from(cut && !torn);
            (notes, (lines > 0).then(|| format!("{lines} lines are damaged and left out")))
        })?;
        if self.manifest.imported.is_none() {
            // Of an imported run nobody measured the generator, and there was no second way to
            // count.
            self.seconds = side.read(names::GENERATOR, |bytes, torn| {
                let (seconds, error) = generator::read(bytes, torn);
                (seconds, error.map(|error| error.to_string()))
            })?;
            self.histograms = side.read(names::LATENCIES, |bytes, torn| {
                let (histograms, error) = histograms::read(bytes, torn);
                (histograms, error.map(|error| error.to_string()))
            })?;
        }
        side.check(names::CHUNKS)?;
        side.check(names::RESPONSES)?;
        if !self.manifest.was_sealed() {
            // A sealed run knows the sum of it.
            let altered = altered_responses(&self.path, &self.journal.rows, self.plan.len());
            let altered = altered.map_err(OpenError::at(&self.path.join(names::RESPONSES)))?;
            damage.extend(altered);
        }
        self.server = server::read(&self.path, self.plan.len(), damage)?;
        let is_unjoined = self.server.is_none() && !self.manifest.was_sealed();
        if is_unjoined && self.path.join(names::OWN_LOG).exists() {
            damage.push(format!(
                "{}: the program ended before it joined this log, so the server's side is left out",
                names::OWN_LOG
            ));
        }
        Ok(())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the run was.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The kinds of request, which rows name by their place here.
    #[must_use]
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// What was due, in due order; empty for a run that never began.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The rows, by plan index.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.journal.rows
    }

    /// The rare parts of requests, by plan index.
    #[must_use]
    pub const fn notes(&self) -> &BTreeMap<u32, Note> {
        &self.notes
    }

    /// Where the planned requests went, as the journal tells it.
    #[must_use]
    pub const fn books(&self) -> &Books {
        &self.books
    }

    /// What state the directory is in.
    #[must_use]
    pub const fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// How the workers stood, second by second, in the order in which they said so.
    #[must_use]
    pub fn seconds(&self) -> &[GeneratorSecond] {
        &self.seconds
    }

    /// The distributions of the whole run, by metric and class.
    #[must_use]
    pub fn histograms(&self) -> &[Series] {
        &self.histograms
    }

    /// What the server's own log said; `None` where nobody asked it.
    #[must_use]
    pub const fn server(&self) -> Option<&ServerSide> {
        self.server.as_ref()
    }

    /// Adds what the server's own log said, on disk and here.
    ///
    /// # Errors
    /// Those of [`write_server_side`](crate::write_server_side); nothing is added then.
    pub fn attach_server(&mut self, side: ServerSide) -> io::Result<()> {
        server::write_server_side(&self.path, &side)?;
        self.server = Some(side);
        Ok(())
    }

    /// What became of the planned request `index`; [`Fate::Unknown`] for one that is not planned.
    #[must_use]
    pub fn fate(&self, index: u32) -> Fate<'_> {
        let rows = &self.journal.rows;
        if let Ok(at) = rows.binary_search_by_key(&index, |row| row.index) {
            return Fate::Row(&rows[at]);
        }
        let is_known = self.recovery.sealed || !self.manifest.was_sealed();
        if is_known && check::is_released(index, self.journal.last.as_ref()) {
            return match (self.books.outcome(Outcome::Lost), self.books.rows_dropped) {
                (_, 0) => Fate::Lost,
                (0, _) => Fate::Dropped,
                _ => Fate::LostOrDropped,
            };
        }
        if self.recovery.sealed && (index as usize) < self.plan.len() {
            Fate::NotReached
        } else {
            Fate::Unknown
        }
    }

    /// The texts of answers, up to the first that was cut; `None` if the run did not keep them.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn responses(&self) -> io::Result<Option<Responses>> {
        responses(&self.path)
    }

    /// The arrivals of content chunks, in the order in which requests ended, up to the first that
    /// was cut; `None` if the run did not keep them.
    ///
    /// # Errors
    /// Those of opening the file.
    pub fn chunks(&self) -> io::Result<Option<ChunkReader<BufReader<File>>>> {
        let file = match File::open(self.path.join(names::CHUNKS)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let len_bytes = file.metadata()?.len();
        Ok(Some(ChunkReader::new(BufReader::new(file), len_bytes)))
    }
}

fn responses(dir: &Path) -> io::Result<Option<Responses>> {
    match File::open(dir.join(names::RESPONSES)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => Responses::open(opened?).map(Some),
    }
}

/// What is wrong with the texts of a run that was killed, but for an end that is cut.
fn altered_responses(dir: &Path, rows: &[Row], planned: usize) -> io::Result<Option<String>> {
    let Some(responses) = responses(dir)? else { return Ok(None) };
    let is_recorded = |index: u32| {
        index as usize >= planned || rows.binary_search_by_key(&index, |row| row.index).is_ok()
    };
    let altered_bytes = responses.altered_bytes(is_recorded)?;
    Ok((altered_bytes > 0).then(|| {
        format!(
            "{}: altered behind its first {} texts; {altered_bytes} bytes are left out",
            names::RESPONSES,
            responses.len()
        )
    }))
}
