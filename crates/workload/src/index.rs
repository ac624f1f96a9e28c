//! The first pass: every cell checked, 32 bytes kept a row.

use crate::classes::Classes;
use crate::columns::Columns;
use crate::error::{Fault, Faults, WorkloadError, excerpt};
use crate::inspect::{BodyFault, Seen, inspect};
use crate::offset::parse_offset;
use crate::order;
use crate::rows::{Place, ROW_MAX_BYTES, RowReader, Stream, StreamError};
use crate::source::Origin;
use crate::survey::Survey;
use proofload_record::{Class, Mode, ParseLabelError, Priority};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;

/// One less than `u32::MAX`, so that the number of rows and every index have a `u32`.
const ROWS_MAX: u32 = u32::MAX - 1;

/// What is kept of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// When it is due at speed 1, in nanoseconds.
    pub(crate) offset_ns: u64,
    /// Where its text begins in the file.
    pub(crate) offset: u64,
    /// How long its text is.
    pub(crate) len: u32,
    /// CRC32C of its text.
    pub(crate) crc: u32,
    /// Where the file has no ids: which row it is, the first after the header being 1. Otherwise
    /// scratch for [`order`]: a hash of its id, then a part of it.
    pub(crate) tag: u32,
    /// Number of its class.
    pub(crate) class: u16,
}

const _: () = assert!(size_of::<Row>() == 32, "a row of the index must stay small");

/// A whole workload but for its ids and bodies.
#[derive(Debug)]
pub(crate) struct Index {
    /// In the order of the plan.
    pub(crate) rows: Vec<Row>,
    /// In the order in which the plan first has them.
    pub(crate) classes: Vec<Class>,
    pub(crate) columns: Columns,
    pub(crate) survey: Survey,
}

impl Index {
    /// Reads and checks the whole of `origin`.
    pub(crate) fn read(origin: &Origin) -> Result<Self, WorkloadError> {
        let path = || origin.name().to_owned();
        let unreadable = |source| WorkloadError::Read { path: path(), source };
        let mut stream = Stream::new(origin.open().map_err(unreadable)?);
        let mut faults = Faults::default();
        let columns = match stream.next() {
            Ok(Some(place)) => Columns::find(&stream.cells, place.line, &mut faults),
            Ok(None) => return Err(WorkloadError::Empty { path: path() }),
            Err(StreamError::Read(source)) => return Err(unreadable(source)),
            Err(StreamError::TooLong { line }) => {
                faults.add(too_long(1, line));
                None
            }
            Err(StreamError::OpenQuote { line }) => {
                faults.add(open_quote(1, line));
                None
            }
        };
        let Some(columns) = columns else {
            let faults = faults.merge(Faults::default()).unwrap_or_default();
            return Err(WorkloadError::Faults { path: path(), faults });
        };
        let mut pass = Pass {
            columns: &columns,
            faults,
            rows: Vec::new(),
            bodies: Vec::new(),
            classes: Classes::default(),
            survey: Survey::default(),
            last_ns: 0,
        };
        while !pass.faults.is_full() {
            match stream.next() {
                Ok(Some(place)) if pass.rows.len() >= ROWS_MAX as usize => {
                    pass.faults.add(too_many(place.line));
                    break;
                }
                Ok(Some(place)) => {
                    pass.reserve(stream.progress())
                        .map_err(|rows| WorkloadError::Memory { path: path(), rows })?;
                    pass.row(&stream, &place);
                }
                Ok(None) => break,
                Err(StreamError::Read(source)) => return Err(unreadable(source)),
                Err(StreamError::TooLong { line }) => {
                    pass.faults.add(too_long(pass.rows.len() as u64 + 2, line));
                    break;
                }
                Err(StreamError::OpenQuote { line }) => {
                    pass.faults.add(open_quote(pass.rows.len() as u64 + 2, line));
                    break;
                }
            }
        }
        let Pass { faults, mut rows, bodies, classes, mut survey, .. } = pass;
        survey.repeated_bodies = repeated(bodies);
        let handle = origin.open().map_err(unreadable)?;
        let mut reader = RowReader::new(handle, columns.clone());
        let repeats = order::repeated_ids(&mut rows, &columns, &mut reader, origin)?;
        if let Some(faults) = faults.merge(repeats) {
            return Err(WorkloadError::Faults { path: path(), faults });
        }
        if rows.is_empty() {
            return Err(WorkloadError::NoRows { path: path() });
        }
        order::sort(&mut rows, &columns, &mut reader, origin)?;
        rows.shrink_to_fit();
        let classes = classes.in_order_of(&mut rows);
        Ok(Self { rows, classes, columns, survey })
    }
}

