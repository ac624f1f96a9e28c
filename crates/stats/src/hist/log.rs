//! The interval log of HdrHistogram: a line a histogram, with when it was and a tag.
//!
//! `Tag=<tag>,<start s>,<length s>,<max s>,<base64 of a deflated version-2 histogram>`, after a
//! header of comments. A line is written by one call, so a writer that is killed leaves at most one
//! torn line, the last, and [`LogReader`] tells it apart from damage.

use super::{DIGITS, HIGHEST_US, Histogram, LOWEST_US};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry, Tag};
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, BufRead, Read, Write};
use std::time::Duration;

/// Longer than any line of ours: every bucket full makes 0.3 MB.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Cookie of a deflated histogram: then four bytes of length, then a zlib stream.
const DEFLATED_COOKIE: u32 = 0x1c84_9314;
/// What precedes the counts of an inflated histogram.
const HEADER_BYTES: usize = 40;
/// A count takes at most nine bytes.
const INFLATED_BYTES_MAX: u64 = HEADER_BYTES as u64 + 9 * 23_552;

/// Writes an interval log in format 1.3: times in seconds, values in microseconds.
pub struct LogWriter<W> {
    out: W,
    serializer: V2DeflateSerializer,
    packed: Vec<u8>,
    line: String,
}

impl<W: Write> LogWriter<W> {
    /// Begins a log whose intervals count from `base_wall_ns`, in nanoseconds since the Unix epoch.
    ///
    /// # Errors
    /// Those of writing the header.
    pub fn new(mut out: W, base_wall_ns: u64) -> io::Result<Self> {
        let base = Seconds(base_wall_ns);
        let header = format!(
            "#values in microseconds, Interval_Max in seconds\n\
             #[Histogram log format version 1.3]\n\
             #[StartTime: {base} (seconds since epoch)]\n\
             #[BaseTime: {base} (seconds since epoch)]\n\
             \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n"
        );
        out.write_all(header.as_bytes())?;
        let serializer = V2DeflateSerializer::new();
        Ok(Self { out, serializer, packed: Vec::new(), line: String::new() })
    }

    /// Adds what was seen in the `length_ns` nanoseconds from `start_ns` on, which counts from the
    /// log's base. It is handed to the writer underneath in one piece and not flushed.
    ///
    /// # Errors
    /// Those of writing, and [`io::ErrorKind::InvalidInput`] for a tag with a comma, a space or a
    /// line end in it.
    pub fn write(
        &mut self,
        tag: &str,
        start_ns: u64,
        length_ns: u64,
        histogram: &Histogram,
    ) -> io::Result<()> {
        if Tag::new(tag).is_none() {
            let message = format!("a histogram's tag holds no comma, space or line end: {tag:?}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.packed.clear();
        self.serializer.serialize(&histogram.counts, &mut self.packed).map_err(io::Error::other)?;
        let (start, length) = (Seconds(start_ns), Seconds(length_ns));
        let max = Seconds(histogram.max_ns().unwrap_or(0));
        self.line.clear();
        write!(self.line, "Tag={tag},{start},{length},{max},").map_err(io::Error::other)?;
        STANDARD.encode_string(&self.packed, &mut self.line);
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())
    }

    /// The writer underneath, to flush or to sync it.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }
}

/// Nanoseconds shown as seconds with nine digits: nothing is lost.
struct Seconds(u64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

/// One line of an interval log.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    /// What the histogram is of.
    pub tag: Option<Box<str>>,
    /// When it begins, in nanoseconds since the log's base (since the Unix epoch where it has none).
    pub start_ns: u64,
    /// How long it lasts, in nanoseconds.
    pub length_ns: u64,
    /// What was seen.
    pub histogram: Histogram,
}

/// Why an interval log, or the rest of it, cannot be read. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Reading failed.
    #[error("cannot read line {line} of the interval log")]
    Read {
        /// Line that was being read.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The last line has no end: whoever wrote it was cut off. What came before it is whole.
    #[error("line {line}: the log was cut off {bytes} bytes into an interval; cut it at the line")]
    CutOff {
        /// The last line.
        line: u64,
        /// Bytes of it that are there.
        bytes: u64,
    },
    /// No interval is that long.
    #[error("line {line}: expected an interval of at most {limit_bytes} bytes, found a longer one")]
    TooLong {
        /// The line.
        line: u64,
        /// Bytes that a line may have.
        limit_bytes: u64,
    },
    /// It is no interval.
    #[error(
        "line {line}: expected `Tag=<tag>,<start s>,<length s>,<max s>,<histogram>`, found {found:?}"
    )]
    Syntax {
        /// The line.
        line: u64,
        /// How it begins.
        found: String,
    },
    /// The histogram's own form is broken.
    #[error("line {line}: the histogram is damaged")]
    Damaged {
        /// The line.
        line: u64,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Histograms of different ranges do not merge exactly, so it is refused.
    #[error(
        "line {line}: expected a histogram of {LOWEST_US} to {HIGHEST_US} at {DIGITS} digits, \
         found {lowest} to {highest} at {digits}"
    )]
    Range {
        /// The line.
        line: u64,
        /// Lowest value that it tells apart.
        lowest: u64,
        /// Highest value that it tells apart.
        highest: u64,
        /// Significant digits.
        digits: u32,
    },
}

