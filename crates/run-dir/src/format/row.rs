//! The row of a request in `requests.bin`, version 1: 176 bytes.

use super::fields::Fields;
use proofload_record::{End, Flags, Itl, NotSent, Outcome, Row, Stamp};

/// Size of a row on disk.
pub(crate) const ROW_BYTES: usize = 176;

const SENT: u8 = 0;
const NOT_SENT: u8 = 1;
const PROMPT_TOKENS: u8 = 1;
const COMPLETION_TOKENS: u8 = 1 << 1;

/// Appends `row` to `out`.
pub(crate) fn encode(row: &Row, out: &mut Vec<u8>) {
    let (kind, code) = match row.end {
        End::Sent(outcome) => (SENT, outcome.code()),
        End::NotSent(reason) => (NOT_SENT, reason.code()),
    };
    let mut present = 0;
    if row.prompt_tokens.is_some() {
        present |= PROMPT_TOKENS;
    }
    if row.completion_tokens.is_some() {
        present |= COMPLETION_TOKENS;
    }
    out.extend_from_slice(&row.index.to_le_bytes());
    out.extend_from_slice(&row.class.to_le_bytes());
    out.extend_from_slice(&row.worker.to_le_bytes());
    out.extend_from_slice(&[kind, code, row.attempts, present]);
    out.extend_from_slice(&row.status.to_le_bytes());
    out.extend_from_slice(&row.flags.0.to_le_bytes());
    for stamp in [
        row.due,
        row.started,
        row.connected,
        row.written,
        row.first_byte,
        row.first_token,
        row.last_token,
        row.done,
    ] {
        out.extend_from_slice(&stamp.to_raw().to_le_bytes());
    }
    for wait_ns in [row.permit_wait_ns, row.dns_ns, row.tcp_ns, row.tls_ns] {
        out.extend_from_slice(&wait_ns.to_le_bytes());
    }
    for count in [
        row.prompt_tokens.unwrap_or(0),
        row.completion_tokens.unwrap_or(0),
        row.chunks,
        row.coalesced,
    ] {
        out.extend_from_slice(&count.to_le_bytes());
    }
    out.extend_from_slice(&row.bytes_out.to_le_bytes());
    out.extend_from_slice(&row.bytes_in.to_le_bytes());
    out.extend_from_slice(&row.itl.count.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&row.itl.sum_ns.to_le_bytes());
    out.extend_from_slice(&row.itl.sum_sq_ns2.to_le_bytes());
    out.extend_from_slice(&row.itl.max_ns.to_le_bytes());
}