/// Number of `row` in its file, the header being 1. Takes a look at every row: for messages only.
pub(crate) fn row_number(rows: &[Row], row: &Row) -> u64 {
    2 + rows.iter().filter(|other| other.offset < row.offset).count() as u64
}

/// What the first pass has gathered so far.
struct Pass<'a> {
    columns: &'a Columns,
    faults: Faults,
    rows: Vec<Row>,
    /// A hash of every body, to count those that come again.
    bodies: Vec<u64>,
    classes: Classes,
    survey: Survey,
    last_ns: u64,
}

impl Pass<'_> {
    /// Makes room for more rows: as many as the rest of the file should have, since doubling would
    /// cost up to twice the memory. Fails with the number of rows so far.
    fn reserve(&mut self, (read_bytes, all_bytes): (u64, u64)) -> Result<(), usize> {
        let rows = self.rows.len();
        if rows < self.rows.capacity() {
            return Ok(());
        }
        let rest = u128::from(all_bytes.saturating_sub(read_bytes)) * rows as u128;
        let expected = rest / u128::from(read_bytes.max(1)) * 33 / 32;
        // A file whose first rows are far shorter than the others must not ask for the moon.
        let more = usize::try_from(expected).unwrap_or(usize::MAX).min(rows * 3) + 1_024;
        self.rows.try_reserve_exact(more).map_err(|_| rows)?;
        self.bodies.try_reserve_exact(more).map_err(|_| rows)
    }

    /// Checks the row that `stream` has just read. A faulty one is indexed all the same, so that
    /// row numbers stay right and a repeated id is found beside other faults.
    fn row(&mut self, stream: &Stream, place: &Place) {
        let columns = self.columns;
        let mut cells = RowCells {
            stream,
            count: columns.count,
            faults: &mut self.faults,
            row: self.rows.len() as u64 + 2,
            line: place.line,
            short: false,
        };
        let tag = match columns.request_id {
            Some(column) => {
                let id = cells.text("request_id", column, "an id of its own");
                crc32c::crc32c(id.unwrap_or_default().as_bytes())
            }
            None => self.rows.len() as u32 + 1,
        };
        let arrival = Some(columns.arrival_offset);
        let offset_ns = cells.parsed("arrival_offset", arrival, 0, parse_offset);
        let mode = cells.parsed("mode", columns.mode, Mode::default(), parse_label);
        let priority = cells.parsed("priority", columns.priority, Priority::default(), parse_label);
        let mut class = 0;
        if let Some((body, seen)) = cells.body(columns.body_json) {
            let model = seen.model.as_deref();
            let (mode, priority) = (mode.unwrap_or_default(), priority.unwrap_or_default());
            match self.classes.number(model, mode, priority) {
                Some(number) => class = number,
                None => {
                    let most = u16::MAX;
                    let expected = format!("at most {most} modes, priorities and models together");
                    cells.fault("body_json", expected, excerpt(model.unwrap_or_default()));
                }
            }
            self.survey.body(body, &seen);
            let mut hasher = DefaultHasher::new();
            body.hash(&mut hasher);
            self.bodies.push(hasher.finish());
        }
        let offset_ns = offset_ns.unwrap_or(self.last_ns);
        self.survey.out_of_order += u64::from(offset_ns < self.last_ns);
        self.survey.long_rows += u64::from(stream.cells.count() > columns.count);
        self.last_ns = offset_ns;
        let Place { offset, len, crc, .. } = *place;
        self.rows.push(Row { offset_ns, offset, len, crc, tag, class });
    }
}

