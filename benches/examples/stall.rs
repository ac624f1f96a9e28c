//! A server that stands still for a second (SIGSTOP) in a run of 2,000 requests a second: does the
//! client tell what its users would have felt? Once with `--max-in-flight 64` and once without.
//!
//! `stall PROGRAMS`: the folder of `proofload-simulate` and `proofload-replay`.
//!
//! The truth is computed from the schedule: a request that is due while the server stands still
//! waits until it goes on; all others take no time. What the server needs to work off what has
//! piled up is not in it.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use proofload_benches::process::Server;
use proofload_record::clock::monotonic_ns;
use proofload_run_dir::RunDir;
use proofload_stats::{Quantile, quantile};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const REQUESTS: u32 = 12_000;
const GAP_MS: f64 = 0.5;
/// From the first due time to the stall, about.
const BEFORE: Duration = Duration::from_millis(2_500);
const STALL: Duration = Duration::from_secs(1);

fn main() -> Result<()> {
    let programs = std::env::args_os().nth(1).map(PathBuf::from).ok_or("usage: stall PROGRAMS")?;
    let scratch = tempfile::tempdir()?;
    let workload = scratch.path().join("workload.csv");
    write_workload(&workload)?;
    let mut out = io::stdout();
    writeln!(
        out,
        "| | p99 ms | true p99 ms | difference | service p99 ms | lateness p99 µs | verdict | ok |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- |")?;
    for limit in [Some("64"), None] {
        let dir = scratch.path().join(limit.unwrap_or("unlimited"));
        let stood_still_ns = replay(&programs, &workload, &dir, limit)?;
        row(&mut out, &dir, limit, stood_still_ns)?;
    }
    Ok(())
}

fn write_workload(path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "request_id,arrival_offset,mode,priority,body_json")?;
    for index in 0..REQUESTS {
        let offset_ms = f64::from(index) * GAP_MS;
        writeln!(
            file,
            "s-{index},{offset_ms},interactive,mid,\
             \"{{\"\"model\"\":\"\"m\"\",\"\"messages\"\":[{{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"x\"\"}}]}}\""
        )?;
    }
    file.flush()
}

/// Replays against a simulator in a process of its own; gives from when to when that stood still.
fn replay(programs: &Path, workload: &Path, dir: &Path, limit: Option<&str>) -> Result<(u64, u64)> {
    let mut simulate = Command::new(programs.join("proofload-simulate"));
    let simulate = simulate.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
    let mut server = Server(simulate.spawn()?);
    let mut address = String::new();
    let printed = server.0.stdout.take().ok_or("the simulator has no output")?;
    BufReader::new(printed).read_line(&mut address)?;

    let mut replay = Command::new(programs.join("proofload-replay"));
    replay.args(["--quiet", "--stream", "as-written", "--labels", "none", "--workload"]);
    replay.arg(workload).arg("--out").arg(dir);
    // Answers at once with one token, whatever is asked.
    replay.arg("--api-base").arg(format!("{}/null", address.trim()));
    if let Some(limit) = limit {
        replay.args(["--max-in-flight", limit]);
    }
    let mut replay = replay.stdout(Stdio::null()).spawn()?;
    thread::sleep(BEFORE);
    let from_ns = monotonic_ns();
    signal(server.0.id(), "STOP")?;
    thread::sleep(STALL);
    signal(server.0.id(), "CONT")?;
    let to_ns = monotonic_ns();
    replay.wait()?;
    Ok((from_ns, to_ns))
}

fn signal(id: u32, name: &str) -> Result<()> {
    let sent = Command::new("kill").args(["-s", name, &id.to_string()]).status()?;
    if sent.success() { Ok(()) } else { Err(format!("cannot send {name}").into()) }
}

fn row(
    out: &mut impl Write,
    dir: &Path,
    limit: Option<&str>,
    (from_ns, to_ns): (u64, u64),
) -> Result<()> {
    let run = RunDir::open(dir)?;
    let origin_ns = run.manifest().clock.monotonic_ns;
    let felt_ms = |due_ns: u64| {
        let due_ns = due_ns + origin_ns;
        if (from_ns..to_ns).contains(&due_ns) { (to_ns - due_ns) as f64 / 1e6 } else { 0.0 }
    };
    let truth_ms = p99(run.plan().iter().map(|planned| felt_ms(planned.due_ns)));
    let ms = |ns: Option<u64>| ns.map(|ns| ns as f64 / 1e6);
    let ok = || run.rows().iter().filter(|row| row.end.is_ok());
    let seen_ms = p99(ok().filter_map(|row| ms(row.latency_ns())));
    let service_ms = p99(ok().filter_map(|row| ms(row.latency_service_ns())));
    let late_us = 1e3 * p99(run.rows().iter().filter_map(|row| ms(row.lateness_ns())));
    let analysis = proofload_analysis::analyze(&run);
    let validity = &analysis.results.validity;
    let reason = validity.reason.map_or(String::new(), |why| format!(": {why}"));
    writeln!(
        out,
        "| {} | {seen_ms:.1} | {truth_ms:.1} | {:+.2} % | {service_ms:.1} | {late_us:.0} | {}{reason} | \
         {} of {REQUESTS} |",
        limit.map_or("no limit".to_owned(), |limit| format!("`--max-in-flight {limit}`")),
        100.0 * (seen_ms / truth_ms - 1.0),
        validity.verdict,
        ok().count(),
    )?;
    Ok(())
}

fn p99(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    quantile(&values, Quantile::P99).unwrap_or(f64::NAN)
}
