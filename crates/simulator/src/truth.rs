//! The truth file: when the simulator wrote what, to score a client by.
//!
//! Text, UTF-8. The first line is `proofload-truth 1`; then a line a chat request, written when it
//! ends, with seven fields parted by tabs:
//!
//! | field | |
//! | --- | --- |
//! | `request_id` | the client's `X-Request-ID`, or the simulator's own where it sent none |
//! | `arrived_ns` | the request had been read |
//! | `ended_ns` | the last frame of the answer had been handed over, or the client had left |
//! | `status` | the status sent; 0 for none |
//! | `fault` | kind of the fault, or `-` |
//! | `tokens` | output tokens written |
//! | `chunk_ns` | a time for each content chunk, parted by commas, or `-` |
//!
//! Times are nanoseconds of `CLOCK_MONOTONIC` as it is, not since some run began: take a run's
//! origin off to compare. A chunk's time is read just before its bytes go to the HTTP encoder and
//! from there, without a wait in between, to write(2); so it is never later than the moment at which
//! the kernel had them. Chunks of one write carry one time, and an unstreamed answer is one chunk.
//!
//! A line that has no line feed is the torn end of a file whose writer was killed; it is ignored.

use crate::Fault;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const HEADER: &str = "proofload-truth 1";
/// A killed simulator loses what it learned in this time.
const FLUSH: Duration = Duration::from_secs(1);
/// Lines that may wait for the disk. Beyond, the simulator waits: a gap would not be the truth.
const LINES: usize = 16_384;

/// What the simulator knows of one chat request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The client's id, or the simulator's own where it sent none.
    pub request_id: String,
    /// The request had been read; nanoseconds of `CLOCK_MONOTONIC`.
    pub arrived_ns: u64,
    /// The last frame of the answer had been handed over, or the client had left.
    pub ended_ns: u64,
    /// The status sent; 0 for none.
    pub status: u16,
    /// What was done wrong on purpose.
    pub fault: Option<Fault>,
    /// Output tokens written.
    pub tokens: u32,
    /// Time just before the write of each content chunk.
    pub chunk_ns: Vec<u64>,
}

impl Entry {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for char in self.request_id.chars() {
            write!(out, "{}", if char.is_control() { ' ' } else { char })?;
        }
        write!(out, "\t{}\t{}\t{}\t", self.arrived_ns, self.ended_ns, self.status)?;
        match self.fault {
            Some(fault) => write!(out, "{fault}\t{}\t", self.tokens)?,
            None => write!(out, "-\t{}\t", self.tokens)?,
        }
        for (place, ns) in self.chunk_ns.iter().enumerate() {
            write!(out, "{}{ns}", if place == 0 { "" } else { "," })?;
        }
        out.write_all(if self.chunk_ns.is_empty() { b"-\n" } else { b"\n" })
    }

    /// Reads a line, or names the field that does not parse.
    fn parse(line: &str) -> Result<Self, &'static str> {
        let mut fields = line.split('\t');
        let mut next = |field| fields.next().ok_or(field);
        let entry = Self {
            request_id: next("request_id")?.to_owned(),
            arrived_ns: next("arrived_ns")?.parse().map_err(|_| "arrived_ns")?,
            ended_ns: next("ended_ns")?.parse().map_err(|_| "ended_ns")?,
            status: next("status")?.parse().map_err(|_| "status")?,
            fault: match next("fault")? {
                "-" => None,
                kind => Some(kind.parse().map_err(|_| "fault")?),
            },
            tokens: next("tokens")?.parse().map_err(|_| "tokens")?,
            chunk_ns: match next("chunk_ns")? {
                "-" => Vec::new(),
                times => {
                    let times = times.split(',').map(str::parse).collect::<Result<_, _>>();
                    times.map_err(|_| "chunk_ns")?
                }
            },
        };
        if fields.next().is_some() { Err("an eighth field") } else { Ok(entry) }
    }
}

/// Why a truth file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// It cannot be read.
    #[error("cannot read truth file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else, or of another version.
    #[error("{}: no truth file: expected the first line {HEADER:?}, found {found:?}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// Its first line.
        found: String,
    },
    /// A line does not parse. Lines are counted from 1, the header being line 1.
    #[error("{}:{line}: cannot read {field}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The field, or what is wrong.
        field: &'static str,
    },
}

