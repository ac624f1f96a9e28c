//! The guide: its console blocks run as they stand in it, and it leaves nothing out.

use std::fs;
use std::path::{Path, PathBuf};

use proofload_simulator::Options;

use crate::program::run;
use crate::workload;

fn guide() -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/replay.md");
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

/// The guide is copied beside a folder with the workloads, in which its commands then run, so that
/// they read as in a clone and write into no clone.
#[test]
fn the_guide_says_what_happens() {
    let dir = tempfile::tempdir().unwrap();
    let inside = dir.path().join("replay.in");
    fs::create_dir_all(inside.join("workloads")).unwrap();
    let trace = "workload_explicit_local5_skewed_bursty_10m.csv";
    fs::copy(workload::shipped(trace), inside.join("workloads").join(trace)).unwrap();
    let (path, text) = guide();
    let (_, broken) = text.split_once("```csv\n").unwrap();
    fs::write(inside.join("broken.csv"), broken.split("```").next().unwrap()).unwrap();
    let copy = dir.path().join("replay.md");
    fs::copy(&path, &copy).unwrap();

    let cases = trycmd::TestCases::new();
    cases.register_bin("proofload-replay", Path::new(env!("CARGO_BIN_EXE_proofload-replay")));
    cases.case(&copy);
    cases.run();
}

/// Somebody's first workload is copied from there.
#[test]
fn the_workload_in_the_readme_is_good() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, csv) = readme.split_once("```csv\n").unwrap();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine.csv"), csv.split("```").next().unwrap()).unwrap();
    let ended = run(dir.path(), &["--validate", "--workload", "mine.csv"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(ended.stdout.contains("models      your-model 1"), "{}", ended.stdout);
}

#[test]
fn the_guide_has_every_flag_and_every_setting() {
    let dir = tempfile::tempdir().unwrap();
    let help = run(dir.path(), &["--help"]).stdout;
    let flags: Vec<_> = help
        .lines()
        .filter(|line| line.trim_start().starts_with('-'))
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")))
        // What may follow an equals sign is no part of the name.
        .filter_map(|flag| flag.split('[').next())
        .collect();
    assert!(flags.len() > 30, "{flags:?}");
    let (_, guide) = guide();
    for flag in flags {
        let ends =
            |rest: &str| !rest.starts_with(|char: char| char.is_alphanumeric() || char == '-');
        let mut found = guide.match_indices(flag);
        assert!(
            found.any(|(at, _)| ends(&guide[at + flag.len()..])),
            "the guide leaves out {flag}"
        );
    }
    for setting in Options::settings() {
        let row = format!("| `{}` |", setting.key);
        assert!(guide.contains(&row), "the guide leaves out the setting {}", setting.key);
    }
}
