//! What the first pass counts for the description.

use crate::inspect::Seen;

/// Counts over the rows of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Rows due before the row above them.
    pub(crate) out_of_order: u64,
    /// Rows with more cells than the header.
    pub(crate) long_rows: u64,
    pub(crate) odd_models: u64,
    pub(crate) without_messages: u64,
    pub(crate) without_prompt: u64,
    /// Bodies that ask for a stream, that refuse one, that do not say.
    pub(crate) stream: [u64; 3],
    /// Bodies that are the same text as an earlier one.
    pub(crate) repeated_bodies: u64,
    pub(crate) body_min_bytes: u64,
    pub(crate) body_max_bytes: u64,
    pub(crate) body_sum_bytes: u64,
}

impl Survey {
    pub(crate) fn body(&mut self, body: &str, seen: &Seen<'_>) {
        let bytes = body.len() as u64;
        let first = self.stream.iter().sum::<u64>() == 0;
        self.body_min_bytes = if first { bytes } else { self.body_min_bytes.min(bytes) };
        self.body_max_bytes = self.body_max_bytes.max(bytes);
        self.body_sum_bytes += bytes;
        self.odd_models += u64::from(seen.odd_model);
        self.without_messages += u64::from(!seen.messages);
        self.without_prompt += u64::from(seen.messages && !seen.prompt);
        let says = match seen.stream {
            Some(true) => 0,
            Some(false) => 1,
            None => 2,
        };
        self.stream[says] += 1;
    }
}
