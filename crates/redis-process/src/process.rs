//! Starting a server, and what can be done to it then.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::ask;
use crate::options::Options;

const PROGRAM: &str = "redis-server";
const LOG: &str = "redis.log";
/// A server that loads a large file takes its time.
const START_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(2);
/// Somebody else may take a port between our finding it free and the server's binding it.
const PORTS: usize = 5;

/// Why a server could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// There is no program.
    #[error("no `redis-server` on the path; on Debian: apt-get install redis-server")]
    NotInstalled,
    /// Something around it failed.
    #[error("cannot {what}")]
    Failed {
        /// What was to be done.
        what: &'static str,
        /// What came of it.
        source: io::Error,
    },
    /// It ended at once.
    #[error("`redis-server` ended before it took commands; its log ends:\n{log}")]
    Ended {
        /// The end of its log.
        log: String,
    },
    /// It does not answer.
    #[error("`redis-server` did not take commands within {} s: {reason}; its log ends:\n{log}", START_MAX.as_secs())]
    Silent {
        /// What came of the last attempt to ask it.
        reason: String,
        /// The end of its log.
        log: String,
    },
    /// It is not running, because it was killed or stopped.
    #[error("the server is not running; restart it first")]
    NotRunning,
}

impl ProcessError {
    fn of(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Failed { what, source }
    }
}

/// Whether `redis-server` is installed.
#[must_use]
pub fn available() -> bool {
    program().is_some()
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(PROGRAM)).find(|file| file.is_file())
}

/// A server that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct RedisProcess {
    child: Option<Child>,
    options: Options,
    port: u16,
    folder: TempDir,
}

impl RedisProcess {
    /// Starts a server in a new folder on a free port, and waits until it takes commands.
    ///
    /// # Errors
    /// [`ProcessError`], with what the server wrote into its log.
    pub fn start(options: Options) -> Result<Self, ProcessError> {
        let folder = TempDir::new().map_err(ProcessError::of("make a temporary folder"))?;
        let mut server = Self { child: None, options, port: 0, folder };
        let mut tries = 0;
        loop {
            tries += 1;
            let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
            let address = socket.and_then(|socket| socket.local_addr());
            server.port = address.map_err(ProcessError::of("find a free port"))?.port();
            match server.run() {
                Err(ProcessError::Ended { log })
                    if tries < PORTS && log.contains("Address already in use") => {}
                started => return started.map(|()| server),
            }
        }
    }

    fn run(&mut self) -> Result<(), ProcessError> {
        let program = program().ok_or(ProcessError::NotInstalled)?;
        let folder = self.folder.path();
        let file = folder.join("redis.conf");
        // Faults of the configuration come before a log file of its own is open. A log of before would
        // speak for this start.
        let log = File::create(folder.join(LOG)).map_err(ProcessError::of("begin a log"))?;
        let same_log = log.try_clone().map_err(ProcessError::of("begin a log"))?;
        fs::write(&file, self.options.file(folder, self.port))
            .map_err(ProcessError::of("write redis.conf"))?;
        let mut command = Command::new(program);
        command.arg(&file).args(self.options.arguments.iter().map(OsStr::new));
        command.current_dir(folder).env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(log).stderr(same_log);
        self.child = Some(command.spawn().map_err(ProcessError::of("start redis-server"))?);
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<(), ProcessError> {
        let until = Instant::now() + START_MAX;
        loop {
            let child = self.child.as_mut().ok_or(ProcessError::NotRunning)?;
            let ended = child.try_wait().map_err(ProcessError::of("look after redis-server"))?;
            if ended.is_some() {
                self.child = None;
                return Err(ProcessError::Ended { log: self.log() });
            }
            let pid = child.id();
            let reason = match ask::process_id(self.address(), self.options.password.as_deref()) {
                Ok(found) if found == pid => return Ok(()),
                Ok(found) => format!("process {found} answers on port {}", self.port),
                Err(error) => error.to_string(),
            };
            if Instant::now() >= until {
                self.kill()?;
                return Err(ProcessError::Silent { reason, log: self.log() });
            }
            thread::sleep(LOOK);
        }
    }

    /// The last lines of its log.
    fn log(&self) -> String {
        let log = fs::read(self.folder.path().join(LOG)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Its address as a URL; the password, if it has one, stands in it.
    #[must_use]
    pub fn url(&self) -> String {
        let password = self.options.password.as_deref().map(|password| {
            let mut text = String::from(":");
            for byte in password.bytes() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => text.push(char::from(byte)),
                    _ => text += &format!("%{byte:02X}"),
                }
            }
            text + "@"
        });
        format!("redis://{}{}", password.unwrap_or_default(), self.address())
    }

    /// Where it keeps its files: `dump.rdb` and `appendonlydir`, if it writes them.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process; `None` when it is not running.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Ends it at once, with whatever it had not written yet (`SIGKILL`).
    ///
    /// # Errors
    /// [`ProcessError`]; a server that is not running is none.
    pub fn kill(&mut self) -> Result<(), ProcessError> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        child.kill().and_then(|()| child.wait()).map_err(ProcessError::of("kill redis-server"))?;
        Ok(())
    }

    /// Lets it end by itself, with everything written (`SIGTERM`). One that is paused goes on first.
    ///
    /// # Errors
    /// [`ProcessError`]; a server that is not running is none, and one that does not end is killed.
    pub fn stop(&mut self) -> Result<(), ProcessError> {
        if self.child.is_none() {
            return Ok(());
        }
        self.signal(Signal::CONT)?;
        self.signal(Signal::TERM)?;
        let until = Instant::now() + STOP_MAX;
        while let Some(child) = &mut self.child {
            let ended = child.try_wait().map_err(ProcessError::of("look after redis-server"))?;
            if ended.is_some() {
                self.child = None;
            } else if Instant::now() >= until {
                self.kill()?;
            } else {
                thread::sleep(LOOK);
            }
        }
        Ok(())
    }

    /// Starts it on the folder and port that it had, and waits until it takes commands. One that is
    /// running is stopped first.
    ///
    /// # Errors
    /// [`ProcessError`].
    pub fn restart(&mut self) -> Result<(), ProcessError> {
        self.stop()?;
        self.run()
    }

    /// Lets it do nothing, with its connections as they are (`SIGSTOP`).
    ///
    /// # Errors
    /// [`ProcessError`], also if it is not running.
    pub fn pause(&self) -> Result<(), ProcessError> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on after [`pause`](Self::pause) (`SIGCONT`).
    ///
    /// # Errors
    /// [`ProcessError`], also if it is not running.
    pub fn resume(&self) -> Result<(), ProcessError> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        let child = self.child.as_ref().ok_or(ProcessError::NotRunning)?;
        kill_process(Pid::from_child(child), signal)
            .map_err(|error| ProcessError::of("signal redis-server")(error.into()))
    }
}

impl Drop for RedisProcess {
    fn drop(&mut self) {
        // Nobody is left to be told, and the folder goes with what was in it.
        let _ = self.kill();
    }
}
