//! Logs in SQLite files, written and read by the crate itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

mod bad;
mod file;
mod forms;
mod join;
#[path = "../support/mod.rs"]
mod support;
