//! Reading a run directory, whatever state it was left in.

mod check;
mod histograms;
mod journal;

pub use histograms::Series;

use crate::books::books;
use crate::error::OpenError;
use crate::format::chunk::ChunkReader;
use crate::format::generator::{self, GeneratorSecond};
use crate::format::note;
use crate::format::plan::{self, PlanError, PlanRow};
use crate::manifest::{ClassEntry, Manifest, ManifestError, SCHEMA_VERSION, State};
use crate::names;
use journal::Found;
use proofload_record::{Books, Class, Note, Outcome, ParseLabelError, Row};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

/// How a run directory is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Open one that does not add up, too; [`Recovery::imbalance`] then says what does not.
    pub accept_unbalanced: bool,
}

/// In what state a directory was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The run was finished and its journal is whole. Otherwise the program was killed or could not
    /// write on, and the books end at the last heartbeat.
    pub sealed: bool,
    /// The run had begun: the plan was whole.
    pub began: bool,
    /// Blocks of the journal that are whole.
    pub blocks: u32,
    /// When the last of them was written, in nanoseconds since the run began.
    pub last_heartbeat_ns: Option<u64>,
    /// Bytes after it that were left out: a torn block.
    pub torn_bytes: u64,
    /// What no kill explains: parts that were altered or are missing, in words.
    pub damage: Vec<String>,
    /// What does not add up, where that was accepted.
    pub imbalance: Option<String>,
}

impl Recovery {
    /// Whether part of the data is missing.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        !self.sealed || !self.damage.is_empty() || self.imbalance.is_some()
    }
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
    /// It was due after the last heartbeat of a run that was killed.
    Unknown,
}

