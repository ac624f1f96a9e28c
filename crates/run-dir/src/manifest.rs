//! `run.json`: what the run was, and how it ended.

use crate::names::MANIFEST;
use proofload_record::{Books, Class, NotSent, Outcome, ParseLabelError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

/// The version of a run directory that we write, and the newest that we read.
pub const SCHEMA_VERSION: u32 = 1;

/// What a run was. The writer fills in `clock`, `workers`, `started`, `state`, `end_reason`,
/// `ended`, `counts`, `journal_blocks` and `files`; the program everything else.
///
/// A field that a later version adds within the same schema is ignored by an older reader.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the directory's formats, [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Twelve hexadecimal digits; `X-Request-ID` is this, a dash and the plan index.
    pub run_id: String,
    /// The program that ran, such as `proofload-replay`.
    pub program: String,
    /// Its version.
    pub version: String,
    /// The commit that it was built from, where that is known.
    pub git_commit: Option<String>,
    /// The whole configuration, as the program puts it; never a key.
    pub config: serde_json::Value,
    /// Seed of everything random.
    pub seed: u64,
    /// SHA-256 over the plan and the bodies, in hexadecimal digits.
    pub plan_hash: String,
    /// The machine that sent.
    pub host: Host,
    /// The one tie between the run's clock and wall time.
    pub clock: Anchor,
    /// What was sent to.
    pub target: Target,
    /// Threads that sent; request `i` of the plan belongs to worker `i mod workers`.
    pub workers: u16,
    /// The kinds of request; rows and histograms carry the place in this list.
    pub classes: Vec<ClassEntry>,
    /// Requests at the plan's beginning that are sent and left out of the analysis.
    pub warmup_requests: u64,
    /// Latency from due within which a request counts as good, in nanoseconds.
    pub latency_slo_ns: u64,
    /// The objectives that it was made with, as they were written.
    #[serde(default)]
    pub slos: Vec<String>,
    /// Bodies that asking for a stream changed.
    pub stream_changed: u64,
    /// Bodies that were made to name another model than the workload.
    #[serde(default)]
    pub model_changed: u64,
    /// When the run's clock read 0, RFC 3339 in UTC; empty before the start.
    pub started: String,
    /// When the run ended.
    pub ended: Option<String>,
    /// Whether it ended, and how.
    pub state: State,
    /// Why it did not run to its end, in words.
    pub end_reason: Option<String>,
    /// Where the planned requests went.
    pub counts: Counts,
    /// Blocks of `requests.bin` once it is whole; none while the run lasts or if it could not be
    /// written to its end.
    pub journal_blocks: Option<u32>,
    /// Length and checksum of each file beside the plan and the journal, under the same condition.
    #[serde(default)]
    pub files: BTreeMap<String, Sum>,
    /// What it was imported from; none for a run that one of our programs made.
    pub imported: Option<Imported>,
    /// It sent no requests and has neither plan nor journal: the rest of its files are its program's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_requests: bool,
}

/// What a whole file is known by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// Its length.
    pub bytes: u64,
    /// CRC32C of it.
    pub crc32c: u32,
}

impl Sum {
    /// Adds what follows.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
    }

    /// In which words `found` is another file than this one; none where it is the same.
    pub(crate) fn differs(self, found: Self) -> Option<String> {
        (self != found).then(|| {
            format!(
                "altered since the run: expected {} bytes with CRC {:08x}, found {} with {:08x}",
                self.bytes, self.crc32c, found.bytes, found.crc32c
            )
        })
    }
}

/// A run that another program made and recorded: what is known of its file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The form of the file, such as `Logos detailed CSV, 14 columns`.
    pub form: String,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Whether classes name the model that the request asked for. Otherwise it is the one that
    /// answered, and nobody knows who had chosen it.
    pub selection_known: bool,
    /// Columns of the file that nothing was done with.
    pub ignored_columns: Vec<String>,
}

/// Whether a run ended, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It still lasts, or the program was killed.
    #[default]
    Running,
    /// The plan was sent and answered.
    Complete,
    /// A person ended it.
    Interrupted,
    /// Something ended it.
    Failed,
}

