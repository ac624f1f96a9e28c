//! What a request of a closed loop costs the client, beside wrk and oha: 64 connections that stay
//! open, an answer of 1 KiB from nginx, the server on core 0 and the client on core 1. All sides
//! take turns, and nginx counts the requests.
//!
//! `peers ROUNDS CLOSED_LOOP…`: each `CLOSED_LOOP` is one build of that example of `http-load`. Needs
//! nginx and wrk; oha is measured where there is one. With no rounds, what memory each build takes at
//! a million requests and at four.

use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use proofload_benches::process::{Measured, Server, measure, median, on_core};
use tempfile::TempDir;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const CONNECTIONS: &str = "64";
/// Of one turn of a tool that takes a time.
const TURN: &str = "4s";
/// Of one turn of ours, which takes a number.
const REQUESTS: u32 = 400_000;
/// Where memory is looked at.
const LONG: [u32; 2] = [1_000_000, 4_000_000];
const SERVER_CORE: u32 = 0;
const CLIENT_CORE: u32 = 1;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let rounds: u32 = args.next().ok_or("usage: peers ROUNDS CLOSED_LOOP…")?.parse()?;
    let nginx = Nginx::start()?;
    let mut sides: Vec<Side> = args.map(Side::ours).collect();
    let mut out = io::stdout();
    if rounds == 0 {
        return sides.iter().try_for_each(|side| memory(&nginx, side, &mut out));
    }
    sides.push(Side::new("wrk", Kind::Wrk));
    if is_there("oha") {
        sides.push(Side::new("oha", Kind::Oha));
    } else {
        writeln!(io::stderr(), "no oha on the PATH, so no row of it: cargo install oha")?;
    }

    for side in &sides {
        // Warms up the server and the page cache; not counted.
        nginx.turn(side, 20_000)?;
    }
    for _ in 0..rounds {
        for side in &mut sides {
            let turn = nginx.turn(side, REQUESTS)?;
            side.turns.push(turn);
        }
    }
    costs(&sides, &mut out)
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Ours,
    Wrk,
    Oha,
}

/// A tool and what it came to, turn by turn.
struct Side {
    name: String,
    kind: Kind,
    turns: Vec<Turn>,
}

struct Turn {
    requests: f64,
    measured: Measured,
}

impl Turn {
    fn cpu_us(&self) -> f64 {
        self.measured.cpu_s * 1e6 / self.requests
    }
}

impl Side {
    fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind, turns: Vec::new() }
    }

    fn ours(program: String) -> Self {
        Self::new(program, Kind::Ours)
    }

    fn command(&self, port: u16, requests: u32, scratch: &Path) -> Command {
        let url = format!("http://127.0.0.1:{port}/");
        match self.kind {
            Kind::Wrk => {
                let mut wrk = on_core(CLIENT_CORE, "wrk");
                wrk.args(["-t1", "-c", CONNECTIONS, "-d", TURN, "--latency", &url]);
                wrk
            }
            Kind::Oha => {
                let mut oha = on_core(CLIENT_CORE, "oha");
                oha.args(["--no-tui", "--output-format", "json", "-c", CONNECTIONS, "-z", TURN]);
                oha.arg(&url);
                oha
            }
            Kind::Ours => {
                let mut ours = on_core(CLIENT_CORE, &self.name);
                ours.args([&format!("127.0.0.1:{port}"), "/", CONNECTIONS]);
                ours.arg(requests.to_string()).arg(scratch.join("run"));
                ours
            }
        }
    }

    fn middle(&self, of: impl Fn(&Turn) -> f64) -> f64 {
        median(self.turns.iter().map(of).collect())
    }
}

/// The server, one process on one core, with a folder of its own.
struct Nginx {
    port: u16,
    _server: Server,
    scratch: TempDir,
}

