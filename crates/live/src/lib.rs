//! What a run looks like now, on stderr.
//!
//! [`Progress`] asks for a [`Snapshot`] a few times a second on a thread of its own. On a terminal it
//! keeps six lines up to date, elsewhere it writes a plain line every five seconds, and nothing when
//! quiet. It only ever reads: whoever counts is never locked or waited for by what is shown, and a
//! stderr that nobody reads any more ends the showing, not the run.
//!
//! ```
//! # use proofload_live::{Progress, Show, Snapshot};
//! let now = Snapshot { planned: 20, released: 20, ok: 20, ..Snapshot::default() };
//! let show = Show { quiet: true, ..Show::default() };
//! let progress = Progress::start(show, move || now.clone());
//! // … the run …
//! progress.stop();
//! ```
//! Between two drawings the cursor stands at the start of the six lines. So whoever else has
//! something to say there goes to the left edge, clears everything below and writes whole lines; the
//! six are drawn again after those. A window that changes its width breaks lines only after the
//! cursor, where the next drawing clears them.
//!
//! Left out: colours, keys to press, and figures that the summary will give. What is shown of times
//! is of the run so far, warm-up included, and no verdict hangs on it.

mod block;
mod pace;
mod progress;
mod snapshot;
mod text;

pub use progress::{Progress, Show};
pub use snapshot::{Snapshot, Times};
