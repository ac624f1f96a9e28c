//! What can go wrong with a run directory.

use crate::manifest::SCHEMA_VERSION;
use proofload_record::Unbalanced;
use std::io;
use std::path::{Path, PathBuf};

/// Why a run directory cannot be begun.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Results are never mixed with what is already there.
    #[error("{path} is not empty; name a folder that is empty or does not exist")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// It cannot be made or written.
    #[error("cannot write {path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl CreateError {
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

/// Why a run could not be written to its end. What was written until then is safe, unless somebody
/// removed it.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file cannot be written.
    #[error("cannot write {path}; {}", left(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What the workers counted does not add up.
    #[error("the books of {path} do not balance")]
    Unbalanced {
        /// The run directory.
        path: PathBuf,
        /// The sum that does not hold.
        source: Unbalanced,
    },
    /// The writer's thread panicked.
    #[error("the writer of {path} ended by itself, a fault of this program")]
    Panicked {
        /// The run directory.
        path: PathBuf,
    },
}

/// What there is of a run whose file at `path` cannot be written.
fn left(path: &Path) -> &'static str {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) if !folder.exists() => "its folder is gone, and with it what was written",
        _ => "the rows written until then are safe",
    }
}

impl WriteError {
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

/// Why a run directory cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no manifest.
    #[error("{path} is no run directory: it has no run.json")]
    NoManifest {
        /// The folder.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file was written by a newer program.
    #[error("{path} has version {found}, the newest known here is {known}; use a newer proofload")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that can be read.
        known: u32,
    },
    /// The manifest is none.
    #[error("{path} is not a manifest of version {SCHEMA_VERSION}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
    /// A class of the manifest has names that nobody knows.
    #[error("{path}: `classes[{class}]`: {expected}, found {found:?}")]
    Class {
        /// The manifest.
        path: PathBuf,
        /// Place in the list, from 0.
        class: usize,
        /// The names that would have done.
        expected: String,
        /// The mode and priority found.
        found: (String, String),
    },
    /// Without its plan a run cannot be accounted for.
    #[error("{path} is damaged: its checksum does not fit; restore it from a copy of the run")]
    Plan {
        /// The plan.
        path: PathBuf,
    },
    /// It is the directory of a run that sent no requests.
    #[error(
        "{path} is a run of {program}, which sends no requests: there is nothing to make again; read \
         its report.html or results.json"
    )]
    WithoutRequests {
        /// The run directory.
        path: PathBuf,
        /// The program that ran.
        program: String,
    },
    /// The directory does not add up.
    #[error("{path} does not add up: {problem}; to read it all the same, accept unbalanced books")]
    Unbalanced {
        /// The run directory.
        path: PathBuf,
        /// The first sum that does not hold.
        problem: String,
    },
}

impl OpenError {
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::WriteError;
    use std::io;

    #[test]
    fn what_was_removed_is_not_called_safe() {
        let dir = tempfile::tempdir().unwrap();
        let at = |folder: &str| {
            let path = dir.path().join(folder).join("requests.bin");
            WriteError::Io { path, source: io::ErrorKind::NotFound.into() }.to_string()
        };
        assert!(at("").ends_with("the rows written until then are safe"));
        assert!(at("removed").ends_with("its folder is gone, and with it what was written"));
    }
}
