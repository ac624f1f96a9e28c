//! Asking a server whether it is there, over a plain socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A server that takes longer than this to say something is asked again.
const PATIENCE: Duration = Duration::from_secs(1);
/// More than any `INFO` of one section.
const ANSWER_MAX_BYTES: usize = 1 << 20;

/// The process that answers at `address`, once it takes commands.
pub(crate) fn process_id(address: SocketAddr, password: Option<&str>) -> io::Result<u32> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut stream = BufReader::new(stream);
    if let Some(password) = password {
        ask(&mut stream, &["AUTH", password])?;
    }
    ask(&mut stream, &["PING"])?;
    let info = ask(&mut stream, &["INFO", "server"])?;
    let found = info.lines().find_map(|line| line.strip_prefix("process_id:"));
    found
        .and_then(|number| number.trim().parse().ok())
        .ok_or_else(|| io::Error::other("INFO names no process_id: this is no Redis server"))
}

/// Sends a command and reads its answer, a simple or a bulk string.
fn ask(stream: &mut BufReader<TcpStream>, words: &[&str]) -> io::Result<String> {
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request += &format!("${}\r\n{word}\r\n", word.len());
    }
    stream.get_mut().write_all(request.as_bytes())?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let line = line.trim_end();
    let Some(kind) = line.get(..1) else {
        return Err(io::Error::other("the connection was closed"));
    };
    match (kind, &line[1..]) {
        ("+", text) => Ok(text.to_owned()),
        ("$", length) => {
            let length = length.parse().ok().filter(|&length| length <= ANSWER_MAX_BYTES);
            let length = length.ok_or_else(|| io::Error::other("an answer of no known length"))?;
            let mut bytes = vec![0; length + 2];
            stream.read_exact(&mut bytes)?;
            bytes.truncate(length);
            String::from_utf8(bytes).map_err(io::Error::other)
        }
        _ => Err(io::Error::other(line.to_owned())),
    }
}