/// One moment on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Nanoseconds of `CLOCK_MONOTONIC` at which the run's clock read 0.
    pub monotonic_ns: u64,
    /// Nanoseconds since the Unix epoch at that moment.
    pub wall_ns: u64,
}

/// What was sent to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its address, without a key.
    pub url: String,
    /// Whether it was the simulator.
    pub simulated: bool,
}

/// A kind of request, by its names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassEntry {
    /// `interactive` or `batch`.
    pub mode: String,
    /// `low`, `mid` or `high`.
    pub priority: String,
    /// The model that the request names; none where the server chooses.
    pub model: Option<String>,
}

impl From<&Class> for ClassEntry {
    fn from(class: &Class) -> Self {
        Self {
            mode: class.mode.label().to_owned(),
            priority: class.priority.label().to_owned(),
            model: class.model.as_deref().map(str::to_owned),
        }
    }
}

impl TryFrom<&ClassEntry> for Class {
    type Error = ParseLabelError;

    fn try_from(entry: &ClassEntry) -> Result<Self, Self::Error> {
        let model = entry.model.as_deref().map(Into::into);
        Ok(Self { mode: entry.mode.parse()?, priority: entry.priority.parse()?, model })
    }
}

/// Where the planned requests went, by name: [`Books`] as they stand in the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests in the plan.
    pub planned: u64,
    /// Started.
    pub sent: u64,
    /// Due but never started, by reason.
    pub not_sent: BTreeMap<String, u64>,
    /// Due after the run ended.
    pub not_reached: u64,
    /// Planned beyond the last thing written down.
    pub unknown: u64,
    /// Of those sent, by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Ended requests without a row because the writer could not keep up.
    pub rows_dropped: u64,
    /// Requests whose chunks were not kept because the writer could not keep up.
    pub chunks_dropped: u64,
    /// Requests whose text was not kept because the writer could not keep up.
    #[serde(default)]
    pub responses_dropped: u64,
}

/// Requests of which something beside the row was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) chunks: u64,
    pub(crate) responses: u64,
}

impl Counts {
    /// The counts of `books`.
    pub(crate) fn new(books: &Books, dropped: Dropped) -> Self {
        let outcomes =
            Outcome::ALL.map(|outcome| (outcome.label().to_owned(), books.outcome(outcome)));
        let reasons = NotSent::ALL.into_iter().zip(books.not_sent);
        Self {
            planned: books.planned,
            sent: books.sent,
            not_sent: reasons.map(|(reason, count)| (reason.label().to_owned(), count)).collect(),
            not_reached: books.not_reached,
            unknown: books.unknown,
            outcomes: outcomes.into(),
            rows_dropped: books.rows_dropped,
            chunks_dropped: dropped.chunks,
            responses_dropped: dropped.responses,
        }
    }

    /// What was dropped beside rows.
    pub(crate) const fn dropped(&self) -> Dropped {
        Dropped { chunks: self.chunks_dropped, responses: self.responses_dropped }
    }

    /// Without the ways to end that no request took. Only so can counts be compared with those of
    /// another version, which may know fewer ways.
    pub(crate) fn without_zeros(&self) -> Self {
        let mut counts = self.clone();
        counts.outcomes.retain(|_, &mut count| count > 0);
        counts.not_sent.retain(|_, &mut count| count > 0);
        counts
    }

    /// Requests that have a row: those that ended and were not dropped.
    pub(crate) fn rows(&self) -> u64 {
        let lost = self.outcomes.get(Outcome::Lost.label()).unwrap_or(&0);
        let ended = self.sent + self.not_sent.values().sum::<u64>();
        ended.saturating_sub(lost + self.rows_dropped)
    }
}

/// The machine that sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// CPUs that the program may use.
    pub cores: u32,
    /// Main memory in bytes.
    pub memory_bytes: u64,
    /// Name and release of the kernel.
    pub kernel: String,
    /// The CPU's own name, where the kernel tells it.
    pub cpu_model: Option<String>,
}

