//! A server that sends exactly the bytes a test wants, on plain threads.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server does with one request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Sends these bytes and keeps the connection.
    Send(Vec<u8>),
    /// Sends these bytes and closes.
    SendAndClose(Vec<u8>),
    /// Sends pieces with a pause before each, and keeps the connection.
    Pieces(Vec<(Duration, Vec<u8>)>),
    /// Sends these bytes, then resets the connection.
    SendAndReset(Vec<u8>),
    /// Sends these bytes, then nothing until the client has gone.
    SendAndStall(Vec<u8>),
}

/// Serves acts in the order of requests; the last one again and again.
pub(crate) struct Server {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (acts, next) = (Arc::new(acts), Arc::new(AtomicUsize::new(0)));
        let seen = Arc::clone(&requests);
        // The threads end with the test process, or when their clients go.
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (acts, next, seen) = (Arc::clone(&acts), Arc::clone(&next), Arc::clone(&seen));
                std::thread::spawn(move || serve(&socket.unwrap(), &acts, &next, &seen));
            }
        });
        Self { port, requests }
    }

    /// Heads of the requests so far, with their bodies.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut socket: &TcpStream, acts: &[Act], next: &AtomicUsize, seen: &Mutex<Vec<String>>) {
    socket.set_nodelay(true).unwrap();
    while let Some(request) = read_request(socket) {
        seen.lock().unwrap().push(request);
        let number = next.fetch_add(1, Ordering::SeqCst).min(acts.len() - 1);
        match &acts[number] {
            Act::Send(bytes) => drop(socket.write_all(bytes)),
            Act::SendAndClose(bytes) => {
                let _ = socket.write_all(bytes);
                return;
            }
            Act::Pieces(pieces) => {
                for (pause, bytes) in pieces {
                    std::thread::sleep(*pause);
                    let _ = socket.write_all(bytes);
                }
            }
            Act::SendAndReset(bytes) => {
                let _ = socket.write_all(bytes);
                // Give the bytes time to be read, then let the close discard the rest.
                std::thread::sleep(Duration::from_millis(50));
                rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO)).unwrap();
                return;
            }
            Act::SendAndStall(bytes) => {
                let _ = socket.write_all(bytes);
                let _ = socket.read(&mut [0; 1]);
                return;
            }
        }
    }
}

/// One request with its body, or none where the client has gone.
pub(crate) fn read_request(mut socket: impl Read) -> Option<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if socket.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes.clone()).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    socket.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

/// A 200 head for an event stream whose end is the end of the connection.
pub(crate) const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// A 200 head for a chunked event stream.
pub(crate) const CHUNKED_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// One HTTP chunk.
pub(crate) fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// An event with this JSON inside its only choice.
pub(crate) fn event(choice: &str) -> String {
    format!("data: {{\"choices\":[{{{choice}}}]}}\n\n")
}

pub(crate) fn text(content: &str) -> String {
    event(&format!(r#""index":0,"delta":{{"content":"{content}"}},"finish_reason":null"#))
}

pub(crate) fn role() -> String {
    event(r#""index":0,"delta":{"role":"assistant","content":null},"finish_reason":null"#)
}

pub(crate) fn finish() -> String {
    event(r#""index":0,"delta":{},"finish_reason":"stop""#)
}

pub(crate) const DONE: &str = "data: [DONE]\n\n";

/// A whole good answer that keeps its connection.
pub(crate) fn good() -> Vec<u8> {
    let body = [role(), text("a"), text("b"), finish(), DONE.to_owned()];
    let chunks: String = body.iter().map(|event| chunk(event)).collect();
    format!("{CHUNKED_HEAD}{chunks}0\r\n\r\n").into_bytes()
}

/// A whole answer with this status line and body.
pub(crate) fn answer(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}
