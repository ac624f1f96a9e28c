//! An analysis as people and programs read it: on a terminal, as a page, as Markdown, JSON and CSV.
//!
//! Every form is a pure function of a [`proofload_analysis::Analysis`]: the same run gives the same
//! bytes. [`write_run_dir`] puts `report.html`, `results.json`, `summary.csv`, `metrics.csv`,
//! `detailed.csv` and the pictures into a run directory, [`write_beside`] the three tables and two of
//! the pictures wherever `--output` says. A file appears under its name once it is whole, so a crash
//! leaves the old one or the new one.
//!
//! What comes from outside, such as names of models and texts of errors, stays text in every form:
//! each one escapes what it would take for markup, and control characters reach none of them. CSV
//! files may be opened in a spreadsheet: a text that such a program would take for a formula is
//! written with an apostrophe before it.
//!
//! ```no_run
//! # use proofload_report::{Look, Rows, terminal, write_run_dir};
//! # let run = proofload_run_dir::RunDir::open("run".as_ref())?;
//! let analysis = proofload_analysis::analyze(&run);
//! let written = write_run_dir(&analysis, run.path(), Rows::First)?;
//! let look = Look { columns: 80, colour: false };
//! terminal(&analysis.document, &written, look, &mut std::io::stdout())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! Left out: a page that changes while one looks at it. The report has no script.

mod atomic;
mod banner;
mod cell;
mod charts;
mod detailed;
mod files;
mod html;
mod json;
mod markdown;
mod metrics;
mod summary;
mod terminal;
mod text;

pub use atomic::WriteError;
pub use files::{DETAILED_ROWS, Rows, Written, write_beside, write_run_dir};
pub use html::html;
pub use json::json;
pub use markdown::markdown;
pub use terminal::{Look, terminal};
