//! The whole program against a Redis server of its own.
//!
//! Where `redis-server` is not installed the tests are shown and counted as ignored; with
//! `PROOFLOAD_REQUIRE_SERVICES=1` they fail there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

#[path = "it/program.rs"]
mod program;
mod redis;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let required = std::env::var_os("PROOFLOAD_REQUIRE_SERVICES").is_some_and(|value| value == "1");
    let ignored = !proofload_redis_process::available() && !required;
    let trial = |&(name, test): &(&str, fn())| {
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    };
    let trials = redis::TESTS.iter().flat_map(|tests| tests.iter().map(trial)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
