//! The program as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "shared with other tests, which use the rest of it")]
#[path = "../../../../crates/analysis/tests/it/run.rs"]
mod run;

use run::{Run, answers};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn analyze(args: &[&str], dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_proofload-analyze")).args(args).arg(dir).output().unwrap()
}

#[test]
fn a_run_is_analysed_again_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    Run::of(answers(5)).write(&dir);
    let output = analyze(&[], &dir);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Can I trust this?"), "{text}");
    assert!(!text.contains('\x1b'), "no colours into a pipe");
    let results = fs::read(dir.join("results.json")).unwrap();
    for name in ["summary.csv", "metrics.csv", "detailed.csv"] {
        assert!(text.contains(name), "{text}");
        fs::remove_file(dir.join(name)).unwrap();
    }
    let output = analyze(&["--json"], &dir);
    assert_eq!(output.stdout, results);
    assert_eq!(fs::read(dir.join("results.json")).unwrap(), results);
    assert!(dir.join("detailed.csv").exists());
}

#[test]
fn what_is_missing_decides_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let killed = folder.path().join("killed");
    let mut run = Run::of(answers(5));
    run.planned = 9;
    run.write_killed(&killed);
    let output = analyze(&[], &killed);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("killed"), "{output:?}");

    let nothing = folder.path().join("nothing");
    let output = analyze(&[], &nothing);
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("run.json"), "{output:?}");
}

#[test]
fn books_that_do_not_balance_are_refused_unless_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    Run::of(answers(5)).write(&dir);
    let manifest = fs::read_to_string(dir.join("run.json")).unwrap();
    let altered = manifest.replace("\"planned\": 5", "\"planned\": 6");
    assert_ne!(manifest, altered);
    fs::write(dir.join("run.json"), altered).unwrap();

    assert_eq!(analyze(&[], &dir).status.code(), Some(65));
    assert!(!dir.join("results.json").exists());

    let output = analyze(&["--accept-unbalanced"], &dir);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("UNBALANCED"), "{output:?}");
    for name in ["results.json", "summary.csv", "metrics.csv", "detailed.csv"] {
        let text = fs::read_to_string(dir.join(name)).unwrap();
        assert!(text.to_lowercase().contains("balanced"), "{name}: {text}");
    }
}

#[test]
fn results_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    Run::of(answers(2)).write(&dir);
    fs::create_dir(dir.join("metrics.csv")).unwrap();
    let output = analyze(&[], &dir);
    assert_eq!(output.status.code(), Some(74), "{output:?}");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("cannot write") && message.contains("metrics.csv"), "{message}");
    assert!(message.contains("caused by"), "{message}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    Run::of(answers(2)).write(&dir);
    let mut child = Command::new(env!("CARGO_BIN_EXE_proofload-analyze"))
        .arg(&dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    assert!(dir.join("detailed.csv").exists());
}

#[test]
fn a_wrong_flag_and_no_directory_are_wrong_usage() {
    let program = env!("CARGO_BIN_EXE_proofload-analyze");
    for args in [&[] as &[&str], &["--no-such-flag", "x"]] {
        let output = Command::new(program).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
    }
}
