//! The guide: its console blocks run as they stand in it, on a server of the test's own.

use std::fs;
use std::path::Path;

use super::{Test, keys, server};

pub(crate) const TESTS: &[Test] = &[("the guide says what happens", the_guide_says_what_happens)];

fn the_guide_says_what_happens() {
    let server = server();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schedule-redis.md");
    let guide = fs::read_to_string(path).unwrap();
    assert!(guide.contains("\n```console\n"), "the guide shows no run");
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("schedule-redis.in")).unwrap();
    let copy = dir.path().join("schedule-redis.md");
    // Whoever reads it has a server on Redis's own port.
    fs::write(&copy, guide.replace("127.0.0.1:6379", &server.address().to_string())).unwrap();
    let cases = trycmd::TestCases::new();
    let program = Path::new(env!("CARGO_BIN_EXE_proofload-schedule"));
    cases.register_bin("proofload-schedule", program);
    cases.case(&copy);
    cases.run();
    assert_eq!(keys(&server), Vec::<String>::new());
}
