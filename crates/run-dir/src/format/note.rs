//! `requests.txt`, version 1: the rare parts of a request, a line each.
//!
//! A line is the CRC32C of its JSON in eight hexadecimal digits, a space, and the JSON: easy to
//! read for a person, and a line that was cut or altered is found and left out. JSON escapes every
//! control character, so no text can fake a line.

use proofload_record::Note;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Bytes of a text that are kept at most.
pub(crate) const TEXT_BYTES_MAX: usize = 4_096;

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    index: u32,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    server_request_id: Option<Cow<'a, str>>,
}

/// Appends the line of request `index`.
pub(crate) fn encode(index: u32, note: &Note, out: &mut Vec<u8>) {
    let keep =
        |text: &'_ Option<Box<str>>| text.as_deref().map(|text| head(text).to_owned().into());
    let line =
        Line { index, error: keep(&note.error), server_request_id: keep(&note.server_request_id) };
    // A struct of a number and texts always has a JSON form.
    let Ok(json) = serde_json::to_string(&line) else { return };
    let crc = crc32c::crc32c(json.as_bytes());
    out.extend_from_slice(format!("{crc:08x} {json}\n").as_bytes());
}

/// The beginning of `text`, at most [`TEXT_BYTES_MAX`] long.
fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// The notes by plan index, whether the last line was cut, and how many were altered.
pub(crate) fn decode(bytes: &[u8]) -> (BTreeMap<u32, Note>, bool, u64) {
    let (mut notes, mut altered) = (BTreeMap::new(), 0);
    let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    for line in bytes[..end].split_inclusive(|&byte| byte == b'\n') {
        match decode_line(line) {
            Some((index, note)) => {
                notes.insert(index, note);
            }
            None => altered += 1,
        }
    }
    (notes, end < bytes.len(), altered)
}

fn decode_line(line: &[u8]) -> Option<(u32, Note)> {
    let text = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (crc, json) = text.split_once(' ')?;
    if crc != format!("{:08x}", crc32c::crc32c(json.as_bytes())) {
        return None;
    }
    let line: Line<'_> = serde_json::from_str(json).ok()?;
    let boxed = |text: Option<Cow<'_, str>>| text.map(Into::into);
    let note = Note { error: boxed(line.error), server_request_id: boxed(line.server_request_id) };
    Some((line.index, note))
}

#[cfg(test)]
mod tests {
    use super::{TEXT_BYTES_MAX, decode, encode};
    use proofload_record::Note;

    fn note(error: &str) -> Note {
        Note { error: Some(error.into()), server_request_id: None }
    }

    fn sample() -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(3, &note("line one\nline \"two\"\u{0}"), &mut bytes);
        let id = Note { error: None, server_request_id: Some("=cmd|é".into()) };
        encode(8, &id, &mut bytes);
        bytes
    }

    #[test]
    fn a_line_is_a_checksum_and_json() {
        let text = String::from_utf8(sample()).unwrap();
        let want = "a63b1e7f {\"index\":3,\"error\":\"line one\\nline \\\"two\\\"\\u0000\"}\n\
                    48d670e5 {\"index\":8,\"server_request_id\":\"=cmd|é\"}\n";
        assert_eq!(text, want);
    }

    #[test]
    fn whatever_is_cut_or_altered_costs_only_its_line() {
        let bytes = sample();
        let first = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        for cut in first..bytes.len() {
            let (notes, torn, altered) = decode(&bytes[..cut]);
            assert_eq!(notes.keys().copied().collect::<Vec<_>>(), [3], "cut at {cut}");
            assert_eq!((torn, altered), (cut > first, 0), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << bit;
                let (_, torn, altered) = decode(&bytes);
                assert!(torn || altered > 0, "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn a_text_without_end_is_cut_between_two_characters() {
        let mut bytes = Vec::new();
        encode(0, &note(&"é".repeat(TEXT_BYTES_MAX)), &mut bytes);
        let (notes, ..) = decode(&bytes);
        assert_eq!(notes[&0].error.as_ref().unwrap().len(), TEXT_BYTES_MAX);
        bytes.clear();
        encode(0, &note(&format!("x{}", "é".repeat(TEXT_BYTES_MAX))), &mut bytes);
        let (notes, ..) = decode(&bytes);
        assert_eq!(notes[&0].error.as_ref().unwrap().len(), TEXT_BYTES_MAX - 1);
    }
}
