//! What can go wrong with a file of Logos.

use proofload_run_dir::{CreateError, WriteError};
use std::io;
use std::path::PathBuf;

/// Why a detailed CSV was refused. Rows are records, counted from 1, the header being row 1; since
/// an answer may hold line breaks, the line on which a row begins stands beside it.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no table.
    #[error("{path} is no CSV file in UTF-8")]
    Csv {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: csv::Error,
    },
    /// A row is longer or shorter than the header.
    #[error("{path}: row {row} (line {line}): expected {expected} columns, found {found}")]
    Length {
        /// The file.
        path: PathBuf,
        /// The row.
        row: u64,
        /// The line on which it begins.
        line: u64,
        /// Columns of the header.
        expected: u64,
        /// Columns of the row.
        found: u64,
    },
    /// Two columns have one name.
    #[error("{path}: row 1: two columns are named `{column}`; rename or remove one")]
    Duplicate {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
    },
    /// A column is missing without which a request cannot be judged.
    #[error("{path}: row 1: expected a column {column}, found {found}; is it a detailed CSV?")]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// What would have done, with its backticks.
        column: &'static str,
        /// The columns that are there.
        found: String,
    },
    /// A cell cannot be read.
    #[error(
        "{path}: row {row} (line {line}): column `{column}`: expected {expected}, found {found:?}"
    )]
    Cell {
        /// The file.
        path: PathBuf,
        /// The row.
        row: u64,
        /// The line on which it begins.
        line: u64,
        /// The column.
        column: &'static str,
        /// What would have done.
        expected: &'static str,
        /// The cell, cut where it is long.
        found: String,
    },
    /// Two rows are of one request.
    #[error(
        "{path}: row {row} (line {line}): request_id {id:?} stands in row {first} too; expected a \
         row a request: take the rows of other runs out, or give them other ids"
    )]
    IdTwice {
        /// The file.
        path: PathBuf,
        /// The second row.
        row: u64,
        /// The line on which that begins.
        line: u64,
        /// The row in which it stands first.
        first: u64,
        /// The id, cut where it is long.
        id: String,
    },
    /// There is nothing in it.
    #[error("{path}: expected a row a request after the header, found none")]
    NoRows {
        /// The file.
        path: PathBuf,
    },
}

/// Why a file that was read could not be made a run directory.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The directory cannot be begun.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// Its rows cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Its plan or the server's side cannot be written.
    #[error("cannot write the run directory {path}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// The file, and what the system said.
        source: io::Error,
    },
}