/// A run directory, read whole.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    manifest: Manifest,
    classes: Vec<Class>,
    plan: Vec<PlanRow>,
    journal: Found,
    notes: BTreeMap<u32, Note>,
    books: Books,
    recovery: Recovery,
    seconds: Vec<GeneratorSecond>,
    histograms: Vec<Series>,
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
        let manifest = read_manifest(path)?;
        let classes = read_classes(path, &manifest)?;
        let began = path.join(names::JOURNAL).exists();
        let plan = read_plan(&path.join(names::PLAN), began)?;
        let mut journal =
            if began { journal::read(&path.join(names::JOURNAL))? } else { Found::default() };
        journal.rows.sort_unstable_by_key(|row| row.index);

        let finished = manifest.state != State::Running;
        let sealed = finished && manifest.journal_blocks == Some(journal.blocks);
        let mut recovery = Recovery {
            sealed,
            began,
            blocks: journal.blocks,
            last_heartbeat_ns: journal.last.as_ref().map(|last| last.at_ns),
            torn_bytes: journal.cut_bytes,
            ..Recovery::default()
        };
        note_journal_damage(&manifest, &journal, &mut recovery);
        let dropped = manifest.counts.chunks_dropped;
        if dropped > 0 {
            let name = names::CHUNKS;
            recovery.damage.push(format!("{name}: the chunks of {dropped} requests were dropped"));
        }
        let last = journal.last.clone().unwrap_or_default();
        let books = books(plan.len() as u64, &last, sealed);
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
        };
        if began {
            opened.read_rest()?;
        }
        Ok(opened)
    }

    /// Reads what the books do without. Damage here costs what it hits and is reported.
    fn read_rest(&mut self) -> Result<(), OpenError> {
        let torn = !self.recovery.sealed;
        let damage = &mut self.recovery.damage;
        if let Some(bytes) = read_part(&self.path, names::NOTES, damage)? {
            let (notes, cut, altered) = note::decode(&bytes);
            if altered > 0 || (cut && !torn) {
                let lines = altered + u64::from(cut);
                damage.push(format!("{}: {lines} lines are damaged and left out", names::NOTES));
            }
            self.notes = notes;
        }
        if let Some(bytes) = read_part(&self.path, names::GENERATOR, damage)? {
            let (seconds, error) = generator::read(&bytes, torn);
            damage.extend(error.map(|error| format!("{}: {error}", names::GENERATOR)));
            self.seconds = seconds;
        }
        if let Some(bytes) = read_part(&self.path, names::LATENCIES, damage)? {
            let (histograms, error) = histograms::read(&bytes[..], torn);
            damage.extend(error.map(|error| format!("{}: {error}", names::LATENCIES)));
            self.histograms = histograms;
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
    pub fn plan(&self) -> &[PlanRow] {
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

    /// What became of the planned request `index`; [`Fate::Unknown`] for one that is not planned.
    #[must_use]
    pub fn fate(&self, index: u32) -> Fate<'_> {
        let rows = &self.journal.rows;
        if let Ok(at) = rows.binary_search_by_key(&index, |row| row.index) {
            return Fate::Row(&rows[at]);
        }
        if check::is_released(index, self.journal.last.as_ref()) {
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

/// Reads a whole file that should be there; `None`, and told, where it is not.
fn read_part(
    dir: &Path,
    name: &str,
    damage: &mut Vec<String>,
) -> Result<Option<Vec<u8>>, OpenError> {
    let path = dir.join(name);
    match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            damage.push(format!("{name} is missing"));
            Ok(None)
        }
        read => read.map(Some).map_err(OpenError::at(&path)),
    }
}

/// Says what is wrong with a journal beyond one torn block.
fn note_journal_damage(manifest: &Manifest, journal: &Found, recovery: &mut Recovery) {
    let name = names::JOURNAL;
    let Found { blocks, whole_bytes, cut_bytes, .. } = journal;
    if journal.damaged {
        recovery.damage.push(format!(
            "{name}: the block at byte {whole_bytes} is damaged; it and what follows are left out"
        ));
    } else if manifest.journal_blocks.is_some_and(|expected| expected != *blocks) {
        let expected = manifest.journal_blocks.unwrap_or(0);
        recovery.damage.push(format!("{name}: expected {expected} blocks, found {blocks}"));
    } else if recovery.sealed && *cut_bytes > 0 {
        recovery.damage.push(format!("{name}: {cut_bytes} bytes follow its last block"));
    }
}

fn read_manifest(dir: &Path) -> Result<Manifest, OpenError> {
    let path = dir.join(names::MANIFEST);
    let json = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(OpenError::NoManifest { path: dir.to_owned() });
        }
        read => read.map_err(OpenError::at(&path))?,
    };
    Manifest::parse(&json).map_err(|error| match error {
        ManifestError::Newer { found } => OpenError::Newer { path, found, known: SCHEMA_VERSION },
        ManifestError::Json(source) => OpenError::Manifest { path, source },
    })
}

fn read_classes(dir: &Path, manifest: &Manifest) -> Result<Vec<Class>, OpenError> {
    let read = |(class, entry): (usize, &ClassEntry)| {
        Class::try_from(entry).map_err(|error: ParseLabelError| OpenError::Class {
            path: dir.join(names::MANIFEST),
            class,
            expected: error.to_string(),
            found: (entry.mode.clone(), entry.priority.clone()),
        })
    };
    manifest.classes.iter().enumerate().map(read).collect()
}

/// The plan. One that was not finished is that of a run which never began: nothing was sent.
fn read_plan(path: &Path, began: bool) -> Result<Vec<PlanRow>, OpenError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !began => Vec::new(),
        read => read.map_err(OpenError::at(path))?,
    };
    match plan::decode(&bytes) {
        Ok(plan) => Ok(plan),
        Err(PlanError::Unfinished) if !began => Ok(Vec::new()),
        Err(PlanError::Unfinished | PlanError::Damaged) => {
            Err(OpenError::Plan { path: path.to_owned() })
        }
        Err(PlanError::Newer(found)) => {
            let (found, known) = (found.into(), plan::VERSION.into());
            Err(OpenError::Newer { path: path.to_owned(), found, known })
        }
    }
}
