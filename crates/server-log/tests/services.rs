//! A log in PostgreSQL, on a server that this starts and stops by itself.
//!
//! Where PostgreSQL is not installed the tests are shown and counted as ignored; with
//! `PROOFLOAD_REQUIRE_SERVICES=1` they fail there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]
#![expect(clippy::print_stderr, reason = "without a harness, who else says why")]

mod postgres;
mod support;

use libtest_mimic::{Arguments, Failed, Trial};
use postgres::{Cluster, Programs};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let required = std::env::var_os("PROOFLOAD_REQUIRE_SERVICES").is_some_and(|value| value == "1");
    let programs = Programs::find();
    let ignored = programs.is_none() && !required;
    // Nothing is started to be listed or left out.
    let cluster = match programs {
        Some(programs) if !arguments.list => Cluster::start(&programs).map(Arc::new),
        _ => Err("PostgreSQL is not installed; on Debian: apt-get install postgresql".to_owned()),
    };
    if let (Err(reason), false) = (&cluster, arguments.list) {
        eprintln!("no PostgreSQL: {reason}");
    }
    let trials = postgres::TESTS.iter().map(|&(name, test)| {
        let cluster = cluster.clone();
        let run = move || match cluster {
            Ok(cluster) => {
                test(&cluster.database(name));
                Ok(())
            }
            Err(reason) => Err(Failed::from(reason)),
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if let Ok(cluster) = cluster {
        cluster.stop();
    }
    conclusion.exit_code()
}
