//! A block of `requests.bin`, version 1: a header, a heartbeat, the rows that ended since the last.
//!
//! One block is one `write`, so a kill leaves whole blocks and at most one torn one at the end. The
//! CRC covers everything but itself, and blocks are numbered: a flipped bit, a missing block and a
//! block out of place are all found.

use super::fields::Fields;
use super::row::{self, ROW_BYTES};
use proofload_record::{NotSent, Outcome, Row};

/// First four bytes of a block.
pub(crate) const MAGIC: [u8; 4] = *b"PLRB";
/// The version that we write, and the newest that we read.
pub(crate) const VERSION: u16 = 1;
/// Size of the header: magic, version, row size, length of the rest, CRC32C.
pub(crate) const HEADER_BYTES: usize = 16;
/// Rows in a block at most, so that a reader knows how much a torn one can hide.
pub(crate) const ROWS_MAX: usize = 16_384;
/// No block is larger: the rows, a heartbeat of as many workers as there can be, the header.
pub(crate) const BLOCK_BYTES_MAX: usize = 4 << 20;

/// How far one worker had come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WorkerCount {
    /// Requests of its slice that the pacer let go.
    pub(crate) released: u64,
    /// Of those, ended: with a row in this block or an earlier one, or with a dropped row.
    pub(crate) finished: u64,
}

/// How the run stood when a block was written. All counts are since the run began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heartbeat {
    /// Run clock: whatever a worker had handed over as finished before this is in the file.
    pub(crate) at_ns: u64,
    /// Number of the block, from 0.
    pub(crate) sequence: u32,
    /// Rows lost to a full queue.
    pub(crate) rows_dropped: u64,
    /// Requests that ended, by [`Outcome::code`], dropped rows included.
    pub(crate) outcomes: [u64; Outcome::COUNT],
    /// Requests that never left, by [`NotSent::code`], dropped rows included.
    pub(crate) not_sent: [u64; NotSent::ALL.len()],
    /// How far each worker had come.
    pub(crate) workers: Vec<WorkerCount>,
}

/// Why some bytes are no block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BlockError {
    /// Cut off, or not what its CRC says it was.
    Damaged,
    /// Whole, but written by a newer program.
    Newer(u16),
}

/// Length of the block that begins with `header`, if it can be one.
///
/// # Errors
/// [`BlockError::Damaged`] where no block begins so.
pub(crate) fn length(header: &[u8]) -> Result<usize, BlockError> {
    let mut fields = Fields(header);
    let magic = fields.bytes(4).ok_or(BlockError::Damaged)?;
    let rest = fields.bytes(4).and_then(|_| fields.u32()).ok_or(BlockError::Damaged)?;
    let whole = HEADER_BYTES.saturating_add(usize::try_from(rest).unwrap_or(usize::MAX));
    if magic == MAGIC && whole <= BLOCK_BYTES_MAX { Ok(whole) } else { Err(BlockError::Damaged) }
}

/// Makes `out` the block of `heartbeat` and `rows` (already encoded, [`ROW_BYTES`] each).
pub(crate) fn encode(heartbeat: &Heartbeat, rows: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&(ROW_BYTES as u16).to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&heartbeat.at_ns.to_le_bytes());
    out.extend_from_slice(&heartbeat.sequence.to_le_bytes());
    out.extend_from_slice(&((rows.len() / ROW_BYTES) as u32).to_le_bytes());
    out.extend_from_slice(&heartbeat.rows_dropped.to_le_bytes());
    out.extend_from_slice(&(heartbeat.workers.len() as u16).to_le_bytes());
    out.extend_from_slice(&[Outcome::COUNT as u8, NotSent::ALL.len() as u8]);
    out.extend_from_slice(&[0; 4]);
    for count in heartbeat.outcomes.iter().chain(&heartbeat.not_sent) {
        out.extend_from_slice(&count.to_le_bytes());
    }
    for worker in &heartbeat.workers {
        out.extend_from_slice(&worker.released.to_le_bytes());
        out.extend_from_slice(&worker.finished.to_le_bytes());
    }
    out.extend_from_slice(rows);
    let rest = (out.len() - HEADER_BYTES) as u32;
    out[8..12].copy_from_slice(&rest.to_le_bytes());
    let crc = checksum(out);
    out[12..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
}

/// CRC32C of a block without the four bytes that hold it.
fn checksum(block: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&block[..12]), &block[HEADER_BYTES..])
}

/// Reads the block `bytes`, whose length is what [`length`] said, and appends its rows to `rows`.
///
/// # Errors
/// [`BlockError`]; `rows` is then as it was.
pub(crate) fn decode(bytes: &[u8], rows: &mut Vec<Row>) -> Result<Heartbeat, BlockError> {
    let kept = rows.len();
    let read = decode_parts(bytes, rows);
    if read.is_err() {
        rows.truncate(kept);
    }
    read
}

