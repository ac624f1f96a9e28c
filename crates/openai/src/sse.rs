//! Incremental decoder and encoder for `text/event-stream` bodies.
//!
//! A model server sends a token per event; TCP cuts the stream anywhere. [`Decoder`] takes bytes in
//! pieces of any size and hands each whole [`Event`] to the caller, borrowed: an event with one data
//! line that lies in one piece is never copied. What a cut leaves over waits in the
//! decoder's own buffers, which grow to the largest such event and are then used again. It does no
//! I/O and reads no clock: the caller stamps a piece when it arrives, *then* feeds it, so decoding
//! is never counted as the server's latency.
//!
//! ```
//! # use proofload_openai::sse::{Decoder, FeedError};
//! let mut decoder = Decoder::default();
//! let mut seen = Vec::new();
//! for piece in ["data: hel", "lo\n\n"] {
//!     decoder.feed(piece.as_bytes(), |event| seen.push(event.data.to_owned()))?;
//! }
//! assert_eq!(seen, ["hello"]);
//! # Ok::<(), FeedError>(())
//! ```
//!
//! Format: WHATWG HTML, section 9.2.6, with two differences. Data that is not UTF-8 is an error and
//! not replaced, for a benchmark must not repair what it measures; and an event has a size limit.
//! Left out, since nothing here reconnects: `id` and `retry`; and every name of an event but `error`,
//! the only one that changes what a chat server means.

use memchr::memchr2;
use std::mem;

/// Largest event that a [`Decoder`] holds unless it is told otherwise, in bytes.
const DEFAULT_LIMIT_BYTES: usize = 1 << 20;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// One whole event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its data lines, joined by line feeds.
    pub data: &'a str,
    /// Whether its name is `error`: so some servers mark a failure in mid-stream whose data does
    /// not look like one.
    pub is_error: bool,
}

/// Cuts an event stream into events. One decoder reads one body.
#[derive(Debug)]
pub struct Decoder {
    limit_bytes: usize,
    /// A line whose end has not come.
    line: Vec<u8>,
    /// Data of the event being read that could not stay in the caller's bytes.
    data: Vec<u8>,
    /// Whether `data` counts: an event with an empty data line is not an event without one.
    has_data: bool,
    /// Whether the event being read is named `error`.
    is_error: bool,
    /// No line has ended yet, so a byte order mark may come.
    at_start: bool,
    /// The last piece ended in a carriage return, whose line feed may come in the next.
    after_return: bool,
    failed: Option<FeedError>,
}

/// Why a body cannot be read on as an event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// The data of an event together with the line being read is longer than the limit.
    #[error("an event or a line of the stream is longer than {limit_bytes} bytes")]
    TooLarge {
        /// The decoder's limit.
        limit_bytes: usize,
    },
    /// The data of an event is not UTF-8.
    #[error("the data of an event is not UTF-8")]
    NotUtf8,
}

impl Default for Decoder {
    /// A decoder that holds an event of at most 1 MiB.
    fn default() -> Self {
        Self::with_limit(DEFAULT_LIMIT_BYTES)
    }
}

