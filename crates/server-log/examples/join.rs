//! Writes a server's log into SQLite and joins it to the requests of a run, by their ids:
//! `cargo run -p proofload-server-log --example join`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use proofload_record::{ServerResult, ServerRow};
use proofload_server_log::{Late, Mapping, Run, Source, Wanted, Writer, read};

const MS: u64 = 1_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    // A server log of your own: sqlite:PATH, or postgres://reader@host/database.
    let source: Source =
        format!("sqlite:{}", folder.path().join("log.sqlite").display()).parse()?;
    let now_ns = proofload_record::clock::wall_ns();
    let (writer, mut log) = Writer::start(source.clone())?;
    for index in 0..2 {
        log.log(ServerRow {
            request_id: format!("run-{index}"),
            provider: "local".to_owned(),
            model: Some("tiny".to_owned()),
            mode: Some("interactive".to_owned()),
            priority: Some(5),
            arrived_wall_ns: now_ns,
            enqueued_ns: Some(MS),
            scheduled_ns: Some(MS + index * 30 * MS),
            queue_depth: Some(index as u32),
            queue_depth_scheduled: Some(0),
            classification_ns: None,
            cold_start: Some(false),
            load_ns: None,
            ttft_ns: Some(40 * MS),
            total_ns: 90 * MS,
            prompt_tokens: Some(7),
            completion_tokens: 5,
            status: 200,
            result: ServerResult::Success,
        });
    }
    drop(log);
    println!("{} rows in {source}", writer.finish()?);

    // What the client sent: three requests, of which the log has two.
    let wanted = |index: u32| {
        let id = format!("run-{index}");
        Some(Wanted { id, attempts: 1, answered: true, written_wall_ns: now_ns })
    };
    let run = Run { run_id: "run", planned: 3, began_wall_ns: now_ns - MS, wanted: &wanted };
    let side = read(&source, &Mapping::logos(), &run, Late::of(Duration::ZERO))?;
    for index in 0..3 {
        println!("{index}: {:?}", side.get(index).map(|served| served.queue_wait_ns));
    }
    println!("not in the log: {:?}; problems: {:?}", side.not_in_log, side.problems);
    Ok(())
}
