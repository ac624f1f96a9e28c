//! The account of one chat request, closed when it ends, however that is.

use crate::server::Server;
use crate::{Fault, truth};
use proofload_record::clock::{monotonic_ns, wall_ns};
use proofload_record::{ServerResult, ServerRow};
use std::mem;
use std::rc::Rc;

/// Who runs the models, in the log.
const PROVIDER: &str = "simulator";

/// What is known of a chat request. Dropping it, as hyper does with the body when the answer is
/// whole or the client has left, writes the truth file's line and the log row and counts it.
pub(crate) struct Exchange {
    server: Rc<Server>,
    /// For the server's log; times and tokens are filled in at the end.
    pub(crate) row: ServerRow,
    truth: truth::Entry,
    whole: bool,
}

impl Exchange {
    /// Begins the account of a request that has been read now.
    pub(crate) fn begin(server: &Rc<Server>, client_id: String, own_id: String) -> Self {
        Self {
            server: Rc::clone(server),
            row: ServerRow {
                request_id: own_id,
                provider: PROVIDER.to_owned(),
                model: None,
                mode: None,
                priority: None,
                arrived_wall_ns: wall_ns(),
                enqueued_ns: None,
                scheduled_ns: None,
                queue_depth: None,
                queue_depth_scheduled: None,
                classification_ns: None,
                cold_start: None,
                load_ns: None,
                ttft_ns: None,
                total_ns: 0,
                prompt_tokens: None,
                completion_tokens: 0,
                status: 0,
                result: ServerResult::Error,
            },
            truth: truth::Entry {
                request_id: client_id,
                arrived_ns: monotonic_ns(),
                ..truth::Entry::default()
            },
            whole: false,
        }
    }

    /// Nanoseconds since it arrived.
    pub(crate) fn age_ns(&self) -> u64 {
        monotonic_ns().saturating_sub(self.truth.arrived_ns)
    }

    pub(crate) const fn note_fault(&mut self, fault: Option<Fault>) {
        self.truth.fault = fault;
    }

    /// The first token exists now, whether or not it is written.
    pub(crate) fn note_first_token(&mut self) {
        let age_ns = self.age_ns();
        self.row.ttft_ns.get_or_insert(age_ns);
    }

    /// Bytes in which so many chunks and tokens end go to hyper now.
    pub(crate) fn note_write(&mut self, chunks: u32, tokens: u32) {
        if chunks > 0 {
            self.note_first_token();
            let now_ns = monotonic_ns();
            self.truth.chunk_ns.extend((0..chunks).map(|_| now_ns));
        }
        self.truth.tokens += tokens;
    }

    /// The answer has been handed over to its end.
    pub(crate) const fn note_whole(&mut self) {
        self.whole = true;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut truth = mem::take(&mut self.truth);
        truth.ended_ns = monotonic_ns();
        truth.status = self.row.status;
        self.row.total_ns = truth.ended_ns.saturating_sub(truth.arrived_ns);
        self.row.completion_tokens = truth.tokens;
        // What it does wrong on purpose a server does not know, unless its model fails.
        if self.whole && truth.status == 200 && truth.fault != Some(Fault::InBandError) {
            self.row.result = ServerResult::Success;
        }
        let mut counts = self.server.counts();
        counts.requests += 1;
        counts.tokens += u64::from(truth.tokens);
        if truth.status != 0 {
            *counts.statuses.entry(truth.status).or_default() += 1;
        }
        match truth.fault {
            Some(fault) => *counts.faults.entry(fault).or_default() += 1,
            None if !self.whole => counts.left += 1,
            None if truth.status == 200 => counts.ok += 1,
            None => {}
        }
        drop(counts);
        self.server.ended(&self.row, truth);
    }
}
