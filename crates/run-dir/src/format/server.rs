//! `server.csv` and `server.json`: what the server's own log said of the run.
//!
//! The table has a row for each request that the log knows; the JSON says where the log is, what
//! had no counterpart and why something is missing. The JSON is written last, so a table without
//! it is one whose writing was cut off.

use proofload_record::{Missing, Served, ServerSide, Unmatched};
use proofload_units::printable;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

/// The version of both files.
pub(crate) const VERSION: u32 = 1;

/// The columns of version 1, in order.
const COLUMNS: [&str; 17] = [
    "index",
    "log_id",
    "arrived_unix_ns",
    "queue_wait_ns",
    "processing_ns",
    "ttft_ns",
    "total_ns",
    "classification_ns",
    "load_ns",
    "cold_start",
    "queue_depth",
    "queue_depth_scheduled",
    "prompt_tokens",
    "completion_tokens",
    "provider",
    "model",
    "result",
];

/// Everything but the rows.
#[derive(Serialize, Deserialize)]
pub(crate) struct About {
    schema_version: u32,
    source: String,
    rows: u64,
    not_in_log: Names,
    not_in_run: Names,
    ambiguous: Names,
    missing: Vec<MissingEntry>,
    problems: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Names {
    count: u64,
    first: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct MissingEntry {
    metric: String,
    reason: String,
}

impl From<&Unmatched> for Names {
    fn from(from: &Unmatched) -> Self {
        Self { count: from.count, first: from.first.clone() }
    }
}

impl From<Names> for Unmatched {
    fn from(from: Names) -> Self {
        Self { count: from.count, first: from.first }
    }
}

/// What is wrong with one of the two files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("version {found} is newer than {VERSION}")]
    Newer { found: u32 },
    #[error(transparent)]
    Csv(#[from] csv::Error),
    #[error("the columns are not `{}`", COLUMNS.join(","))]
    Columns,
    #[error("row {row}: column `{column}`: expected {expected}, found {found:?}")]
    Cell { row: u64, column: &'static str, expected: &'static str, found: String },
    #[error("row {row}: index {index} does not follow the one before, or is not in the plan")]
    Order { row: u64, index: u32 },
    #[error("expected {expected} rows, found {found}")]
    Count { expected: u64, found: u64 },
}

/// The JSON, with a line feed at its end.
pub(crate) fn encode_about(side: &ServerSide) -> Vec<u8> {
    let entry = |missing: &Missing| MissingEntry {
        metric: missing.metric.clone(),
        reason: missing.reason.clone(),
    };
    let about = About {
        schema_version: VERSION,
        source: side.source.clone(),
        rows: side.rows.len() as u64,
        not_in_log: (&side.not_in_log).into(),
        not_in_run: (&side.not_in_run).into(),
        ambiguous: (&side.ambiguous).into(),
        missing: side.missing.iter().map(entry).collect(),
        problems: side.problems.clone(),
    };
    // Texts and numbers always have a JSON form.
    let mut json = serde_json::to_vec_pretty(&about).unwrap_or_default();
    json.push(b'\n');
    json
}

/// Reads the JSON.
pub(crate) fn decode_about(json: &[u8]) -> Result<About, ServerError> {
    #[derive(Deserialize)]
    struct Version {
        schema_version: u32,
    }
    let Version { schema_version: found } = serde_json::from_slice(json)?;
    if found > VERSION {
        return Err(ServerError::Newer { found });
    }
    Ok(serde_json::from_slice(json)?)
}

/// Writes the table.
pub(crate) fn encode_rows(rows: &[Served], out: impl Write) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(COLUMNS)?;
    for row in rows {
        table.write_record(
            [
                row.index.to_string().into(),
                cell(row.log_id),
                cell(row.arrived_wall_ns),
                cell(row.queue_wait_ns),
                cell(row.processing_ns),
                cell(row.ttft_ns),
                cell(row.total_ns),
                cell(row.classification_ns),
                cell(row.load_ns),
                cell(row.cold_start),
                cell(row.queue_depth),
                cell(row.queue_depth_scheduled),
                cell(row.prompt_tokens),
                cell(row.completion_tokens),
                guarded(row.provider.as_deref()),
                guarded(row.model.as_deref()),
                guarded(row.result.as_deref()),
            ]
            .map(Cow::<str>::into_owned),
        )?;
    }
    table.flush()
}

fn cell<T: ToString>(value: Option<T>) -> Cow<'static, str> {
    value.map_or(Cow::Borrowed(""), |value| value.to_string().into())
}