/// Reads an interval log, of ours or of any HdrHistogram library, line by line in bounded memory.
/// Ends after the first error.
pub struct LogReader<R> {
    input: R,
    line: u64,
    text: Vec<u8>,
    inflated: Vec<u8>,
    deserializer: Deserializer,
    ended: bool,
}

impl<R: BufRead> LogReader<R> {
    /// Reads the log that `input` holds, from its beginning.
    pub fn new(input: R) -> Self {
        let (text, inflated) = (Vec::new(), Vec::new());
        Self { input, line: 0, text, inflated, deserializer: Deserializer::new(), ended: false }
    }

    /// Reads a line; false at the end.
    fn read_line(&mut self) -> Result<bool, LogError> {
        self.line += 1;
        self.text.clear();
        let mut bounded = (&mut self.input).take(LINE_BYTES_MAX);
        let bytes = bounded
            .read_until(b'\n', &mut self.text)
            .map_err(|source| LogError::Read { line: self.line, source })?
            as u64;
        match self.text.last() {
            None => Ok(false),
            Some(b'\n') => Ok(true),
            Some(_) if bytes == LINE_BYTES_MAX => {
                Err(LogError::TooLong { line: self.line, limit_bytes: LINE_BYTES_MAX })
            }
            Some(_) => Err(LogError::CutOff { line: self.line, bytes }),
        }
    }

    /// The interval of the line just read; none for a comment.
    fn parse_line(&mut self) -> Result<Option<Interval>, LogError> {
        let line = self.line;
        let interval = match IntervalLogIterator::new(&self.text).next() {
            Some(Ok(LogEntry::Interval(interval))) => interval,
            Some(Ok(LogEntry::StartTime(_) | LogEntry::BaseTime(_))) | None => return Ok(None),
            Some(Err(_)) => {
                let text = String::from_utf8_lossy(&self.text);
                let found = text.trim_end().chars().take(60).collect();
                return Err(LogError::Syntax { line, found });
            }
        };
        let packed = STANDARD
            .decode(interval.encoded_histogram())
            .map_err(|source| LogError::Damaged { line, source: source.into() })?;
        inflate(&packed, &mut self.inflated)
            .map_err(|source| LogError::Damaged { line, source: source.into() })?;
        check_range(&self.inflated, line)?;
        let counts = self
            .deserializer
            .deserialize(&mut self.inflated.as_slice())
            .map_err(|source| LogError::Damaged { line, source: source.into() })?;
        // A float becomes an integer saturated at both ends, NaN as 0: any text does no harm.
        let stated_max_ns = (interval.max() * 1e9).round().min(Histogram::HIGHEST_NS as f64) as u64;
        Ok(Some(Interval {
            tag: interval.tag().map(|tag| tag.as_str().into()),
            start_ns: nanos(interval.start_timestamp()),
            length_ns: nanos(interval.duration()),
            histogram: Histogram::from_counts(counts, stated_max_ns),
        }))
    }
}

impl<R: BufRead> Iterator for LogReader<R> {
    type Item = Result<Interval, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let parsed = match self.read_line() {
                Ok(true) => self.parse_line(),
                Ok(false) => Ok(None),
                Err(error) => Err(error),
            };
            self.ended = parsed.is_err() || self.text.is_empty();
            if let Some(result) = parsed.transpose() {
                return Some(result);
            }
        }
        None
    }
}

/// Inflates a whole histogram, which checks its Adler-32 sum: the library would stop reading before
/// it, and would allocate whatever length a damaged header states.
fn inflate(packed: &[u8], inflated: &mut Vec<u8>) -> io::Result<()> {
    let stream = match packed.split_first_chunk::<8>() {
        Some((head, stream)) if head[..4] == DEFLATED_COOKIE.to_be_bytes() => stream,
        _ => return Err(invalid("it does not begin like a deflated version-2 histogram")),
    };
    inflated.clear();
    ZlibDecoder::new(stream).take(INFLATED_BYTES_MAX + 1).read_to_end(inflated)?;
    let counts_bytes = inflated.len().checked_sub(HEADER_BYTES);
    if counts_bytes.is_none() || counts_bytes != number(inflated, 4, 4).try_into().ok() {
        return Err(invalid("its length is not the length it states"));
    }
    Ok(())
}

/// Refuses a histogram of another configuration, before anything of its size is allocated.
fn check_range(inflated: &[u8], line: u64) -> Result<(), LogError> {
    let digits = number(inflated, 12, 4) as u32;
    let (lowest, highest) = (number(inflated, 16, 8), number(inflated, 24, 8));
    if (digits, lowest, highest) == (u32::from(DIGITS), LOWEST_US, HIGHEST_US) {
        Ok(())
    } else {
        Err(LogError::Range { line, lowest, highest, digits })
    }
}

/// A big-endian number of `len` bytes; what is not there counts as nothing.
fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    bytes.iter().skip(at).take(len).fold(0, |value, &byte| value << 8 | u64::from(byte))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
