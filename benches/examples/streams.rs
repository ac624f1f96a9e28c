//! 5,000 streams of 10 chunks a second at once, in one client process: what it takes in memory and
//! CPU, and how far its stamps are from the moments at which the simulator wrote the chunks.
//!
//! `streams PROGRAMS`: the folder of `proofload-simulate` and `proofload-replay`.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use proofload_benches::process::{Server, cpu_s, status_bytes};
use proofload_run_dir::RunDir;
use proofload_simulator::truth;
use proofload_stats::{Quantile, quantile};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const STREAMS: u32 = 5_000;
const TOKENS: u32 = 200;
const DECODE: &str = "decode=100ms";
/// All begin in so many milliseconds, and each takes twenty seconds.
const RAMP_MS: f64 = 5_000.0;
/// When all of them are under way, from the start of the program.
const ALL: [Duration; 2] = [Duration::from_secs(7), Duration::from_secs(17)];

fn main() -> Result<()> {
    let programs =
        std::env::args_os().nth(1).map(PathBuf::from).ok_or("usage: streams PROGRAMS")?;
    let scratch = tempfile::tempdir()?;
    let (workload, written, dir) = (
        scratch.path().join("workload.csv"),
        scratch.path().join("truth"),
        scratch.path().join("run"),
    );
    write_workload(&workload)?;

    let mut simulate = Command::new(programs.join("proofload-simulate"));
    simulate.args(["--listen", "127.0.0.1:0", "--set", &format!("truth={}", written.display())]);
    for setting in [DECODE, "prefill=0ms", "jitter=0", "contention=0", "fill=1", "slots=10000"] {
        simulate.args(["--set", setting]);
    }
    let mut server = Server(simulate.stdout(Stdio::piped()).spawn()?);
    let mut address = String::new();
    let printed = server.0.stdout.take().ok_or("the simulator has no output")?;
    BufReader::new(printed).read_line(&mut address)?;

    let mut replay = Command::new(programs.join("proofload-replay"));
    replay.args(["--quiet", "--chunks", "--labels", "none", "--api-base", address.trim()]);
    replay.arg("--workload").arg(&workload).arg("--out").arg(&dir);
    let began = Instant::now();
    let mut replay = replay.stdout(Stdio::null()).spawn()?;
    let id = replay.id();
    let until = |at: Duration| thread::sleep(at.saturating_sub(began.elapsed()));
    until(Duration::from_millis(100));
    let base = status_bytes(id, "VmRSS:");
    until(ALL[0]);
    let before_s = cpu_s(id);
    until(ALL[1]);
    let (busy_s, peak) = (cpu_s(id) - before_s, status_bytes(id, "VmHWM:"));
    replay.wait()?;
    // Ended in good order, so that the truth is whole.
    Command::new("kill").arg(server.0.id().to_string()).status()?;
    server.0.wait()?;

    let seconds = (ALL[1] - ALL[0]).as_secs_f64();
    let mut out = io::stdout();
    writeln!(
        out,
        "memory: {:.1} MB at the start, {:.1} MB with all streams under way: {:.1} KiB a stream\n\
         CPU: {:.1} % of a core, {:.1} s a million chunks",
        base as f64 / 1e6,
        peak as f64 / 1e6,
        (peak - base) as f64 / f64::from(STREAMS) / 1024.0,
        100.0 * busy_s / seconds,
        1e6 * busy_s / seconds / (f64::from(STREAMS) * 10.0),
    )?;
    compare(&mut out, &dir, &written)
}

fn write_workload(path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "request_id,arrival_offset,mode,priority,body_json")?;
    for index in 0..STREAMS {
        let offset_ms = f64::from(index) * RAMP_MS / f64::from(STREAMS);
        writeln!(
            file,
            "s-{index},{offset_ms},interactive,mid,\
             \"{{\"\"model\"\":\"\"m\"\",\"\"max_tokens\"\":{TOKENS},\
             \"\"messages\"\":[{{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"x\"\"}}]}}\""
        )?;
    }
    file.flush()
}

/// Every stamp of the client against the truth.
fn compare(out: &mut impl Write, dir: &Path, written: &Path) -> Result<()> {
    let run = RunDir::open(dir)?;
    let origin_ns = run.manifest().clock.monotonic_ns;
    let entries = truth::read(written)?;
    let by_id: HashMap<_, _> = entries.iter().map(|e| (e.request_id.as_str(), e)).collect();
    let mut behind_ms = Vec::new();
    for chunks in run.chunks()?.ok_or("no chunks were kept")? {
        let chunks = chunks?;
        let id = format!("{}-{}", run.manifest().run_id, chunks.index);
        let entry = by_id.get(id.as_str()).ok_or("a request that the truth does not have")?;
        if entry.chunk_ns.len() != chunks.arrivals_ns.len() {
            return Err(format!("request {id} has other chunks in the truth").into());
        }
        let pairs = chunks.arrivals_ns.iter().zip(&entry.chunk_ns);
        behind_ms.extend(
            pairs.map(|(seen_ns, true_ns)| ((seen_ns + origin_ns) as f64 - *true_ns as f64) / 1e6),
        );
    }
    behind_ms.sort_by(f64::total_cmp);
    let at = |q| quantile(&behind_ms, q).unwrap_or(f64::NAN);
    let ok = run.rows().iter().filter(|row| row.end.is_ok()).count();
    let analysis = proofload_analysis::analyze(&run);
    let validity = &analysis.results.validity;
    let reason = validity.reason.map_or(String::new(), |why| format!(": {why}"));
    writeln!(
        out,
        "stamp − truth of {} chunks: p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms\n\
         {ok} of {STREAMS} streams ok; the run calls itself {}{reason}",
        behind_ms.len(),
        at(Quantile::P50),
        at(Quantile::P99),
        behind_ms.last().copied().unwrap_or(f64::NAN),
        validity.verdict,
    )?;
    Ok(())
}
