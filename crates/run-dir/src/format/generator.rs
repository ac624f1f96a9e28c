//! `generator.csv`: how each worker stood, a row a worker and second.
//!
//! These are the rows that say whether the generator itself was the bottleneck; what could not be
//! read on this machine is a blank cell, never a zero.

use std::io::{self, Write};

/// The columns of version 1, in order.
const COLUMNS: [&str; 13] = [
    "second",
    "length_ms",
    "worker",
    "released",
    "lateness_p99_us",
    "lateness_max_us",
    "busy_share",
    "waiting_share",
    "steal_share",
    "throttled_ms",
    "in_flight",
    "queued",
    "spin_share",
];

/// How one worker stood over about a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GeneratorSecond {
    /// Whole seconds from the run's beginning to this interval's.
    pub second: u64,
    /// Length of the interval in milliseconds: about 1,000, less at the end of a run.
    pub length_ms: f64,
    /// The worker.
    pub worker: u16,
    /// Requests that its pacer let go.
    pub released: u64,
    /// Their lateness, 99th percentile, in nanoseconds; none if none was released.
    pub lateness_p99_ns: Option<u64>,
    /// Their greatest lateness in nanoseconds.
    pub lateness_max_ns: Option<u64>,
    /// Share of the interval for which the worker's thread was on a CPU, spinning included.
    pub busy_share: Option<f64>,
    /// Share for which it was ready to run and had no CPU.
    pub waiting_share: Option<f64>,
    /// Share of all CPU time that the hypervisor gave to others, over the whole machine.
    pub steal_share: Option<f64>,
    /// Time for which our control group was throttled, in milliseconds, over all its threads.
    pub throttled_ms: Option<f64>,
    /// Requests started and not finished at the end of the interval.
    pub in_flight: u32,
    /// Requests released that waited for a permit at its end.
    pub queued: u32,
    /// Share of the interval spent spinning towards a due time.
    pub spin_share: f64,
}

/// Writes the table; every row is whole in the output once [`TableWriter::flush`] returns.
pub(crate) struct TableWriter<W: Write>(csv::Writer<W>);

impl<W: Write> TableWriter<W> {
    pub(crate) fn new(output: W) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(output);
        writer.write_record(COLUMNS)?;
        Ok(Self(writer))
    }

    pub(crate) fn write(&mut self, row: &GeneratorSecond) -> io::Result<()> {
        let micros = |ns: Option<u64>| ns.map_or_else(String::new, |ns| decimals(ns as f64 / 1e3));
        let cell = |value: Option<f64>| value.map_or_else(String::new, decimals);
        self.0.write_record([
            row.second.to_string(),
            decimals(row.length_ms),
            row.worker.to_string(),
            row.released.to_string(),
            micros(row.lateness_p99_ns),
            micros(row.lateness_max_ns),
            cell(row.busy_share),
            cell(row.waiting_share),
            cell(row.steal_share),
            cell(row.throttled_ms),
            row.in_flight.to_string(),
            row.queued.to_string(),
            decimals(row.spin_share),
        ])?;
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    /// The output underneath.
    pub(crate) fn get_ref(&self) -> &W {
        self.0.get_ref()
    }
}

fn decimals(value: f64) -> String {
    format!("{value:.4}")
}

/// A table that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    #[error(transparent)]
    Csv(#[from] csv::Error),
    #[error("the columns are not `{}`", COLUMNS.join(","))]
    Columns,
    #[error("row {row}: column `{column}`: expected a number, found {found:?}")]
    Cell { row: u64, column: &'static str, found: String },
}

/// Reads a table up to the first row that is none, and says what is wrong with that. Where the
/// table may be `torn` (the run was not sealed), a last line without its end is left out: a number
/// that was cut is still a number. Rows are counted from 1, the header being row 1.
pub(crate) fn read(bytes: &[u8], torn: bool) -> (Vec<GeneratorSecond>, Option<TableError>) {
    let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let whole = if torn { &bytes[..end] } else { bytes };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(whole);
    let mut records = reader.records();
    match records.next() {
        Some(Ok(header)) if header.iter().eq(COLUMNS) => {}
        None if torn => return (Vec::new(), None),
        Some(Err(error)) => return (Vec::new(), Some(error.into())),
        _ => return (Vec::new(), Some(TableError::Columns)),
    }
    let mut rows = Vec::new();
    for (number, record) in (2..).zip(records) {
        match record.map_err(TableError::Csv).and_then(|record| row(number, &record)) {
            Ok(row) => rows.push(row),
            Err(error) => return (rows, Some(error)),
        }
    }
    (rows, None)
}

fn row(row: u64, record: &csv::StringRecord) -> Result<GeneratorSecond, TableError> {
    let cells = Cells { row, record };
    let nanos = |micros: f64| (micros * 1e3).round() as u64;
    Ok(GeneratorSecond {
        second: cells.number(0)?,
        length_ms: cells.number(1)?,
        worker: cells.number(2)?,
        released: cells.number(3)?,
        lateness_p99_ns: cells.optional(4)?.map(nanos),
        lateness_max_ns: cells.optional(5)?.map(nanos),
        busy_share: cells.optional(6)?,
        waiting_share: cells.optional(7)?,
        steal_share: cells.optional(8)?,
        throttled_ms: cells.optional(9)?,
        in_flight: cells.number(10)?,
        queued: cells.number(11)?,
        spin_share: cells.number(12)?,
    })
}

struct Cells<'a> {
    row: u64,
    record: &'a csv::StringRecord,
}

