//! Every form of a report, from run directories that the real writer made.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod forms;
mod page;
mod written;

#[expect(dead_code, reason = "shared with other tests, which use the rest of it")]
#[path = "../../../analysis/tests/it/run.rs"]
mod run;