impl Nginx {
    fn start() -> Result<Self> {
        let scratch = tempfile::tempdir()?;
        // Free a moment ago; nginx has no way to take any port and say which.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let body = "x".repeat(1_024);
        let config = scratch.path().join("nginx.conf");
        fs::write(
            &config,
            format!(
                "daemon off; master_process off; pid nginx.pid; error_log stderr;\n\
                 events {{ worker_connections 1024; }}\n\
                 http {{ access_log off; keepalive_requests 1000000000;\n\
                   server {{ listen 127.0.0.1:{port} backlog=1024;\n\
                     location / {{ return 200 \"{body}\"; }}\n\
                     location = /count {{ stub_status; }} }} }}\n"
            ),
        )?;
        let mut command = on_core(SERVER_CORE, "nginx");
        command.arg("-p").arg(scratch.path()).arg("-c").arg(&config);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let nginx = Self { port, _server: Server(child), scratch };
        let until = Instant::now() + Duration::from_secs(5);
        while nginx.served().is_err() {
            if Instant::now() > until {
                return Err("nginx does not answer; is it installed, and taskset?".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(nginx)
    }

    /// Requests that it has served, by its own count, which includes the one that asks.
    fn served(&self) -> Result<u64> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port))?;
        socket.write_all(b"GET /count HTTP/1.0\r\n\r\n")?;
        let mut text = String::new();
        socket.read_to_string(&mut text)?;
        let counts = text.lines().skip_while(|line| !line.starts_with("server accepts")).nth(1);
        let served = counts.and_then(|line| line.split_whitespace().nth(2)?.parse().ok());
        served.ok_or_else(|| "nginx does not say how much it has served".into())
    }

    fn turn(&self, side: &Side, requests: u32) -> Result<Turn> {
        let before = self.served()?;
        let measured = measure(&mut side.command(self.port, requests, self.scratch.path()))?;
        let requests = self.served()? - before - 1;
        if side.kind == Kind::Ours {
            fs::remove_dir_all(self.scratch.path().join("run"))?;
        }
        Ok(Turn { requests: requests as f64, measured })
    }
}

fn is_there(program: &str) -> bool {
    let asked = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

fn costs(sides: &[Side], out: &mut impl Write) -> Result<()> {
    // Round by round, since the machine's own speed changes from one to another.
    let ratio = |side: &Side, peer: &str| {
        let peer = sides.iter().find(|side| side.name == peer);
        let pairs = peer.into_iter().flat_map(|peer| side.turns.iter().zip(&peer.turns));
        median(pairs.map(|(ours, theirs)| ours.cpu_us() / theirs.cpu_us()).collect())
    };
    writeln!(
        out,
        "| client | CPU µs a request | from – to | requests/s | peak MB | × wrk | × oha |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- |")?;
    for side in sides {
        let mut all: Vec<f64> = side.turns.iter().map(Turn::cpu_us).collect();
        all.sort_by(f64::total_cmp);
        let (least, most) = (all.first().unwrap_or(&f64::NAN), all.last().unwrap_or(&f64::NAN));
        writeln!(
            out,
            "| {} | {:.2} | {least:.2} – {most:.2} | {:.0} | {:.1} | {:.2} | {:.2} |",
            side.name,
            side.middle(Turn::cpu_us),
            side.middle(|turn| turn.requests / turn.measured.took_s),
            side.middle(|turn| turn.measured.peak_bytes as f64 / 1e6),
            ratio(side, "wrk"),
            ratio(side, "oha"),
        )?;
    }
    Ok(())
}

/// How the peak grows from the shorter to the longer run.
fn memory(nginx: &Nginx, side: &Side, out: &mut impl Write) -> Result<()> {
    writeln!(out, "{}:", side.name)?;
    let mut peaks = Vec::new();
    for requests in LONG {
        let turn = nginx.turn(side, requests)?;
        writeln!(out, "    {}", turn.measured.output.trim())?;
        peaks.push(turn.measured.peak_bytes as f64);
    }
    let slope = (peaks[1] - peaks[0]) / f64::from(LONG[1] - LONG[0]);
    writeln!(out, "    {slope:.3} bytes a request between the two")?;
    Ok(())
}
