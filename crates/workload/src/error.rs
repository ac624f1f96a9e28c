//! Why a workload, a plan or a payload was refused.

use std::fmt::{self, Write};
use std::io;
use std::path::PathBuf;

/// How many faults of one file are reported.
pub(crate) const FAULTS_MAX: usize = 10;

/// How much of a cell is quoted, in characters.
const EXCERPT_CHARS: usize = 60;

/// One thing that is wrong with a workload file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1, the header being row 1; blank lines are not rows.
    pub row: u64,
    /// The line on which the row begins, counted from 1.
    pub line: u64,
    /// The column; empty where the row as a whole is at fault.
    pub column: String,
    /// What should have stood there.
    pub expected: String,
    /// What stood there, cut to a readable length.
    pub found: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, line, column, expected, found } = self;
        write!(f, "{row}: ")?;
        if line != row {
            write!(f, "(line {line}) ")?;
        }
        if !column.is_empty() {
            write!(f, "column `{column}`: ")?;
        }
        write!(f, "expected {expected}, found {found}")
    }
}

/// Why a workload was refused. Nothing is sent from it.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The file cannot be read.
    #[error("cannot read workload {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not even a header.
    #[error(
        "{path}: the file is empty; expected a header row with `arrival_offset` and `body_json`, \
         then a request per row",
        path = path.display()
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A header and nothing else.
    #[error("{path}: no rows after the header; expected a request per row", path = path.display())]
    NoRows {
        /// The file.
        path: PathBuf,
    },
    /// The first ten faults in the order of the file, a line each.
    #[error("workload refused{}", list(path, faults))]
    Faults {
        /// The file.
        path: PathBuf,
        /// At least one, at most ten.
        faults: Vec<Fault>,
    },
    /// The index of 32 bytes a row found no room.
    #[error("{path}: no memory to index more than {rows} rows", path = path.display())]
    Memory {
        /// The file.
        path: PathBuf,
        /// Rows indexed until then.
        rows: usize,
    },
    /// The file was changed while it was being read.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// A speed that a plan cannot have.
    #[error("speed {found} is out of range; expected 0.01 to 1000000")]
    Speed {
        /// The speed asked for.
        found: f64,
    },
    /// A limit that leaves nothing to send.
    #[error("a limit of 0 rows leaves nothing to send; expected 1 or more")]
    LimitZero,
}

/// Why a body could not be read when it was needed.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// What lies there is no longer what was checked when the workload was opened.
    #[error(
        "{path}:{row}: the row was changed after the workload was checked; run again, and leave \
         the file alone while it is replayed",
        path = path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// Counted from 1, the header being row 1.
        row: u64,
    },
    /// The file cannot be read.
    #[error("cannot read workload {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a walk over a plan ended early.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// A body could not be read.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The visitor failed.
    #[error("cannot write the plan")]
    Visit(#[source] io::Error),
}

fn list(path: &std::path::Path, faults: &[Fault]) -> String {
    let mut text = match faults.len() {
        1 => String::new(),
        FAULTS_MAX => format!(", the first {FAULTS_MAX} faults"),
        few => format!(", {few} faults"),
    };
    for fault in faults {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{}{}:{fault}",
            if faults.len() == 1 { ": " } else { "\n" },
            path.display()
        );
    }
    text
}

/// Gathers the faults of a file until there are enough.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        if !self.is_full() {
            self.0.push(fault);
        }
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.0.len() >= FAULTS_MAX
    }

    /// The faults of this and of `other` in the order of the file, or nothing.
    pub(crate) fn merge(mut self, other: Self) -> Option<Vec<Fault>> {
        self.0.extend(other.0);
        self.0.sort_by_key(|fault| fault.row);
        self.0.truncate(FAULTS_MAX);
        if self.0.is_empty() { None } else { Some(self.0) }
    }
}

/// A character as it may be shown: a control character, which a terminal would obey, is escaped.
pub(crate) fn printable(character: char) -> impl Iterator<Item = char> {
    let (escaped, plain) = match character.is_control() {
        true => (Some(character.escape_default()), None),
        false => (None, Some(character)),
    };
    escaped.into_iter().flatten().chain(plain)
}

/// `text` between back-quotes on one line, its beginning if it is long.
pub(crate) fn excerpt(text: &str) -> String {
    excerpt_around(text, 0)
}

/// The part of `text` around the byte `at`, between back-quotes on one line.
pub(crate) fn excerpt_around(text: &str, at: usize) -> String {
    if text.is_empty() {
        return "nothing".to_owned();
    }
    let before = text.char_indices().take_while(|&(byte, _)| byte < at).count();
    let skipped = before.saturating_sub(EXCERPT_CHARS / 2);
    let mut rest = text.chars().skip(skipped);
    let mut shown = String::from("`");
    if skipped > 0 {
        shown.push('…');
    }
    shown.extend(rest.by_ref().take(EXCERPT_CHARS).flat_map(printable));
    if rest.next().is_some() {
        shown.push('…');
    }
    shown.push('`');
    shown
}

#[cfg(test)]
mod tests {
    use super::{excerpt, excerpt_around};

    #[test]
    fn an_excerpt_is_one_short_line() {
        let long = "0123456789".repeat(10);
        for (found, want) in [
            (excerpt(""), "nothing".to_owned()),
            (excerpt("a\nb\u{1b}"), "`a\\nb\\u{1b}`".to_owned()),
            (excerpt(&long), format!("`{}…`", &long[..60])),
            (excerpt_around(&long, 100), format!("`…{}`", &long[70..])),
            (excerpt_around(&long, 35), format!("`…{}…`", &long[5..65])),
        ] {
            assert_eq!(found, want);
        }
    }
}
