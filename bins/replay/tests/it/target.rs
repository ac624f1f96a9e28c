//! Finding the target, waiting for it, and giving up on it.

use std::net::TcpStream;
use std::path::Path;

use proofload_record::Outcome;
use proofload_run_dir::{RunDir, State};
use proofload_simulator::Simulator;

use crate::program::{
    ANY_PORT, LIMIT, Running, dead_address, options, replay, run, run_well, simulator,
};
use crate::server::{Server, good_stream};
use crate::workload;

#[test]
fn a_dead_port_is_found_before_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let address = dead_address();
    for base in [format!("http://{address}"), format!("http://{address}/v1/")] {
        let ended = run(dir.path(), &["--api-base", &base, "--out", "run"]);
        assert_eq!(ended.code(), Some(69), "{ended:?}");
        let tried = format!("no HTTP answer from http://{address}/v1/models");
        for said in [&tried, "refused", "--api-base", "--wait-ready"] {
            assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
        }
        assert_eq!(ended.stdout, "");
        assert!(!dir.path().join("run").exists());
    }
}

#[test]
fn a_wait_in_vain_says_how_long_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let base = format!("http://{}", dead_address());
    let ended = run(dir.path(), &["--api-base", &base, "--wait-ready", "1", "--out", "run"]);
    assert_eq!(ended.code(), Some(69), "{ended:?}");
    assert!(ended.stderr.contains("nothing was sent, after waiting 1 s;"), "{}", ended.stderr);
}

#[test]
fn a_mute_target_takes_no_longer_than_a_request_may() {
    let dir = tempfile::tempdir().unwrap();
    // Takes a connection and says nothing.
    let silent = std::net::TcpListener::bind(ANY_PORT).unwrap();
    let base = format!("http://{}", silent.local_addr().unwrap());
    let ended = run(dir.path(), &["--api-base", &base, "--timeout", "first-byte=100ms"]);
    assert_eq!(ended.code(), Some(69), "{ended:?}");
    assert!(ended.stderr.contains("no answer within 100ms"), "{}", ended.stderr);
}

#[test]
fn any_http_answer_is_a_target() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(|_, request| match request.is_preflight() {
        true => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into(),
        false => good_stream(),
    });
    let csv = workload::even(dir.path(), 3, 10);
    let base = server.base();
    let (_, run) = run_well(dir.path(), &["--workload", &csv, "--api-base", &base]);
    assert_eq!(run.books().outcome(Outcome::Ok), 3);
}

#[test]
fn a_target_that_is_starting_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 3, 10);
    let address = dead_address();
    let base = format!("http://{address}");
    let flags = ["--workload", &csv, "--api-base", &base, "--wait-ready", "50", "--out", "run"];
    let mut running = Running::start(&mut replay(dir.path(), &flags));
    // It is there when the program has asked in vain once.
    let silent = std::net::TcpListener::bind(address).unwrap();
    drop(silent.accept().unwrap());
    drop(silent);
    assert!(!running.has_ended());
    let _simulator = Simulator::start(options(&[]), address, None).unwrap();
    let ended = running.end(LIMIT);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}

