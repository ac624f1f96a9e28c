//! A small run, and what every test does with it.

use proofload_record::clock::{self, Clock};
use proofload_record::{End, Flags, Note, Outcome, Row, Sink, Stamp};
use proofload_run_dir::{
    ClassEntry, Config, Finish, Manifest, OpenOptions, PlanRow, Recorder, RunDir, Running, State,
    Writer,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A manifest with two classes.
pub(crate) fn manifest() -> Manifest {
    let class = |priority: &str, model: Option<&str>| ClassEntry {
        mode: "interactive".to_owned(),
        priority: priority.to_owned(),
        model: model.map(str::to_owned),
    };
    Manifest {
        run_id: "0123456789ab".to_owned(),
        classes: vec![class("low", None), class("high", Some("m"))],
        ..Manifest::new("proofload-test", "0.0.0")
    }
}

/// A directory with a plan of `planned` requests, a millisecond apart, of alternating class.
pub(crate) fn planned(out: &Path, planned: u32, keep_chunks: bool) -> Writer {
    let config = Config { out: out.to_owned(), manifest: manifest(), keep_chunks };
    let mut writer = Writer::create(config).unwrap();
    for index in 0..planned {
        let due_ns = due_ns(index);
        let (id, class) = (&*format!("id-{index}"), class_of(index));
        writer.plan_entry(&PlanRow { id, due_ns, class, offset: 0, len: 2, crc: 0 }).unwrap();
    }
    writer
}

pub(crate) fn class_of(index: u32) -> u16 {
    (index % 2) as u16
}

fn due_ns(index: u32) -> u64 {
    u64::from(index) * 1_000_000
}

/// A clock that reads 0 now.
pub(crate) fn now() -> Clock {
    Clock::from_origin(clock::monotonic_ns())
}

/// Begins the run now.
pub(crate) fn start(writer: Writer, workers: usize) -> (Running, Vec<Recorder>) {
    writer.prepare(workers, || ()).unwrap().begin(now())
}

/// Begins the run of one worker, and gives what says whether writing has failed.
pub(crate) fn start_watched(writer: Writer) -> (Running, Vec<Recorder>, Arc<AtomicBool>) {
    let failed = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&failed);
    let prepared = writer.prepare(1, move || told.store(true, Ordering::SeqCst)).unwrap();
    let (running, recorders) = prepared.begin(now());
    (running, recorders, failed)
}

/// The row of a streamed request that ended so, 8 ms after it was due.
pub(crate) fn row(index: u32, workers: u32, end: End) -> Row {
    let due = due_ns(index);
    let worker = (index % workers) as u16;
    let mut row = Row::new(index, class_of(index), worker, Stamp::at(due), end);
    row.started = Stamp::at(due + 10_000);
    row.first_token = Stamp::at(due + 2_000_000);
    row.last_token = Stamp::at(due + 7_000_000);
    row.done = Stamp::at(due + 8_000_000);
    row.completion_tokens = Some(6);
    row.flags.set(Flags::STREAMED);
    row
}

/// Records request `index` of a run with one worker as released and `ok`.
pub(crate) fn send_ok(recorder: &mut Recorder, index: u32) {
    recorder.released(10_000);
    recorder.finished(&row(index, 1, End::Sent(Outcome::Ok)), Note::default());
}

pub(crate) fn complete() -> Finish {
    Finish { state: State::Complete, end_reason: None }
}

pub(crate) fn open(path: &Path) -> RunDir {
    RunDir::open(path).unwrap()
}

pub(crate) fn open_unbalanced(path: &Path) -> RunDir {
    RunDir::open_with(path, OpenOptions { accept_unbalanced: true }).unwrap()
}

/// Waits for something that the writer's thread will do.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "waited for {what} in vain");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until `rows` rows are in the journal.
pub(crate) fn wait_for_rows(dir: &Path, rows: u32) {
    wait_until("the rows", || {
        let journal = std::fs::read(dir.join("requests.bin")).unwrap();
        let (mut at, mut found) = (0, 0);
        while let Some(block) = block_at(&journal, at) {
            found += u32::from_le_bytes(block[28..32].try_into().unwrap());
            at += block.len();
        }
        found >= rows
    });
}

/// The whole block that begins at byte `at`.
fn block_at(journal: &[u8], at: usize) -> Option<&[u8]> {
    let length = journal.get(at + 8..at + 12)?;
    let end = at + 16 + u32::from_le_bytes(length.try_into().unwrap()) as usize;
    journal.get(at..end)
}

/// Where the blocks of a journal begin, and where the last ends.
pub(crate) fn block_starts(journal: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    let mut at = 0;
    while let Some(block) = block_at(journal, at) {
        at += block.len();
        starts.push(at);
    }
    assert_eq!(at, journal.len(), "blocks fill the journal");
    starts
}

/// A sealed run of one worker: `planned` requests, of which the first `sent` were sent.
pub(crate) fn sealed(out: &Path, total: u32, sent: u32) -> PathBuf {
    let (running, mut recorders) = start(planned(out, total, false), 1);
    let mut recorder = recorders.remove(0);
    wait_until("the first block", || {
        std::fs::metadata(out.join("requests.bin")).unwrap().len() > 0
    });
    for index in 0..sent {
        send_ok(&mut recorder, index);
        recorder.gap(index, class_of(index), 1_500_000);
    }
    drop(recorder);
    running.finish(complete()).unwrap()
}
