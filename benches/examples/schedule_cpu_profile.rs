//! Loops the scenario of 100 containers on 20 workers for a while and writes where its time went:
//! `cpu.svg`, a flamegraph, and `cpu.pb.gz`, which `go tool pprof` reads.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use pprof::ProfilerGuardBuilder;
use pprof::protos::Message;
use proofload_benches::scheduler::HundredOnTwenty;

/// Samples a second of CPU time: no multiple of the kernel's tick.
const SAMPLES_PER_S: i32 = 997;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seconds, directory] = &arguments[..] else {
        return Err("usage: schedule_cpu_profile SECONDS DIRECTORY".into());
    };
    let directory = Path::new(directory);
    fs::create_dir_all(directory)?;
    let guard = ProfilerGuardBuilder::default().frequency(SAMPLES_PER_S).build()?;
    let batches = HundredOnTwenty::new()?.run_for(seconds.parse()?)?;
    let report = guard.report().build()?;
    report.flamegraph(fs::File::create(directory.join("cpu.svg"))?)?;
    let profile = report.pprof()?.encode_to_vec();
    let file = fs::File::create(directory.join("cpu.pb.gz"))?;
    let mut file = GzEncoder::new(file, Compression::default());
    file.write_all(&profile)?;
    file.finish()?;
    let at = directory.display();
    writeln!(std::io::stdout(), "{batches} batches: {at}/cpu.svg, {at}/cpu.pb.gz")?;
    Ok(())
}
