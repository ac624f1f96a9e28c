//! What cannot be begun, written or read.

use crate::support::{
    complete, manifest, now, open, open_unbalanced, planned, row, sealed, send_ok, start,
    start_watched, wait_for_rows, wait_until,
};
use proofload_record::{End, Note, Outcome, Sink};
use proofload_run_dir::{
    Config, CreateError, OpenError, RunDir, SCHEMA_VERSION, State, WriteError, Writer,
};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::error::Error as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

fn create(out: &Path) -> Result<Writer, CreateError> {
    Writer::create(Config { out: out.to_owned(), manifest: manifest(), keep_chunks: false })
}

#[test]
fn a_folder_that_cannot_be_had_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("theirs"), "").unwrap();
    let error = create(dir.path()).unwrap_err();
    assert!(matches!(error, CreateError::NotEmpty { .. }), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing was added");

    let below_a_file = dir.path().join("theirs/run");
    let error = create(&below_a_file).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot write {}", below_a_file.display()));
    assert!(error.source().is_some());

    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert!(create(&empty).is_ok());
}

#[test]
fn a_full_disk_ends_the_run_and_keeps_the_rows() {
    let dir = tempfile::tempdir().unwrap();
    let writer = planned(dir.path(), 5, false);
    // The notes are on a full disk, the rest is not: so it fails with the first note.
    symlink("/dev/full", dir.path().join("requests.txt")).unwrap();
    let (running, mut recorders, failed) = start_watched(writer);
    for index in 0..3 {
        send_ok(&mut recorders[0], index);
    }
    wait_for_rows(dir.path(), 3);
    assert!(!failed.load(Ordering::SeqCst));
    recorders[0].released(0);
    let note = Note { error: Some("reset".into()), server_request_id: None };
    let row = row(3, 1, End::Sent(Outcome::Reset));
    recorders[0].finished(&row, note);
    wait_until("the failure", || failed.load(Ordering::SeqCst));
    send_ok(&mut recorders[0], 4);
    drop(recorders);
    let error = running.finish(complete()).unwrap_err();
    assert!(error.to_string().contains("requests.txt"), "{error}");
    assert!(matches!(&error, WriteError::Io { source, .. } if source.raw_os_error() == Some(28)));

    fs::remove_file(dir.path().join("requests.txt")).unwrap();
    let run = open(dir.path());
    assert_eq!(run.rows().len(), 3);
    assert_eq!(run.manifest().state, State::Failed);
    assert_eq!(run.manifest().counts.unknown, 2);
    assert!(run.manifest().end_reason.as_ref().unwrap().contains("requests.txt"));
    assert!(!run.recovery().sealed);
}

#[test]
fn a_journal_on_a_full_disk_fails_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let writer = planned(dir.path(), 5, false);
    symlink("/dev/full", dir.path().join("requests.bin")).unwrap();
    let (running, _recorders, failed) = start_watched(writer);
    wait_until("the failure", || failed.load(Ordering::SeqCst));
    let error = running.finish(complete()).unwrap_err();
    assert!(error.to_string().contains("requests.bin"), "{error}");
    assert_eq!(open(dir.path()).books().unknown, 5);
}

/// A disk that hangs: whoever opens a pipe for writing waits until somebody reads it.
#[test]
fn a_disk_that_hangs_keeps_no_request_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let failed = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&failed);
    let writer = planned(dir.path(), 2, false);
    let prepared = writer.prepare(1, move || told.store(true, Ordering::SeqCst)).unwrap();
    let manifest = fs::read_to_string(dir.path().join("run.json")).unwrap();
    assert!(manifest.contains("\"started\": \"\""), "{manifest}");
    let pipe = dir.path().join("run.json.tmp");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();

    let (begun, begins) = channel();
    let beginning = std::thread::spawn(move || {
        let (running, mut recorders) = prepared.begin(now());
        send_ok(&mut recorders[0], 0);
        begun.send(running.progress().finished).unwrap();
        (running, recorders)
    });
    assert_eq!(begins.recv_timeout(Duration::from_secs(20)), Ok(1), "the run waits for the disk");
    let (running, recorders) = beginning.join().unwrap();
    assert_eq!(fs::metadata(dir.path().join("requests.bin")).unwrap().len(), 0);
    assert!(!failed.load(Ordering::SeqCst));

    // The disk comes back, and cannot make a pipe durable: the run is told.
    drop(fs::File::open(&pipe).unwrap());
    wait_until("the failure", || failed.load(Ordering::SeqCst));
    fs::remove_file(&pipe).unwrap();
    drop(recorders);
    let error = running.finish(complete()).unwrap_err();
    assert!(error.to_string().contains("run.json"), "{error}");
    assert_eq!(open(dir.path()).manifest().state, State::Failed);
}

#[test]
fn a_directory_of_a_newer_program_is_refused_by_its_version() {
    let dir = tempfile::tempdir().unwrap();
    let path = sealed(dir.path(), 1, 1);
    let file = path.join("run.json");
    let json = fs::read_to_string(&file).unwrap();
    let newer = SCHEMA_VERSION + 1;
    let from = format!("\"schema_version\": {SCHEMA_VERSION}");
    fs::write(&file, json.replace(&from, &format!("\"schema_version\": {newer}"))).unwrap();
    let error = RunDir::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found, .. } if found == newer), "{error}");
    fs::write(&file, json.replace("\"high\"", "\"urgent\"")).unwrap();
    let error = RunDir::open(&path).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "`classes[1]`: expected `low`, `mid` or `high`, found (\"interactive\", \"urgent\")"
        ),
        "{error}"
    );
    fs::write(&file, "{").unwrap();
    assert!(matches!(RunDir::open(&path), Err(OpenError::Manifest { .. })));
}

#[test]
fn a_manifest_that_contradicts_the_rows_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = sealed(dir.path(), 2, 2);
    let file = path.join("run.json");
    let json = fs::read_to_string(&file).unwrap();
    fs::write(&file, json.replace("\"ok\": 2", "\"ok\": 3")).unwrap();
    let error = RunDir::open(&path).unwrap_err().to_string();
    assert!(error.contains("run.json and the rows count differently"), "{error}");
    assert!(open_unbalanced(&path).recovery().imbalance.is_some());
}

#[test]
fn more_released_than_planned_does_not_balance() {
    let dir = tempfile::tempdir().unwrap();
    let (running, mut recorders) = start(planned(dir.path(), 1, false), 1);
    send_ok(&mut recorders[0], 0);
    recorders[0].released(0);
    drop(recorders);
    let error = running.finish(complete()).unwrap_err();
    assert!(matches!(error, WriteError::Unbalanced { .. }), "{error}");
    assert!(matches!(RunDir::open(dir.path()), Err(OpenError::Unbalanced { .. })));
}