fn parse_label<T: FromStr<Err = ParseLabelError>>(text: &str) -> Result<T, &'static str> {
    text.trim().to_ascii_lowercase().parse().map_err(|error: ParseLabelError| error.expected)
}

/// The cells of one row, and where to complain about them.
struct RowCells<'a> {
    stream: &'a Stream,
    count: usize,
    faults: &'a mut Faults,
    row: u64,
    line: u64,
    /// It was already reported that the row ends early.
    short: bool,
}

impl<'a> RowCells<'a> {
    fn fault(&mut self, column: &str, expected: String, found: String) {
        let column = column.to_owned();
        self.faults.add(Fault { row: self.row, line: self.line, column, expected, found });
    }

    /// The text of a cell, which must not be empty.
    fn text(&mut self, name: &str, column: usize, expected: &str) -> Option<&'a str> {
        let cell = self.stream.cells.get(column);
        match cell.map(std::str::from_utf8) {
            Some(Ok(text)) if !text.is_empty() => return Some(text),
            Some(Ok(_)) => self.fault(name, expected.to_owned(), "an empty cell".to_owned()),
            Some(Err(_)) => {
                let text = String::from_utf8_lossy(cell.unwrap_or_default());
                self.fault(name, format!("{expected} in UTF-8"), quoted(&text, excerpt(&text)));
            }
            None if self.short => {}
            None => {
                self.short = true;
                let (has, wants) = (self.stream.cells.count(), self.count);
                let found = format!("a row of {has} cells instead of {wants}");
                // The cells that are missing may stand in the last one.
                let last = has.checked_sub(1).and_then(|last| self.stream.cells.get(last));
                let last = String::from_utf8_lossy(last.unwrap_or_default());
                self.fault(name, expected.to_owned(), quoted(&last, found));
            }
        }
        None
    }

    /// The body and what is in it.
    fn body(&mut self, column: usize) -> Option<(&'a str, Seen<'a>)> {
        let body = self.text("body_json", column, "a JSON object")?;
        match inspect(body) {
            Ok(seen) => Some((body, seen)),
            Err(BodyFault { mut expected, found }) => {
                let (has, wants) = (self.stream.cells.count(), self.count);
                if has > wants {
                    // Nearly always JSON whose commas were not protected.
                    expected.push_str(" in one quoted cell");
                    expected.push_str(&format!(" (the row has {has} cells, the header {wants})"));
                }
                self.fault("body_json", expected, quoted(body, found));
                None
            }
        }
    }

    /// A cell read by `parse`, which says what it expected; `default` where there is no column.
    fn parsed<T>(
        &mut self,
        name: &str,
        column: Option<usize>,
        default: T,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let Some(column) = column else { return Some(default) };
        // What an empty cell should have held is what an empty text fails to be.
        let expected = parse("").err().unwrap_or_default();
        let text = self.text(name, column, expected)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(expected) => {
                self.fault(name, expected.to_owned(), quoted(text, excerpt(text)));
                None
            }
        }
    }
}

/// How many of the hashes come again.
fn repeated(mut hashes: Vec<u64>) -> u64 {
    hashes.sort_unstable();
    hashes.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64
}

/// `found` with a hint, where the faulty `cell` spans lines: an open quote pulls the next rows in.
fn quoted(cell: &str, mut found: String) -> String {
    if cell.contains('\n') {
        found.push_str(" in a cell that spans lines; is a quote left open?");
    }
    found
}

fn too_many(line: u64) -> Fault {
    Fault {
        row: u64::from(ROWS_MAX) + 2,
        line,
        column: String::new(),
        expected: format!("at most {ROWS_MAX} rows"),
        found: "another one".to_owned(),
    }
}

fn too_long(row: u64, line: u64) -> Fault {
    let mib = ROW_MAX_BYTES >> 20;
    Fault {
        row,
        line,
        column: String::new(),
        expected: format!("a row of at most {mib} MiB and 4096 cells"),
        found: "more; is a quote left open?".to_owned(),
    }
}

fn open_quote(row: u64, line: u64) -> Fault {
    Fault {
        row,
        line,
        column: String::new(),
        expected: "a closing quote".to_owned(),
        found: format!("the end of the file: the quote opened in row {row} is never closed"),
    }
}
