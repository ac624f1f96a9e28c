//! Writing a run directory: the plan before the run, everything else while it lasts.

mod counters;
mod journal;
mod latencies;
mod own_load;
mod recorder;
mod running;
mod scribe;
mod writer;

pub use recorder::Recorder;
pub use running::{Finish, Progress, Running};
pub use writer::{Config, Writer, check_vacant};
