//! Which files there are, and writing them.

use crate::atomic::{self, WriteError};
use crate::detailed::{self, Column};
use crate::html::html;
use crate::json::json;
use crate::{charts, metrics, summary};
use proofload_analysis::{Analysis, Request, Results};
use proofload_run_dir::Responses;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Rows of `detailed.csv` unless all are asked for.
pub const DETAILED_ROWS: u64 = 1_000_000;

/// The page for people.
pub(crate) const PAGE: &str = "report.html";

/// How many rows `detailed.csv` gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rows {
    /// At most [`DETAILED_ROWS`], the first of the plan.
    #[default]
    First,
    /// All, however many there are.
    All,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The files, in the order in which a person wants them.
    pub files: Vec<PathBuf>,
    /// The pictures in the folder `charts`, each as SVG and as PNG.
    pub charts: Vec<PathBuf>,
    /// Requests that `detailed.csv` leaves out, because there are so many.
    pub detailed_left_out: u64,
}

/// Writes `report.html`, `results.json`, `summary.csv`, `metrics.csv` and `detailed.csv` into `dir`,
/// and the pictures into its folder `charts`.
///
/// # Errors
/// [`WriteError`] names the file that could not be written; those before it are whole.
pub fn write_run_dir(
    analysis: &Analysis<'_>,
    dir: &Path,
    rows: Rows,
) -> Result<Written, WriteError> {
    let results = dir.join("results.json");
    let text = json(&analysis.results);
    atomic::write(&results, |out| out.write_all(text.as_bytes()))?;
    let page = dir.join(PAGE);
    atomic::write(&page, |out| {
        let text = html(&analysis.document).map_err(io::Error::other)?;
        out.write_all(text.as_bytes())
    })?;
    let mut written = write_tables(analysis, |name| dir.join(name), rows)?;
    written.files.splice(0..0, [page, results]);
    written.charts = charts::write_all(analysis, dir)?;
    Ok(written)
}

/// Writes the three tables and two pictures beside one another, as `--output` asks: for `X.csv` the
/// files `X_summary.csv`, `X_metrics.csv`, `X_detailed.csv`, `X.png` with the latencies and
/// `X_client_duration.png`. An ending other than `.csv` stays part of the name.
///
/// A run without a single row has no pictures; those of another run are then removed.
///
/// # Errors
/// [`WriteError`] names the file that could not be written; those before it are whole.
pub fn write_beside(
    analysis: &Analysis<'_>,
    output: &Path,
    rows: Rows,
) -> Result<Written, WriteError> {
    let is_csv = output.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let stem = if is_csv { output.file_stem() } else { output.file_name() };
    let path = |rest: &str| {
        let mut file = OsString::from(stem.unwrap_or_default());
        file.push(rest);
        output.with_file_name(file)
    };
    let mut written = write_tables(analysis, |name| path(&format!("_{name}")), rows)?;
    for (name, rest) in [("latency", ".png"), ("client_duration", "_client_duration.png")] {
        written.files.extend(charts::write_beside(analysis, name, path(rest))?);
    }
    Ok(written)
}

fn write_tables(
    analysis: &Analysis<'_>,
    path: impl Fn(&str) -> PathBuf,
    rows: Rows,
) -> Result<Written, WriteError> {
    let (summary, metrics, detailed) =
        (path("summary.csv"), path("metrics.csv"), path("detailed.csv"));
    let limit = match rows {
        Rows::First => DETAILED_ROWS,
        Rows::All => u64::MAX,
    };
    let marks = marks(&analysis.results);
    let table = |path: &Path, columns: &[Column], limit: u64, texts: Option<&Responses>| {
        let mut left_out = 0;
        atomic::write(path, |out| {
            left_out = write_requests(columns, analysis.requests(), texts, limit, &marks, out)?;
            Ok(())
        })?;
        Ok(left_out)
    };
    table(&summary, &summary::COLUMNS, u64::MAX, None)?;
    atomic::write(&metrics, |out| metrics::write(&analysis.results, out))?;
    // A file of texts that cannot be read costs the texts alone: the run's damage names it.
    let texts = analysis.responses().ok().flatten();
    let detailed_left_out = table(&detailed, &detailed::COLUMNS, limit, texts.as_ref())?;
    let files = vec![summary, metrics, detailed];
    Ok(Written { files, charts: Vec::new(), detailed_left_out })
}

/// What a row must still say when it has left its file: `simulated`, `imported`, `invalid`,
/// `unbalanced`.
fn marks(results: &Results) -> String {
    let marks = [
        (results.simulated, "simulated"),
        (results.imported.is_some(), "imported"),
        (results.validity.verdict == "invalid", "invalid"),
        (!results.balanced, "unbalanced"),
    ];
    let marks: Vec<&str> =
        marks.into_iter().filter(|(applies, _)| *applies).map(|(_, mark)| mark).collect();
    marks.join(" ")
}

/// Writes a row a request, with `marks` in its last column, at most `limit`; returns how many were left out.
fn write_requests<'a>(
    columns: &[Column],
    requests: impl Iterator<Item = Request<'a>>,
    texts: Option<&Responses>,
    limit: u64,
    marks: &str,
    out: &mut dyn Write,
) -> io::Result<u64> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(columns.iter().map(|(name, _)| *name).chain(["run"]))?;
    let (mut record, mut cell) = (csv::StringRecord::new(), String::new());
    let mut left_out = 0;
    for (place, request) in (0_u64..).zip(requests) {
        if place >= limit {
            left_out += 1;
            continue;
        }
        record.clear();
        let text = texts.and_then(|texts| texts.get(request.index).ok().flatten());
        for (_, value) in columns {
            cell.clear();
            value.of(&request, text.as_ref()).write(&mut cell);
            record.push_field(&cell);
        }
        record.push_field(marks);
        table.write_record(&record)?;
    }
    table.flush()?;
    Ok(left_out)
}

#[cfg(test)]
mod tests {
    use super::write_requests;
    use crate::summary;
    use proofload_analysis::Request;
    use proofload_run_dir::Fate;

    #[test]
    fn rows_beyond_the_limit_are_counted() {
        let request = |index| Request {
            index,
            id: "a,b",
            class: None,
            due_ns: 0,
            fate: Fate::Unknown,
            served: None,
            note: None,
            warmup: false,
        };
        for (limit, rows, left_out) in [(2, 2, 1), (3, 3, 0), (u64::MAX, 3, 0)] {
            let mut out = Vec::new();
            let requests = (0..3).map(request);
            let found =
                write_requests(&summary::COLUMNS, requests, None, limit, "simulated", &mut out);
            assert_eq!(found.unwrap(), left_out);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.lines().count(), 1 + rows, "{text}");
            assert_eq!(text.lines().nth(1), Some("\"a,b\",,,,,,,,,,,unknown,false,simulated"));
        }
    }
}
