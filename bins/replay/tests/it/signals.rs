//! Ctrl-C, SIGTERM and SIGHUP.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use proofload_record::Outcome;
use proofload_run_dir::{RunDir, State};
use proofload_simulator::Simulator;
use rustix::process::Signal;

use crate::program::{ANY_PORT, Running, replay, simulator, until};
use crate::samples::analyse_again;
use crate::workload;

/// How long the program may take to end in good order.
const SOON: Duration = Duration::from_secs(3);

/// Three answers that last, a short one after them, and one that is due when all is over. It
/// returns while the three are under way.
fn midway(dir: &Path) -> (Simulator, Running) {
    let (simulator, base) = simulator(&["decode=100ms", "fill=1"]);
    let requests = [(0, 600), (10, 600), (20, 600), (60, 1), (600_000, 1)];
    let csv =
        workload::write(dir, requests.map(|(due_ms, tokens)| (due_ms, workload::streamed(tokens))));
    let flags = ["--workload", &csv, "--api-base", &base, "--threads", "1", "--out", "run"];
    let running = Running::start(&mut replay(dir, &flags));
    // Due later than the three, on the same thread, so they have been sent when it is over.
    until("the short answer", || (simulator.counts().requests > 0).then_some(()));
    (simulator, running)
}

#[test]
fn the_first_signal_seals_the_run_and_prints_its_summary() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let dir = tempfile::tempdir().unwrap();
        let (_simulator, running) = midway(dir.path());
        running.signal(signal);
        let ended = running.end(SOON);
        assert_eq!(ended.code(), Some(130), "{signal:?}: {ended:?}");
        assert!(ended.stderr.contains("interrupted: ending in good order"), "{}", ended.stderr);
        for part in ["proofload-replay: interrupted", "cancelled", "Files\n", "run/results.json"] {
            assert!(ended.stdout.contains(part), "{signal:?} {part}: {}", ended.stdout);
        }
        let run = RunDir::open(&dir.path().join("run")).unwrap();
        assert_eq!(run.manifest().state, State::Interrupted);
        assert!(run.recovery().sealed);
        let books = run.books();
        assert_eq!(books.check(), Ok(()));
        // The short answer has left its server, and its end may still be on the way.
        let (ok, cancelled) = (books.outcome(Outcome::Ok), books.outcome(Outcome::Cancelled));
        assert!(cancelled >= 3 && ok + cancelled == 4, "{books:?}");
        assert_eq!(books.not_reached, 1, "{books:?}");
        analyse_again(run.path());
    }
}

#[test]
fn the_second_signal_ends_at_once() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let dir = tempfile::tempdir().unwrap();
        let (_simulator, running) = midway(dir.path());
        running.signal(signal);
        running.hear("interrupted:");
        running.signal(signal);
        let ended = running.end(SOON);
        assert_eq!(ended.code(), Some(130), "{signal:?}: {ended:?}");
        let run = RunDir::open(&dir.path().join("run")).unwrap();
        assert_eq!(run.books().check(), Ok(()));
    }
}

#[test]
fn waiting_for_a_target_can_be_interrupted() {
    let dir = tempfile::tempdir().unwrap();
    // Takes a connection and says nothing.
    let silent = TcpListener::bind(ANY_PORT).unwrap();
    let base = format!("http://{}", silent.local_addr().unwrap());
    let flags = ["--api-base", &base, "--wait-ready", "600", "--out", "run"];
    let running = Running::start(&mut replay(dir.path(), &flags));
    let _connection = silent.accept().unwrap();
    running.signal(Signal::INT);
    let ended = running.end(SOON);
    assert_eq!(ended.code(), Some(130), "{ended:?}");
    let last = ended.stderr.lines().last();
    assert_eq!(last, Some("interrupted before anything was sent"), "{}", ended.stderr);
    assert!(!dir.path().join("run").exists());
}
