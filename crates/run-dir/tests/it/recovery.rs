//! Runs that were killed, and files that were cut or altered.

use crate::support::{
    block_starts, complete, open, open_unbalanced, planned, row, sealed, send_ok, start,
    wait_for_rows, wait_until,
};
use proofload_record::{End, Note, Outcome, Sink};
use proofload_run_dir::{Fate, OpenError, OpenOptions, RunDir, State};
use std::fs;
use std::path::Path;

#[test]
fn a_killed_run_ends_at_its_last_heartbeat() {
    let dir = tempfile::tempdir().unwrap();
    let (running, mut recorders) = start(planned(dir.path(), 10, false), 1);
    let recorder = &mut recorders[0];
    recorder.released(0);
    for index in 1..4 {
        send_ok(recorder, index);
    }
    wait_for_rows(dir.path(), 3);
    let killed = open(dir.path());
    drop(running);
    let run = open(dir.path());
    assert_eq!(run.rows(), killed.rows(), "a run that lasts is read as if it had been killed");
    let books = run.books();
    assert_eq!((books.sent, books.not_reached, books.unknown), (4, 0, 6));
    assert_eq!((books.outcome(Outcome::Ok), books.outcome(Outcome::Lost)), (3, 1));
    assert_eq!(run.fate(0), Fate::Lost);
    assert_eq!(run.fate(4), Fate::Unknown);
    let recovery = run.recovery();
    assert!(recovery.began && !recovery.sealed && recovery.is_degraded());
    assert!(recovery.damage.is_empty(), "a kill is no damage: {recovery:?}");
    assert_eq!(run.manifest().state, State::Running);
}

#[test]
fn a_program_killed_before_its_first_request_leaves_a_run_that_never_began() {
    let dir = tempfile::tempdir().unwrap();
    for (name, seal) in [("while it planned", false), ("after it had planned", true)] {
        let out = dir.path().join(name);
        let mut writer = planned(&out, 3, false);
        if seal {
            writer.seal_plan().unwrap();
        }
        drop(writer);
        let run = open(&out);
        let books = run.books();
        let known = if seal { 3 } else { 0 };
        assert_eq!((books.planned, books.unknown, books.sent), (known, known, 0), "{name}");
        assert!(!run.recovery().began && run.recovery().is_degraded(), "{name}");
    }
    let empty = dir.path().join("nothing");
    fs::create_dir(&empty).unwrap();
    assert!(matches!(RunDir::open(&empty), Err(OpenError::NoManifest { .. })));
}

/// Opens a copy of the journal that is only `journal`.
fn reopen(dir: &Path, journal: &[u8]) -> RunDir {
    fs::write(dir.join("requests.bin"), journal).unwrap();
    open(dir)
}

#[test]
fn cutting_the_last_block_anywhere_loses_only_that_block() {
    let dir = tempfile::tempdir().unwrap();
    let path = sealed(dir.path(), 6, 4);
    let whole = fs::read(path.join("requests.bin")).unwrap();
    let starts = block_starts(&whole);
    // On a machine that stalls, a heartbeat without rows may follow the last block that has some.
    let has_rows = |pair: &&[usize]| whole[pair[0] + 28] > 0;
    let pair = starts.windows(2).rfind(has_rows).unwrap();
    let (last, end) = (pair[0], pair[1]);
    let before = reopen(&path, &whole[..last]);
    assert!(before.rows().len() < 4);
    for cut in last..end {
        let run = reopen(&path, &whole[..cut]);
        assert_eq!(run.rows(), before.rows(), "cut at {cut}");
        assert_eq!(run.books(), before.books(), "cut at {cut}");
        let recovery = run.recovery();
        assert_eq!((recovery.torn_bytes, recovery.sealed), ((cut - last) as u64, false), "{cut}");
        assert!(!recovery.damage.is_empty(), "run.json knows of more blocks, cut at {cut}");
    }
    for garbage in [&b"x"[..], b"PLRB", &[0; 500], &whole[last..end - 1], &[0xff; 40]] {
        let mut journal = whole.clone();
        journal.extend_from_slice(garbage);
        let run = reopen(&path, &journal);
        assert_eq!(run.rows().len(), 4, "{garbage:?}");
        assert_eq!(run.recovery().torn_bytes, garbage.len() as u64, "{garbage:?}");
        assert!(run.recovery().sealed && run.recovery().is_degraded(), "{garbage:?}");
    }
}

