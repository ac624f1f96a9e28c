//! Texts of answers on their way into `responses.bin`: keys taken out, cut to what is kept.

use crate::format::response::{self, Response};
use proofload_record::Secrets;

/// How the texts of answers are kept.
#[derive(Clone, Debug)]
pub struct KeepResponses {
    /// Bytes of a text at most; the rest is left out, and the text flagged.
    pub limit_bytes: u32,
    /// What must never be written down. It is looked for here and not on the worker's thread, which
    /// has to send. So that a key at the limit is found, a worker hands over
    /// [`KeepResponses::MARGIN_BYTES`] more than is kept.
    pub secrets: Secrets,
}

impl KeepResponses {
    /// Bytes beyond the limit in which the end of a key is looked for.
    pub const MARGIN_BYTES: u32 = 4_096;

    /// Appends the record of `found` to `out`.
    pub(crate) fn encode(&self, found: &Response, out: &mut Vec<u8>) {
        let text = self.secrets.redact(&found.text);
        let kept = &text[..text.floor_char_boundary(self.limit_bytes as usize)];
        let truncated = found.truncated || kept.len() < text.len();
        response::encode(found.index, kept, truncated, out);
    }
}

#[cfg(test)]
mod tests {
    use super::KeepResponses;
    use crate::format::response::{self, Response};
    use proofload_record::Secrets;

    #[test]
    fn keys_go_first_and_what_is_too_long_after_them() {
        let keep = KeepResponses { limit_bytes: 8, secrets: Secrets::new(["sk-planted-key"]) };
        for (text, truncated, kept, cut) in [
            ("short", false, "short", false),
            ("12345678", false, "12345678", false),
            ("123456789", false, "12345678", true),
            ("1234567\u{e9}", false, "1234567", true),
            ("cut", true, "cut", true),
            ("a sk-planted-key", false, "a [redac", true),
            ("12345 sk-planted-key", false, "12345 [r", true),
        ] {
            let (mut found, mut want) = (Vec::new(), Vec::new());
            keep.encode(&Response { index: 3, text: text.to_owned(), truncated }, &mut found);
            response::encode(3, kept, cut, &mut want);
            assert_eq!(found, want, "{text}");
        }
    }
}
