//! The cells of one CSV row.

use csv_core::ReadRecordResult;

/// More cells than any header has; a row beyond it is refused before it eats memory.
const CELLS_MAX: usize = 4096;

/// Takes one row apart, fed in pieces, and holds its cells until the next.
///
/// Every row starts afresh, so a row gives the same cells whether it is met in the stream or read
/// again alone.
pub(crate) struct Cells {
    csv: csv_core::Reader,
    text: Vec<u8>,
    text_len: usize,
    ends: Vec<usize>,
    count: usize,
}

/// Why a row cannot be taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RowFault {
    /// It has more than [`CELLS_MAX`] cells.
    TooWide,
    /// The file ends within a quoted cell. Whatever came after the quote is in that cell, perhaps
    /// many rows.
    OpenQuote,
}

impl Cells {
    pub(crate) fn new() -> Self {
        let (text, ends) = (vec![0; 4096], vec![0; 16]);
        Self { csv: csv_core::Reader::new(), text, text_len: 0, ends, count: 0 }
    }

    /// Forgets the last row.
    pub(crate) fn begin(&mut self) {
        self.csv.reset();
        self.text_len = 0;
        self.count = 0;
    }

    /// Reads on in a row; nothing at all means that the file ends here. Returns how many bytes
    /// belong to the row, its line end among them, and whether it is complete.
    pub(crate) fn feed(&mut self, input: &[u8]) -> Result<(usize, bool), RowFault> {
        if input.is_empty() {
            return self.end().map(|()| (0, true));
        }
        let mut used = 0;
        loop {
            let text = &mut self.text[self.text_len..];
            let ends = &mut self.ends[self.count..];
            let (result, nin, nout, nend) = self.csv.read_record(&input[used..], text, ends);
            used += nin;
            self.text_len += nout;
            self.count += nend;
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => return Ok((used, true)),
                ReadRecordResult::InputEmpty => return Ok((used, false)),
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if self.ends.len() >= CELLS_MAX => {
                    return Err(RowFault::TooWide);
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
            }
            // To the parser an empty piece is the end of the file, which this is not.
            if used == input.len() {
                return Ok((used, false));
            }
        }
    }

    /// Ends a row where the file does, with the line end that it lacks. The parser would take the end
    /// of the file for the end of a quoted cell, but a line end within quotes it takes for text.
    fn end(&mut self) -> Result<(), RowFault> {
        loop {
            let text = &mut self.text[self.text_len..];
            let ends = &mut self.ends[self.count..];
            let (result, _, nout, nend) = self.csv.read_record(b"\n", text, ends);
            self.count += nend;
            match result {
                _ if nout > 0 => return Err(RowFault::OpenQuote),
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                _ => return Ok(()),
            }
        }
    }

    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// The cell at `column`, unless the row ends before it.
    pub(crate) fn get(&self, column: usize) -> Option<&[u8]> {
        let ends = &self.ends[..self.count];
        let end = *ends.get(column)?;
        let start = column.checked_sub(1).map_or(0, |before| ends[before]);
        self.text.get(start..end)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.count).filter_map(|column| self.get(column))
    }
}

#[cfg(test)]
mod tests {
    use super::{Cells, RowFault};
    use proptest::prelude::*;

    fn cells(pieces: &[&[u8]]) -> Result<(Vec<String>, usize), RowFault> {
        let (mut cells, mut used) = (Cells::new(), 0);
        cells.begin();
        for piece in pieces.iter().copied().filter(|piece| !piece.is_empty()).chain([&[][..]]) {
            let (more, done) = cells.feed(piece)?;
            used += more;
            if done {
                break;
            }
        }
        let text = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
        Ok((cells.iter().map(text).collect(), used))
    }

    #[test]
    fn takes_a_row_apart() {
        for (name, row, want, used) in [
            ("plain", "a,b\nc", &["a", "b"] as &[_], 4),
            ("carriage return", "a,b\r\nc", &["a", "b"], 4),
            ("end of file", "a,b", &["a", "b"], 3),
            ("empty cells", ",,\n", &["", "", ""], 3),
            ("quoted", "\"a,\"\"b\"\"\",c\n", &["a,\"b\"", "c"], 12),
            ("a line end inside quotes", "\"a\nb\",c\n", &["a\nb", "c"], 8),
            ("a quote inside a plain cell", "a\"b,c\n", &["a\"b", "c"], 6),
            ("a quote closed by the end", "a,\"b\"", &["a", "b"], 5),
            ("a quoted quote at the end", "\"a\"\"\"", &["a\""], 5),
            ("text after a quote", "\"a\"b\nc", &["ab"], 5),
            ("a byte order mark", "\u{feff}a,b\n", &["a", "b"], 7),
        ] {
            assert_eq!(
                cells(&[row.as_bytes()]),
                Ok((want.iter().map(ToString::to_string).collect(), used)),
                "{name}"
            );
        }
    }

    #[test]
    fn a_row_without_end_is_refused() {
        let wide = ",".repeat(5_000);
        for (row, want) in [
            (wide.as_str(), RowFault::TooWide),
            ("\"", RowFault::OpenQuote),
            ("a,\"b\n", RowFault::OpenQuote),
            ("a,\"b\"\"\nc,d\n", RowFault::OpenQuote),
            ("\u{feff}\"a", RowFault::OpenQuote),
        ] {
            assert_eq!(cells(&[row.as_bytes()]), Err(want), "{row:?}");
        }
        assert_eq!(cells(&["\u{feff}".as_bytes()]), Ok((vec![], 3)), "no quote in it");
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(row in "[a-c\",\n]{4,9000}", at: prop::sample::Index) {
            let (head, tail) = row.as_bytes().split_at(4.max(at.index(row.len() + 1)));
            prop_assume!(row.matches(',').count() < 4_000);
            prop_assert_eq!(cells(&[head, tail]), cells(&[row.as_bytes()]));
        }
    }
}