/// A text from outside, without what acts on a terminal. What a spreadsheet takes for a formula gets
/// an apostrophe before it, and so does what begins with one, so that reading can take it away again.
fn guarded(text: Option<&str>) -> Cow<'_, str> {
    match printable(text.unwrap_or_default()) {
        text if text.starts_with(['=', '+', '-', '@', '\t', '\'']) => format!("'{text}").into(),
        text => text,
    }
}

/// Puts both files together: the rows up to the first that cannot be read, and what is wrong then.
/// `planned` is the length of the plan.
pub(crate) fn decode(
    about: About,
    csv: &[u8],
    planned: usize,
) -> (ServerSide, Option<ServerError>) {
    let mut rows = Vec::new();
    let mut error = decode_rows(csv, planned, &mut rows).err();
    let found = rows.len() as u64;
    if error.is_none() && found != about.rows {
        error = Some(ServerError::Count { expected: about.rows, found });
    }
    let missing = |entry: MissingEntry| Missing { metric: entry.metric, reason: entry.reason };
    let side = ServerSide {
        source: about.source,
        rows,
        not_in_log: about.not_in_log.into(),
        not_in_run: about.not_in_run.into(),
        ambiguous: about.ambiguous.into(),
        missing: about.missing.into_iter().map(missing).collect(),
        problems: about.problems,
    };
    (side, error)
}

fn decode_rows(csv: &[u8], planned: usize, rows: &mut Vec<Served>) -> Result<(), ServerError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(csv);
    let mut record = csv::StringRecord::new();
    if !reader.read_record(&mut record)? || !record.iter().eq(COLUMNS) {
        return Err(ServerError::Columns);
    }
    let mut names = HashSet::new();
    let mut number = 1;
    while reader.read_record(&mut record)? {
        number += 1;
        let row = decode_row(number, &record, &mut names)?;
        let follows = rows.last().is_none_or(|last| last.index < row.index);
        if !follows || row.index as usize >= planned {
            return Err(ServerError::Order { row: number, index: row.index });
        }
        rows.push(row);
    }
    Ok(())
}

fn decode_row(
    row: u64,
    record: &csv::StringRecord,
    names: &mut HashSet<Arc<str>>,
) -> Result<Served, ServerError> {
    let cells = Cells { row, record };
    let mut name = |column: usize| {
        let text = record.get(column).filter(|text| !text.is_empty())?;
        let text = text.strip_prefix('\'').unwrap_or(text);
        if let Some(known) = names.get(text) {
            return Some(Arc::clone(known));
        }
        let shared: Arc<str> = text.into();
        names.insert(Arc::clone(&shared));
        Some(shared)
    };
    let (provider, model, result) = (name(14), name(15), name(16));
    let index = cells.get(0, "a number")?;
    Ok(Served {
        index: index.ok_or_else(|| cells.wrong(0, "a number"))?,
        log_id: cells.get(1, "a number")?,
        arrived_wall_ns: cells.get(2, "a number")?,
        queue_wait_ns: cells.get(3, "a number")?,
        processing_ns: cells.get(4, "a number")?,
        ttft_ns: cells.get(5, "a number")?,
        total_ns: cells.get(6, "a number")?,
        classification_ns: cells.get(7, "a number")?,
        load_ns: cells.get(8, "a number")?,
        cold_start: cells.get(9, "true or false")?,
        queue_depth: cells.get(10, "a number")?,
        queue_depth_scheduled: cells.get(11, "a number")?,
        prompt_tokens: cells.get(12, "a number")?,
        completion_tokens: cells.get(13, "a number")?,
        provider,
        model,
        result,
    })
}

struct Cells<'a> {
    row: u64,
    record: &'a csv::StringRecord,
}

impl Cells<'_> {
    fn get<T: FromStr>(
        &self,
        column: usize,
        expected: &'static str,
    ) -> Result<Option<T>, ServerError> {
        match self.record.get(column) {
            Some("") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| self.wrong(column, expected)),
            None => Err(self.wrong(column, expected)),
        }
    }

    fn wrong(&self, column: usize, expected: &'static str) -> ServerError {
        let found = self.record.get(column).unwrap_or("nothing").to_owned();
        ServerError::Cell { row: self.row, column: COLUMNS[column], expected, found }
    }
}

#[cfg(test)]
mod tests {
    use super::{ServerError, decode, decode_about, encode_about, encode_rows};
    use proofload_record::{Missing, Served, ServerSide, Unmatched};

