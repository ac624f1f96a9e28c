//! What a workload costs before anything is sent: reading it, compiling it, walking its plan; and a
//! body while it is sent.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use proofload_workload::{PlanOptions, StreamMode, Workload};
use std::fmt::Write as _;
use std::io::Write as _;
use tempfile::NamedTempFile;

/// Rows as long as those of a real trace; about 9 MB of them.
const ROWS: u32 = 20_000;

/// A workload file in which every tenth row comes before the one above it.
fn file() -> NamedTempFile {
    let mut text = "request_id,arrival_offset,mode,priority,body_json\n".to_owned();
    for row in 0..ROWS {
        let (priority, offset_ms) = (["low", "mid", "high"][row as usize % 3], row * 140);
        let early_ms = if row % 10 == 9 { 300 } else { 0 };
        let prompt = "Keep the answer short unless the task needs detail. ".repeat(5);
        let body = format!(
            r#"{{""model"":""m{}"",""stream"":true,""max_tokens"":{},""messages"":[{{""role"":""user"",""content"":""{prompt}{row}""}}]}}"#,
            row % 5,
            row % 200
        );
        writeln!(text, "row-{row:07},{}.5,batch,{priority},\"{body}\"", offset_ms - early_ms)
            .expect("a string can be written to");
    }
    let mut file = NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(text.as_bytes()).expect("a temporary file can be written");
    file
}

fn workload(c: &mut Criterion) {
    let file = file();
    let bytes = file.as_file().metadata().map_or(0, |metadata| metadata.len());
    let open = || Workload::open(file.path()).expect("the file is good");
    let workload = open();
    let mut group = c.benchmark_group("workload");

    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("open", |b| b.iter(open));

    for (name, stream) in [("as-written", StreamMode::AsWritten), ("force", StreamMode::Force)] {
        let options = PlanOptions { stream, ..PlanOptions::default() };
        let plan = workload.plan(&options).expect("the options are good");
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function(BenchmarkId::new("walk", name), |b| b.iter(|| plan.walk(|_| Ok(()))));
    }

    group.throughput(Throughput::Elements(ROWS.into()));
    group.bench_function("plan", |b| b.iter(|| workload.plan(&PlanOptions::default())));

    let plan = workload.plan(&PlanOptions::default()).expect("the options are good");
    let mut payloads = plan.payloads().expect("the file is there");
    group.bench_function("payloads", |b| {
        b.iter(|| (0..plan.len()).filter(|&at| payloads.read(at).is_ok()).count());
    });
    group.finish();
}

criterion_group!(benches, workload);
criterion_main!(benches);
