//! The workloads that come with the project.

use std::fs;
use std::path::Path;

use proofload_record::Outcome;
use proofload_report::Rows;
use proofload_run_dir::{RunDir, State};

use crate::program::run_well;
use crate::workload;

const COMPUTED: [&str; 5] =
    ["report.html", "results.json", "summary.csv", "metrics.csv", "detailed.csv"];

#[test]
fn every_sample_is_replayed_and_analysed_again_to_the_same_bytes() {
    for (name, speed, planned) in [
        ("sample_workload_direct.csv", "20", 20),
        ("sample_workload_classify.csv", "20", 20),
        ("sample_workload_mixed.csv", "20", 20),
        ("workload_explicit_local5_skewed_bursty_10m.csv", "400", 84),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let csv = workload::shipped(name);
        let flags = [
            &["--workload", csv.to_str().unwrap(), "--speed", speed] as &[_],
            &["--sim", "decode=2ms", "--sim", "slots=32"],
        ]
        .concat();
        let (ended, run) = run_well(dir.path(), &flags);
        assert!(ended.stdout.contains("SIMULATED"), "{name}: {}", ended.stdout);

        let books = run.books();
        assert_eq!(books.check(), Ok(()), "{name}");
        let ok = books.outcome(Outcome::Ok);
        assert_eq!((books.planned, ok, run.rows().len()), (planned, planned, planned as usize));
        assert_eq!(run.manifest().state, State::Complete, "{name}");
        assert!(!run.recovery().is_degraded(), "{name}: {:?}", run.recovery());
        analyse_again(run.path());
    }
}

/// Analyses the run `dir` again, from nothing, and compares.
pub(crate) fn analyse_again(dir: &Path) {
    let read = || COMPUTED.map(|file| fs::read(dir.join(file)).unwrap());
    let first = read();
    for file in COMPUTED {
        fs::remove_file(dir.join(file)).unwrap();
    }
    let run = RunDir::open(dir).unwrap();
    let analysis = proofload_analysis::analyze(&run);
    proofload_report::write_run_dir(&analysis, dir, Rows::First).unwrap();
    for ((file, first), second) in COMPUTED.iter().zip(first).zip(read()) {
        assert!(first == second, "{file} of {} is another one now", dir.display());
    }
}