    fn sample() -> ServerSide {
        let full = Served {
            index: 3,
            log_id: Some(-7),
            arrived_wall_ns: Some(1_764_064_800_000_000_000),
            queue_wait_ns: Some(1_500),
            processing_ns: Some(2_000_000),
            ttft_ns: Some(900),
            total_ns: Some(2_001_500),
            classification_ns: Some(80),
            load_ns: Some(0),
            cold_start: Some(true),
            queue_depth: Some(2),
            queue_depth_scheduled: Some(1),
            prompt_tokens: Some(10),
            completion_tokens: Some(20),
            provider: Some("=cmd|'x'".into()),
            model: Some("'quoted, \"so\"".into()),
            result: Some("success".into()),
        };
        ServerSide {
            source: "postgres://db:5432/logos".to_owned(),
            rows: vec![Served { index: 0, ..Served::default() }, full],
            not_in_log: Unmatched { count: 12, first: vec!["run-1".to_owned()] },
            not_in_run: Unmatched::default(),
            ambiguous: Unmatched { count: 1, first: vec!["run-2".to_owned()] },
            missing: vec![Missing { metric: "load".to_owned(), reason: "no column".to_owned() }],
            problems: vec!["12 requests are not in the log".to_owned()],
        }
    }

    fn encoded(side: &ServerSide) -> (Vec<u8>, Vec<u8>) {
        let mut csv = Vec::new();
        encode_rows(&side.rows, &mut csv).unwrap();
        (encode_about(side), csv)
    }

    #[test]
    fn the_server_side_comes_back_and_no_cell_is_a_formula() {
        let side = sample();
        let (json, csv) = encoded(&side);
        let (read, error) = decode(decode_about(&json).unwrap(), &csv, 4);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(read, side);
        let text = String::from_utf8(csv).unwrap();
        assert!(text.contains(",'=cmd|'x',\"''quoted"), "{text}");
        assert!(text.starts_with("index,log_id,arrived_unix_ns,queue_wait_ns,"), "{text}");
        assert!(text.contains("\n0,,,,,,,,,,,,,,,,\n"), "{text}");
    }

    #[test]
    fn a_name_cannot_act_on_a_terminal() {
        let model = Some("m\x1b[31m\r".into());
        let side = ServerSide {
            rows: vec![Served { index: 0, model, ..Served::default() }],
            ..ServerSide::default()
        };
        let (json, csv) = encoded(&side);
        assert!(csv.iter().all(|byte| *byte == b'\n' || !byte.is_ascii_control()), "{csv:?}");
        let (read, _) = decode(decode_about(&json).unwrap(), &csv, 1);
        assert_eq!(read.rows[0].model.as_deref(), Some("m\\u{1b}[31m\\u{d}"));
    }

    #[test]
    fn what_is_altered_is_named_and_the_rows_before_it_are_kept() {
        let (json, csv) = encoded(&sample());
        let text = String::from_utf8(csv).unwrap();
        let last = text.trim_end().rfind('\n').unwrap() + 1;
        for (name, csv, planned, kept, want) in [
            ("number", text.replace(",1500,", ",soon,"), 4, 1, "row 3: column `queue_wait_ns`"),
            ("flag", text.replace(",true,", ",yes,"), 4, 1, "expected true or false"),
            ("columns", text.replace("log_id", "id"), 4, 0, "the columns are not"),
            ("a row less", text[..last].to_owned(), 4, 1, "expected 2 rows, found 1"),
            ("cut row", text[..last + 9].to_owned(), 4, 1, "found \"nothing\""),
            ("no such request", text.clone(), 3, 1, "index 3 does not follow"),
            ("order", text.replace("\n3,", "\n0,"), 4, 1, "index 0 does not follow"),
            ("no index", text.replace("\n3,", "\n,"), 4, 1, "column `index`"),
        ] {
            let (read, error) = decode(decode_about(&json).unwrap(), csv.as_bytes(), planned);
            let error = error.unwrap_or_else(|| panic!("{name}: nothing found")).to_string();
            assert!(error.contains(want), "{name}: {error}");
            assert_eq!(read.rows.len(), kept, "{name}");
        }
    }

    #[test]
    fn a_newer_form_is_refused_by_its_version() {
        let json = String::from_utf8(encode_about(&sample())).unwrap();
        let newer = json.replace("\"schema_version\": 1", "\"schema_version\": 2");
        let found = decode_about(newer.as_bytes()).map(|_| ()).unwrap_err();
        assert!(matches!(found, ServerError::Newer { found: 2 }), "{found}");
        assert!(decode_about(b"{}").is_err());
    }
}
