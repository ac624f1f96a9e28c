//! The worker's end: a [`Sink`] that never waits.

use super::counters::{Budget, Counters};
use crate::format::chunk::Chunks;
use crate::format::response::Response;
use proofload_record::clock::Clock;
use proofload_record::{Load, Note, Row, Sink};
use proofload_stats::hist::Histogram;
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// Classes that have histograms of their own; the rest share one more.
pub(crate) const CLASSES_MAX: u16 = 256;
/// Bytes of chunks, and of texts, of one worker that wait for the writer at most: the chunks of
/// 8,000 requests of 500 each, or 500 texts of 64 KiB.
pub(crate) const BYTES_QUEUED: u64 = 32 << 20;
/// Less time than this with nothing in it is no interval.
const INTERVAL_NS_MIN: u64 = 1_000_000;

/// A request that ended.
pub(crate) struct Finished {
    pub(crate) row: Row,
    pub(crate) note: Note,
}

/// What a worker hands over each second.
pub(crate) enum Handed {
    /// Gaps between content chunks of one class.
    Gaps { class: u16, span: Span, histogram: Box<Histogram> },
    /// How the worker stood, and how late it released.
    Second { span: Span, load: Load, lateness: Box<Histogram> },
}

/// From when to when, on the run's clock.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
}

/// The writer's end of what one worker sends.
pub(crate) struct Link {
    pub(crate) counters: Arc<Counters>,
    pub(crate) rows: Receiver<Finished>,
    pub(crate) handed: Receiver<Handed>,
    /// Empty histograms go back, so that none is made after the first seconds.
    pub(crate) spares: SyncSender<Box<Histogram>>,
    pub(crate) chunks: Option<Receiver<Chunks>>,
    pub(crate) responses: Option<Receiver<Response>>,
}

/// What is kept beside the rows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keep {
    pub(crate) chunks: bool,
    pub(crate) responses: bool,
}

/// Records what one worker saw. Made by [`Prepared::begin`](crate::Prepared::begin), moved to the
/// worker's thread, dropped there when the worker is done.
///
/// No call waits or takes a lock; only dropping it may wait for the writer. Rows go through a queue
/// of [`Recorder::ROWS_QUEUED`]; when it is full the row is dropped and counted, for a send must
/// not wait for a disk. Chunks go through one of as many requests and at most 32 MiB, texts of
/// answers through another, and both are dropped and counted in the same way. The histograms cannot be dropped: where the writer has not
/// taken the last second's, the next second adds to it. After the first two seconds no call
/// allocates, except for chunks, which are copied.
pub struct Recorder {
    clock: Clock,
    counters: Arc<Counters>,
    rows: SyncSender<Finished>,
    handed: SyncSender<Handed>,
    spares: Receiver<Box<Histogram>>,
    chunks: Option<SyncSender<Chunks>>,
    responses: Option<SyncSender<Response>>,
    /// Gaps of these first requests are left out: a histogram does not tell requests apart later.
    warmup_requests: u64,
    /// By class; the last is for all classes beyond [`CLASSES_MAX`].
    gaps: Box<[Option<Box<Histogram>>]>,
    lateness: Box<Histogram>,
    spin_ns: u64,
    from_ns: u64,
    on_thread: bool,
}

impl Recorder {
    /// Rows of one worker that wait for the writer at most: 0.8 s at 10,000 requests a second, of
    /// which the writer leaves at most 50 ms waiting while it keeps up. About 2 MB.
    pub const ROWS_QUEUED: usize = 8_192;

    /// Both ends for one worker of a run with `classes` classes.
    pub(crate) fn new(
        clock: Clock,
        classes: usize,
        rows_queued: usize,
        keep: Keep,
        warmup_requests: u64,
    ) -> (Self, Link) {
        let histograms = classes.min(usize::from(CLASSES_MAX)) + 1;
        let counters = Arc::new(Counters::default());
        let (rows, rows_out) = sync_channel(rows_queued);
        let (handed, handed_out) = sync_channel(2 * (histograms + 1));
        let (spares_in, spares) = sync_channel(2 * (histograms + 1));
        let (chunks, chunks_out) = keep.chunks.then(|| sync_channel(rows_queued)).unzip();
        let (responses, responses_out) = keep.responses.then(|| sync_channel(rows_queued)).unzip();
        let link = Link {
            counters: Arc::clone(&counters),
            rows: rows_out,
            handed: handed_out,
            spares: spares_in,
            chunks: chunks_out,
            responses: responses_out,
        };
        let recorder = Self {
            clock,
            counters,
            rows,
            handed,
            spares,
            chunks,
            responses,
            warmup_requests,
            gaps: vec![None; histograms].into(),
            lateness: Box::default(),
            spin_ns: 0,
            from_ns: 0,
            on_thread: false,
        };
        (recorder, link)
    }