impl Host {
    /// This machine; what cannot be read is 0, empty or none.
    #[must_use]
    pub fn detect() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (name, release) = (text("/proc/sys/kernel/ostype"), text("/proc/sys/kernel/osrelease"));
        let (memory, cpus) = (text("/proc/meminfo"), text("/proc/cpuinfo"));
        let kibibytes = value_of(&memory, "MemTotal").and_then(|text| text.split(' ').next());
        Self {
            cores: std::thread::available_parallelism().map_or(0, |cores| cores.get() as u32),
            memory_bytes: kibibytes.and_then(|text| text.parse().ok()).unwrap_or(0) * 1_024,
            kernel: format!("{} {}", name.trim(), release.trim()),
            cpu_model: value_of(&cpus, "model name").map(str::to_owned),
        }
    }
}

/// The text after `name` and a colon in the first line that begins so.
fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

impl Manifest {
    /// A manifest of `program` at `version` on this machine, in which nothing else is known yet.
    #[must_use]
    pub fn new(program: &str, version: &str) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            program: program.to_owned(),
            version: version.to_owned(),
            host: Host::detect(),
            ..Self::default()
        }
    }

    /// Whether the run was written to its end. What is missing since then was lost afterwards.
    pub(crate) fn was_sealed(&self) -> bool {
        self.state != State::Running && self.journal_blocks.is_some()
    }

    /// Replaces the manifest of the run directory `dir` in one step that survives power loss:
    /// whoever opens it sees the old one or the new one, whole.
    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        use std::io::Write as _;
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        let temporary = dir.join(format!("{MANIFEST}.tmp"));
        let mut file = fs::File::create(&temporary)?;
        file.write_all(&json)?;
        file.sync_all()?;
        fs::rename(&temporary, dir.join(MANIFEST))?;
        sync_dir(dir)
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub(crate) fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        /// The one field that every version has.
        #[derive(Deserialize)]
        struct Version {
            schema_version: u32,
        }
        let Version { schema_version: found } = serde_json::from_slice(json)?;
        if found > SCHEMA_VERSION {
            return Err(ManifestError::Newer { found });
        }
        Ok(serde_json::from_slice(json)?)
    }
}

/// Makes the names in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

/// Why some bytes are no manifest.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    #[error("schema version {found} is newer than {SCHEMA_VERSION}")]
    Newer { found: u32 },
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

#[cfg(test)]
mod tests {
    use super::{ClassEntry, Manifest, ManifestError, SCHEMA_VERSION, State};
    use crate::names::MANIFEST;
    use proofload_record::{Class, Mode, Priority};

    #[test]
    fn a_manifest_comes_back_and_unknown_fields_are_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = Manifest {
            seed: u64::MAX,
            state: State::Interrupted,
            journal_blocks: Some(4),
            ..Manifest::new("proofload-replay", "0.1.0")
        };
        manifest.write(dir.path()).unwrap();
        let names: Vec<_> =
            dir.path().read_dir().unwrap().map(|at| at.unwrap().file_name()).collect();
        assert_eq!(names, [MANIFEST], "nothing temporary stays");
        let json = std::fs::read_to_string(dir.path().join(MANIFEST)).unwrap();
        assert_eq!(Manifest::parse(json.as_bytes()).unwrap(), manifest);
        let later = json.replacen('{', "{\"added_later\": [1],", 1);
        assert_eq!(Manifest::parse(later.as_bytes()).unwrap(), manifest);
        assert!(json.contains("\"state\": \"interrupted\""), "{json}");
    }

    #[test]
    fn a_newer_schema_is_refused_before_anything_else_is_read() {
        let json = format!("{{\"schema_version\": {}}}", SCHEMA_VERSION + 1);
        let error = Manifest::parse(json.as_bytes()).unwrap_err();
        assert!(matches!(error, ManifestError::Newer { found: 2 }), "{error}");
    }

    #[test]
    fn a_class_keeps_its_names() {
        let class = Class { mode: Mode::Batch, priority: Priority::High, model: Some("m".into()) };
        let mut entry = ClassEntry::from(&class);
        assert_eq!(Class::try_from(&entry), Ok(class));
        entry.priority = "urgent".to_owned();
        assert!(Class::try_from(&entry).is_err());
    }
}
