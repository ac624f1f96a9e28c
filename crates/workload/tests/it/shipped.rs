//! The workloads that come with the project.

use proofload_workload::{PlanOptions, StreamMode, Workload};
use std::fs;
use std::path::{Path, PathBuf};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workloads").join(name)
}

fn shipped(name: &str) -> Workload {
    Workload::open(&path(name)).unwrap()
}

#[test]
fn each_has_the_rows_that_its_readme_says() {
    for (name, rows, direct, asked) in [
        ("sample_workload_direct.csv", 20, 20, 0),
        ("sample_workload_classify.csv", 20, 0, 0),
        ("sample_workload_mixed.csv", 20, 10, 0),
        ("workload_explicit_local5_skewed_bursty_10m.csv", 84, 84, 84),
    ] {
        let about = shipped(name).describe();
        assert_eq!((about.rows, about.direct, about.stream_asked), (rows, direct, asked), "{name}");
        let last_ns = about.first_ns + about.span_ns;
        assert!(last_ns < if rows == 20 { 30_000_000_000 } else { 600_000_000_000 }, "{name}");
    }
}

#[test]
fn the_samples_have_every_mode_and_priority_between_them() {
    let modes = |name| shipped(name).describe().modes.len();
    assert_eq!(modes("sample_workload_mixed.csv"), 2);
    assert_eq!(modes("sample_workload_direct.csv"), 2);
    assert_eq!(modes("sample_workload_classify.csv"), 1, "people only");
    assert_eq!(shipped("sample_workload_mixed.csv").describe().priorities.len(), 3);
}

#[test]
fn the_built_in_one_is_the_mixed_file() {
    let options = PlanOptions { stream: StreamMode::AsWritten, ..PlanOptions::default() };
    let hash = |workload: Workload| workload.plan(&options).unwrap().walk(|_| Ok(())).unwrap().hash;
    assert_eq!(hash(Workload::mixed()), hash(shipped("sample_workload_mixed.csv")));
    let forced = Workload::mixed().plan(&PlanOptions::default()).unwrap();
    assert_eq!(forced.walk(|_| Ok(())).unwrap().stream_changed, 20, "none asks for a stream");
}

#[test]
fn the_readme_tells_the_truth() {
    let readme = fs::read_to_string(path("README.md")).unwrap();
    let example = readme.split("```csv\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(crate::open(example).unwrap().describe().rows, 2);
    let trace = fs::read(path("workload_explicit_local5_skewed_bursty_10m.csv")).unwrap();
    let digest = <sha2::Sha256 as sha2::Digest>::digest(trace);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(readme.contains(&digest), "the trace is no longer what was copied: {digest}");
}
