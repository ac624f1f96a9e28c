//! `plan.bin`, version 1: what was due, in due order.
//!
//! It is written once before the first send, so one CRC32C at its end covers all of it.

use super::fields::Fields;
use std::fmt;

/// First four bytes of the file.
const MAGIC: [u8; 4] = *b"PLPN";
/// First four bytes of its last twelve.
const END_MAGIC: [u8; 4] = *b"PLPE";
/// The version that we write, and the newest that we read.
pub(crate) const VERSION: u16 = 1;
/// Magic, version, two bytes of zero.
pub(crate) const HEADER_BYTES: usize = 8;
/// Magic, number of entries, CRC32C of all before it.
const TRAILER_BYTES: usize = 12;
/// An entry with an empty id.
const ENTRY_BYTES_MIN: usize = 28;

/// One planned request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanRow<'a> {
    /// The workload's own id of it.
    pub id: &'a str,
    /// When it was due, in nanoseconds since the run began.
    pub due_ns: u64,
    /// Number of its class in the manifest's list.
    pub class: u16,
    /// Where its row begins in the workload file, in bytes.
    pub offset: u64,
    /// Length of that row, in bytes.
    pub len: u32,
    /// CRC32C of that row as it stands there.
    pub crc: u32,
}

/// A whole plan: the bytes of its file and where each entry begins in them. A plan of millions of
/// requests takes eight bytes a request more than its file, and ids are borrowed from there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Plan {
    bytes: Vec<u8>,
    starts: Vec<u64>,
}

impl Plan {
    /// Number of planned requests.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether nothing was planned, or the run never began.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The request at a place in the plan, from 0.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<PlanRow<'_>> {
        let start = *self.starts.get(index as usize)?;
        let entry = self.bytes.get(usize::try_from(start).ok()?..)?;
        // Every entry was decoded once when the plan was read.
        decode_row(&mut Fields(entry))
    }

    /// Every request, in due order.
    pub fn iter(&self) -> impl Iterator<Item = PlanRow<'_>> {
        (0..).map_while(|index| self.get(index))
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Why some bytes are no plan.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PlanError {
    /// No end: the program was stopped while it planned, or the file was cut.
    Unfinished,
    /// It has an end whose CRC or count does not fit, or it does not begin as a plan.
    Damaged,
    /// Written by a newer program.
    Newer(u16),
}

/// Appends the beginning of a plan.
pub(crate) fn encode_header(out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
}

/// Appends one entry; `None`, and nothing appended, where its id has more than 65,535 bytes.
pub(crate) fn encode_row(row: &PlanRow<'_>, out: &mut Vec<u8>) -> Option<()> {
    let id_bytes = u16::try_from(row.id.len()).ok()?;
    out.extend_from_slice(&row.due_ns.to_le_bytes());
    out.extend_from_slice(&row.offset.to_le_bytes());
    out.extend_from_slice(&row.len.to_le_bytes());
    out.extend_from_slice(&row.crc.to_le_bytes());
    out.extend_from_slice(&row.class.to_le_bytes());
    out.extend_from_slice(&id_bytes.to_le_bytes());
    out.extend_from_slice(row.id.as_bytes());
    Some(())
}

/// Appends the end of a plan of `count` entries; `crc` is the CRC32C of all before.
pub(crate) fn encode_trailer(count: u32, crc: u32, out: &mut Vec<u8>) {
    let mut trailer = END_MAGIC.to_vec();
    trailer.extend_from_slice(&count.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &trailer);
    trailer.extend_from_slice(&crc.to_le_bytes());
    out.append(&mut trailer);
}

/// Reads a whole plan and keeps its bytes.
///
/// # Errors
/// [`PlanError`].
pub(crate) fn decode(bytes: Vec<u8>) -> Result<Plan, PlanError> {
    let (body, trailer) = bytes
        .len()
        .checked_sub(TRAILER_BYTES)
        .filter(|&at| at >= HEADER_BYTES)
        .and_then(|at| bytes.split_at_checked(at))
        .ok_or(PlanError::Unfinished)?;
    let Some(count) = trailer.strip_prefix(&END_MAGIC).and_then(|rest| Fields(rest).u32()) else {
        return Err(PlanError::Unfinished);
    };
    let crc = crc32c::crc32c_append(crc32c::crc32c(body), &trailer[..8]);
    if Fields(&trailer[8..]).u32() != Some(crc) {
        return Err(PlanError::Damaged);
    }
    let mut fields = Fields(body);
    if fields.bytes(MAGIC.len()) != Some(&MAGIC) {
        return Err(PlanError::Damaged);
    }
    let version = fields.u16().ok_or(PlanError::Damaged)?;
    if version > VERSION {
        return Err(PlanError::Newer(version));
    }
    fields.bytes(2).ok_or(PlanError::Damaged)?;
    let mut starts = Vec::new();
    // A count that fits the checksum is no accident, and one that does not ends the loop below.
    starts.reserve_exact((count as usize).min(body.len() / ENTRY_BYTES_MIN));
    while !fields.0.is_empty() {
        starts.push((body.len() - fields.0.len()) as u64);
        decode_row(&mut fields).ok_or(PlanError::Damaged)?;
    }
    if u32::try_from(starts.len()) != Ok(count) {
        return Err(PlanError::Damaged);
    }
    Ok(Plan { bytes, starts })
}

