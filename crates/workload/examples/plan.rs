//! Compiles a workload to a plan and shows what would be sent when:
//! `cargo run -p proofload-workload --example plan -- FILE.csv`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::path::Path;

use proofload_workload::{PlanOptions, Workload};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let workload = match std::env::args().nth(1) {
        Some(path) => Workload::open(Path::new(&path))?,
        None => Workload::mixed(),
    };
    print!("{}", workload.describe());
    let plan = workload.plan(&PlanOptions { speed: 10.0, ..PlanOptions::default() })?;
    let mut payloads = plan.payloads()?;
    for index in 0..plan.len().min(5) {
        let payload = payloads.read(index)?;
        let class = &plan.classes()[usize::from(plan.class(index))];
        println!(
            "{:>8.3} s  {:<11} {:<4} {} bytes, stream {}",
            plan.due_ns(index) as f64 / 1e9,
            class.mode.label(),
            class.priority.label(),
            payload.body.len(),
            payload.stream,
        );
    }
    // The same file, options and program version give the same hash on every machine.
    println!("sha256 of the whole plan: {}", plan.walk(|_| Ok(()))?.hash_hex());
    Ok(())
}
