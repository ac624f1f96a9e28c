//! What others have computed, laws that hold for any sample, and what a log survives.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test, as tests do")]

mod coverage;
mod hist;
mod log;
mod percentile;
mod reference;
