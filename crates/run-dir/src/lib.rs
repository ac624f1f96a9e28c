//! The run directory: everything that a run saw, on disk while it happens and afterwards.
//!
//! ```text
//! workers --Recorder--> bounded queues --writer thread--> requests.bin, latency.hlog, ...
//!                                                                  |
//!                                      RunDir <-- kill -9 or finish()
//! ```
//!
//! [`Writer`] makes the directory and takes the plan; [`Writer::prepare`] does all that waits for a
//! disk, and [`Prepared::begin`], which does not, gives each worker a [`Recorder`], whose calls
//! never wait, while one thread writes. A kill at any moment leaves a directory that
//! [`RunDir::open`] reads: the journal is made of blocks with a checksum, each with a heartbeat
//! that counts exactly the rows up to it, so the [books](proofload_record::Books) of a killed run
//! balance at its last heartbeat, and what was under way then is `lost`.
//!
//! Why the shape: whoever writes a summary reads it from here, so there is one way to a figure; and
//! the forms on disk are types of this crate with versions of their own (`docs/formats.md`), so
//! that the vocabulary of `proofload-record` may change without making old runs unreadable.
//!
//! Left out: the computed files (`summary.csv` and its like), which are `proofload-report`'s, and
//! those that later programs add (samples, events).
//!
//! ```
//! # use proofload_record::{clock, End, Note, Outcome, Row, Sink, Stamp};
//! # use proofload_run_dir::{Config, Finish, Manifest, PlanRow, RunDir, State, Writer};
//! # let temporary = tempfile::tempdir()?;
//! # let out = temporary.path().join("run");
//! let manifest = Manifest::new("proofload-replay", "0.1.0");
//! let mut writer = Writer::create(Config { out, manifest, keep_chunks: false })?;
//! writer.plan_entry(&PlanRow { id: "a", due_ns: 0, class: 0, offset: 0, len: 2, crc: 0 })?;
//! let prepared = writer.prepare(1, || ())?;
//! let clock = clock::Clock::from_origin(clock::monotonic_ns());
//! let (running, mut recorders) = prepared.begin(clock);
//!
//! let mut recorder = recorders.remove(0);
//! recorder.released(12_000);
//! let row = Row::new(0, 0, 0, Stamp::at(0), End::Sent(Outcome::Ok));
//! recorder.finished(&row, Note::default());
//! drop(recorder);
//!
//! let path = running.finish(Finish { state: State::Complete, end_reason: None })?;
//! let run = RunDir::open(&path)?;
//! assert_eq!(run.rows(), [row]);
//! assert_eq!(run.books().sent, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod books;
mod error;
mod format;
mod lock;
mod manifest;
mod names;
mod read;
mod server;
mod write;

pub use error::{CreateError, OpenError, WriteError};
pub use format::chunk::{ChunkReader, Chunks};
pub use format::generator::GeneratorSecond;
pub use format::plan::{Plan, PlanRow};
pub use format::response::{Response, Responses};
pub use manifest::{
    Anchor, ClassEntry, Counts, Host, Imported, Manifest, SCHEMA_VERSION, State, Sum, Target,
};
pub use read::{Fate, OpenOptions, Recovery, RunDir, Series};
pub use server::write_server_side;
pub use write::{
    Bare, Config, Finish, ImportedRow, KeepResponses, Prepared, Progress, Recorder, Running, SoFar,
    Writer, check_vacant,
};
