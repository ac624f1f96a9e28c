//! A detailed CSV, read whole.

use crate::columns::{Column, Header};
use crate::error::ReadError;
use csv::{ErrorKind, StringRecord};
use proofload_record::{Mode, Priority};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Milliseconds beyond this are no duration: a century.
const MS_MAX: f64 = 3.2e12;
/// Characters of a bad cell that are shown.
const SHOWN_MAX: usize = 60;

/// A detailed CSV of Logos, read and checked.
#[derive(Clone, Debug)]
pub struct DetailedFile {
    pub(crate) header: Header,
    pub(crate) entries: Vec<Entry>,
    pub(crate) sha256: String,
}

/// What the file says of one request. Times are in nanoseconds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) request_id: String,
    pub(crate) mode: Mode,
    pub(crate) priority: Priority,
    /// 0 where the client had an exception instead.
    pub(crate) status: u16,
    /// Measured by the client.
    pub(crate) client_duration_ns: u64,
    /// The model that the request asked for; only the newer form tells.
    pub(crate) asked_model: Option<String>,
    pub(crate) server_request_id: Option<String>,
    pub(crate) response_text: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) logged: Logged,
}

/// The part that comes from the server's database.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Logged {
    pub(crate) log_id: Option<i64>,
    pub(crate) provider: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) ttft_ns: Option<u64>,
    pub(crate) total_ns: Option<u64>,
    pub(crate) queue_wait_ns: Option<u64>,
    pub(crate) processing_ns: Option<u64>,
    pub(crate) load_ns: Option<u64>,
    pub(crate) cold_start: Option<bool>,
    pub(crate) queue_depth: Option<u32>,
    pub(crate) queue_depth_scheduled: Option<u32>,
    pub(crate) prompt_tokens: Option<u32>,
    pub(crate) completion_tokens: Option<u32>,
    pub(crate) result: Option<String>,
}

impl Logged {
    /// Whether the database knew the request at all.
    pub(crate) const fn is_there(&self) -> bool {
        self.log_id.is_some() || self.total_ns.is_some() || self.ttft_ns.is_some()
    }
}

impl DetailedFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`ReadError`] with the first thing that is wrong.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let bytes =
            fs::read(path).map_err(|source| ReadError::Read { path: path.to_owned(), source })?;
        Self::parse(path, &bytes)
    }

    /// Reads `bytes`; `path` is for messages.
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, ReadError> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
        let mut record = StringRecord::new();
        let broken = |error| broken(path, bytes, error);
        if !reader.read_record(&mut record).map_err(broken)? {
            return Err(ReadError::NoRows { path: path.to_owned() });
        }
        let header = Header::read(path, &record)?;
        let mut entries = Vec::new();
        let mut row_of = HashMap::new();
        while reader.read_record(&mut record).map_err(broken)? {
            let row = entries.len() as u64 + 2;
            let cells = Cells { path, bytes, header: &header, record: &record, row };
            let entry = entry(&cells)?;
            // A blank id names nobody, and so nobody twice.
            if !entry.request_id.is_empty()
                && let Some(first) = row_of.insert(entry.request_id.clone(), row)
            {
                return Err(cells.id_twice(&entry.request_id, first));
            }
            entries.push(entry);
        }
        if entries.is_empty() {
            return Err(ReadError::NoRows { path: path.to_owned() });
        }
        let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { header, entries, sha256 })
    }

    /// What the file is, such as `Logos detailed CSV, 14 columns`.
    #[must_use]
    pub fn form(&self) -> String {
        self.header.form()
    }

    /// Columns that nothing is done with, because nobody at Logos writes them.
    #[must_use]
    pub fn ignored_columns(&self) -> &[String] {
        &self.header.unknown
    }
}

/// The line on which a record begins. The reader counts a line break of two bytes as the next
/// record's, so its own number is one too small there.
fn line(bytes: &[u8], at: &csv::Position) -> u64 {
    let start = usize::try_from(at.byte()).unwrap_or(usize::MAX).min(bytes.len());
    let breaks = bytes[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let before = &bytes[..start + breaks];
    1 + before.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn broken(path: &Path, bytes: &[u8], error: csv::Error) -> ReadError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::UnequalLengths { pos: Some(at), expected_len, len } => ReadError::Length {
            path,
            row: at.record() + 1,
            line: line(bytes, at),
            expected: *expected_len,
            found: *len,
        },
        _ => ReadError::Csv { path, source: error },
    }
}

