//! The whole program, as a child process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod flags;
mod guide;
mod program;
mod report;
mod run_dir;
mod scenario;
