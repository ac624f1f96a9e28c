//! The detailed CSV files of Logos' own benchmark, read as a run directory and explained.
//!
//! Logos publishes figures that come from such a file by rules of its own: a success is a status
//! below 400, whatever came with it; a latency objective is judged over the rows that its database
//! knows, failures among them; a request that the client gave up on still has a "time to first
//! token". [`import`] makes a run directory of the file, so that everything here judges it by our
//! rules, and [`explain`] says for each request what either side made of it and why.
//!
//! ```text
//! detailed.csv -> DetailedFile -> import -> run directory -> analysis, explain
//! ```
//!
//! What an import cannot know stays blank. The file has one time that the client measured, its
//! duration; every other time is of the server's database, and goes to the server's side of the run
//! (`server.csv`). It tells neither when a request was sent nor in which order, so there is no
//! lateness, no rate, no chart over time and no interval that rests on the order of arrival.
//!
//! ```no_run
//! # use proofload_logos::{DetailedFile, Import, explain, import};
//! let file = DetailedFile::open("direct_benchmark_detailed.csv".as_ref())?;
//! let import_as = Import {
//!     out: "results/direct".into(),
//!     program: "example",
//!     version: "0.1.0",
//!     latency_slo_ns: 10_000_000_000,
//! };
//! let run = proofload_run_dir::RunDir::open(&import(&file, &import_as)?)?;
//! if let Some(explanation) = explain(&run) {
//!     println!("{} of {} in time", explanation.ours.in_time, explanation.ours.judged);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! Left out: the files beside it (`runtime_samples.jsonl` and others of the newer form), bodies and
//! answers, and figures that follow from others (tokens a second).

mod columns;
mod detailed;
mod error;
mod explain;
mod import;
mod outcome;
mod published;

pub use detailed::DetailedFile;
pub use error::{ImportError, ReadError};
pub use explain::{Difference, Explained, Explanation, explain};
pub use import::{Import, import};
pub use published::{Figure, Side, Tally};
