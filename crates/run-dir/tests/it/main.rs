//! Whole run directories: written by real recorders on real threads, then read, cut and altered.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

mod end_to_end;
mod failures;
mod recovery;
mod server;
mod support;
