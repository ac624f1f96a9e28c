//! The program as a user starts it, and waiting for things to happen.

use std::fmt::Debug;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use proofload_run_dir::RunDir;
use proofload_simulator::{Options, Simulator};
use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything here may take on a busy machine; what takes longer hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Taken by the tests that are about time or that keep both cores busy, so that they run one at a
/// time.
pub(crate) static ALONE: Mutex<()> = Mutex::new(());

/// The program with `flags` in the folder `dir`, its output into pipes. Of the test's own
/// environment it sees nothing that it heeds.
pub(crate) fn replay(dir: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_proofload-replay"));
    command.current_dir(dir).args(flags);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["PROOFLOAD_LOG", "NO_COLOR", "TERM"] {
        command.env_remove(name);
    }
    command
}

/// Runs the program to its end.
pub(crate) fn run(dir: &Path, flags: &[&str]) -> Ended {
    Running::start(&mut replay(dir, flags)).end(LIMIT)
}

/// Runs the program with `--out run` to its end, which is to be all well, and opens the directory.
pub(crate) fn run_well(dir: &Path, flags: &[&str]) -> (Ended, RunDir) {
    let ended = run(dir, &[flags, &["--out", "run"]].concat());
    assert_eq!(ended.code(), Some(0), "{flags:?}: {ended:?}");
    (ended, RunDir::open(&dir.join("run")).unwrap())
}

/// How the program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// None where a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

/// The program while it runs. It does not outlive a test that fails.
pub(crate) struct Running {
    child: Child,
    streams: [Stream; 2],
}

/// What came out of a pipe until now.
#[derive(Default)]
struct Stream {
    text: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Stream {
    fn read(pipe: Option<impl Read + Send + 'static>) -> Self {
        let Some(mut pipe) = pipe else { return Self::default() };
        let text = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(len @ 1..) = pipe.read(&mut piece) {
                taken.lock().unwrap().extend_from_slice(&piece[..len]);
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }

    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.so_far()
    }
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let streams = [Stream::read(child.stdout.take()), Stream::read(child.stderr.take())];
        Self { child, streams }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // One that has just ended is as good as one that ends by the signal.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// Waits until the program has said `text` on stderr.
    pub(crate) fn hear(&self, text: &str) {
        until(text, || self.streams[1].so_far().contains(text).then_some(()));
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end, which must come within `limit`.
    pub(crate) fn end(mut self, limit: Duration) -> Ended {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            let said = || self.streams.each_ref().map(Stream::so_far);
            assert!(begun.elapsed() < limit, "still running after {limit:?}: {:?}", said());
            thread::sleep(Duration::from_millis(5));
        };
        let [stdout, stderr] = self.streams.each_mut().map(Stream::finish);
        Ended { status, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails where it has ended already, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `look` finds something.
pub(crate) fn until<T>(what: impl Debug, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "waited in vain for {what:?}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A port of loopback that the system gives.
pub(crate) const ANY_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A simulator in this process, and its base URL.
pub(crate) fn simulator(settings: &[&str]) -> (Simulator, String) {
    let simulator = Simulator::start(options(settings), ANY_PORT, None).unwrap();
    let base = format!("http://{}", simulator.addr());
    (simulator, base)
}

/// A simulator's settings. It is quick where they do not say otherwise: 2 ms a token, 64 slots.
pub(crate) fn options(settings: &[&str]) -> Options {
    let mut options = Options::default();
    for setting in ["prefill=20us", "decode=2ms", "classify=5ms", "slots=64"].iter().chain(settings)
    {
        options.set(setting).unwrap();
    }
    options
}

/// A loopback address at which nobody listens.
pub(crate) fn dead_address() -> SocketAddr {
    std::net::TcpListener::bind(ANY_PORT).unwrap().local_addr().unwrap()
}
