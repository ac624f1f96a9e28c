//! What the examples write and count, read again.

mod instructions;
mod profile;

use std::path::PathBuf;
use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = profile::trials();
    trials.extend(instructions::trials());
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// An example of this package: cargo has built it beside the tests.
fn example(name: &str) -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let folder = here.ancestors().nth(2).ok_or("the test is in no target directory")?;
    let program = folder.join("examples").join(name);
    match program.is_file() {
        true => Ok(program),
        false => Err(format!(
            "no {}; `cargo build -p proofload-benches --examples` makes it",
            program.display()
        )),
    }
}
