//! A million recorded requests: does the memory of the run grow with their number, what does
//! analysing them take, and does it make the same files again?
//!
//! `million PROGRAMS REQUESTS`: the folder of `proofload-simulate`, `proofload-replay` and
//! `proofload-analyze`, and how many requests of four tokens to replay, 8,000 a second.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use proofload_benches::process::{Server, measure, status_bytes};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const GAP_MS: f64 = 0.125;
/// The run is looked at so often, from start to end.
const LOOKS: u32 = 5;
const COMPUTED: [&str; 4] = ["results.json", "summary.csv", "metrics.csv", "detailed.csv"];

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(programs), Some(requests)) = (args.next(), args.next()) else {
        return Err("usage: million PROGRAMS REQUESTS".into());
    };
    let (programs, requests) = (PathBuf::from(programs), requests.parse::<u32>()?);
    let scratch = tempfile::tempdir()?;
    let (workload, dir) = (scratch.path().join("workload.csv"), scratch.path().join("run"));
    write_workload(&workload, requests)?;
    let mut out = io::stdout();
    run(&mut out, &programs, &workload, &dir, requests)?;

    let read = || COMPUTED.map(|name| fs::read(dir.join(name)).unwrap_or_default());
    let mut before = read();
    for time in ["once more", "and again"] {
        let mut analyze = Command::new(programs.join("proofload-analyze"));
        let measured = measure(analyze.arg("--quiet").arg(&dir))?;
        let after = read();
        let same = before.iter().zip(&after).all(|(a, b)| !a.is_empty() && a == b);
        writeln!(
            out,
            "analysed {time}: {:.2} s ({:.2} s of CPU), peak {:.0} MB, files {}",
            measured.took_s,
            measured.cpu_s,
            measured.peak_bytes as f64 / 1e6,
            if same { "the same byte for byte" } else { "DIFFERENT" },
        )?;
        before = after;
    }
    for name in COMPUTED {
        let bytes = fs::metadata(dir.join(name))?.len();
        writeln!(out, "    {name}: {:.1} MB", bytes as f64 / 1e6)?;
    }
    Ok(())
}

fn write_workload(path: &Path, requests: u32) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "request_id,arrival_offset,mode,priority,body_json")?;
    for index in 0..requests {
        let offset_ms = f64::from(index) * GAP_MS;
        let mode = ["interactive", "batch"][index as usize % 2];
        let priority = ["low", "mid", "high"][index as usize % 3];
        writeln!(
            file,
            "m-{index},{offset_ms},{mode},{priority},\
             \"{{\"\"model\"\":\"\"m\"\",\"\"max_tokens\"\":4,\
             \"\"messages\"\":[{{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"x\"\"}}]}}\""
        )?;
    }
    file.flush()
}

fn run(
    out: &mut impl Write,
    programs: &Path,
    workload: &Path,
    dir: &Path,
    requests: u32,
) -> Result<()> {
    let mut simulate = Command::new(programs.join("proofload-simulate"));
    simulate.args(["--listen", "127.0.0.1:0"]);
    for setting in ["prefill=0ms", "decode=2ms", "contention=0", "slots=10000"] {
        simulate.args(["--set", setting]);
    }
    let mut server = Server(simulate.stdout(Stdio::piped()).spawn()?);
    let mut address = String::new();
    let printed = server.0.stdout.take().ok_or("the simulator has no output")?;
    BufReader::new(printed).read_line(&mut address)?;

    let mut replay = Command::new(programs.join("proofload-replay"));
    replay.args(["--quiet", "--labels", "headers", "--api-base", address.trim()]);
    replay.arg("--workload").arg(workload).arg("--out").arg(dir);
    let mut replay = replay.stdout(Stdio::null()).spawn()?;
    // Planned when the journal is there.
    while !dir.join("requests.bin").exists() && replay.try_wait()?.is_none() {
        thread::sleep(Duration::from_millis(20));
    }
    let length = Duration::from_secs_f64(f64::from(requests) * GAP_MS / 1e3 * 0.95);
    for look in 1..=LOOKS {
        thread::sleep(length / LOOKS);
        let resident = status_bytes(replay.id(), "VmRSS:") as f64 / 1e6;
        let sent = f64::from(requests) * 0.95 * f64::from(look) / f64::from(LOOKS);
        writeln!(out, "about {sent:.0} requests sent: {resident:.1} MB resident")?;
    }
    let ended = replay.wait()?;
    writeln!(out, "the run ended with {ended}")?;
    Ok(())
}
