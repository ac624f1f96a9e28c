//! What a proxy says of its delay, beside what a client sees of it: `delays [ADDRESS]`, with the address
//! of a Redis server, or of any that answers a line with a line; without one, a server of its own.

#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use proofload_wire_proxy::{Direction, Plan, Proxy, round_trips};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = match std::env::args().nth(1) {
        Some(address) => address.parse()?,
        None => lines()?,
    };
    println!(
        "asked       early      added       client's mean   in the proxy: mean, p50, p99, max"
    );
    for delay_us in [0, 500, 2_000] {
        let delay = Duration::from_micros(delay_us);
        let proxy = Proxy::start(server, Plan::delay(delay))?;
        let found = proxy.calibrate(200)?;
        let seen = round_trips(proxy.address(), 500)?;
        let held = proxy.passed(Direction::Reply);
        println!(
            "{delay:<11?} {:<10?} {:<11?} {:<15?} {:?}, {:?}, {:?}, {:?}",
            found.early,
            found.added,
            seen.mean(),
            held.mean,
            held.p50,
            held.p99,
            held.max
        );
    }
    Ok(())
}

/// Answers each line with itself.
fn lines() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                while stream.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                    if stream.get_mut().write_all(line.as_bytes()).is_err() {
                        break;
                    }
                    line.clear();
                }
            });
        }
    });
    Ok(address)
}