#[test]
fn a_wrong_key_ends_the_run_early_unless_it_is_to_go_on() {
    let (simulator, base) = simulator(&["api-key=right"]);
    let requests = (0..15).map(|number| (number * 15, workload::streamed(2)));
    let late = (3_600_000, workload::streamed(2));

    let dir = tempfile::tempdir().unwrap();
    let csv = workload::write(dir.path(), requests.clone().chain([late]));
    let ended = run(dir.path(), &["--workload", &csv, "--api-base", &base, "--out", "run"]);
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    for said in ["401, 403 or 404", "a model that the server does not have?", "--keep-going"] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    assert!(ended.stdout.contains("http_4xx"), "{}", ended.stdout);
    let early = open(dir.path());
    assert_eq!(early.manifest().state, State::Failed);
    assert!(early.manifest().end_reason.as_ref().unwrap().contains("wrong key"));
    let refused = early.books().outcome(Outcome::Http4xx);
    assert!((10..=15).contains(&refused) && early.books().not_reached >= 1, "{:?}", early.books());

    let dir = tempfile::tempdir().unwrap();
    let csv = workload::write(dir.path(), requests);
    let flags = ["--workload", &csv, "--api-base", &base, "--out", "run", "--keep-going"];
    let ended = run(dir.path(), &flags);
    assert_eq!(ended.code(), Some(3), "none succeeded: {ended:?}");
    let whole = open(dir.path());
    assert_eq!(whole.manifest().state, State::Complete);
    assert_eq!(whole.books().outcome(Outcome::Http4xx), 15);
    assert_eq!(simulator.counts().statuses[&401], refused + 15);
}

#[test]
fn the_right_key_is_sent_as_the_server_wants_it() {
    for flags in [
        &["--api-key-env", "PLANTED"] as &[&str],
        &["--logos-key", "right"],
        &["--header", "Authorization: Bearer right"],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (simulator, base) = simulator(&["api-key=right"]);
        let csv = workload::even(dir.path(), 3, 10);
        let flags = [flags, &["--workload", &csv, "--api-base", &base, "--out", "run"]].concat();
        let ended = Running::start(replay(dir.path(), &flags).env("PLANTED", "right")).end(LIMIT);
        assert_eq!(ended.code(), Some(0), "{flags:?}: {ended:?}");
        let warns = ended.stderr.contains("warning: the key after --logos-key can be seen");
        assert_eq!(warns, flags.contains(&"--logos-key"), "{flags:?}: {}", ended.stderr);
        assert_eq!(simulator.counts().ok, 3, "{flags:?}");
    }
}

#[test]
fn a_key_without_a_base_never_goes_to_the_simulator() {
    if ["127.0.0.1:8080", "[::1]:8080"].iter().any(|other| TcpStream::connect(other).is_ok()) {
        eprintln!("skipped: something listens on port 8080");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for flags in [
        &["--api-key-env", "PATH"] as &[&str],
        &["--logos-key", "sk-1234"],
        &["--header", "X-Api-Key: sk-1234"],
    ] {
        let ended = run(dir.path(), &[flags, &["--out", "run"]].concat());
        assert_eq!(ended.code(), Some(69), "{flags:?}: {ended:?}");
        assert!(ended.stderr.contains("http://localhost:8080/v1/models"), "{}", ended.stderr);
        assert!(!dir.path().join("run").exists());
    }
}

#[test]
fn a_server_that_goes_away_in_mid_run_is_counted_and_not_fatal() {
    let dir = tempfile::tempdir().unwrap();
    let mut simulator = Simulator::start(options(&[]), ANY_PORT, None).unwrap();
    let base = format!("http://{}", simulator.addr());
    let near = (0..3).map(|number| (number * 10, workload::streamed(2)));
    let far = (0..3).map(|number| (1_500 + number * 10, workload::streamed(2)));
    let csv = workload::write(dir.path(), near.chain(far));
    let flags = ["--workload", &csv, "--api-base", &base, "--out", "run"];
    let running = Running::start(&mut replay(dir.path(), &flags));
    crate::program::until("the first three", || (simulator.counts().ok == 3).then_some(()));
    simulator.stop().unwrap();
    let ended = running.end(LIMIT);
    assert_eq!(ended.code(), Some(0), "some succeeded: {ended:?}");
    let books = open(dir.path()).books().clone();
    let counts = [Outcome::Ok, Outcome::ConnectRefused].map(|outcome| books.outcome(outcome));
    assert_eq!(counts, [3, 3], "{books:?}");
}

fn open(dir: &Path) -> RunDir {
    RunDir::open(&dir.join("run")).unwrap()
}
