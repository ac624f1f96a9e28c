//! The ids that a request carries, made without an allocation or a formatter.

/// Longest id of a run that is used; the rest is cut.
const RUN_ID_BYTES: usize = 32;
/// A dash and the digits of a plan index.
const INDEX_BYTES: usize = 11;
/// `00-<32 digits>-<16 digits>-01`, W3C Trace Context.
const TRACE_BYTES: usize = 55;

/// What all ids of a run have in common.
pub(crate) struct Ids {
    request_id: [u8; RUN_ID_BYTES + INDEX_BYTES],
    run_id_bytes: usize,
    trace: [u8; TRACE_BYTES],
}

/// The ids of one request.
pub(crate) struct RequestIds {
    request_id: [u8; RUN_ID_BYTES + INDEX_BYTES],
    bytes: usize,
    /// Its trace context: a trace for each request, derived from the run's id and the plan index.
    pub(crate) trace: [u8; TRACE_BYTES],
}

impl RequestIds {
    /// The run's id, a dash and the plan index.
    pub(crate) fn request_id(&self) -> &[u8] {
        &self.request_id[..self.bytes]
    }
}

impl Ids {
    pub(crate) fn new(run_id: &str) -> Self {
        let run_id = &run_id.as_bytes()[..run_id.len().min(RUN_ID_BYTES)];
        let mut request_id = [0; RUN_ID_BYTES + INDEX_BYTES];
        request_id[..run_id.len()].copy_from_slice(run_id);
        request_id[run_id.len()] = b'-';
        let mut trace = *b"00-00000000000000000000000000000000-0000000000000000-01";
        // The last twelve digits of the trace id are the index; the run's id stands before them.
        let run = &run_id[run_id.len().saturating_sub(20)..];
        trace[23 - run.len()..23].copy_from_slice(run);
        Self { request_id, run_id_bytes: run_id.len(), trace }
    }

    pub(crate) fn of(&self, index: u32) -> RequestIds {
        let mut ids = RequestIds {
            request_id: self.request_id,
            bytes: self.run_id_bytes + 1,
            trace: self.trace,
        };
        let digits = index.checked_ilog10().unwrap_or(0) as usize + 1;
        let mut rest = index;
        for place in ids.request_id[ids.bytes..ids.bytes + digits].iter_mut().rev() {
            *place = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        ids.bytes += digits;
        hex(u64::from(index), &mut ids.trace[23..35]);
        // A span id must not be zero.
        hex(u64::from(index) + 1, &mut ids.trace[36..52]);
        ids
    }
}

/// The last hexadecimal digits of `value`, as many as there is room for.
fn hex(value: u64, room: &mut [u8]) {
    let mut rest = value;
    for place in room.iter_mut().rev() {
        *place = b"0123456789abcdef"[(rest & 15) as usize];
        rest >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn ids_are_the_runs_and_the_plan_index() {
        for (run_id, index, request_id, trace) in [
            (
                "0123456789ab",
                0,
                "0123456789ab-0",
                "00-000000000123456789ab000000000000-0000000000000001-01",
            ),
            (
                "0123456789ab",
                1_234_567,
                "0123456789ab-1234567",
                "00-000000000123456789ab00000012d687-000000000012d688-01",
            ),
            (
                "0123456789ab",
                u32::MAX,
                "0123456789ab-4294967295",
                "00-000000000123456789ab0000ffffffff-0000000100000000-01",
            ),
            ("", 7, "-7", "00-00000000000000000000000000000007-0000000000000008-01"),
        ] {
            let ids = Ids::new(run_id).of(index);
            assert_eq!(std::str::from_utf8(ids.request_id()), Ok(request_id));
            assert_eq!(std::str::from_utf8(&ids.trace), Ok(trace));
        }
    }

    #[test]
    fn a_long_run_id_is_cut() {
        let long = "a".repeat(50);
        let ids = Ids::new(&long).of(5);
        assert_eq!(ids.request_id().len(), 34);
    }
}
