//! What to send and when: a workload file, read once and compiled to a deterministic [`Plan`].
//!
//! A workload is a CSV with a request per row (`workloads/README.md` describes every column). It
//! may be larger than memory, so [`Workload::open`] streams it once: it checks every cell, keeps 32
//! bytes a row (when it is due, where it lies, its CRC32C), and refuses the file with its first ten
//! faults if there are any. Nothing can be sent from a file that did not parse whole. Bodies are
//! read again by offset when they are needed, each reader with its own handle, and the checksum
//! finds a file that was changed in between.
//!
//! ```
//! # use proofload_workload::{PlanOptions, Workload};
//! let workload = Workload::mixed();
//! println!("{}", workload.describe());
//! let plan = workload.plan(&PlanOptions { speed: 20.0, ..PlanOptions::default() })?;
//! let mut payloads = plan.payloads()?;
//! for index in 0..plan.len() {
//!     let payload = payloads.read(index)?;
//!     assert!(payload.stream, "due at {} ns", plan.due_ns(index));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is changed in a body (`stream`, the labels where they travel in the body, and `model` where
//! another one is to be asked) is spliced
//! into its text. The rest is sent byte for byte as written, so a number that no float can hold, or
//! an order of keys that a cache depends on, survives.
//!
//! Left out: arrival processes, load shapes and the trace formats of others, which come with the
//! program that needs them; and pipes, since payloads are read by offset.

mod cells;
mod classes;
mod columns;
mod describe;
mod error;
mod index;
mod inspect;
mod json;
mod models;
mod odd;
mod offset;
mod order;
mod payload;
mod plan;
mod rows;
mod source;
mod speed;
mod splice;
mod survey;
mod users;
mod workload;

pub use describe::{Description, Tally};
pub use error::{Fault, PayloadError, WalkError, WorkloadError};
pub use models::{MappedTwice, ModelMap};
pub use payload::{Payload, Payloads};
pub use plan::{Entry, Plan, PlanOptions, StreamMode, Walked};
pub use users::{Next, Users};
pub use workload::Workload;
