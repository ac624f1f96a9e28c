//! Replicas as processes, and ends before the end.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Test, ask, keys, server};
use crate::program::run;

pub(crate) const TESTS: &[Test] = &[
    ("two replicas place each container once", two_replicas_place_each_container_once),
    ("ctrl-c removes keys and processes", ctrl_c_removes_keys_and_processes),
    ("a replica that is killed is told and made up for", a_replica_that_is_killed),
    ("steps lose what a killed replica had popped", steps_lose_what_a_killed_replica_had_popped),
    ("no replica outlives its program", no_replica_outlives_its_program),
    ("a run that fails removes its keys", a_run_that_fails_removes_its_keys),
];

fn two_replicas_place_each_container_once() {
    let server = server();
    let url = server.url();
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--store", &url, "--replicas", "2", "--repeat", "2", "--containers", "400"];
    let ended = run(dir.path(), &[&flags[..], &["--workers", "40", "--out", "run"]].concat());
    let json = fs::read_to_string(dir.path().join("run/results.json")).unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["counts"]["placed"], 4 * 2 * 400, "{ended:?}");
    for strategy in json["strategies"].as_array().unwrap() {
        for info in strategy["info"].as_array().unwrap() {
            assert_eq!(info["equal"], true, "{strategy}");
            assert_eq!(info["delivered"], 400, "{strategy}");
            assert_eq!(info["replicas_died"], Value::Array(Vec::new()), "{strategy}");
        }
    }
    // Both of them worked.
    let batches = fs::read_to_string(dir.path().join("run/batches.csv")).unwrap();
    for replica in [",0,", ",1,"] {
        assert!(batches.lines().any(|line| line.starts_with("ours,1") && line.contains(replica)));
    }
    assert_eq!(keys(&server), Vec::<String>::new());
}

fn start(dir: &Path, flags: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_proofload-schedule"))
        .current_dir(dir)
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn signal(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// The processes that a process has started.
fn children(pid: u32) -> Vec<u32> {
    let of = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).ok();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let all: Vec<String> = tasks.filter_map(|task| of(task.unwrap())).collect();
    all.iter().flat_map(|list| list.split_whitespace()).map(|pid| pid.parse().unwrap()).collect()
}

fn wait_for<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_there(pid: u32) -> bool {
    // A process that has ended and is not waited for is none.
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Two schedulers at work on a store far away.
fn at_work(url: &str) -> (tempfile::TempDir, Child, Vec<u32>) {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--store", url, "--strategy", "old", "--rtt-ms", "5", "--out", "run"];
    let program = start(dir.path(), &[&flags[..], &["--replicas", "2"]].concat());
    let replicas = wait_for("replicas", || {
        Some(children(program.id())).filter(|replicas| replicas.len() == 2)
    });
    (dir, program, replicas)
}

fn ctrl_c_removes_keys_and_processes() {
    let server = server();
    let (dir, program, replicas) = at_work(&server.url());
    wait_for("keys", || Some(()).filter(|()| !keys(&server).is_empty()));
    signal("-INT", program.id());
    let output = program.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("No run was finished."), "{stdout}");
    assert_eq!(keys(&server), Vec::<String>::new());
    assert!(replicas.iter().all(|&pid| !is_there(pid)));
    let record = fs::read_to_string(dir.path().join("run/run.json")).unwrap();
    assert!(record.contains("interrupted"), "{record}");
}

fn no_replica_outlives_its_program() {
    let server = server();
    let (_dir, mut program, replicas) = at_work(&server.url());
    program.kill().unwrap();
    program.wait().unwrap();
    wait_for("replicas end", || Some(()).filter(|()| replicas.iter().all(|&pid| !is_there(pid))));
}

/// It is said, its containers come to the other one, and all are placed once.
fn a_replica_that_is_killed() {
    let server = server();
    let url = server.url();
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--store", &url, "--strategy", "ours", "--replicas", "2", "--repeat", "1"];
    let more = ["--arrival-rate", "100", "--adaptive", "--target-time", "60s", "--out", "run"];
    let program = start(dir.path(), &[&flags[..], &more].concat());
    let replicas = wait_for("replicas", || {
        Some(children(program.id())).filter(|replicas| replicas.len() == 2)
    });
    // Some of the hundred have come by then.
    wait_for("queues", || {
        Some(()).filter(|()| keys(&server).iter().filter(|key| key.contains(":queue:")).count() > 5)
    });
    signal("-KILL", replicas[1]);
    let output = program.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let said = format!("(process {}) was ended by signal 9", replicas[1]);
    assert!(
        stderr.contains("warning: ours, run 1: replica 1 ") && stderr.contains(&said),
        "{stderr}"
    );
    let stdout = String::from_utf8(output.stdout).unwrap();
    // Half a minute of looking for a lease to end is no efficient decision making: that goal may be missed.
    assert!(stdout.contains("✓ All 100 containers scheduled successfully"), "{stdout}");
    assert!(stdout.contains("✓ No workers with negative capacity"), "{stdout}");
    assert!(stdout.contains("Replica that died:"), "{stdout}");
    assert!(stdout.contains("Delivered to workers:    100"), "{stdout}");
    assert_eq!(keys(&server), Vec::<String>::new());
}

/// Nobody waits for what is nowhere: the run ends, and says how much is missing.
fn steps_lose_what_a_killed_replica_had_popped() {
    let server = server();
    let url = server.url();
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--store", &url, "--strategy", "old", "--replicas", "2", "--repeat", "1"];
    let more = ["--containers", "20", "--workers", "5", "--rtt-ms", "10", "--out", "run"];
    let program = start(dir.path(), &[&flags[..], &more].concat());
    let replicas = wait_for("replicas", || {
        Some(children(program.id())).filter(|replicas| replicas.len() == 2)
    });
    wait_for("lists", || {
        Some(()).filter(|()| keys(&server).iter().any(|key| key.contains(":list:")))
    });
    signal("-KILL", replicas[0]);
    let output = program.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("Replica that died:       replica 0 "), "{stdout}");
    // It nearly always holds one, and never two.
    let lost = stdout.contains("✗ 19 of 20 containers scheduled (1 popped by a replica that died)");
    assert!(lost || stdout.contains("✓ All 20 containers scheduled"), "{stdout}");
    assert_eq!(keys(&server), Vec::<String>::new());
}

/// The server turns all writes away in the middle of a run.
fn a_run_that_fails_removes_its_keys() {
    let server = server();
    let dir = tempfile::tempdir().unwrap();
    let url = server.url();
    let flags = ["--store", &url, "--strategy", "old", "--rtt-ms", "5", "--out", "run"];
    let program = start(dir.path(), &flags);
    wait_for("keys", || {
        Some(()).filter(|()| keys(&server).iter().any(|key| key.contains(":list:")))
    });
    assert_eq!(ask(&server, &["CONFIG", "SET", "maxmemory", "1"]), ["+OK"]);
    let output = program.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(70), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("is out of memory"), "{stderr}");
    assert_eq!(keys(&server), Vec::<String>::new());
}
