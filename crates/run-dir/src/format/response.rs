//! `responses.bin`, version 1: what the answers said, where a run keeps that.

use super::fields::Fields;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;

/// What one request's answer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Place of the request in the plan, from 0.
    pub index: u32,
    /// Its text, as far as it came and is kept.
    pub text: String,
    /// More came than is kept.
    pub truncated: bool,
}

impl Response {
    /// About what it takes in memory while it waits for the writer.
    pub(crate) const fn held_bytes(&self) -> u64 {
        (HEAD_BYTES + self.text.capacity()) as u64
    }
}

/// Plan index, length of the text, flags.
const HEAD_BYTES: usize = 9;
/// What follows the text.
const CRC_BYTES: usize = 4;
/// The flag of a text that was cut.
const TRUNCATED: u8 = 1;
/// Bytes that are read at a time.
const BUFFER_BYTES: usize = 1 << 18;

/// Appends one answer's record.
pub(crate) fn encode(index: u32, text: &str, truncated: bool, out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(&index.to_le_bytes());
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.push(if truncated { TRUNCATED } else { 0 });
    out.extend_from_slice(text.as_bytes());
    let crc = crc32c::crc32c(&out[begin..]);
    out.extend_from_slice(&crc.to_le_bytes());
}

/// The answers of a run, to be read one by one: in memory is where each lies, 16 bytes a request.
#[derive(Debug)]
pub struct Responses {
    file: File,
    /// By plan index.
    places: Vec<Place>,
    /// Where the last sound record ends, and how many bytes follow.
    end: u64,
    left_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    at: u64,
    index: u32,
    len: u32,
}

impl Responses {
    /// Looks where the answers lie in `file`, up to the first record that is cut or altered.
    pub(crate) fn open(file: File) -> io::Result<Self> {
        let mut left_bytes = file.metadata()?.len();
        let mut input = BufReader::with_capacity(BUFFER_BYTES, &file);
        let (mut places, mut record, mut at) = (Vec::new(), Vec::new(), 0);
        while let Some((index, len)) = read(&mut input, left_bytes, &mut record)? {
            places.push(Place { at, index, len });
            let record_bytes = record.len() as u64;
            (at, left_bytes) = (at + record_bytes, left_bytes - record_bytes);
        }
        places.sort_by_key(|place| place.index);
        Ok(Self { file, places, end: at, left_bytes })
    }

    /// Bytes that were altered since they were written, or follow what was; 0 where at most the end
    /// is cut. `is_recorded` says whether a request has its row, which is written after its text.
    pub(crate) fn altered_bytes(&self, is_recorded: impl Fn(u32) -> bool) -> io::Result<u64> {
        if self.left_bytes < HEAD_BYTES as u64 {
            return Ok(0);
        }
        let mut head = [0; HEAD_BYTES];
        self.file.read_exact_at(&mut head, self.end)?;
        let mut head = Fields(&head);
        let (Some(index), Some(len)) = (head.u32(), head.u32()) else { return Ok(0) };
        let is_cut = (HEAD_BYTES + CRC_BYTES) as u64 + u64::from(len) > self.left_bytes;
        Ok(if is_cut && !is_recorded(index) { 0 } else { self.left_bytes })
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What the request at `index` of the plan was answered; `None` where nothing of it is kept.
    ///
    /// # Errors
    /// Those of reading the file; [`io::ErrorKind::InvalidData`] where it was changed since it was
    /// opened.
    pub fn get(&self, index: u32) -> io::Result<Option<Response>> {
        let Ok(found) = self.places.binary_search_by_key(&index, |place| place.index) else {
            return Ok(None);
        };
        let Place { at, len, .. } = self.places[found];
        let mut record = vec![0; HEAD_BYTES + len as usize + CRC_BYTES];
        self.file.read_exact_at(&mut record, at)?;
        let text = text(&record).filter(|_| Fields(&record).u32() == Some(index));
        let Some(text) = text else { return Err(io::ErrorKind::InvalidData.into()) };
        let truncated = record[HEAD_BYTES - 1] & TRUNCATED != 0;
        Ok(Some(Response { index, text: text.to_owned(), truncated }))
    }
}

/// Reads a whole record into `record`; gives its index and the length of its text.
fn read(
    input: &mut impl Read,
    left_bytes: u64,
    record: &mut Vec<u8>,
) -> io::Result<Option<(u32, u32)>> {
    record.resize(HEAD_BYTES, 0);
    if left_bytes < HEAD_BYTES as u64 {
        return Ok(None);
    }
    input.read_exact(record)?;
    let mut head = Fields(record);
    let (Some(index), Some(len)) = (head.u32(), head.u32()) else { return Ok(None) };
    let whole_bytes = (HEAD_BYTES + CRC_BYTES) as u64 + u64::from(len);
    let Some(whole) = usize::try_from(whole_bytes).ok().filter(|_| whole_bytes <= left_bytes)
    else {
        return Ok(None);
    };
    record.resize(whole, 0);
    input.read_exact(&mut record[HEAD_BYTES..])?;
    Ok(text(record).map(|_| (index, len)))
}

/// The text of a whole record that is as it was written.
fn text(record: &[u8]) -> Option<&str> {
    let (data, crc) = record.split_at_checked(record.len().checked_sub(CRC_BYTES)?)?;
    let is_sound = Fields(crc).u32() == Some(crc32c::crc32c(data));
    std::str::from_utf8(data.get(HEAD_BYTES..)?).ok().filter(|_| is_sound)
}

#[cfg(test)]
mod tests {
    use super::{Response, Responses, encode};
    use std::io::Write;

    fn open(bytes: &[u8]) -> Responses {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        Responses::open(file).unwrap()
    }

    #[test]
    fn answers_come_back_up_to_the_first_that_is_cut_or_altered() {
        let answers = [(7, "seven, é", true), (1, "", false), (2, "two", false)];
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for (index, text, truncated) in answers {
            encode(index, text, truncated, &mut bytes);
            ends.push(bytes.len());
        }
        assert_eq!(bytes[..13], [7, 0, 0, 0, 9, 0, 0, 0, 1, b's', b'e', b'v', b'e']);
        let whole = |responses: &Responses| {
            for (place, (index, text, truncated)) in answers.into_iter().enumerate() {
                let want = Response { index, text: text.to_owned(), truncated };
                let want = Some(want).filter(|_| place < responses.len());
                assert_eq!(responses.get(index).unwrap(), want);
            }
            assert_eq!(responses.get(3).unwrap(), None);
            responses.len()
        };
        for cut in 0..=bytes.len() {
            let kept = ends.iter().filter(|&&end| end <= cut).count();
            assert_eq!(whole(&open(&bytes[..cut])), kept, "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x10;
            let kept = ends.iter().filter(|&&end| end <= at).count();
            assert_eq!(whole(&open(&bytes)), kept, "flipped at {at}");
        }
    }
}
