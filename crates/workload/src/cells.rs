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

/// A row has more than [`CELLS_MAX`] cells.
#[derive(Debug)]
pub(crate) struct TooWide;

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
    pub(crate) fn feed(&mut self, input: &[u8]) -> Result<(usize, bool), TooWide> {
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
                    return Err(TooWide);
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
            }
            // To the parser an empty piece is the end of the file, which this is not.
            if used == input.len() && !input.is_empty() {
                return Ok((used, false));
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
    use super::Cells;
    use proptest::prelude::*;

    fn cells(pieces: &[&[u8]]) -> (Vec<String>, usize) {
        let (mut cells, mut used) = (Cells::new(), 0);
        cells.begin();
        for piece in pieces.iter().copied().filter(|piece| !piece.is_empty()).chain([&[][..]]) {
            let (more, done) = cells.feed(piece).unwrap();
            used += more;
            if done {
                break;
            }
        }
        (cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect(), used)
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
            ("an open quote", "a,\"b\n", &["a", "b\n"], 5),
            ("a byte order mark", "\u{feff}a,b\n", &["a", "b"], 7),
        ] {
            assert_eq!(
                cells(&[row.as_bytes()]),
                (want.iter().map(ToString::to_string).collect(), used),
                "{name}"
            );
        }
    }

    #[test]
    fn a_row_without_end_is_refused() {
        let mut cells = Cells::new();
        cells.begin();
        assert!(cells.feed(",".repeat(5_000).as_bytes()).is_err());
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
