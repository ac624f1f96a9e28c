//! Reads a run directory and prints some of its figures:
//! `cargo run -p proofload-analysis --example figures -- results/replay-…`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::path::PathBuf;

use proofload_analysis::{Metric, analyze_against};
use proofload_run_dir::RunDir;
use proofload_verdict::slo;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let measured = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/measured/llama-tiny");
    let path = std::env::args().nth(1).map_or_else(|| PathBuf::from(measured), PathBuf::from);
    let run = RunDir::open(&path)?;
    // `analyze` judges by the objectives that the run was made with; this by others.
    let analysis = analyze_against(&run, &slo::parse("*: ttft p95 < 500ms")?);
    let results = &analysis.results;
    println!("{}: {}, {}", results.program, results.state, results.validity.verdict);
    println!("{} sent, {} ok", results.counts.sent, results.counts.ok);
    for metric in [Metric::Ttft, Metric::Tpot, Metric::Latency] {
        let figures = results.figures(metric);
        println!(
            "{} of {}: p50 {:?}, p99 {:?}",
            metric.name(),
            figures.n,
            figures.p50,
            figures.p99
        );
    }
    for judged in &results.verdicts {
        println!("{}: {}", judged.name, judged.verdict.label());
    }
    for item in &results.trust {
        println!("{} {}: {}", item.id, item.level, item.evidence);
    }
    Ok(())
}
