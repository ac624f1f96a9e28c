//! Readers that go away, and disks that are full.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command};

use proofload_run_dir::{RunDir, State};

use crate::program::{LIMIT, Running, replay, simulator};
use crate::workload;

fn start(dir: &Path, flags: &[&str]) -> Child {
    let csv = workload::even(dir, 12, 10);
    let flags = [&["--workload", &csv, "--out", "run", "--sim", "decode=2ms"], flags].concat();
    replay(dir, &flags).spawn().unwrap()
}

#[test]
fn a_reader_that_leaves_costs_nothing() {
    for (name, lines, flags) in [
        ("before the first line", 0, &[] as &[&str]),
        ("after the first line", 1, &[]),
        ("after the first line of JSON", 1, &["--json"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut child = start(dir.path(), flags);
        let mut reader = BufReader::with_capacity(16, child.stdout.take().unwrap());
        for _ in 0..lines {
            reader.read_line(&mut String::new()).unwrap();
        }
        drop(reader);
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{name}: {stderr}");
        assert!(!stderr.contains("panic") && !stderr.contains("error"), "{name}: {stderr}");
        assert!(dir.path().join("run/detailed.csv").exists(), "{name}");
    }
}

#[test]
fn nobody_need_read_the_progress() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start(dir.path(), &[]);
    drop(child.stderr.take());
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stdout}");
    assert!(stdout.contains("12 planned, 12 sent"), "{stdout}");
}

#[test]
fn a_full_disk_behind_stdout_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 3, 10);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = replay(dir.path(), &["--workload", &csv, "--out", "run"]);
    let ended = Running::start(command.stdout(full)).end(LIMIT);
    assert_eq!(ended.code(), Some(74), "{ended:?}");
    assert!(ended.stderr.contains("error: cannot write to standard output"), "{}", ended.stderr);
    assert!(dir.path().join("run/results.json").exists());
}

/// A limit on the size of files stands for a full disk: the write that passes it fails.
#[test]
fn a_disk_that_fills_up_in_mid_run_ends_it_and_keeps_the_rows() {
    let dir = tempfile::tempdir().unwrap();
    let (_simulator, base) = simulator(&["decode=1ms", "fill=1"]);
    // Most of the rows would come after the limit; the last is due when the test is long over.
    let requests = (0..900).map(|number| (number * 4, workload::streamed(1)));
    let never = (600_000, workload::streamed(1));
    let csv = workload::write(dir.path(), requests.chain([never]));
    let program = replay(dir.path(), &["--workload", &csv, "--api-base", &base, "--out", "run"]);
    let mut limited = Command::new("sh");
    // In units of 512 or 1,024 bytes, as the shell likes: room for the plan and a few hundred rows.
    limited.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"]);
    limited.arg(program.get_program()).args(program.get_args()).current_dir(dir.path());
    limited.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let ended = Running::start(&mut limited).end(LIMIT);
    assert_eq!(ended.code(), Some(74), "{ended:?}");
    assert!(ended.stderr.contains("error: cannot write run/requests.bin"), "{}", ended.stderr);
    assert!(ended.stderr.contains("the rows written until then are safe"), "{}", ended.stderr);

    let out = dir.path().join("run");
    let run = RunDir::open(&out).unwrap();
    assert_eq!(run.manifest().state, State::Failed);
    assert_eq!(run.books().check(), Ok(()));
    let bytes = fs::metadata(out.join("requests.bin")).unwrap().len();
    assert!(run.rows().len() > 100, "{} rows in {bytes} bytes", run.rows().len());
    assert!(proofload_analysis::analyze(&run).results.degraded);
}
