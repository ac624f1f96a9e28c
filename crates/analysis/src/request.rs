//! One request as the per-request files show it.

use proofload_record::{Class, Note, Row, Served};
use proofload_run_dir::Fate;

/// A planned request, with everything that is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Place in the plan, from 0.
    pub index: u32,
    /// Its id in the workload.
    pub id: &'a str,
    /// Its class; none where the run does not name it.
    pub class: Option<&'a Class>,
    /// When it was due, in nanoseconds since the run began; `u64::MAX` where that is not known.
    pub due_ns: u64,
    /// What became of it.
    pub fate: Fate<'a>,
    /// What the server's own log says of it, where it does.
    pub served: Option<&'a Served>,
    /// Its error and the server's id, where there are any.
    pub note: Option<&'a Note>,
    /// Whether it belongs to the warm-up, which counts in no figure.
    pub warmup: bool,
}

impl<'a> Request<'a> {
    /// What was seen of it, where it has a row.
    #[must_use]
    pub const fn row(&self) -> Option<&'a Row> {
        match self.fate {
            Fate::Row(row) => Some(row),
            _ => None,
        }
    }

    /// How it ended, or why that is not known.
    #[must_use]
    pub const fn outcome(&self) -> &'static str {
        match self.fate {
            Fate::Row(row) => row.end.label(),
            Fate::Lost => "lost",
            Fate::Dropped => "dropped",
            Fate::LostOrDropped => "lost_or_dropped",
            Fate::NotReached => "not_reached",
            Fate::Unknown => "unknown",
        }
    }
}
