//! `chunks.bin`, version 1: when each content chunk of a request arrived.

use super::fields::Fields;
use std::io::{self, BufRead};

/// When the content chunks of one request arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks {
    /// Place of the request in the plan, from 0.
    pub index: u32,
    /// Arrivals in nanoseconds since the run began.
    pub arrivals_ns: Box<[u64]>,
}

impl Chunks {
    /// What its record takes in the file, and about what it takes in memory.
    pub(crate) const fn size_bytes(&self) -> u64 {
        (HEAD_BYTES + 8 * self.arrivals_ns.len() + 4) as u64
    }
}

/// Plan index and number of arrivals.
const HEAD_BYTES: usize = 8;

/// Appends one request's record.
pub(crate) fn encode(chunks: &Chunks, out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(&chunks.index.to_le_bytes());
    out.extend_from_slice(&(chunks.arrivals_ns.len() as u32).to_le_bytes());
    for arrival_ns in &chunks.arrivals_ns {
        out.extend_from_slice(&arrival_ns.to_le_bytes());
    }
    let crc = crc32c::crc32c(&out[begin..]);
    out.extend_from_slice(&crc.to_le_bytes());
}

/// The records of `chunks.bin`, one after another; it ends before the first that is cut or altered.
#[derive(Debug)]
pub struct ChunkReader<R> {
    input: R,
    left_bytes: u64,
}

impl<R: BufRead> ChunkReader<R> {
    /// Reads from `input`, which holds `len_bytes` bytes.
    pub(crate) const fn new(input: R, len_bytes: u64) -> Self {
        Self { input, left_bytes: len_bytes }
    }

    fn read(&mut self) -> io::Result<Option<Chunks>> {
        let mut record = vec![0; HEAD_BYTES];
        if self.left_bytes < HEAD_BYTES as u64 {
            return Ok(None);
        }
        self.input.read_exact(&mut record)?;
        let mut head = Fields(&record);
        let (Some(index), Some(count)) = (head.u32(), head.u32()) else { return Ok(None) };
        let rest_bytes = u64::from(count) * 8 + 4;
        self.left_bytes -= HEAD_BYTES as u64;
        if self.left_bytes < rest_bytes {
            return Ok(None);
        }
        self.left_bytes -= rest_bytes;
        let Ok(whole) = usize::try_from(HEAD_BYTES as u64 + rest_bytes) else { return Ok(None) };
        record.resize(whole, 0);
        self.input.read_exact(&mut record[HEAD_BYTES..])?;
        let (data, crc) = record.split_at(whole - 4);
        if Fields(crc).u32() != Some(crc32c::crc32c(data)) {
            return Ok(None);
        }
        let mut fields = Fields(&data[HEAD_BYTES..]);
        Ok(Some(Chunks { index, arrivals_ns: std::iter::from_fn(|| fields.u64()).collect() }))
    }
}

impl<R: BufRead> Iterator for ChunkReader<R> {
    type Item = io::Result<Chunks>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read().transpose();
        if !matches!(read, Some(Ok(_))) {
            self.left_bytes = 0;
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::{ChunkReader, Chunks, encode};

    #[test]
    fn records_come_back_up_to_the_first_that_is_cut_or_altered() {
        let records = [
            Chunks { index: 7, arrivals_ns: [1, 2, 300].into() },
            Chunks { index: 1, arrivals_ns: [].into() },
            Chunks { index: 2, arrivals_ns: [9].into() },
        ];
        let mut bytes = Vec::new();
        let ends: Vec<usize> = records
            .iter()
            .map(|record| {
                let before = bytes.len();
                encode(record, &mut bytes);
                assert_eq!(record.size_bytes(), (bytes.len() - before) as u64);
                bytes.len()
            })
            .collect();
        assert_eq!(bytes[..16], [7, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        let read = |bytes: &[u8]| -> Vec<Chunks> {
            ChunkReader::new(bytes, bytes.len() as u64).map(Result::unwrap).collect()
        };
        for cut in 0..=bytes.len() {
            let whole = ends.iter().filter(|&&end| end <= cut).count();
            assert_eq!(read(&bytes[..cut]), records[..whole], "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x10;
            let whole = ends.iter().filter(|&&end| end <= at).count();
            assert_eq!(read(&bytes), records[..whole], "flipped at {at}");
        }
    }
}
