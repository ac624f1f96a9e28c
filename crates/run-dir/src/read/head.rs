//! What must be there for a run to be read at all: the manifest and the plan.

use crate::error::OpenError;
use crate::format::plan::{self, Plan, PlanError};
use crate::manifest::{ClassEntry, Manifest, ManifestError, SCHEMA_VERSION};
use crate::names;
use proofload_record::{Class, ParseLabelError};
use std::path::Path;
use std::{fs, io};

pub(crate) fn read_manifest(dir: &Path) -> Result<Manifest, OpenError> {
    let path = dir.join(names::MANIFEST);
    let json = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(OpenError::NoManifest { path: dir.to_owned() });
        }
        read => read.map_err(OpenError::at(&path))?,
    };
    Manifest::parse(&json).map_err(|error| match error {
        ManifestError::Newer { found } => OpenError::Newer { path, found, known: SCHEMA_VERSION },
        ManifestError::Json(source) => OpenError::Manifest { path, source },
    })
}

pub(crate) fn read_classes(dir: &Path, manifest: &Manifest) -> Result<Vec<Class>, OpenError> {
    let read = |(class, entry): (usize, &ClassEntry)| {
        Class::try_from(entry).map_err(|error: ParseLabelError| OpenError::Class {
            path: dir.join(names::MANIFEST),
            class,
            expected: error.to_string(),
            found: (entry.mode.clone(), entry.priority.clone()),
        })
    };
    manifest.classes.iter().enumerate().map(read).collect()
}

/// The plan. One that was not finished is that of a run which never began: nothing was sent.
pub(crate) fn read_plan(path: &Path, began: bool) -> Result<Plan, OpenError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !began => Vec::new(),
        read => read.map_err(OpenError::at(path))?,
    };
    match plan::decode(bytes) {
        Ok(plan) => Ok(plan),
        Err(PlanError::Unfinished) if !began => Ok(Plan::default()),
        Err(PlanError::Unfinished | PlanError::Damaged) => {
            Err(OpenError::Plan { path: path.to_owned() })
        }
        Err(PlanError::Newer(found)) => {
            let (found, known) = (found.into(), plan::VERSION.into());
            Err(OpenError::Newer { path: path.to_owned(), found, known })
        }
    }
}
