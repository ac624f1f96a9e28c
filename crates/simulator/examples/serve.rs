//! Starts a model server inside this program, asks it three times, and has it fail as scripted:
//! `cargo run -p proofload-simulator --example serve`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;

use proofload_simulator::{Options, Simulator};

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options::default();
    options.set("decode=2ms")?;
    options.set("script=ok,http-503,truncate")?;
    let mut simulator = Simulator::start(options, "127.0.0.1:0".parse()?, None)?;
    println!("listening on {}", simulator.addr());

    let body = r#"{"model":"sim-chat","stream":true,"max_tokens":8,"messages":[]}"#;
    for _ in 0..3 {
        let mut client = TcpStream::connect(simulator.addr())?;
        write!(
            client,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = Vec::new();
        // A scripted fault may cut the connection; what came before counts.
        let ended = client.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.lines().next().unwrap_or_default();
        let events = answer.matches("data: ").count();
        println!("{status}: {events} events, {ended:?}");
    }
    simulator.stop()?;
    println!("{:?}", simulator.counts());
    Ok(())
}