fn entry(cells: &Cells<'_>) -> Result<Entry, ReadError> {
    let completion = cells.count(Column::CompletionTokens)?;
    Ok(Entry {
        request_id: cells.text(Column::RequestId).unwrap_or_default().to_owned(),
        mode: cells.needed(Column::Mode, "`interactive` or `batch`")?,
        priority: cells.needed(Column::Priority, "`low`, `mid` or `high`")?,
        status: cells.status()?,
        client_duration_ns: cells
            .millis(Column::ClientDuration)?
            .ok_or_else(|| cells.wrong(Column::ClientDuration, "milliseconds"))?,
        asked_model: cells.asked_model()?,
        server_request_id: cells.owned(Column::ServerRequestId),
        response_text: cells.owned(Column::ResponseText),
        error: cells.owned(Column::Error),
        logged: Logged {
            log_id: cells.parsed(Column::LogId, "a whole number")?,
            provider: cells.owned(Column::ProviderName),
            model: cells.owned(Column::ModelName),
            ttft_ns: cells.millis(Column::Ttft)?,
            total_ns: cells.millis(Column::TotalLatency)?,
            queue_wait_ns: cells.millis(Column::QueueWait)?,
            processing_ns: cells.millis(Column::Processing)?,
            load_ns: cells.millis(Column::LoadDuration)?,
            cold_start: cells.flag(Column::ColdStart)?,
            queue_depth: cells.count(Column::QueueDepthAtArrival)?,
            queue_depth_scheduled: cells.count(Column::QueueDepthAtSchedule)?,
            prompt_tokens: cells.count(Column::PromptTokens)?,
            // `tokens` falls back to all tokens, so the more exact one comes first.
            completion_tokens: completion.map_or_else(
                || cells.count(Column::Tokens),
                |count| {
                    cells.count(Column::Tokens)?;
                    Ok(Some(count))
                },
            )?,
            result: cells.owned(Column::ResultStatus),
        },
    })
}

/// The beginning of a cell.
fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// One row, with where it stands.
struct Cells<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    header: &'a Header,
    record: &'a StringRecord,
    row: u64,
}

