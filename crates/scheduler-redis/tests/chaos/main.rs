//! Schedulers that are killed, paused and cut off, servers that come back with less than they had: after
//! all of it each container has been placed once, and the books are right.
//!
//! Scheduler processes are this program itself, started again ([`process`]). Where `redis-server` is not
//! installed the tests are shown and counted as ignored; with `PROOFLOAD_REQUIRE_SERVICES=1` they fail
//! there. Chance comes from seeds that are printed; `PROOFLOAD_SEED` sets another one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]
#![expect(clippy::print_stdout, reason = "what chance did is shown, and processes report")]

mod books;
mod counts;
mod cuts;
mod defects;
mod fences;
mod kills;
mod process;
mod races;
mod set_back;
mod support;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

pub(crate) type Test = (&'static str, fn());

const TESTS: [&[Test]; 7] = [
    races::TESTS,
    kills::TESTS,
    cuts::TESTS,
    set_back::TESTS,
    fences::TESTS,
    counts::TESTS,
    defects::TESTS,
];
/// The same at more length; `just` has a recipe for each.
const LONG: [&[Test]; 2] = [races::LONG, kills::LONG];

fn main() -> ExitCode {
    if let Some(code) = process::run_if_asked() {
        return code;
    }
    let required = std::env::var_os("PROOFLOAD_REQUIRE_SERVICES").is_some_and(|value| value == "1");
    let absent = !proofload_redis_process::available() && !required;
    let trial = |&(name, test): &Test, ignored: bool| {
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    };
    let usual = TESTS.iter().flat_map(|tests| tests.iter()).map(|test| trial(test, absent));
    let long = LONG.iter().flat_map(|tests| tests.iter()).map(|test| trial(test, true));
    libtest_mimic::run(&Arguments::from_args(), usual.chain(long).collect()).exit_code()
}