    /// Tells the writer which thread this worker runs on, so that it can ask the kernel about it.
    fn note_thread(&mut self) {
        if !self.on_thread {
            self.on_thread = true;
            self.counters.set_thread(rustix::thread::gettid().as_raw_nonzero().get());
        }
    }

    /// Whether no histogram has anything in it.
    fn is_empty(&self) -> bool {
        self.lateness.is_empty() && self.gaps.iter().flatten().all(|gaps| gaps.is_empty())
    }

    fn hand_over_gaps(&mut self, span: Span) {
        for (class, slot) in (0..).zip(&mut self.gaps) {
            let Some(histogram) = slot.take_if(|histogram| !histogram.is_empty()) else { continue };
            let refused = self.handed.try_send(Handed::Gaps { class, span, histogram });
            if let Err(TrySendError::Full(Handed::Gaps { histogram, .. })) = refused {
                *slot = Some(histogram);
            }
        }
    }

    fn hand_over_second(&mut self, span: Span, load: Load) {
        let load = Load { spin_ns: self.spin_ns, ..load };
        let fresh = spare(&self.spares);
        let lateness = mem::replace(&mut self.lateness, fresh);
        match self.handed.try_send(Handed::Second { span, load, lateness }) {
            Err(TrySendError::Full(Handed::Second { lateness, .. })) => self.lateness = lateness,
            _ => (self.spin_ns, self.from_ns) = (0, span.to_ns),
        }
    }
}

/// Puts `item` into the queue if that has room for it; otherwise it is dropped and counted.
fn hand_over<T>(bytes: u64, item: T, queue: &SyncSender<T>, budget: &Budget) {
    let fits = budget.waiting_bytes() + bytes <= BYTES_QUEUED;
    if fits && queue.try_send(item).is_ok() {
        budget.add_handed(bytes);
    } else {
        budget.add_dropped();
    }
}

fn spare(spares: &Receiver<Box<Histogram>>) -> Box<Histogram> {
    spares.try_recv().unwrap_or_default()
}

impl Sink for Recorder {
    fn released(&mut self, lateness_ns: u64) {
        self.note_thread();
        self.lateness.record(lateness_ns);
        self.counters.add_released();
    }

    fn gap(&mut self, index: u32, class: u16, gap_ns: u64) {
        if u64::from(index) < self.warmup_requests {
            return;
        }
        let place = usize::from(class.min(CLASSES_MAX)).min(self.gaps.len() - 1);
        self.gaps[place].get_or_insert_with(|| spare(&self.spares)).record(gap_ns);
    }

    fn finished(&mut self, row: &Row, note: Note) {
        match self.rows.try_send(Finished { row: *row, note }) {
            Ok(()) => self.counters.add_handed(row.end),
            Err(_) => self.counters.add_dropped(row.end),
        }
    }

    fn chunks(&mut self, index: u32, arrivals_ns: &[u64]) {
        let Some(queue) = &self.chunks else { return };
        let chunks = Chunks { index, arrivals_ns: arrivals_ns.into() };
        hand_over(chunks.size_bytes(), chunks, queue, &self.counters.chunks);
    }

    fn response(&mut self, index: u32, text: String, truncated: bool) {
        let Some(queue) = &self.responses else { return };
        let response = Response { index, text, truncated };
        hand_over(response.held_bytes(), response, queue, &self.counters.responses);
    }

    fn tick(&mut self, load: Load) {
        self.note_thread();
        self.counters.set_queued(load.queued);
        self.spin_ns += load.spin_ns;
        let span = Span { from_ns: self.from_ns, to_ns: self.clock.now_ns() };
        self.hand_over_gaps(span);
        self.hand_over_second(span, load);
    }
}

impl Drop for Recorder {
    /// Hands over what was seen since the last second. There is nothing left that could be delayed,
    /// so here it waits where the queue is full; a writer that has ended refuses at once.
    fn drop(&mut self) {
        let span = Span { from_ns: self.from_ns, to_ns: self.clock.now_ns() };
        let length_ns = span.to_ns.saturating_sub(span.from_ns);
        if !self.on_thread || (self.is_empty() && length_ns < INTERVAL_NS_MIN) {
            return;
        }
        self.counters.set_queued(0);
        for (class, slot) in (0..).zip(&mut self.gaps) {
            if let Some(histogram) = slot.take_if(|histogram| !histogram.is_empty()) {
                let _ = self.handed.send(Handed::Gaps { class, span, histogram });
            }
        }
        let load = Load { spin_ns: self.spin_ns, ..Load::default() };
        let lateness = mem::take(&mut self.lateness);
        let _ = self.handed.send(Handed::Second { span, load, lateness });
    }
}
