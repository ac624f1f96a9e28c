//! What a run leaves behind.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use proofload_run_dir::{OpenError, RunDir};
use serde_json::Value;

use crate::program::run;

#[test]
fn strategies_take_turns_and_cost_exactly_what_they_should() {
    let dir = tempfile::tempdir().unwrap();
    let ended = run(dir.path(), &["--repeat", "2", "--out", "run"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = fs::read_to_string(dir.path().join("run/summary.csv")).unwrap();
    let mut table = csv::Reader::from_reader(summary.as_bytes());
    let head = table.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let place = |name: &str| head.iter().position(|column| column == name).unwrap();
    let order: Vec<&str> = rows.iter().map(|row| &row[place("strategy")]).collect();
    assert_eq!(order, ["old", "lock", "batch", "ours", "ours", "batch", "lock", "old"]);
    for row in &rows {
        let number = |name: &str| row[place(name)].parse::<u64>().unwrap();
        let (operations, locks, updates) = match &row[place("strategy")] {
            "old" => (6_900, 2_100, 100),
            "lock" => (500, 100, 100),
            "batch" => (442, 40, 20),
            _ => (5, 0, 20),
        };
        assert_eq!(number("store_operations"), operations, "{row:?}");
        assert_eq!(number("lock_acquisitions"), locks, "{row:?}");
        assert_eq!(number("capacity_updates"), updates, "{row:?}");
        assert_eq!(number("placed"), 100, "{row:?}");
        let settled = number("cache_hits") + number("cache_stale") + number("cache_misses");
        assert_eq!(number("cache_lookups"), settled, "{row:?}");
        assert_eq!(&row[place("faults")], "", "{row:?}");
    }
}

/// What was run can be run again from what is kept, and a page that only this program makes says so.
#[test]
fn a_run_says_how_it_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--strategy", "batch", "--gate", "--repeat", "1", "--out", "run"];
    run(dir.path(), &flags);
    let read = |name: &str| std::fs::read_to_string(dir.path().join("run").join(name)).unwrap();
    let config: serde_json::Value = serde_json::from_str(&read("run.json")).unwrap();
    let config = &config["config"];
    assert_eq!((&config["strategy"], &config["gate"]), (&"batch".into(), &true.into()));
    assert!(read("report.html").contains("<p>Made by Proofload. <code>results.json</code>"));
}

/// Programs that start in the same second find a folder each.
#[test]
fn programs_started_together_each_have_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--strategy", "batch", "--workers", "2", "--containers", "2", "--repeat", "1"];
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..6).map(|_| scope.spawn(|| run(dir.path(), &flags))).collect();
        for program in started {
            let ended = program.join().unwrap();
            assert_ne!(ended.code, Some(2), "{ended:?}");
        }
    });
    assert_eq!(std::fs::read_dir(dir.path().join("results")).unwrap().count(), 6);
}

#[test]
fn a_huge_fleet_has_a_picture_of_few_bars() {
    let dir = tempfile::tempdir().unwrap();
    let size = ["--workers", "20000", "--containers", "100"];
    run(
        dir.path(),
        &[&["--strategy", "lock", "--repeat", "1", "--out", "run"], &size[..]].concat(),
    );
    let picture = std::fs::metadata(dir.path().join("run/charts/distribution.svg")).unwrap();
    assert!(picture.len() < 100_000, "{}", picture.len());
}

#[test]
fn the_files_are_there_and_agree() {
    let dir = tempfile::tempdir().unwrap();
    let ended = run(dir.path(), &["--repeat", "3", "--out", "run", "--json"]);
    let out = dir.path().join("run");
    assert_eq!(ended.stdout, fs::read_to_string(out.join("results.json")).unwrap());
    let results: Value = serde_json::from_str(&ended.stdout).unwrap();
    let locks = results["claims"]
        .as_array()
        .unwrap()
        .iter()
        .find(|claim| claim["metric"] == "Lock Acquisitions" && claim["strategy"] == "batch");
    assert_eq!(locks.unwrap()["verdict"], "does_not_hold");
    assert_eq!(locks.unwrap()["measured"], "40");
    for name in ["distribution", "phases", "scaling"] {
        for ending in ["svg", "png"] {
            assert!(out.join(format!("charts/{name}.{ending}")).exists(), "{name}.{ending}");
        }
    }
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("Store Operations, batch") && page.contains("<svg"), "{}", page.len());
    assert!(page.contains("Medians of all runs of a strategy with their 95 % intervals"));
    let flags =
        ["--repeat", "1", "--strategy", "ours", "--out", "markdown", "--format", "markdown"];
    let markdown = run(dir.path(), &flags).stdout;
    assert!(markdown.starts_with("### ✅ Every run of ours meets every goal"), "{markdown}");
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(out.join("run.json")).unwrap()).unwrap();
    assert_eq!(
        (&manifest["state"], &manifest["program"]),
        (&"complete".into(), &"proofload-schedule".into())
    );
    assert!(matches!(RunDir::open(&out), Err(OpenError::WithoutRequests { .. })));
    let again = run(dir.path(), &["--out", "run"]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("run is not empty"), "{}", again.stderr);
}

/// Interrupted before a run was over there is nothing to draw, and nothing is listed that is not there.
#[test]
fn an_interrupted_run_lists_what_it_wrote() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--op-delay", "1s", "--out", "run"];
    let program = Command::new(env!("CARGO_BIN_EXE_proofload-schedule"))
        .current_dir(dir.path())
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !dir.path().join("run/summary.csv").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    // It hears of signals before it makes its folder.
    let pid = program.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = program.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let (_, listed) = stdout.split_once("Files in run: ").unwrap();
    for name in listed.trim().split(", ") {
        assert!(dir.path().join("run").join(name).exists(), "{name} is listed: {stdout}");
    }
    assert!(!listed.contains("charts"), "{stdout}");
    let results = fs::read_to_string(dir.path().join("run/results.json")).unwrap();
    let results: Value = serde_json::from_str(&results).unwrap();
    assert_eq!(results["improvements_over_old"], Value::Array(Vec::new()), "of no runs");
}
