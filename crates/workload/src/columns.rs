//! The header of a workload file.

use crate::cells::Cells;
use crate::error::{Fault, Faults, excerpt};

/// Where the columns are.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub(crate) request_id: Option<usize>,
    pub(crate) arrival_offset: usize,
    pub(crate) mode: Option<usize>,
    pub(crate) priority: Option<usize>,
    pub(crate) body_json: usize,
    /// Cells that a row should have.
    pub(crate) count: usize,
    /// Names that mean nothing here.
    pub(crate) unknown: Vec<String>,
    /// Columns without a name, such as spreadsheets leave at the end.
    pub(crate) nameless: u64,
}

impl Columns {
    /// Reads the header; `None` if it is faulty.
    pub(crate) fn find(header: &Cells, line: u64, faults: &mut Faults) -> Option<Self> {
        let names: Vec<String> =
            header.iter().map(|name| String::from_utf8_lossy(name).trim().to_lowercase()).collect();
        let mut add = |column: &str, expected: &str, found: String| {
            let (column, expected) = (column.to_owned(), expected.to_owned());
            faults.add(Fault { row: 1, line, column, expected, found });
        };
        let mut faulty = false;
        for (at, name) in names.iter().enumerate() {
            let earlier = names[..at].iter().filter(|earlier| *earlier == name).count();
            if earlier == 1 && !name.is_empty() {
                faulty = true;
                add(name, "every name once, whatever its case", "it again".to_owned());
            }
        }
        let place = |wanted: &str| names.iter().position(|name| name == wanted);
        let mut required = |wanted, what| {
            let found = place(wanted);
            if found.is_none() {
                faulty = true;
                add(wanted, what, format!("only {}", excerpt(&names.join(","))));
            }
            found.unwrap_or_default()
        };
        let columns = Self {
            request_id: place("request_id"),
            arrival_offset: required(
                "arrival_offset",
                "this column, in milliseconds from the start",
            ),
            mode: place("mode"),
            priority: place("priority"),
            body_json: required("body_json", "this column, the JSON object to send"),
            count: names.len(),
            unknown: Vec::new(),
            nameless: names.iter().filter(|name| name.is_empty()).count() as u64,
        };
        let known = ["", "request_id", "arrival_offset", "mode", "priority", "body_json"];
        let unknown = names.into_iter().filter(|name| !known.contains(&name.as_str())).collect();
        if faulty { None } else { Some(Self { unknown, ..columns }) }
    }
}
