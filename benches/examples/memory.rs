//! How much memory does a large workload take? Writes one of about 2 GB, the rows of the workload file
//! that is given again and again with new ids and offsets, then opens, plans and walks it as
//! `proofload-replay --validate` does, and prints the peak of the process.

use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write};
use std::time::Instant;

use proofload_workload::{PlanOptions, Workload};

const BYTES: u64 = 2_000_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let source = std::env::args_os().nth(1).ok_or("usage: memory WORKLOAD.csv")?;
    let source = fs::read_to_string(source)?;
    let mut file = tempfile::NamedTempFile::new()?;
    let rows = write(&source, BufWriter::new(file.as_file_mut()))?;
    let bytes = file.as_file().metadata()?.len();

    let began = Instant::now();
    let workload = Workload::open(file.path())?;
    let walked = workload.plan(&PlanOptions::default())?.walk(|_| Ok(()))?;
    writeln!(
        std::io::stdout(),
        "{rows} rows, {bytes} bytes, plan {}: {:.1} s, peak {:.1} MB",
        &walked.hash_hex()[..12],
        began.elapsed().as_secs_f64(),
        peak_kib() as f64 / 1_024.0,
    )?;
    Ok(())
}

/// Every row has an id and an offset before its first two commas, and no line break in its body.
fn write(source: &str, mut out: impl Write) -> Result<u64, Box<dyn Error>> {
    let mut lines = source.lines();
    let header = lines.next().ok_or("the workload is empty")?;
    let rows: Vec<&str> = lines.collect();
    writeln!(out, "{header}")?;
    let (mut number, mut bytes) = (0, header.len() as u64);
    while bytes < BYTES {
        for row in &rows {
            let mut cells = row.splitn(3, ',');
            let (Some(id), Some(_), Some(rest)) = (cells.next(), cells.next(), cells.next()) else {
                return Err(format!("not id,offset,rest: {row}").into());
            };
            let line = format!("{id}-{number},{number},{rest}\n");
            out.write_all(line.as_bytes())?;
            bytes += line.len() as u64;
            number += 1;
        }
    }
    out.flush()?;
    Ok(number)
}

fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