/// Reads a whole truth file, in the order in which requests ended. An id that was sent twice, as
/// by a client that tried again, has two entries.
///
/// # Errors
/// The file, and where possible the line and field, that cannot be read.
pub fn read(path: &Path) -> Result<Vec<Entry>, TruthError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| TruthError::Read { path: path.to_owned(), source })?;
    let whole = text.rsplit_once('\n').map_or("", |(whole, _torn)| whole);
    let mut lines = whole.split('\n').enumerate();
    let header = lines.next().map_or("", |(_, header)| header);
    if header != HEADER {
        let found = header.chars().take(80).collect();
        return Err(TruthError::Header { path: path.to_owned(), found });
    }
    let entry = |(at, line)| {
        let path = path.to_owned();
        Entry::parse(line).map_err(|field| TruthError::Line { path, line: at + 1, field })
    };
    lines.map(entry).collect()
}

/// Takes entries to the file on a thread of its own.
pub(crate) struct Writer {
    entries: SyncSender<Entry>,
    thread: JoinHandle<io::Result<()>>,
}

impl Writer {
    /// Makes the file, with its first line.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let context = |error: io::Error| {
            let message = format!("cannot create truth file {}: {error}", path.display());
            io::Error::new(error.kind(), message)
        };
        let mut out = BufWriter::new(File::create(path).map_err(context)?);
        writeln!(out, "{HEADER}").and_then(|()| out.flush()).map_err(context)?;
        let (entries, queue) = sync_channel(LINES);
        let thread = thread::Builder::new()
            .name("truth".to_owned())
            .spawn(move || write_all(&queue, out))?;
        Ok(Self { entries, thread })
    }

    /// Hands an entry over. After the disk failed, it is lost; [`Self::finish`] says so.
    pub(crate) fn write(&self, entry: Entry) {
        drop(self.entries.send(entry));
    }

    /// Waits until all is in the file.
    pub(crate) fn finish(self) -> io::Result<()> {
        drop(self.entries);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the truth writer panicked")))
    }
}

fn write_all(queue: &Receiver<Entry>, mut out: BufWriter<File>) -> io::Result<()> {
    let mut flushed = Instant::now();
    loop {
        match queue.recv_timeout(FLUSH.saturating_sub(flushed.elapsed())) {
            Ok(entry) => entry.write(&mut out)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return out.flush(),
        }
        if flushed.elapsed() >= FLUSH {
            out.flush()?;
            flushed = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, TruthError, Writer, read};
    use crate::Fault;

    fn entry(request_id: &str) -> Entry {
        Entry {
            request_id: request_id.to_owned(),
            arrived_ns: 5,
            ended_ns: 99,
            status: 200,
            fault: Some(Fault::Stall),
            tokens: 3,
            chunk_ns: vec![7, 8, 9],
        }
    }

    #[test]
    fn what_is_written_is_read_and_a_torn_end_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("truth.tsv");
        let plain = Entry { fault: None, chunk_ns: Vec::new(), ..entry("b") };
        let writer = Writer::create(&path).unwrap();
        writer.write(entry("a"));
        writer.write(plain.clone());
        writer.finish().unwrap();
        assert_eq!(read(&path).unwrap(), [entry("a"), plain]);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 1]).unwrap();
        assert_eq!(read(&path).unwrap(), [entry("a")]);
    }

    #[test]
    fn a_tab_in_an_id_does_not_make_a_field() {
        let mut line = Vec::new();
        entry("a\tb").write(&mut line).unwrap();
        let line = String::from_utf8(line).unwrap();
        assert_eq!(Entry::parse(line.trim_end()).unwrap().request_id, "a b");
    }

    #[test]
    fn a_bad_file_is_named_with_line_and_field() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("truth.tsv");
        for (text, want) in [
            ("", "expected the first line"),
            ("request_id,ttft\n", "found \"request_id,ttft\""),
            ("proofload-truth 1\na\t1\n", "truth.tsv:2: cannot read ended_ns"),
            ("proofload-truth 1\na\t1\t2\t200\t-\t1\tx\n", "truth.tsv:2: cannot read chunk_ns"),
            ("proofload-truth 1\na\t1\t2\t200\tbad\t1\t-\n", "truth.tsv:2: cannot read fault"),
        ] {
            std::fs::write(&path, text).unwrap();
            let found = read(&path).unwrap_err().to_string();
            assert!(found.contains(want), "{text:?}: {found}");
        }
        let missing = read(&dir.path().join("missing")).unwrap_err();
        assert!(matches!(missing, TruthError::Read { .. }));
    }
}
