//! Programs that are measured, each as a process of its own.

use std::fs;
use std::io;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at the memory of a process.
const LOOK: Duration = Duration::from_millis(50);
/// `USER_HZ`: what `/proc/PID/stat` counts CPU time in, on every Linux of today.
const TICKS_PER_S: f64 = 100.0;

/// What a process came to.
#[derive(Debug)]
pub struct Measured {
    /// CPU time of all its threads, user and system, in seconds; to 10 ms.
    pub cpu_s: f64,
    /// Wall time in seconds.
    pub took_s: f64,
    /// Its peak resident memory in bytes, as of at most 50 ms before its end.
    pub peak_bytes: u64,
    /// What it printed on standard output.
    pub output: String,
}

/// Runs a program to its end.
///
/// # Errors
/// If it cannot be run, or does not succeed; then with what it said.
pub fn measure(command: &mut Command) -> io::Result<Measured> {
    let (cpu_before_s, began) = (children_cpu_s(), Instant::now());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let name = command.get_program().to_owned();
    let child = child.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot run {}: {error}", name.display()))
    })?;
    let id = child.id();
    let waiting = thread::spawn(|| child.wait_with_output());
    let mut peak_bytes = 0;
    while !waiting.is_finished() {
        peak_bytes = peak_bytes.max(status_bytes(id, "VmHWM:"));
        thread::sleep(LOOK);
    }
    let took_s = began.elapsed().as_secs_f64();
    let Ok(ended) = waiting.join() else {
        return Err(io::Error::other("the thread that waited has panicked"));
    };
    let Output { status, stdout, stderr } = ended?;
    if !status.success() {
        let said = String::from_utf8_lossy(&stderr).into_owned();
        return Err(io::Error::other(format!("{}: {status}\n{said}", name.display())));
    }
    let cpu_s = children_cpu_s() - cpu_before_s;
    let output = String::from_utf8_lossy(&stdout).into_owned();
    Ok(Measured { cpu_s, took_s, peak_bytes, output })
}

/// A number of bytes in `/proc/PID/status`, such as that of `VmRSS:`; 0 where there is none.
#[must_use]
pub fn status_bytes(id: u32, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// CPU time that a process has had, in seconds.
#[must_use]
pub fn cpu_s(id: u32) -> f64 {
    ticks(&format!("/proc/{id}/stat"), 13) / TICKS_PER_S
}

/// CPU time of all children of this process that have ended and were waited for, in seconds.
fn children_cpu_s() -> f64 {
    ticks("/proc/self/stat", 15) / TICKS_PER_S
}

/// Two neighbouring fields of a `stat` file together, user and system time; the first has number
/// `first`, from 0.
fn ticks(path: &str, first: usize) -> f64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    // The name of the program, in brackets, may hold blanks; it is the second field.
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = rest.split_whitespace().skip(first - 2).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum()
}

/// The same, on one core alone.
#[must_use]
pub fn on_core(core: u32, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    command
}

/// A program that serves until this is dropped.
pub struct Server(pub Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It fails only where the process has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The middle of some values.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
