//! Prints the summary of a run and writes its computed files somewhere else:
//! `cargo run -p proofload-report --example summary -- results/replay-…`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::path::PathBuf;

use proofload_report::{Look, Rows, terminal, write_beside};
use proofload_run_dir::RunDir;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let measured = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/measured/llama-tiny");
    let path = std::env::args().nth(1).map_or_else(|| PathBuf::from(measured), PathBuf::from);
    let run = RunDir::open(&path)?;
    let analysis = proofload_analysis::analyze(&run);
    let temporary = tempfile::tempdir()?;
    let written = write_beside(&analysis, &temporary.path().join("mine.csv"), Rows::First)?;
    let look = Look { columns: 100, colour: false };
    terminal(&analysis.document, &written, look, &mut std::io::stdout())?;
    println!("results.json would have {} bytes", proofload_report::json(&analysis.results).len());
    Ok(())
}
