//! Rows of a file: all in a stream the first time, one by its offset after that.

use crate::cells::{Cells, RowFault};
use crate::columns::Columns;
use crate::index::Row;
use crate::source::Handle;
use std::io;

/// The longest row, quotes and all. A quote that is left open would otherwise pull the rest of the
/// file into memory.
pub(crate) const ROW_MAX_BYTES: u32 = 64 * 1024 * 1024;

/// Where a row lies.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    /// Counted from 1; differs from the row's number once a row spans lines or a line is blank.
    pub(crate) line: u64,
    pub(crate) len: u32,
    pub(crate) crc: u32,
}

/// Why a stream of rows ended early.
#[derive(Debug)]
pub(crate) enum StreamError {
    Read(io::Error),
    /// The row that begins on `line` has too many bytes or cells.
    TooLong {
        line: u64,
    },
    /// In the row that begins on `line` a quote is opened that nothing closes.
    OpenQuote {
        line: u64,
    },
}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// Reads rows one after the other; blank lines are not rows.
pub(crate) struct Stream {
    handle: Handle,
    pub(crate) cells: Cells,
    offset: u64,
    line: u64,
}

impl Stream {
    pub(crate) fn new(handle: Handle) -> Self {
        Self { handle, cells: Cells::new(), offset: 0, line: 1 }
    }

    /// Bytes read so far, and in all.
    pub(crate) const fn progress(&self) -> (u64, u64) {
        (self.offset, self.handle.len())
    }

    /// The next row, whose cells are in [`Self::cells`] until the one after.
    pub(crate) fn next(&mut self) -> Result<Option<Place>, StreamError> {
        loop {
            // Four bytes: a byte order mark, and one more to show that the file goes on after it.
            let ahead = self.handle.at(self.offset, 4)?;
            if ahead.is_empty() {
                return Ok(None);
            }
            let blank = ahead.iter().take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count();
            if blank > 0 {
                self.line += lines(&ahead[..blank]);
                self.offset += blank as u64;
                continue;
            }
            let place = self.row()?;
            if self.cells.count() > 0 {
                return Ok(Some(place));
            }
        }
    }

    fn row(&mut self) -> Result<Place, StreamError> {
        let (offset, line) = (self.offset, self.line);
        let (mut crc, mut ended) = (0, false);
        self.cells.begin();
        while !ended {
            let piece = self.handle.at(self.offset, 1)?;
            let at_end = piece.is_empty();
            let (used, done) = self.cells.feed(piece).map_err(|fault| match fault {
                RowFault::TooWide => StreamError::TooLong { line },
                RowFault::OpenQuote => StreamError::OpenQuote { line },
            })?;
            crc = crc32c::crc32c_append(crc, &piece[..used]);
            self.line += lines(&piece[..used]);
            self.offset += used as u64;
            ended = done || at_end;
            if self.offset - offset > u64::from(ROW_MAX_BYTES) {
                return Err(StreamError::TooLong { line });
            }
        }
        let len = u32::try_from(self.offset - offset).unwrap_or(ROW_MAX_BYTES);
        Ok(Place { offset, line, len, crc })
    }
}

fn lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Reads single rows again.
pub(crate) struct RowReader {
    handle: Handle,
    cells: Cells,
    columns: Columns,
    default_id: String,
}

/// The parts of a row that are not in the index.
pub(crate) struct Again<'a> {
    pub(crate) id: &'a str,
    pub(crate) body: &'a str,
}

impl RowReader {
    pub(crate) fn new(handle: Handle, columns: Columns) -> Self {
        Self { handle, cells: Cells::new(), columns, default_id: String::new() }
    }

    /// The line on which `row` begins, found by reading the file up to it: for messages only.
    pub(crate) fn line(&mut self, row: &Row) -> io::Result<u64> {
        let (mut line, mut offset) = (1, 0);
        while offset < row.offset {
            let piece = self.handle.at(offset, 1)?;
            let rest = usize::try_from(row.offset - offset).unwrap_or(usize::MAX);
            let piece = &piece[..piece.len().min(rest)];
            if piece.is_empty() {
                break;
            }
            line += lines(piece);
            offset += piece.len() as u64;
        }
        Ok(line)
    }

    /// Reads `row`; `None` if what lies there is not what was indexed.
    pub(crate) fn read(&mut self, row: &Row) -> io::Result<Option<Again<'_>>> {
        let piece = self.handle.at(row.offset, row.len as usize)?;
        let Some(piece) = piece.get(..row.len as usize) else { return Ok(None) };
        if crc32c::crc32c(piece) != row.crc {
            return Ok(None);
        }
        self.cells.begin();
        if let Ok((_, false)) = self.cells.feed(piece) {
            // The last row of a file that does not end its line. It cannot have grown too wide.
            let _ = self.cells.feed(&[]);
        }
        let id = match self.columns.request_id {
            Some(column) => text(&self.cells, column),
            None => {
                self.default_id.clear();
                self.default_id.push_str("req-");
                self.default_id.push_str(&row.tag.to_string());
                &self.default_id
            }
        };
        Ok(Some(Again { id, body: text(&self.cells, self.columns.body_json) }))
    }
}

/// A cell as text; empty where a faulty row has none.
fn text(cells: &Cells, column: usize) -> &str {
    cells.get(column).and_then(|cell| std::str::from_utf8(cell).ok()).unwrap_or_default()
}