#[test]
fn a_block_damaged_in_the_middle_ends_what_is_believed() {
    let dir = tempfile::tempdir().unwrap();
    let (running, mut recorders) = start(planned(dir.path(), 6, false), 1);
    for index in 0..3 {
        send_ok(&mut recorders[0], index);
        wait_for_rows(dir.path(), index + 1);
    }
    drop(recorders);
    let path = running.finish(complete()).unwrap();
    let whole = fs::read(path.join("requests.bin")).unwrap();
    let starts = block_starts(&whole);
    let rows: Vec<usize> =
        starts[1..].iter().map(|&end| reopen(&path, &whole[..end]).rows().len()).collect();
    for (block, pair) in starts.windows(2).enumerate().take(starts.len() - 2) {
        let kept = if block == 0 { 0 } else { rows[block - 1] };
        let mut altered = whole.clone();
        altered[pair[0] + 20] ^= 4;
        let mut missing = whole.clone();
        missing.drain(pair[0]..pair[1]);
        for (name, journal) in [("altered", altered), ("missing", missing)] {
            let run = reopen(&path, &journal);
            assert_eq!(run.rows().len(), kept, "{name} block {block}");
            let recovery = run.recovery();
            assert!(!recovery.sealed && recovery.is_degraded(), "{name} block {block}");
            let damage = recovery.damage.join("; ");
            assert!(damage.contains(&format!("the block at byte {}", pair[0])), "{name}: {damage}");
            assert_eq!(run.books().unknown + run.books().sent, 6, "{name} block {block}");
        }
    }
}

/// A bit flipped in a file with a checksum is refused or reported; in any other it does no harm.
#[test]
fn a_flipped_bit_is_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let (running, mut recorders) = start(planned(dir.path(), 4, false), 1);
    let mut recorder = recorders.remove(0);
    recorder.released(5);
    let note = Note { error: Some("reset".into()), server_request_id: None };
    recorder.finished(&row(0, 1, End::Sent(Outcome::Reset)), note);
    recorder.released(6);
    recorder.finished(&row(1, 1, End::Sent(Outcome::Http5xx)), Note::default());
    drop(recorder);
    let path = running.finish(complete()).unwrap();
    assert!(!open(&path).recovery().is_degraded());
    for (name, has_checksum) in [
        ("plan.bin", true),
        ("requests.bin", true),
        ("requests.txt", true),
        ("run.json", false),
        ("generator.csv", false),
        ("latency.hlog", false),
    ] {
        let file = path.join(name);
        let whole = fs::read(&file).unwrap();
        for at in 0..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1 << (at % 8);
            fs::write(&file, &altered).unwrap();
            let found = RunDir::open(&path).map_or(true, |run| run.recovery().is_degraded());
            assert!(found || !has_checksum, "{name} byte {at}");
            let _ = RunDir::open_with(&path, OpenOptions { accept_unbalanced: true });
        }
        fs::write(&file, &whole).unwrap();
    }
    assert!(!open(&path).recovery().is_degraded());
}

#[test]
fn a_file_that_is_missing_or_cut_is_named_and_the_rows_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = sealed(dir.path(), 3, 3);
    for name in ["requests.txt", "generator.csv", "latency.hlog"] {
        let file = path.join(name);
        let whole = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let run = open(&path);
        assert_eq!(run.rows().len(), 3, "{name}");
        assert_eq!(run.recovery().damage, [format!("{name} is missing")]);
        if let Some((_, cut)) = whole.split_last() {
            fs::write(&file, cut).unwrap();
            let damage = open(&path).recovery().damage.join("; ");
            // The last number of the table is as good a number without its line end.
            assert_eq!(damage.starts_with(name), name != "generator.csv", "{damage:?}");
        }
        fs::write(&file, &whole).unwrap();
    }
}

#[test]
fn rows_that_no_heartbeat_counts_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let (running, mut recorders) = start(planned(dir.path(), 4, false), 1);
    send_ok(&mut recorders[0], 0);
    // A second row of a request, which no engine should ever write.
    send_ok(&mut recorders[0], 0);
    drop(recorders);
    let path = running.finish(complete()).unwrap();
    let error = RunDir::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Unbalanced { .. }), "{error}");
    assert!(error.to_string().contains("request 0 has two rows"), "{error}");
    let run = open_unbalanced(&path);
    assert_eq!(run.recovery().imbalance.as_deref(), Some("request 0 has two rows"));
    assert!(run.recovery().is_degraded());
}

#[test]
fn a_heartbeat_is_written_when_nothing_happens() {
    let dir = tempfile::tempdir().unwrap();
    let (_running, _recorders) = start(planned(dir.path(), 1, false), 1);
    wait_until("three heartbeats", || open(dir.path()).recovery().blocks >= 3);
    let recovery = open(dir.path()).recovery().clone();
    assert!(recovery.last_heartbeat_ns.unwrap() >= 250_000_000, "{recovery:?}");
}