impl Decoder {
    /// A decoder that refuses an event whose data, together with the line being read, is longer
    /// than `limit_bytes`. It never holds more than that.
    #[must_use]
    pub const fn with_limit(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            line: Vec::new(),
            data: Vec::new(),
            has_data: false,
            is_error: false,
            at_start: true,
            after_return: false,
            failed: None,
        }
    }

    /// Reads the next piece of the body, of any size, and hands over every event that ends in it.
    /// An event without a data line is none. The stream goes on after `[DONE]`, which is data like
    /// any other here: to stop there is for the caller.
    ///
    /// # Errors
    /// [`FeedError`]; events before the fault have been handed over. The decoder is then spent and
    /// gives the same error again.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        mut on_event: impl FnMut(Event<'_>),
    ) -> Result<(), FeedError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let result = self.read(bytes, &mut on_event);
        self.failed = result.err();
        result
    }

    /// Whether data is held that may belong to an event: a data line, or the beginning of a line
    /// that may become one. A body that ends here was cut. The beginning of anything else, such as
    /// a comment, is nothing that is missed.
    #[must_use]
    pub fn has_partial(&self) -> bool {
        let line = self.without_mark(&self.line);
        let may_be_data = b"data".starts_with(line) || value(line, b"data").is_some();
        self.has_data || !line.is_empty() && may_be_data
    }

    fn read(
        &mut self,
        bytes: &[u8],
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<(), FeedError> {
        let mut rest = bytes;
        if !rest.is_empty() && mem::take(&mut self.after_return) {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        // Taken out of `self`, so that an event may be borrowed from it while this piece is read.
        let mut held = mem::take(&mut self.line);
        let mut open = None;
        if !held.is_empty() {
            let Some((line_end, after)) = self.next_line(rest) else {
                return self.hold(held, rest);
            };
            self.check_room(self.data.len(), held.len() + line_end.len())?;
            held.extend_from_slice(line_end);
            rest = after;
            self.take_line(&held, &mut open, on_event)?;
        }
        while let Some((line, after)) = self.next_line(rest) {
            rest = after;
            self.take_line(line, &mut open, on_event)?;
        }
        self.keep(open);
        held.clear();
        self.hold(held, rest)
    }

    /// The first line of `bytes` and what follows it; none while its end has not come.
    fn next_line<'a>(&mut self, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let end = memchr2(b'\n', b'\r', bytes)?;
        let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
        if bytes[end] == b'\n' {
            return Some((line, rest));
        }
        // An event that ends in a carriage return is handed over at once: it is whole, whether or
        // not a line feed follows.
        self.after_return = rest.is_empty();
        Some((line, rest.strip_prefix(b"\n").unwrap_or(rest)))
    }

    /// Reads one whole line. `open` is the data of the event being read as long as it is one line
    /// that can stay where it lies.
    fn take_line<'a>(
        &mut self,
        line: &'a [u8],
        open: &mut Option<&'a [u8]>,
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<(), FeedError> {
        self.check_room(open.map_or(self.data.len(), <[u8]>::len), line.len())?;
        let line = self.without_mark(line);
        self.at_start = false;
        if line.is_empty() {
            return self.end_event(open.take(), on_event);
        }
        let Some(value) = value(line, b"data") else {
            if let Some(name) = value(line, b"event") {
                self.is_error = name == b"error";
            }
            return Ok(());
        };
        if open.is_none() && !self.has_data {
            *open = Some(value);
        } else {
            self.keep(open.take());
            self.data.push(b'\n');
            self.data.extend_from_slice(value);
        }
        Ok(())
    }

    /// `line` without the byte order mark that may begin the first.
    fn without_mark<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        let mark = if self.at_start { BYTE_ORDER_MARK } else { &[] };
        line.strip_prefix(mark).unwrap_or(line)
    }

    fn end_event(
        &mut self,
        open: Option<&[u8]>,
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<(), FeedError> {
        let is_error = mem::take(&mut self.is_error);
        if open.is_none() && !self.has_data {
            return Ok(());
        }
        let data = str::from_utf8(open.unwrap_or(&self.data)).map_err(|_| FeedError::NotUtf8)?;
        on_event(Event { data, is_error });
        self.data.clear();
        self.has_data = false;
        Ok(())
    }

    /// Copies data whose bytes are about to go away.
    fn keep(&mut self, open: Option<&[u8]>) {
        if let Some(value) = open {
            self.data.extend_from_slice(value);
            self.has_data = true;
        }
    }

    /// Keeps the beginning of a line for the next piece.
    fn hold(&mut self, mut held: Vec<u8>, rest: &[u8]) -> Result<(), FeedError> {
        self.check_room(self.data.len(), held.len() + rest.len())?;
        held.extend_from_slice(rest);
        self.line = held;
        Ok(())
    }

    /// Checked for every beginning of a line as for the whole of it, so that where a body is cut
    /// does not change whether it is refused.
    const fn check_room(&self, data_bytes: usize, line_bytes: usize) -> Result<(), FeedError> {
        if data_bytes + line_bytes > self.limit_bytes {
            return Err(FeedError::TooLarge { limit_bytes: self.limit_bytes });
        }
        Ok(())
    }
}

