//! How far are the client's figures from the truth? Takes a run directory and the truth file that
//! the simulator wrote during that run, and prints the paired differences |client − truth|.

use std::collections::HashMap;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use proofload_run_dir::{GeneratorSecond, RunDir};
use proofload_simulator::truth::{self, Entry};
use proofload_stats::{Quantile, quantile};

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(dir), Some(truth)) = (paths.next(), paths.next()) else {
        return Err("usage: truth RUN_DIR TRUTH_FILE".into());
    };
    let run = RunDir::open(&dir)?;
    let entries = truth::read(&truth)?;
    let by_id: HashMap<_, _> = entries.iter().map(|e| (e.request_id.as_str(), e)).collect();

    let origin_ns = run.manifest().clock.monotonic_ns;
    let (mut ttft_ms, mut tpot_percent, mut early) = (Vec::new(), Vec::new(), 0);
    for row in run.rows().iter().filter(|row| row.end.is_ok()) {
        let id = format!("{}-{}", run.manifest().run_id, row.index);
        let Some(Entry { chunk_ns, .. }) = by_id.get(id.as_str()) else {
            return Err(format!("no request {id} in the truth file").into());
        };
        let (Some(first), Some(last)) = (chunk_ns.first(), chunk_ns.last()) else { continue };
        let Some(seen_ns) = row.first_token.get().map(|ns| ns + origin_ns) else { continue };
        // Both TTFTs count from the same due time, so their difference is that of the first token.
        ttft_ms.push(seen_ns.abs_diff(*first) as f64 / 1e6);
        early += usize::from(seen_ns < *first);
        let tokens = row.completion_tokens.unwrap_or(0);
        if let Some(tpot_ns) = row.tpot_ns().filter(|_| tokens >= 2) {
            let true_ns = (last - first) as f64 / f64::from(tokens - 1);
            tpot_percent.push(100.0 * (tpot_ns - true_ns).abs() / true_ns);
        }
    }

    let mut out = std::io::stdout();
    writeln!(out, "| difference | n | p50 | p95 | max |")?;
    writeln!(out, "| --- | --- | --- | --- | --- |")?;
    print(&mut out, "TTFT, ms", ttft_ms)?;
    print(&mut out, "TPOT, %", tpot_percent)?;
    let waiting = |second: &GeneratorSecond| second.waiting_share;
    let shares: Vec<f64> = run.seconds().iter().filter_map(waiting).collect();
    let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    let worst = shares.iter().copied().fold(0.0, f64::max);
    writeln!(
        out,
        "\nThe sending thread waited for the CPU {:.2} % of the run, {:.2} % of its worst second. \
         Stamps before the truth: {early}.",
        100.0 * mean,
        100.0 * worst
    )?;
    Ok(())
}

fn print(out: &mut impl Write, name: &str, mut values: Vec<f64>) -> std::io::Result<()> {
    values.sort_by(f64::total_cmp);
    let at = |q| quantile(&values, q).unwrap_or(f64::NAN);
    let max = values.last().copied().unwrap_or(f64::NAN);
    let n = values.len();
    writeln!(
        out,
        "| {name} | {n} | {:.3} | {:.3} | {max:.3} |",
        at(Quantile::P50),
        at(Quantile::P95)
    )
}
