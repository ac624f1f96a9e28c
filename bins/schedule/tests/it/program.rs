//! The program as a user starts it.

use std::path::Path;
use std::process::{Command, Stdio};

/// How the program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program in the folder `dir` to its end. Of the test's own environment it sees nothing that
/// it heeds.
pub(crate) fn run(dir: &Path, flags: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_proofload-schedule"));
    command.current_dir(dir).args(flags).stdin(Stdio::null());
    for name in ["PROOFLOAD_LOG", "NO_COLOR", "TERM"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