fn decode_parts(bytes: &[u8], rows: &mut Vec<Row>) -> Result<Heartbeat, BlockError> {
    let mut fields = Fields(bytes);
    let header = (|| {
        fields.bytes(4)?;
        let (version, row_bytes) = (fields.u16()?, fields.u16()?);
        fields.u32()?;
        Some((version, row_bytes, fields.u32()?))
    })();
    let (version, row_bytes, crc) = header.ok_or(BlockError::Damaged)?;
    if crc != checksum(bytes) {
        return Err(BlockError::Damaged);
    }
    if version > VERSION {
        return Err(BlockError::Newer(version));
    }
    if usize::from(row_bytes) != ROW_BYTES {
        return Err(BlockError::Damaged);
    }
    let (heartbeat, count) = heartbeat(&mut fields).ok_or(BlockError::Damaged)?;
    if fields.0.len() != count.saturating_mul(ROW_BYTES) {
        return Err(BlockError::Damaged);
    }
    for _ in 0..count {
        rows.push(row::decode(&mut fields).ok_or(BlockError::Damaged)?);
    }
    Ok(heartbeat)
}

/// The heartbeat and the number of rows that follow it.
fn heartbeat(fields: &mut Fields<'_>) -> Option<(Heartbeat, usize)> {
    let mut heartbeat =
        Heartbeat { at_ns: fields.u64()?, sequence: fields.u32()?, ..Heartbeat::default() };
    let rows = usize::try_from(fields.u32()?).ok()?;
    heartbeat.rows_dropped = fields.u64()?;
    let workers = fields.u16()?;
    // Outcomes and reasons are only ever added at the end, so fewer is an older file.
    let (outcomes, reasons) = (usize::from(fields.u8()?), usize::from(fields.u8()?));
    fields.bytes(4)?;
    for count in heartbeat.outcomes.get_mut(..outcomes)? {
        *count = fields.u64()?;
    }
    for count in heartbeat.not_sent.get_mut(..reasons)? {
        *count = fields.u64()?;
    }
    for _ in 0..workers {
        let (released, finished) = (fields.u64()?, fields.u64()?);
        heartbeat.workers.push(WorkerCount { released, finished });
    }
    Some((heartbeat, rows))
}

#[cfg(test)]
mod tests {
    use super::{BlockError, HEADER_BYTES, Heartbeat, WorkerCount, decode, encode, length};
    use crate::format::row::{self, tests::distinct_row};

    fn sample() -> (Heartbeat, Vec<u8>) {
        let mut heartbeat = Heartbeat {
            at_ns: 0x0102_0304_0506_0708,
            sequence: 9,
            rows_dropped: 3,
            workers: vec![
                WorkerCount { released: 7, finished: 5 },
                WorkerCount { released: 6, finished: 6 },
            ],
            ..Heartbeat::default()
        };
        heartbeat.outcomes[6] = 10;
        heartbeat.not_sent[2] = 1;
        let (mut rows, mut block) = (Vec::new(), Vec::new());
        row::encode(&distinct_row(), &mut rows);
        encode(&heartbeat, &rows, &mut block);
        (heartbeat, block)
    }

    #[test]
    fn every_field_lies_where_the_format_says() {
        let (_, block) = sample();
        let mut want = b"PLRB\x01\x00\xb0\x00".to_vec();
        want.extend(u32::try_from(32 + 24 * 8 + 2 * 16 + 176).unwrap().to_le_bytes());
        want.extend([0x45, 0x41, 0x00, 0x59]);
        want.extend([8, 7, 6, 5, 4, 3, 2, 1, 9, 0, 0, 0, 1, 0, 0, 0]);
        want.extend([3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 21, 3, 0, 0, 0, 0]);
        for code in 0..21 {
            want.extend(u64::from(code == 6).wrapping_mul(10).to_le_bytes());
        }
        for code in 0..3 {
            want.extend(u64::from(code == 2).to_le_bytes());
        }
        for count in [7u64, 5, 6, 6] {
            want.extend(count.to_le_bytes());
        }
        row::encode(&distinct_row(), &mut want);
        assert_eq!(block[..12], want[..12], "header");
        assert_eq!(block[HEADER_BYTES..], want[HEADER_BYTES..], "heartbeat and row");
        assert_eq!(block[12..16], want[12..16], "CRC32C");
    }

    #[test]
    fn decoding_undoes_encoding() {
        let (heartbeat, block) = sample();
        assert_eq!(length(&block[..HEADER_BYTES]), Ok(block.len()));
        let mut rows = Vec::new();
        assert_eq!(decode(&block, &mut rows), Ok(heartbeat));
        assert_eq!(rows, [distinct_row()]);
    }

    #[test]
    fn a_flipped_bit_is_found_wherever_it_is() {
        let (_, block) = sample();
        for at in 0..block.len() {
            for bit in 0..8 {
                let mut block = block.clone();
                block[at] ^= 1 << bit;
                let mut rows = Vec::new();
                let found = match length(&block) {
                    Ok(len) if len == block.len() => decode(&block, &mut rows).is_err(),
                    _ => true,
                };
                assert!(found && rows.is_empty(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn a_newer_version_is_refused_by_its_number() {
        let (_, mut block) = sample();
        block[4] = 2;
        let crc = super::checksum(&block);
        block[12..16].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(decode(&block, &mut Vec::new()), Err(BlockError::Newer(2)));
    }
}
