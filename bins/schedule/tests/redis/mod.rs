//! Tests by what they look at.

mod guide;
mod processes;
mod refused;
mod report;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use proofload_redis_process::{Options, RedisProcess};

type Test = (&'static str, fn());

pub(crate) const TESTS: [&[Test]; 4] =
    [report::TESTS, refused::TESTS, processes::TESTS, guide::TESTS];

fn server() -> RedisProcess {
    RedisProcess::start(Options::default()).unwrap()
}

/// What the server answers to a command of words, line by line: enough for what is asked here.
fn ask(server: &RedisProcess, words: &[&str]) -> Vec<String> {
    let mut stream = BufReader::new(TcpStream::connect(server.address()).unwrap());
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request += &format!("${}\r\n{word}\r\n", word.len());
    }
    stream.get_mut().write_all(request.as_bytes()).unwrap();
    let mut lines = Vec::new();
    let mut left = 1;
    while left > 0 {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let line = line.trim_end().to_owned();
        left -= 1;
        if let Some(count) = line.strip_prefix('*') {
            left += count.parse::<usize>().unwrap();
        } else if line.starts_with('$') && line != "$-1" {
            left += 1;
        } else {
            lines.push(line);
        }
    }
    lines
}

fn keys(server: &RedisProcess) -> Vec<String> {
    let mut keys = ask(server, &["KEYS", "*"]);
    keys.sort();
    keys
}
