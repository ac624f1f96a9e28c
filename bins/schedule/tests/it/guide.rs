//! The guide: its console blocks run as they stand in it, and it leaves no flag out.

use std::fs;
use std::path::Path;

use crate::program::run;

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schedule.md");
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_guide_says_what_happens() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("schedule.in")).unwrap();
    let copy = dir.path().join("schedule.md");
    fs::write(&copy, guide()).unwrap();
    let cases = trycmd::TestCases::new();
    let program = Path::new(env!("CARGO_BIN_EXE_proofload-schedule"));
    cases.register_bin("proofload-schedule", program);
    cases.case(&copy);
    cases.run();
}

#[test]
fn the_guide_has_every_flag() {
    let dir = tempfile::tempdir().unwrap();
    let help = run(dir.path(), &["--help"]).stdout;
    let flags: Vec<&str> = help
        .lines()
        .filter(|line| line.trim_start().starts_with('-'))
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")))
        .collect();
    assert!(flags.len() > 25, "{flags:?}");
    let guide = guide();
    for flag in flags {
        assert!(guide.contains(&format!("`{flag}`")), "the guide leaves out {flag}");
    }
}

/// Somebody's first scenario is copied from there.
#[test]
fn the_scenario_of_the_guide_is_good() {
    let guide = guide();
    let (_, file) = guide.split_once("```toml\n").unwrap();
    let (file, _) = file.split_once("```").unwrap();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine.toml"), file).unwrap();
    let flags =
        ["--scenario", "mine.toml", "--strategy", "ours", "--repeat", "1", "--target-time", "1m"];
    let ended = run(dir.path(), &flags);
    assert!(ended.stdout.contains("Containers scheduled:    1000"), "{ended:?}");
}
