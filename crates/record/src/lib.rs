//! What a run saw: the row of a request, how it ended, and the seams through which both travel.
//!
//! Everything that sends load writes [`Row`]s into a [`Sink`]; everything that judges a run reads
//! them back. This crate is the one vocabulary between the two, so it does no I/O, knows no file
//! format and no statistics. The forms on disk are `proofload-run-dir`'s own and versioned there.
//!
//! All times are nanoseconds of `CLOCK_MONOTONIC` since the run began (see [`clock`]); a time that
//! was never reached is [`Stamp::NONE`], not zero.
//!
//! Left out: downloads, container samples and scheduler batches, which come with their programs.

mod books;
mod class;
pub mod clock;
mod outcome;
mod row;
mod secrets;
mod server_log;
mod sink;

pub use books::{Books, Unbalanced};
pub use class::{Class, Mode, ParseLabelError, Priority};
pub use outcome::{End, NotSent, Outcome};
pub use row::{Flags, Itl, Row, Stamp};
pub use secrets::Secrets;
pub use server_log::{Missing, Served, ServerLog, ServerResult, ServerRow, ServerSide, Unmatched};
pub use sink::{Load, Note, Sink};
