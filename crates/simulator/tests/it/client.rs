//! A client that takes down what comes, byte by byte as it comes.

use proofload_openai::{chat, sse};
use proofload_record::clock::monotonic_ns;
use proofload_record::{ServerLog, ServerRow};
use proofload_simulator::{Counts, Options, Simulator};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// Nothing here takes long; this ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A simulator that is fast unless `settings` say otherwise.
pub(crate) fn start(settings: &[&str]) -> Simulator {
    start_logged(settings, None)
}

pub(crate) fn start_logged(settings: &[&str], log: Option<Sender<ServerRow>>) -> Simulator {
    let mut options = Options::default();
    for setting in ["prefill=0ms", "decode=1ms", "classify=1ms"].iter().chain(settings) {
        options.set(setting).unwrap();
    }
    let log = log.map(|log| Box::new(Log(log)) as Box<dyn ServerLog>);
    Simulator::start(options, "127.0.0.1:0".parse().unwrap(), log).unwrap()
}

struct Log(Sender<ServerRow>);

impl ServerLog for Log {
    fn log(&mut self, row: ServerRow) {
        self.0.send(row).unwrap();
    }
}

/// Polls until the counts are as wanted: the server learns a moment later that a client has left.
pub(crate) fn wait_for(simulator: &Simulator, wanted: impl Fn(&Counts) -> bool) {
    let begun = Instant::now();
    while !wanted(&simulator.counts()) {
        assert!(begun.elapsed() < PATIENCE, "never came: {:?}", simulator.counts());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A chat request; `extra` is further fields of the body, each with its comma before it.
pub(crate) fn body(stream: bool, extra: &str) -> String {
    format!(
        "{{\"messages\":[{{\"role\":\"user\",\"content\":\"Say something.\"}}],\
         \"stream\":{stream},\"stream_options\":{{\"include_usage\":true}}{extra}}}"
    )
}

/// The bytes of a POST to the chat route; `headers` are whole lines.
pub(crate) fn post(headers: &str, body: &str) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: sim\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What came back until the connection ended, or until the client had seen enough.
pub(crate) struct Seen {
    pub(crate) bytes: Vec<u8>,
    /// What the last read failed with; none for an orderly end.
    pub(crate) error: Option<ErrorKind>,
    /// The time after each read, and the number of bytes had then.
    pub(crate) reads: Vec<(u64, usize)>,
}

pub(crate) fn connect(simulator: &Simulator) -> TcpStream {
    let stream = TcpStream::connect(simulator.addr()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads until `enough`, or until the server ends it.
pub(crate) fn read_until(stream: &mut TcpStream, enough: impl Fn(&[u8]) -> bool) -> Seen {
    let mut seen = Seen { bytes: Vec::new(), error: None, reads: Vec::new() };
    let mut buffer = [0; 16 << 10];
    while !enough(&seen.bytes) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                seen.bytes.extend_from_slice(&buffer[..count]);
                seen.reads.push((monotonic_ns(), seen.bytes.len()));
            }
            Err(error) => {
                seen.error = Some(error.kind());
                break;
            }
        }
    }
    seen
}

/// Sends `request` on a connection of its own and reads to the end.
pub(crate) fn send(simulator: &Simulator, request: &str) -> Seen {
    let mut stream = connect(simulator);
    let (first, rest) = request.split_once("\r\n").unwrap();
    write!(stream, "{first}\r\nconnection: close\r\n{rest}").unwrap();
    read_until(&mut stream, |_| false)
}

pub(crate) fn get(simulator: &Simulator, path: &str, headers: &str) -> Seen {
    send(simulator, &format!("GET {path} HTTP/1.1\r\nhost: sim\r\n{headers}\r\n"))
}

impl Seen {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    fn head_len(&self) -> usize {
        let end = self.bytes.windows(4).position(|window| window == b"\r\n\r\n");
        end.unwrap_or_else(|| panic!("no head: {:?}", self.text())) + 4
    }

    pub(crate) fn head(&self) -> String {
        String::from_utf8(self.bytes[..self.head_len()].to_vec()).unwrap().to_lowercase()
    }

    pub(crate) fn status(&self) -> u16 {
        self.head()[9..12].parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = self.head();
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.map(str::to_owned)
    }

    /// The body without its framing, and whether the framing says that it is whole.
    pub(crate) fn body(&self) -> (Vec<u8>, bool) {
        let mut rest = &self.bytes[self.head_len()..];
        if let Some(length) = self.header("content-length") {
            return (rest.to_vec(), length.parse() == Ok(rest.len()));
        }
        let mut body = Vec::new();
        loop {
            let Some(line) = rest.windows(2).position(|window| window == b"\r\n") else {
                return (body, false);
            };
            let size = std::str::from_utf8(&rest[..line]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            rest = &rest[line + 2..];
            let data = &rest[..size.min(rest.len())];
            body.extend_from_slice(data);
            if size == 0 || data.len() < size {
                return (body, size == 0 && rest == b"\r\n");
            }
            rest = rest.get(size + 2..).unwrap_or_default();
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.error.is_none() && self.body().1
    }

    /// The data of each event.
    pub(crate) fn events(&self) -> Vec<String> {
        let mut events = Vec::new();
        sse::Decoder::default()
            .feed(&self.body().0, |event| events.push(event.data.to_owned()))
            .unwrap();
        events
    }

    /// Chunks with text, and the tokens that the server states.
    pub(crate) fn counted(&self) -> (u32, Option<u32>) {
        let (mut chunks, mut tokens) = (0, None);
        for event in self.events() {
            if let Ok(chat::Event::Delta(delta)) = read_event(&event) {
                chunks += u32::from(delta.has_text);
                tokens = delta.usage.and_then(|usage| usage.completion_tokens).or(tokens);
            }
        }
        (chunks, tokens)
    }
}

/// Reads the data of an event; ours have no names.
pub(crate) fn read_event(data: &str) -> Result<chat::Event<'_>, chat::Malformed> {
    chat::read_event(sse::Event { data, is_error: false })
}
