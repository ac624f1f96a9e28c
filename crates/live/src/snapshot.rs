//! How far a run has come.

/// How far a run has come. Counts are of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// In the plan.
    pub planned: u64,
    /// Let go so far.
    pub released: u64,
    /// Ended well so far.
    pub ok: u64,
    /// Failed so far, by the name of how; names that count none may stand in it.
    pub errors: Vec<(&'static str, u64)>,
    /// Let go and not ended.
    pub in_flight: u64,
    /// Of those, kept back by a limit.
    pub waiting: u64,
    /// Since the run began, in nanoseconds.
    pub elapsed_ns: u64,
    /// From the first to the last due time of the plan, in nanoseconds.
    pub span_ns: u64,
    /// Time to first token so far.
    pub ttft: Option<Times>,
    /// How late requests were let go so far.
    pub lateness: Option<Times>,
}

/// What many times have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// How many.
    pub n: u64,
    /// Their median, in nanoseconds.
    pub p50_ns: u64,
    /// Their 99th percentile, in nanoseconds.
    pub p99_ns: u64,
}

impl Snapshot {
    /// Requests that ended badly.
    pub(crate) fn failed(&self) -> u64 {
        self.errors.iter().fold(0, |sum, &(_, count)| sum.saturating_add(count))
    }

    /// Requests that ended, well or badly.
    pub(crate) fn finished(&self) -> u64 {
        self.ok.saturating_add(self.failed())
    }
}
