//! What a run looks like now, on stderr.
//!
//! [`Progress`] asks for a [`Snapshot`] a few times a second on a thread of its own, and shows a bar
//! where stderr is a terminal, a plain line every five seconds where it is not, nothing when quiet.
//! It only ever reads: whoever counts is never locked or waited for by what is shown, and a stderr
//! that nobody reads any more ends the showing, not the run.
//!
//! ```
//! # use proofload_live::{Progress, Show, Snapshot};
//! let now = Snapshot { planned: 20, released: 20, finished: 20, ok: 19, ..Snapshot::default() };
//! let progress = Progress::start(Show { quiet: true, simulated: false }, move || now);
//! // … the run …
//! progress.stop();
//! ```
//! Left out: latencies. A percentile of half a run is not the run's, and the summary follows soon.

mod progress;
mod snapshot;

pub use progress::{Progress, Show};
pub use snapshot::Snapshot;
