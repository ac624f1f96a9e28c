//! Runs of which something is missing.

use crate::figures::analysed;
use crate::run::{Run, answers};
use proofload_analysis::{Metric, analyze};
use proofload_run_dir::{Finish, RunDir, State};
use std::fs;

fn evidence(results: &proofload_analysis::Results, id: &str) -> (String, &'static str) {
    let item = results.trust.iter().find(|item| item.id == id).unwrap();
    (item.evidence.clone(), item.level)
}

#[test]
fn what_an_interrupted_run_did_not_reach_is_in_no_denominator() {
    let mut run = Run::of(answers(10));
    run.planned = 30;
    run.finish =
        Finish { state: State::Interrupted, end_reason: Some("interrupted by Ctrl-C".into()) };
    analysed(&run, |analysis| {
        let results = &analysis.results;
        assert_eq!((results.counts.planned, results.counts.not_reached), (30, 20));
        assert_eq!((results.slo.n, results.errors.n), (10, 10));
        let (evidence, level) = evidence(results, "G09");
        assert_eq!(level, "warn");
        assert!(evidence.contains("20 not reached"), "{evidence}");
        assert!(evidence.contains("ended early: interrupted by Ctrl-C"), "{evidence}");
        assert!(results.degraded);
        assert_eq!(results.validity.verdict, "valid");
    });
}

#[test]
fn a_killed_run_is_read_as_far_as_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let mut run = Run::of(answers(10));
    run.planned = 30;
    run.write_killed(&path);
    let run_dir = RunDir::open(&path).unwrap();
    let results = analyze(&run_dir).results;
    assert_eq!(results.state, "killed");
    assert_eq!(results.figures(Metric::Latency).n, 10);
    assert_eq!((results.counts.unknown, results.counts.not_reached), (20, 0));
    assert_eq!(evidence(&results, "G09").1, "warn");
    assert_eq!(evidence(&results, "G39").1, "note", "nothing to compare");
    assert!(results.degraded);
}

/// A figure of what happens to be left of a run must not look like one of the run.
#[test]
fn a_run_whose_rows_cannot_be_read_any_more_is_not_valid() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    Run::of(answers(10)).write(&path);
    let journal = path.join("requests.bin");
    let mut bytes = fs::read(&journal).unwrap();
    // In the first block: what follows is not believed either.
    bytes[20] ^= 1;
    fs::write(&journal, bytes).unwrap();
    let run_dir = RunDir::open(&path).unwrap();
    let analysis = analyze(&run_dir);
    let results = &analysis.results;
    assert_eq!((results.counts.unknown, results.counts.outcomes.0), (10, Default::default()));
    assert_eq!((results.validity.verdict, results.degraded), ("invalid", true));
    assert_eq!(results.damage.len(), 1);
    assert!(evidence(results, "G09").0.contains(&results.damage[0]), "{:?}", results.trust);
    let title = &analysis.document.title;
    let counted = "rows of 10 of 10 requests cannot be read; the run counted 10 sent, 10 ok";
    assert!(title.contains("DEGRADED") && title.contains(counted), "{title}");
}

#[test]
fn a_side_file_that_is_altered_is_named_in_the_headline() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    Run::of(answers(10)).write(&path);
    fs::write(path.join("generator.csv"), "").unwrap();
    let run_dir = RunDir::open(&path).unwrap();
    let analysis = analyze(&run_dir);
    let title = &analysis.document.title;
    assert!(analysis.results.degraded && title.contains("DEGRADED (generator.csv: "), "{title}");
}

#[test]
fn the_same_run_gives_the_same_results_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    Run::of(answers(50)).write(&path);
    let once = || {
        let run_dir = RunDir::open(&path).unwrap();
        let analysis = analyze(&run_dir);
        (serde_json::to_string(&analysis.results).unwrap(), analysis.document)
    };
    assert_eq!(once(), once());
}
