//! Writing a run directory: the plan before the run, everything else while it lasts.

mod bare;
mod counters;
mod files;
mod imported;
mod journal;
mod latencies;
mod own_load;
mod prepared;
mod recorder;
mod responses;
mod running;
mod scribe;
mod so_far;
mod summed;
mod writer;

pub use bare::Bare;
pub use imported::ImportedRow;
pub use prepared::Prepared;
pub use recorder::Recorder;
pub use responses::KeepResponses;
pub use running::{Finish, Progress, Running};
pub use so_far::SoFar;
pub use writer::{Config, Writer, check_vacant};
