//! What recording costs: the sending thread a request, the writer's thread a row, the reader a row.
//!
//! The directories lie in memory (`/dev/shm`) where there is such a place, so that no disk is
//! measured; on one, a run ends with an fsync of each file on top.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use proofload_record::clock::{Clock, monotonic_ns};
use proofload_record::{End, Flags, Note, Outcome, Row, Sink, Stamp};
use proofload_run_dir::{
    ClassEntry, Config, Finish, Manifest, PlanRow, Recorder, RunDir, Running, State, Writer,
};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Fewer than a queue holds, so that none is dropped however late the writer wakes.
const ROWS: u32 = 8_000;
const ROWS_READ: u32 = 100_000;

fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.expect("a temporary directory can be made")
}

/// A run of one worker that is about to send `rows` requests.
fn begin(dir: &TempDir, rows: u32) -> (Running, Recorder) {
    let class = ClassEntry { mode: "batch".into(), priority: "mid".into(), model: None };
    let manifest = Manifest { classes: vec![class], ..Manifest::new("journal", "0") };
    let config = Config { out: dir.path().join("run"), manifest, keep_chunks: false };
    let mut writer = Writer::create(config).expect("the directory is new");
    for index in 0..rows {
        let id = &format!("request-{index}");
        let row = PlanRow { id, due_ns: due_ns(index), class: 0, offset: 0, len: 0, crc: 0 };
        writer.plan_entry(&row).expect("the plan can be written");
    }
    let prepared = writer.prepare(1, || ()).expect("the files can be made");
    let (running, mut recorders) = prepared.begin(Clock::from_origin(monotonic_ns()));
    (running, recorders.remove(0))
}

fn due_ns(index: u32) -> u64 {
    u64::from(index) * 100_000
}

/// A streamed answer of 128 tokens, as most rows are.
fn row(index: u32) -> Row {
    let due = due_ns(index);
    let mut row = Row::new(index, 0, 0, Stamp::at(due), End::Sent(Outcome::Ok));
    row.flags.set(Flags::STREAMED);
    row.started = Stamp::at(due + 60_000);
    row.written = Stamp::at(due + 80_000);
    row.first_token = Stamp::at(due + 150_000_000 + u64::from(index % 1_000) * 10_000);
    row.last_token = Stamp::at(due + 2_000_000_000);
    row.done = Stamp::at(due + 2_000_100_000);
    row.completion_tokens = Some(128);
    row
}

fn record(recorder: &mut Recorder, rows: &[Row]) {
    for row in rows {
        recorder.released(60_000);
        recorder.finished(row, Note::default());
    }
}

fn finish(running: Running) -> PathBuf {
    let finish = Finish { state: State::Complete, end_reason: None };
    running.finish(finish).expect("the run can be sealed")
}

fn journal(c: &mut Criterion) {
    let rows: Vec<Row> = (0..ROWS).map(row).collect();
    let mut group = c.benchmark_group("journal");
    group.throughput(Throughput::Elements(ROWS.into()));

    let fresh = || {
        let dir = directory();
        let (running, recorder) = begin(&dir, ROWS);
        (dir, running, recorder)
    };
    group.bench_function("record", |b| {
        b.iter_batched_ref(
            fresh,
            |(_, _, recorder)| record(recorder, &rows),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("record and seal", |b| {
        let whole_run = |(dir, running, mut recorder): (TempDir, Running, Recorder)| {
            record(&mut recorder, &rows);
            drop(recorder);
            (finish(running), dir)
        };
        b.iter_batched(fresh, whole_run, BatchSize::PerIteration);
    });

    group.throughput(Throughput::Elements(ROWS_READ.into()));
    let dir = directory();
    let (running, mut recorder) = begin(&dir, ROWS_READ);
    for from in (0..ROWS_READ).step_by(ROWS as usize) {
        let to = ROWS_READ.min(from + ROWS);
        record(&mut recorder, &(from..to).map(row).collect::<Vec<_>>());
        while RunDir::open(&dir.path().join("run")).is_ok_and(|run| run.rows().len() < to as usize)
        {
            std::thread::yield_now();
        }
    }
    drop(recorder);
    let path = finish(running);
    group.bench_function("read", |b| b.iter(|| RunDir::open(&path).map(|run| run.rows().len())));
    group.finish();
}

criterion_group!(benches, journal);
criterion_main!(benches);
