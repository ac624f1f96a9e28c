//! `requests.bin` as it is found: every whole block from the beginning, and what follows them.

use crate::error::OpenError;
use crate::format::block::{self, BlockError, HEADER_BYTES, Heartbeat};
use crate::format::row::ROW_BYTES;
use proofload_record::Row;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// What a journal holds.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The rows of the whole blocks, in the order in which they ended.
    pub(crate) rows: Vec<Row>,
    /// The last of their heartbeats.
    pub(crate) last: Option<Heartbeat>,
    /// Number of whole blocks.
    pub(crate) blocks: u32,
    /// Bytes of the whole blocks: where the rest begins.
    pub(crate) whole_bytes: u64,
    /// Bytes after them.
    pub(crate) cut_bytes: u64,
    /// Whether those are more than one torn block: a kill leaves no such thing.
    pub(crate) damaged: bool,
}

/// Reads the journal at `path` of a run of `planned` requests. A block is believed only if its
/// checksum fits and its number is the next one; with the first that is not, the journal ends.
///
/// # Errors
/// [`OpenError::Io`], and [`OpenError::Newer`] for a block of a newer version.
pub(crate) fn read(path: &Path, planned: usize) -> Result<Found, OpenError> {
    let file = File::open(path).map_err(OpenError::at(path))?;
    let len_bytes = file.metadata().map_err(OpenError::at(path))?.len();
    let mut input = BufReader::with_capacity(1 << 18, file);
    let mut found = Found::default();
    // Room for all at once: growing would hold the rows twice.
    let fit = usize::try_from(len_bytes).unwrap_or(usize::MAX) / ROW_BYTES;
    found.rows.reserve_exact(fit.min(planned));
    let mut bytes = Vec::new();
    while found.whole_bytes < len_bytes {
        let left_bytes = len_bytes - found.whole_bytes;
        match next(&mut input, left_bytes, &mut bytes, &mut found).map_err(OpenError::at(path))? {
            Ok(()) => {}
            Err(BlockError::Damaged) => break,
            Err(BlockError::Newer(version)) => {
                let (found, known) = (version.into(), block::VERSION.into());
                return Err(OpenError::Newer { path: path.to_owned(), found, known });
            }
        }
    }
    found.cut_bytes = len_bytes - found.whole_bytes;
    found.damaged = found.cut_bytes > block::BLOCK_BYTES_MAX as u64
        || has_block_after(&mut input, &found).map_err(OpenError::at(path))?;
    Ok(found)
}

/// Reads one more block into `found`.
fn next(
    input: &mut impl Read,
    left_bytes: u64,
    bytes: &mut Vec<u8>,
    found: &mut Found,
) -> std::io::Result<Result<(), BlockError>> {
    if left_bytes < HEADER_BYTES as u64 {
        return Ok(Err(BlockError::Damaged));
    }
    bytes.resize(HEADER_BYTES, 0);
    input.read_exact(bytes)?;
    let whole = match block::length(bytes) {
        Ok(whole) if whole as u64 <= left_bytes => whole,
        _ => return Ok(Err(BlockError::Damaged)),
    };
    bytes.resize(whole, 0);
    input.read_exact(&mut bytes[HEADER_BYTES..])?;
    let kept = found.rows.len();
    let heartbeat = match block::decode(bytes, &mut found.rows) {
        Ok(heartbeat) => heartbeat,
        Err(error) => return Ok(Err(error)),
    };
    if heartbeat.sequence != found.blocks {
        found.rows.truncate(kept);
        return Ok(Err(BlockError::Damaged));
    }
    found.last = Some(heartbeat);
    found.blocks += 1;
    found.whole_bytes += whole as u64;
    Ok(Ok(()))
}

/// Whether a whole block lies in what was left out: one that is out of place, or after a broken
/// one.
fn has_block_after(input: &mut (impl Read + Seek), found: &Found) -> std::io::Result<bool> {
    let mut rest = Vec::new();
    if found.cut_bytes <= block::BLOCK_BYTES_MAX as u64 {
        input.seek(SeekFrom::Start(found.whole_bytes))?;
        input.take(found.cut_bytes).read_to_end(&mut rest)?;
    }
    let starts = rest.windows(block::MAGIC.len()).enumerate();
    let mut starts = starts.filter(|(_, window)| *window == block::MAGIC);
    Ok(starts.any(|(at, _)| {
        let whole = block::length(&rest[at..]).ok().and_then(|len| rest.get(at..at + len));
        whole.is_some_and(|whole| block::decode(whole, &mut Vec::new()).is_ok())
    }))
}