/// The value of a line's `field`; none for comments and every other field.
fn value<'a>(line: &'a [u8], field: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(field)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

/// Appends one event to `out`: a data line for every line of `data`, and the blank line that ends
/// the event. The three line ends of the format (LF, CR LF, CR) all come out as LF, so data without
/// a carriage return is decoded as it was.
pub fn encode(data: &str, out: &mut Vec<u8>) {
    let mut rest = data.as_bytes();
    loop {
        let end = memchr2(b'\n', b'\r', rest);
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&rest[..end.unwrap_or(rest.len())]);
        out.push(b'\n');
        let Some(end) = end else { break };
        let is_pair = rest[end..].starts_with(b"\r\n");
        rest = &rest[end + 1 + usize::from(is_pair)..];
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::{Decoder, FeedError, encode};

    /// Events of a body, those named `error` marked, fed in pieces of every size, an empty one
    /// before each; they must not differ.
    fn decode(body: &[u8], limit_bytes: usize) -> (Vec<String>, Result<bool, FeedError>) {
        let mut results = (1..=body.len().max(1)).map(|size| {
            let (mut decoder, mut events) = (Decoder::with_limit(limit_bytes), Vec::new());
            let mut fed = Ok(());
            for piece in body.chunks(size).flat_map(|piece| [b"", piece]) {
                fed = fed.and_then(|()| {
                    decoder.feed(piece, |event| {
                        let mark = if event.is_error { "error " } else { "" };
                        events.push(format!("{mark}{}", event.data));
                    })
                });
            }
            (events, fed.map(|()| decoder.has_partial()))
        });
        let first = results.next().unwrap();
        results.for_each(|other| assert_eq!(other, first, "{body:?} in other pieces"));
        first
    }

    #[test]
    fn decodes_what_the_format_allows() {
        for (name, body, want, partial) in [
            ("nothing", "", &[] as &[_], false),
            ("line feed", "data: a\n\n", &["a"], false),
            ("carriage return and line feed", "data: a\r\n\r\n", &["a"], false),
            ("carriage return", "data: a\r\rdata: b\r\r", &["a", "b"], false),
            ("line ends mixed", "data: a\r\n\ndata: b\n\r\ndata: c\r\n\r", &["a", "b", "c"], false),
            ("no space after the colon", "data:a\n\n", &["a"], false),
            ("one space is taken, no more", "data:  a \n\n", &[" a "], false),
            ("two data lines", "data: a\ndata: b\n\n", &["a\nb"], false),
            ("two data lines, longer line ends", "data: a\r\ndata: b\r\n\r\n", &["a\nb"], false),
            ("two empty data lines", "data\ndata\n\n", &["\n"], false),
            ("an empty line first", "data:\ndata: a\n\n", &["\na"], false),
            ("empty data is an event", "data\n\ndata:\n\n", &["", ""], false),
            ("no data is no event", "event: a\n\n: a\n\n\n\n", &[], false),
            ("comments", ": a\ndata: b\n:c\n\n", &["b"], false),
            ("other fields", "id: 1\nevent: x\nretry: 9\ndata: a\nid\n\n", &["a"], false),
            ("names that only begin alike", "data2: a\ndat: b\ndata : c\nDATA: d\n\n", &[], false),
            ("byte order mark", "\u{feff}data: a\n\n", &["a"], false),
            ("byte order mark later", "data: a\n\n\u{feff}data: b\n\n", &["a"], false),
            ("wide characters", "data: é€🚀\n\n", &["é€🚀"], false),
            ("cut in a line", "data: a\n\ndata: b", &["a"], true),
            ("cut before the blank line", "data: a\n", &[], true),
            ("cut in the blank line", "data: a\r", &[], true),
            ("cut in a name", "da", &[], true),
            ("cut before the colon", "data", &[], true),
            ("cut in a name after a mark", "\u{feff}dat", &[], true),
            ("cut after a mark", "\u{feff}", &[], false),
            ("cut in a second line", "data: a\n: b", &[], true),
            ("cut in a comment", "data: a\n\n: bye", &["a"], false),
            ("cut after a comment", ": a\n", &[], false),
            ("cut in another field", "data: a\n\nevent: end", &["a"], false),
            ("cut in another name", "data: a\n\ni", &["a"], false),
            ("cut in blanks", "data: a\n\n  ", &["a"], false),
            ("cut in a name that begins alike", "data: a\n\ndatas", &["a"], false),
            ("an error by name", "event: error\ndata: a\n\ndata: b\n\n", &["error a", "b"], false),
            ("named after its data", "data: a\nevent:error\n\n", &["error a"], false),
            ("the last name counts", "event: error\nevent: x\ndata: a\n\n", &["a"], false),
            ("a name without data", "event: error\n\ndata: a\n\n", &["a"], false),
            ("other names", "event: errors\ndata: a\n\nevents: error\ndata\n\n", &["a", ""], false),
        ] {
            let want: Vec<String> = want.iter().map(|data: &&str| (*data).to_owned()).collect();
            assert_eq!(decode(body.as_bytes(), 1 << 20), (want, Ok(partial)), "{name}: {body:?}");
        }
    }

    #[test]
    fn refuses_what_it_will_not_hold() {
        let too_large = Err(FeedError::TooLarge { limit_bytes: 16 });
        for (name, body, want, end) in [
            ("as long as the limit", "data: 0123456789\n\n", 1, Ok(false)),
            ("a byte longer", "data: 0123456789a\n\n", 0, too_large),
            ("a line without end", "data: 0123456789a", 0, too_large),
            ("a comment without end", ": 0123456789abcde", 0, too_large),
            ("many data lines", "data: 01234\ndata: 01234\ndata: 01234\n\n", 0, too_large),
            ("many events", "data: 0123456\n\ndata: 0123456\n\ndata: 0123456\n\n", 3, Ok(false)),
            ("many comments", ": 0123456\n: 0123456\n: 0123456\n", 0, Ok(false)),
            ("events before the fault", "data: a\n\ndata: 0123456789a\n\n", 1, too_large),
        ] {
            let (events, result) = decode(body.as_bytes(), 16);
            assert_eq!((events.len(), result), (want, end), "{name}: {body:?}");
        }
    }

    #[test]
    fn data_must_be_utf8_and_nothing_else_need_be() {
        let not_utf8 = Err(FeedError::NotUtf8);
        for (name, body, want, end) in [
            ("data", b"data: a\n\ndata: \xff\n\n" as &[u8], 1, not_utf8),
            ("half a character", b"data: \xe2\x82\n\n", 0, not_utf8),
            ("a character over two lines", b"data: \xe2\ndata: \x82\xac\n\n", 0, not_utf8),
            ("a comment", b": \xff\ndata: a\n\n", 1, Ok(false)),
        ] {
            let (events, result) = decode(body, 1 << 20);
            assert_eq!((events.len(), result), (want, end), "{name}: {body:?}");
        }
    }

    #[test]
    fn a_failed_decoder_stays_failed() {
        let mut decoder = Decoder::with_limit(4);
        let failed = decoder.feed(b"data: a\n\n", |_| {});
        assert_eq!(failed, Err(FeedError::TooLarge { limit_bytes: 4 }));
        assert_eq!(decoder.feed(b"\n", |_| panic!("an event after a failure")), failed);
    }

    #[test]
    fn encodes_a_data_line_for_every_line() {
        for (data, want) in [
            ("", "data: \n\n"),
            ("a", "data: a\n\n"),
            (" a", "data:  a\n\n"),
            ("a\nb", "data: a\ndata: b\n\n"),
            ("a\n", "data: a\ndata: \n\n"),
            ("a\r\nb\rc\n\rd", "data: a\ndata: b\ndata: c\ndata: \ndata: d\n\n"),
        ] {
            let mut out = b"> ".to_vec();
            encode(data, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("> {want}"), "{data:?}");
        }
    }
}
