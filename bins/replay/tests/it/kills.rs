//! `kill -9` at any moment.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use proofload_record::Outcome;
use proofload_run_dir::{RunDir, State};
use proofload_simulator::truth;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rustix::process::Signal;

use crate::program::{ALONE, LIMIT, Running, replay, simulator, until};
use crate::workload;

const KILLS: usize = 50;
const REQUESTS: u32 = 60;
/// Between two requests, in milliseconds.
const GAP_MS: u32 = 15;
/// From the end of an answer, as its server saw it, to its row in the hands of the writer.
const WELL_BEFORE_NS: u64 = 150_000_000;

#[test]
fn fifty_kills_leave_fifty_directories_that_add_up() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let truth_file = dir.path().join("truth.tsv");
    let (mut simulator, base) = simulator(&[&format!("truth={}", truth_file.display())]);
    let csv = workload::even(dir.path(), REQUESTS, GAP_MS);

    let mut chance = ChaCha8Rng::seed_from_u64(3);
    let longest_ms = u64::from(REQUESTS * GAP_MS) + 200;
    let kills: Vec<(PathBuf, u64)> = (0..KILLS)
        .map(|kill| (dir.path().join(format!("run-{kill}")), chance.random_range(0..longest_ms)))
        .collect();
    let left = Mutex::new(kills.iter().enumerate());
    let next = || left.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some((number, (out, after_ms))) = next() {
                    let threads = (1 + number % 3).to_string();
                    let flags = [
                        &["--workload", &csv, "--api-base", &base, "--threads", &threads] as &[_],
                        &["--quiet", "--out", out.to_str().unwrap()],
                    ]
                    .concat();
                    let mut running = Running::start(&mut replay(dir.path(), &flags));
                    until("run.json", || {
                        assert!(!running.has_ended() || out.join("run.json").exists());
                        out.join("run.json").exists().then_some(())
                    });
                    thread::sleep(Duration::from_millis(*after_ms));
                    running.signal(Signal::KILL);
                    running.end(LIMIT);
                }
            });
        }
    });
    simulator.stop().unwrap();

    let mut by_run: HashMap<String, Vec<truth::Entry>> = HashMap::new();
    for entry in truth::read(&truth_file).unwrap() {
        let (run_id, _) = entry.request_id.rsplit_once('-').unwrap();
        by_run.entry(run_id.to_owned()).or_default().push(entry);
    }
    let (mut killed, mut lost, mut compared) = (0, 0, 0);
    for (out, after_ms) in &kills {
        let run = RunDir::open(out).unwrap_or_else(|error| {
            let files: Vec<_> = fs::read_dir(out).unwrap().map(|file| file.unwrap()).collect();
            panic!("killed after {after_ms} ms: {error}: {files:?}")
        });
        let books = run.books();
        assert_eq!(books.check(), Ok(()), "{after_ms} ms");
        let in_rows = books.offered() - books.outcome(Outcome::Lost) - books.rows_dropped;
        assert_eq!(run.rows().len() as u64, in_rows, "{after_ms} ms");
        let results = proofload_analysis::analyze(&run).results;
        let was_killed = run.manifest().state == State::Running;
        assert_eq!(results.degraded, was_killed, "{after_ms} ms");
        killed += u32::from(was_killed);
        lost += books.outcome(Outcome::Lost);

        let Some(heartbeat_ns) = run.recovery().last_heartbeat_ns else {
            assert!(run.rows().is_empty(), "{after_ms} ms");
            continue;
        };
        let durable_ns = run.manifest().clock.monotonic_ns + heartbeat_ns;
        for entry in by_run.get(&run.manifest().run_id).into_iter().flatten() {
            let (_, index) = entry.request_id.rsplit_once('-').unwrap();
            let index: u32 = index.parse().unwrap();
            let row = run.rows().iter().find(|row| row.index == index);
            if entry.ended_ns + WELL_BEFORE_NS < durable_ns {
                assert!(row.is_some(), "{after_ms} ms: {entry:?} {:?}", run.recovery());
                compared += 1;
            }
            if let Some(row) = row.filter(|row| row.end.is_ok()) {
                assert_eq!(row.completion_tokens, Some(entry.tokens), "{after_ms} ms: {entry:?}");
            }
        }
    }
    assert!(killed >= 25 && lost > 0 && compared > 500, "{killed} {lost} {compared}");
}
