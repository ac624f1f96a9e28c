//! A commit on its way to the server, and its verdict on the way back.

use proofload_scheduler::{Commit, Outcome, Verdict};

use super::reader::{Malformed, Reader};

/// Batch (8), parts (4), containers (4), for each part worker (4), epoch (4), count (4), then the keys.
pub(crate) fn encode_plan(commit: &Commit) -> Vec<u8> {
    let Commit { batch, parts, containers } = commit;
    let mut bytes = Vec::with_capacity(16 + 12 * parts.len() + 8 * containers.len());
    bytes.extend(batch.to_be_bytes());
    bytes.extend((parts.len() as u32).to_be_bytes());
    bytes.extend((containers.len() as u32).to_be_bytes());
    for part in parts {
        bytes.extend(part.worker.0.to_be_bytes());
        bytes.extend(part.epoch.to_be_bytes());
        bytes.extend(part.count.to_be_bytes());
    }
    for key in containers {
        bytes.extend(key.0.to_be_bytes());
    }
    bytes
}

/// Batch (8), parts (4), containers (4), for each part its version plus one or 0 (8), then a byte each.
pub(crate) fn read_verdict(bytes: &[u8]) -> Result<Verdict, Malformed> {
    let mut reader = Reader::new(bytes, "a verdict");
    let batch = reader.u64()?;
    let (parts, containers) = (reader.u32()?, reader.u32()?);
    let versions = (0..parts)
        .map(|_| reader.u64().map(|version| version.checked_sub(1)))
        .collect::<Result<_, _>>()?;
    let outcomes = reader.take(containers as usize)?.iter().map(|outcome| match outcome {
        0 => Ok(Outcome::Placed),
        1 => Ok(Outcome::NoRoom),
        2 => Ok(Outcome::WorkerGone),
        3 => Ok(Outcome::WorkerClosed),
        4 => Ok(Outcome::NotLeased),
        _ => Err(Malformed { what: "a verdict" }),
    });
    let outcomes = outcomes.collect::<Result<_, _>>()?;
    if reader.is_empty() { Ok(Verdict { batch, versions, outcomes }) } else { Err(reader.fault()) }
}