/// Takes a row off the front of `fields`; `None` if it is cut or holds a code that version 1 does
/// not have.
pub(crate) fn decode(fields: &mut Fields<'_>) -> Option<Row> {
    let (index, class, worker) = (fields.u32()?, fields.u16()?, fields.u16()?);
    let (kind, code, attempts, present) = (fields.u8()?, fields.u8()?, fields.u8()?, fields.u8()?);
    let end = match kind {
        SENT => End::Sent(Outcome::from_code(code)?),
        NOT_SENT => End::NotSent(NotSent::from_code(code)?),
        _ => return None,
    };
    let (status, flags) = (fields.u16()?, Flags(fields.u16()?));
    let mut stamp = || fields.u64().map(Stamp::at);
    let (due, started, connected, written) = (stamp()?, stamp()?, stamp()?, stamp()?);
    let (first_byte, first_token, last_token, done) = (stamp()?, stamp()?, stamp()?, stamp()?);
    let (permit_wait_ns, dns_ns) = (fields.u64()?, fields.u64()?);
    let (tcp_ns, tls_ns) = (fields.u64()?, fields.u64()?);
    let (prompt_tokens, completion_tokens) = (fields.u32()?, fields.u32()?);
    let (chunks, coalesced) = (fields.u32()?, fields.u32()?);
    let (bytes_out, bytes_in) = (fields.u64()?, fields.u64()?);
    let count = fields.u32()?;
    fields.bytes(4)?;
    let itl =
        Itl { count, sum_ns: fields.u64()?, sum_sq_ns2: fields.f64()?, max_ns: fields.u64()? };
    Some(Row {
        index,
        class,
        worker,
        end,
        attempts,
        status,
        flags,
        due,
        started,
        connected,
        written,
        first_byte,
        first_token,
        last_token,
        done,
        permit_wait_ns,
        dns_ns,
        tcp_ns,
        tls_ns,
        prompt_tokens: (present & PROMPT_TOKENS != 0).then_some(prompt_tokens),
        completion_tokens: (present & COMPLETION_TOKENS != 0).then_some(completion_tokens),
        chunks,
        coalesced,
        bytes_out,
        bytes_in,
        itl,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{ROW_BYTES, decode, encode};
    use crate::format::fields::Fields;
    use proofload_record::{End, Flags, Itl, NotSent, Outcome, Row, Stamp};
    use proptest::prelude::*;

    /// A row in which every field has a value of its own.
    pub(crate) fn distinct_row() -> Row {
        Row {
            index: 0x0403_0201,
            class: 0x0605,
            worker: 0x0807,
            end: End::Sent(Outcome::Truncated),
            attempts: 2,
            status: 200,
            flags: Flags(0x001b),
            due: Stamp::at(0x10),
            started: Stamp::at(0x11),
            connected: Stamp::at(0x12),
            written: Stamp::at(0x13),
            first_byte: Stamp::at(0x14),
            first_token: Stamp::NONE,
            last_token: Stamp::at(0x16),
            done: Stamp::at(0x17),
            permit_wait_ns: 0x20,
            dns_ns: 0x21,
            tcp_ns: 0x22,
            tls_ns: 0x23,
            prompt_tokens: None,
            completion_tokens: Some(0x31),
            chunks: 0x32,
            coalesced: 0x33,
            bytes_out: 0x40,
            bytes_in: 0x41,
            itl: Itl { count: 0x50, sum_ns: 0x51, sum_sq_ns2: 1.0, max_ns: 0x53 },
        }
    }

    #[test]
    fn every_field_lies_where_the_format_says() {
        let mut bytes = Vec::new();
        encode(&distinct_row(), &mut bytes);
        let word = |value: u64| value.to_le_bytes().to_vec();
        let half = |value: u32| value.to_le_bytes().to_vec();
        let mut want = vec![1, 2, 3, 4, 5, 6, 7, 8, 0, 6, 2, 2, 200, 0, 0x1b, 0];
        for stamp in [0x10, 0x11, 0x12, 0x13, 0x14, u64::MAX, 0x16, 0x17] {
            want.extend(word(stamp));
        }
        want.extend([0x20, 0x21, 0x22, 0x23].into_iter().flat_map(word));
        want.extend([0, 0x31, 0x32, 0x33].into_iter().flat_map(half));
        want.extend([0x40, 0x41].into_iter().flat_map(word));
        want.extend([0x50, 0].into_iter().flat_map(half));
        want.extend([0x51, 0x3ff0_0000_0000_0000, 0x53].into_iter().flat_map(word));
        assert_eq!(bytes.len(), ROW_BYTES);
        assert_eq!(bytes, want);
    }

    #[test]
    fn codes_that_the_version_does_not_have_are_refused() {
        let mut bytes = Vec::new();
        encode(&distinct_row(), &mut bytes);
        for (name, at, value) in [
            ("an outcome beyond the last", 9, 21),
            ("a kind that is neither sent nor not sent", 8, 2),
        ] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            assert_eq!(decode(&mut Fields(&bytes)), None, "{name}");
        }
        bytes[8] = 1;
        assert_eq!(decode(&mut Fields(&bytes)), None, "a reason beyond the last");
        assert_eq!(decode(&mut Fields(&bytes[..ROW_BYTES - 1])), None, "a cut row");
    }

    fn stamps() -> impl Strategy<Value = Stamp> {
        prop_oneof![Just(Stamp::NONE), any::<u64>().prop_map(Stamp::at)]
    }

    fn ends() -> impl Strategy<Value = End> {
        prop_oneof![
            prop::sample::select(&Outcome::ALL[..]).prop_map(End::Sent),
            prop::sample::select(&NotSent::ALL[..]).prop_map(End::NotSent),
        ]
    }

    prop_compose! {
        fn rows()(
            (index, class, worker, end) in (any::<u32>(), any::<u16>(), any::<u16>(), ends()),
            (attempts, status, flags) in any::<(u8, u16, u16)>(),
            at in prop::array::uniform8(stamps()),
            waits in any::<[u64; 4]>(),
            tokens in any::<[Option<u32>; 2]>(),
            (chunks, coalesced, bytes_out, bytes_in) in any::<(u32, u32, u64, u64)>(),
            (count, sum_ns, sum_sq_ns2, max_ns) in any::<(u32, u64, f64, u64)>(),
        ) -> Row {
            Row {
                index, class, worker, end, attempts, status, flags: Flags(flags),
                due: at[0], started: at[1], connected: at[2], written: at[3],
                first_byte: at[4], first_token: at[5], last_token: at[6], done: at[7],
                permit_wait_ns: waits[0], dns_ns: waits[1], tcp_ns: waits[2], tls_ns: waits[3],
                prompt_tokens: tokens[0], completion_tokens: tokens[1],
                chunks, coalesced, bytes_out, bytes_in,
                itl: Itl { count, sum_ns, sum_sq_ns2, max_ns },
            }
        }
    }

    proptest! {
        /// Whatever a row holds comes back.
        #[test]
        fn decoding_undoes_encoding(row in rows()) {
            let mut bytes = Vec::new();
            encode(&row, &mut bytes);
            prop_assert_eq!(bytes.len(), ROW_BYTES);
            let mut fields = Fields(&bytes);
            prop_assert_eq!(decode(&mut fields), Some(row));
            prop_assert!(fields.0.is_empty());
        }

        /// No bytes make it panic.
        #[test]
        fn any_bytes_are_a_row_or_none(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode(&mut Fields(&bytes));
        }
    }
}