fn decode_row<'a>(fields: &mut Fields<'a>) -> Option<PlanRow<'a>> {
    let (due_ns, offset) = (fields.u64()?, fields.u64()?);
    let (len, crc) = (fields.u32()?, fields.u32()?);
    let (class, id_bytes) = (fields.u16()?, fields.u16()?);
    let id = std::str::from_utf8(fields.bytes(usize::from(id_bytes))?).ok()?;
    Some(PlanRow { id, due_ns, class, offset, len, crc })
}

#[cfg(test)]
mod tests {
    use super::{PlanError, PlanRow, decode, encode_header, encode_row, encode_trailer};

    fn sample() -> (Vec<PlanRow<'static>>, Vec<u8>) {
        let row =
            |id, due_ns, class| PlanRow { id, due_ns, class, offset: 0x1122, len: 0x33, crc: 0x44 };
        let rows = vec![row("a-1", 5, 0), row("é", 9, 2)];
        let mut bytes = Vec::new();
        encode_header(&mut bytes);
        for row in &rows {
            encode_row(row, &mut bytes).unwrap();
        }
        let crc = crc32c::crc32c(&bytes);
        encode_trailer(2, crc, &mut bytes);
        (rows, bytes)
    }

    #[test]
    fn every_field_lies_where_the_format_says() {
        let (rows, bytes) = sample();
        let mut want = b"PLPN\x01\x00\x00\x00".to_vec();
        want.extend([5, 0, 0, 0, 0, 0, 0, 0, 0x22, 0x11, 0, 0, 0, 0, 0, 0]);
        want.extend([0x33, 0, 0, 0, 0x44, 0, 0, 0, 0, 0, 3, 0]);
        want.extend(b"a-1");
        want.extend([9, 0, 0, 0, 0, 0, 0, 0, 0x22, 0x11, 0, 0, 0, 0, 0, 0]);
        want.extend([0x33, 0, 0, 0, 0x44, 0, 0, 0, 2, 0, 2, 0]);
        want.extend("é".as_bytes());
        want.extend(b"PLPE\x02\x00\x00\x00");
        assert_eq!(bytes[..bytes.len() - 4], want);
        let plan = decode(bytes).unwrap();
        assert_eq!(plan.iter().collect::<Vec<_>>(), rows);
        assert_eq!((plan.len(), plan.is_empty(), plan.get(2)), (2, false, None));
    }

    /// A plan of millions of requests must not cost its file twice over.
    #[test]
    fn a_plan_in_memory_is_its_file_and_eight_bytes_a_request() {
        let row = |id| PlanRow { id, due_ns: 1, class: 0, offset: 2, len: 3, crc: 4 };
        let mut bytes = Vec::new();
        encode_header(&mut bytes);
        (0..1_000).for_each(|_| encode_row(&row("an id of 16 bytes"), &mut bytes).unwrap());
        let crc = crc32c::crc32c(&bytes);
        encode_trailer(1_000, crc, &mut bytes);
        let mut plan = None;
        let used = allocation_counter::measure(|| plan = decode(bytes).ok());
        assert_eq!((plan.unwrap().len(), used.count_total, used.bytes_total), (1_000, 1, 8_000));
    }

    #[test]
    fn a_cut_plan_is_unfinished_and_a_flipped_bit_is_found() {
        let (_, bytes) = sample();
        for cut in 0..bytes.len() {
            assert_eq!(decode(bytes[..cut].to_vec()), Err(PlanError::Unfinished), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << bit;
                assert!(decode(bytes).is_err(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn an_id_that_does_not_fit_is_refused() {
        let id = "x".repeat(65_536);
        let row = PlanRow { id: &id, due_ns: 0, class: 0, offset: 0, len: 0, crc: 0 };
        assert_eq!(encode_row(&row, &mut Vec::new()), None);
    }
}
