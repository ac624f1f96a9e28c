//! Workload files from the disk to the bodies that are sent.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

mod changed;
mod describe;
mod order;
mod plan;
mod refused;
mod shipped;

use proofload_workload::{Plan, PlanOptions, Workload, WorkloadError};
use std::io::Write;
use tempfile::NamedTempFile;

const HEADER: &str = "request_id,arrival_offset,mode,priority,body_json\n";

fn file(text: impl AsRef<[u8]>) -> NamedTempFile {
    let mut file = NamedTempFile::with_suffix(".csv").unwrap();
    file.write_all(text.as_ref()).unwrap();
    file
}

fn open(text: impl AsRef<[u8]>) -> Result<Workload, WorkloadError> {
    Workload::open(file(text).path())
}

/// A cell that holds `text`, quoted.
fn cell(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Opens `text` and hands its plan to `look` while the file is there.
#[expect(clippy::needless_pass_by_value, reason = "so every call can make its options in place")]
fn planned<T>(text: impl AsRef<[u8]>, options: PlanOptions, look: impl FnOnce(&Plan) -> T) -> T {
    let file = file(text);
    look(&Workload::open(file.path()).unwrap().plan(&options).unwrap())
}

/// Ids in the order of the plan.
fn ids(plan: &Plan) -> Vec<String> {
    let mut ids = Vec::new();
    plan.walk(|entry| {
        ids.push(entry.id.to_owned());
        Ok(())
    })
    .unwrap();
    ids
}