impl<'a> Cells<'a> {
    /// The cell of a column; none where it is blank or there is no such column.
    fn text(&self, column: Column) -> Option<&'a str> {
        let text = self.record.get(self.header.place(column)?)?;
        (!text.trim().is_empty()).then_some(text)
    }

    fn owned(&self, column: Column) -> Option<String> {
        self.text(column).map(str::to_owned)
    }

    fn wrong(&self, column: Column, expected: &'static str) -> ReadError {
        let text = self.header.place(column).and_then(|place| self.record.get(place));
        let (path, row, line) = self.place();
        let found = cut(text.unwrap_or_default());
        ReadError::Cell { path, row, line, column: column.name(), expected, found }
    }

    fn id_twice(&self, id: &str, first: u64) -> ReadError {
        let (path, row, line) = self.place();
        ReadError::IdTwice { path, row, line, first, id: cut(id) }
    }

    fn place(&self) -> (PathBuf, u64, u64) {
        let line = self.record.position().map_or(0, |at| line(self.bytes, at));
        (PathBuf::from(self.path), self.row, line)
    }

    fn parsed<T: FromStr>(
        &self,
        column: Column,
        expected: &'static str,
    ) -> Result<Option<T>, ReadError> {
        let parse = |text: &str| text.trim().parse().map_err(|_| self.wrong(column, expected));
        self.text(column).map(parse).transpose()
    }

    fn needed<T: FromStr>(&self, column: Column, expected: &'static str) -> Result<T, ReadError> {
        self.parsed(column, expected)?.ok_or_else(|| self.wrong(column, expected))
    }

    fn count(&self, column: Column) -> Result<Option<u32>, ReadError> {
        self.parsed(column, "a whole number")
    }

    fn status(&self) -> Result<u16, ReadError> {
        const EXPECTED: &str = "an HTTP status, or 0 where none came";
        let status: u16 = self.needed(Column::HttpStatus, EXPECTED)?;
        match status {
            0 | 100..=999 => Ok(status),
            _ => Err(self.wrong(Column::HttpStatus, EXPECTED)),
        }
    }

    /// Milliseconds as whole nanoseconds.
    fn millis(&self, column: Column) -> Result<Option<u64>, ReadError> {
        const EXPECTED: &str = "milliseconds";
        let Some(ms) = self.parsed::<f64>(column, EXPECTED)? else { return Ok(None) };
        if (0.0..=MS_MAX).contains(&ms) {
            Ok(Some((ms * 1e6).round() as u64))
        } else {
            Err(self.wrong(column, EXPECTED))
        }
    }

    fn flag(&self, column: Column) -> Result<Option<bool>, ReadError> {
        match self.text(column).map(|text| text.trim().to_lowercase()).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(self.wrong(column, "True or False")),
        }
    }

    /// The model that the body names; none where it leaves the choice to the server.
    fn asked_model(&self) -> Result<Option<String>, ReadError> {
        const EXPECTED: &str = "a JSON object";
        if !self.header.has(Column::RequestBody) {
            return Ok(None);
        }
        let body: serde_json::Map<String, serde_json::Value> = self
            .text(Column::RequestBody)
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| self.wrong(Column::RequestBody, EXPECTED))?;
        let model = body.get("model").and_then(serde_json::Value::as_str);
        Ok(model.filter(|model| !model.is_empty()).map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::DetailedFile;

    const HEAD: &str = "request_id,mode,priority,http_status,client_duration_ms,tokens,\
                        total_latency_ms,log_id,cold_start,request_body_json,response_text\n";

    fn parse(text: &str) -> Result<DetailedFile, String> {
        DetailedFile::parse("f.csv".as_ref(), text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn cells_are_read_to_the_nanosecond_and_blanks_stay_blank() {
        let file = parse(&format!(
            "{HEAD}a,batch,low,200,7128.07,918,6999.37,150,True,\"{{\"\"model\"\":\"\"m\"\"}}\",x\n\
             b,interactive,high,0,0.000001,,,,,{{}},\n"
        ))
        .unwrap();
        let [a, b] = file.entries.as_slice() else { panic!("{file:?}") };
        assert_eq!((a.client_duration_ns, a.logged.total_ns), (7_128_070_000, Some(6_999_370_000)));
        assert_eq!((a.logged.log_id, a.logged.cold_start), (Some(150), Some(true)));
        assert_eq!((a.asked_model.as_deref(), a.logged.is_there()), (Some("m"), true));
        assert_eq!((b.client_duration_ns, b.asked_model.as_deref()), (1, None));
        assert_eq!((b.logged.completion_tokens, b.logged.is_there()), (None, false));
    }

    #[test]
    fn a_bad_cell_is_named_with_row_line_column_and_what_was_expected() {
        let good = ["a", "batch", "low", "200", "1.5", "3", "2.5", "1", "True", "{}", "two\nlines"];
        for (place, cell, column, expected) in [
            (1, "", "mode", "`interactive` or `batch`"),
            (1, "bulk", "mode", "`interactive` or `batch`"),
            (2, "urgent", "priority", "`low`, `mid` or `high`"),
            (3, "OK", "http_status", "an HTTP status"),
            (3, "20", "http_status", "an HTTP status"),
            (3, "70000", "http_status", "an HTTP status"),
            (4, "", "client_duration_ms", "milliseconds"),
            (4, "-1", "client_duration_ms", "milliseconds"),
            (4, "NaN", "client_duration_ms", "milliseconds"),
            (4, "inf", "client_duration_ms", "milliseconds"),
            (4, "12 ms", "client_duration_ms", "milliseconds"),
            (5, "3.5", "tokens", "a whole number"),
            (6, "fast", "total_latency_ms", "milliseconds"),
            (7, "x150", "log_id", "a whole number"),
            (8, "maybe", "cold_start", "True or False"),
            (9, "", "request_body_json", "a JSON object"),
            (9, "[1]", "request_body_json", "a JSON object"),
        ] {
            let mut cells = good;
            cells[place] = cell;
            let row = |cells: &[&str]| {
                let quoted: Vec<String> = cells.iter().map(|cell| format!("\"{cell}\"")).collect();
                quoted.join(",") + "\n"
            };
            let text = format!("{HEAD}{}{}", row(&good), row(&cells));
            for text in [text.clone(), text.replace('\n', "\r\n")] {
                let error = parse(&text).unwrap_err();
                let place =
                    format!("f.csv: row 3 (line 4): column `{column}`: expected {expected}");
                assert!(error.starts_with(&place), "{error}");
                assert!(error.ends_with(&format!("found {cell:?}")), "{error}");
            }
        }
    }

    #[test]
    fn a_file_that_is_no_table_of_requests_is_refused() {
        let long = "y".repeat(100);
        for (name, text, want) in [
            ("empty", String::new(), "found none"),
            ("only a header", HEAD.to_owned(), "found none"),
            (
                "a short row",
                format!("{HEAD}a,batch\n"),
                "row 2 (line 2): expected 11 columns, found 2",
            ),
            (
                "a long cell",
                format!("{HEAD}a,{long},low,200,1,1,1,1,True,{{}},x\n"),
                &format!("found \"{}…\"", &long[..60]),
            ),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(want), "{name}: {error}");
        }
        let bytes = [HEAD.as_bytes(), b"\xff,batch,low,200,1,1,1,1,True,{},x\n"].concat();
        let error = DetailedFile::parse("f.csv".as_ref(), &bytes).unwrap_err();
        assert_eq!(error.to_string(), "f.csv is no CSV file in UTF-8");
        let error = DetailedFile::open("no/such.csv".as_ref()).unwrap_err();
        assert_eq!(error.to_string(), "cannot read no/such.csv");
    }
}
