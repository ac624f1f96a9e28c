//! A server that keeps what it is sent and answers whatever a test wants, HTTP or not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::program::ANY_PORT;

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    /// Request line and headers.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Received {
    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// Whether it is the one that asks if anybody is there.
    pub(crate) fn is_preflight(&self) -> bool {
        self.head.starts_with("GET ")
    }
}

/// Answers a request a connection until it is dropped.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// `answer` gives every byte that is written, for the request with that number.
    pub(crate) fn start(answer: impl Fn(usize, &Received) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind(ANY_PORT).unwrap();
        let addr = listener.local_addr().unwrap();
        let (received, ended) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicBool>::default());
        let (kept, over) = (Arc::clone(&received), Arc::clone(&ended));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let mut stream = stream.unwrap();
                let request = read(&mut stream);
                let number = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(request.clone());
                    kept.iter().filter(|other| !other.is_preflight()).count()
                };
                // The client may have seen enough.
                let _ = stream.write_all(&answer(number, &request));
            }
        });
        Self { addr, received, ended, thread: Some(thread) }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What came, without the preflight.
    pub(crate) fn requests(&self) -> Vec<Received> {
        let received = self.received.lock().unwrap();
        received.iter().filter(|request| !request.is_preflight()).cloned().collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the thread; where it has ended, nobody is to be woken.
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn read(stream: &mut TcpStream) -> Received {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let request = Received { head: head.to_owned(), body: body.to_owned() };
            let length = request.header("content-length").map_or(0, |text| text.parse().unwrap());
            if request.body.len() >= length {
                return request;
            }
        }
        match stream.read(&mut piece) {
            Ok(len @ 1..) => bytes.extend_from_slice(&piece[..len]),
            _ => return Received::default(),
        }
    }
}

/// An answer with a body, after which the connection ends.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

/// A whole completion of one token, as a stream.
pub(crate) fn good_stream() -> Vec<u8> {
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"yes\"}}]}\n\n\
                data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
                data: [DONE]\n\n";
    answer("200 OK", "content-type: text/event-stream\r\n", body)
}
