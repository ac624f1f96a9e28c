//! Imports a detailed CSV of Logos and says how its figures differ from ours:
//! `cargo run -p proofload-logos --example explain_csv -- direct_benchmark_detailed.csv`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::path::PathBuf;

use proofload_logos::{DetailedFile, Import, explain, import};
use proofload_run_dir::RunDir;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let fixture =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/logos/direct_benchmark_detailed.csv");
    let path = std::env::args().nth(1).map_or_else(|| PathBuf::from(fixture), PathBuf::from);
    let temporary = tempfile::tempdir()?;
    let import_as = Import {
        out: temporary.path().join("run"),
        program: "example",
        version: env!("CARGO_PKG_VERSION"),
        latency_slo_ns: 10_000_000_000,
    };
    let run = RunDir::open(&import(&DetailedFile::open(&path)?, &import_as)?)?;
    let Some(explanation) = explain(&run) else { return Ok(()) };
    let (theirs, ours) = (&explanation.published, &explanation.ours);
    println!("published: {} of {} in time", theirs.in_time, theirs.judged);
    println!("ours:      {} of {} in time", ours.in_time, ours.judged);
    for difference in &explanation.differences {
        println!("{:>3} requests: {}", difference.n, difference.words);
    }
    for row in explanation.rows.iter().filter(|row| row.published_in_time == Some(true)) {
        println!("{}: published as in time, ours {}", row.request_id, row.outcome);
    }
    Ok(())
}
