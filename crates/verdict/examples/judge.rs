//! Reads an objective and judges measured times by it:
//! `cargo run -p proofload-verdict --example judge -- "*: latency p95 < 300ms"`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use proofload_verdict::slo::{self, Objective, Seen};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = std::env::args().nth(1).unwrap_or_else(|| "*: latency p95 < 300ms".to_owned());
    for n in [20, 100, 2_000] {
        // Latencies of 100 to 249 ms in order of arrival; every 97th request failed.
        let seen: Vec<Seen> = (0..n)
            .map(|i| match i % 97 {
                96 => Seen::Failed,
                _ => Seen::At((100.0 + f64::from(i * 7_919 % 150)) * 1e6),
            })
            .collect();
        for slo in slo::parse(&text)? {
            let judged = match slo.objective {
                Objective::Timing { .. } => slo.judge_timings(&seen),
                _ => {
                    let bad = seen.iter().map(|seen| Some(*seen == Seen::Failed));
                    slo.judge_share(&bad.collect::<Vec<_>>())
                }
            };
            println!("{n} requests, {}: {}", slo.name, judged.verdict.label());
            println!("  {}", judged.evidence(&slo));
        }
    }
    Ok(())
}
