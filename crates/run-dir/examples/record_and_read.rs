//! Records requests in a run directory, and reads what became of each of them:
//! `cargo run -p proofload-run-dir --example record_and_read`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use proofload_record::clock::{Clock, monotonic_ns};
use proofload_record::{End, Note, Outcome, Row, Sink, Stamp};
use proofload_run_dir::{Config, Fate, Finish, Manifest, PlanRow, RunDir, State, Writer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let temporary = tempfile::tempdir()?;
    let out = temporary.path().join("run");
    let manifest = Manifest::new("example", env!("CARGO_PKG_VERSION"));
    let mut writer = Writer::create(Config { out, manifest, keep_chunks: false })?;
    for (index, id) in ["first", "second", "third"].into_iter().enumerate() {
        let due_ns = index as u64 * 1_000_000;
        writer.plan_entry(&PlanRow { id, due_ns, class: 0, offset: 0, len: 2, crc: 0 })?;
    }
    // What waits for a disk is done before the clock begins.
    let prepared = writer.prepare(1, || ())?;
    let (running, mut recorders) = prepared.begin(Clock::from_origin(monotonic_ns()));

    let mut recorder = recorders.remove(0);
    for (index, outcome) in [Outcome::Ok, Outcome::Http5xx].into_iter().enumerate() {
        let due = Stamp::at(index as u64 * 1_000_000);
        recorder.released(20_000);
        let mut row = Row::new(index as u32, 0, 0, due, End::Sent(outcome));
        row.done = Stamp::at(5_000_000);
        recorder.finished(&row, Note::default());
    }
    drop(recorder);
    let end_reason = Some("the example sent two of three".to_owned());
    let path = running.finish(Finish { state: State::Interrupted, end_reason })?;

    let run = RunDir::open(&path)?;
    for (index, row) in run.plan().iter().enumerate() {
        match run.fate(index as u32) {
            Fate::Row(seen) => {
                println!("{}: {}, {:?} ns", row.id, seen.end.label(), seen.latency_ns());
            }
            other => println!("{}: {other:?}", row.id),
        }
    }
    println!("the books: {:?}", run.books());
    Ok(())
}
