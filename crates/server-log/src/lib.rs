//! What a server wrote into its own log, joined to what a client saw by request id.
//!
//! A client sees when it asked and when it was answered. How long a request stood in the queue, and
//! how long it was worked on, only the server knows, and it writes that down. [`read`] looks the
//! requests of a run up in that log and gives a [`ServerSide`](proofload_record::ServerSide): a row
//! a request, what had no counterpart on either side, and what the log does not hold, each with the
//! reason. Rows are matched by id and never by their place: one retry would shift all that follow.
//!
//! ```text
//! Run (ids) --batches--> Layout (which columns are there) --SQL--> SQLite | PostgreSQL
//!                                                                        |
//!                     ServerSide <-- Merge (a row a request) <-- rows ---+
//! ```
//!
//! A [`Mapping`] says which column of which table holds what. Forms of a schema differ, so the
//! tables are looked at first, and what a form does not have is reported as missing. Names from a
//! mapping are quoted and values bound. Nothing is changed: SQLite is opened read-only, PostgreSQL
//! is asked in read-only transactions, since a setting of the session would outlast it behind a pooler.
//!
//! [`Writer`] is the other end, for the simulator: it takes rows from `record`'s `ServerLog`, so
//! that the simulator itself links no database.
//!
//! ```
//! # use proofload_record::{ServerResult, ServerRow};
//! # use proofload_server_log::{Late, Mapping, Run, Source, Wanted, Writer, read};
//! # use std::time::Duration;
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("log.sqlite");
//! # let row = ServerRow {
//! #     request_id: "run-0".to_owned(), provider: "p".to_owned(), model: Some("m".to_owned()),
//! #     mode: None, priority: Some(5), arrived_wall_ns: 1_764_064_800_000_000_000,
//! #     enqueued_ns: Some(0), scheduled_ns: Some(3_000_000), queue_depth: Some(1),
//! #     queue_depth_scheduled: Some(0), classification_ns: None, cold_start: Some(false),
//! #     load_ns: None, ttft_ns: Some(4_000_000), total_ns: 9_000_000, prompt_tokens: Some(7),
//! #     completion_tokens: 5, status: 200, result: ServerResult::Success,
//! # };
//! let source: Source = format!("sqlite:{}", path.display()).parse()?;
//! let (writer, mut log) = Writer::start(source.clone())?;
//! log.log(row);
//! drop(log);
//! writer.finish()?;
//!
//! let wanted = |index: u32| {
//!     let id = format!("run-{index}");
//!     let written_wall_ns = 1_764_064_800_000_000_000;
//!     Some(Wanted { id, attempts: 1, answered: true, written_wall_ns })
//! };
//! let began_wall_ns = 1_764_064_799_000_000_000;
//! let run = Run { run_id: "run", planned: 2, began_wall_ns, wanted: &wanted };
//! let side = read(&source, &Mapping::logos(), &run, Late::of(Duration::ZERO))?;
//! assert_eq!(side.get(0).unwrap().queue_wait_ns, Some(3_000_000));
//! assert_eq!(side.not_in_log.first, ["run-1"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Left out: other databases, logs in files, and writing to anything but the schema that is built
//! in.

mod clock;
mod database;
mod findings;
mod insert;
mod layout;
mod mapping;
mod merge;
mod reader;
mod reading;
mod run;
mod search;
mod source;
mod sql;
mod writer;

pub use mapping::{Mapping, MappingError};
pub use reader::{ReadError, check, models, read};
pub use run::{Late, Run, Wanted};
pub use source::{Source, SourceError};
pub use writer::{WriteError, Writer, make_tables, occupied};