impl Cells<'_> {
    fn number<T: std::str::FromStr>(&self, column: usize) -> Result<T, TableError> {
        let text = self.record.get(column).unwrap_or_default();
        text.parse().map_err(|_| TableError::Cell {
            row: self.row,
            column: COLUMNS[column],
            found: text.to_owned(),
        })
    }

    fn optional(&self, column: usize) -> Result<Option<f64>, TableError> {
        match self.record.get(column) {
            Some("") => Ok(None),
            _ => self.number(column).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GeneratorSecond, TableWriter, read};

    fn sample() -> (Vec<GeneratorSecond>, Vec<u8>) {
        let full = GeneratorSecond {
            second: 3,
            length_ms: 1000.25,
            worker: 1,
            released: 40,
            lateness_p99_ns: Some(61_000),
            lateness_max_ns: Some(1_250_500),
            busy_share: Some(0.25),
            waiting_share: Some(0.0125),
            steal_share: Some(0.0),
            throttled_ms: Some(1.5),
            in_flight: 7,
            queued: 2,
            spin_share: 0.125,
        };
        let blank = GeneratorSecond { second: 4, length_ms: 12.5, ..GeneratorSecond::default() };
        let rows = vec![full, blank];
        let mut bytes = Vec::new();
        let mut table = TableWriter::new(&mut bytes).unwrap();
        for row in &rows {
            table.write(row).unwrap();
        }
        table.flush().unwrap();
        drop(table);
        (rows, bytes)
    }

    fn read_whole(bytes: &[u8], torn: bool) -> Vec<GeneratorSecond> {
        let (rows, error) = read(bytes, torn);
        assert!(error.is_none(), "{error:?}");
        rows
    }

    #[test]
    fn the_table_reads_as_documented_and_comes_back() {
        let (rows, bytes) = sample();
        let want = "second,length_ms,worker,released,lateness_p99_us,lateness_max_us,busy_share,\
                    waiting_share,steal_share,throttled_ms,in_flight,queued,spin_share\n\
                    3,1000.2500,1,40,61.0000,1250.5000,0.2500,0.0125,0.0000,1.5000,7,2,0.1250\n\
                    4,12.5000,0,0,,,,,,,0,0,0.0000\n";
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), want);
        assert_eq!(read_whole(&bytes, false), rows);
    }

    #[test]
    fn a_cut_costs_the_row_that_it_hits() {
        let (rows, bytes) = sample();
        for cut in 0..=bytes.len() {
            let lines = bytes[..cut].iter().filter(|&&byte| byte == b'\n').count();
            let want = &rows[..lines.saturating_sub(1)];
            assert_eq!(read_whole(&bytes[..cut], true), want, "cut at {cut}");
        }
    }

    #[test]
    fn a_cell_that_is_no_number_is_named() {
        let (_, bytes) = sample();
        let text = String::from_utf8(bytes).unwrap().replace("12.5000", "twelve");
        let (kept, error) = read(text.as_bytes(), false);
        assert_eq!(kept.len(), 1);
        let error = error.unwrap().to_string();
        assert_eq!(error, "row 3: column `length_ms`: expected a number, found \"twelve\"");
        let error = read(b"second,worker\n", false).1.unwrap().to_string();
        assert!(error.starts_with("the columns are not `second,length_ms"), "{error}");
    }
}
