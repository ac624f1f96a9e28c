//! What the simulator has served, counted where it happens.

use crate::Fault;
use std::collections::BTreeMap;

/// What was served until now. A chat request is counted when it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Chat requests that ended, however that was.
    pub requests: u64,
    /// Whole answers with status 200 and without a fault.
    pub ok: u64,
    /// Faults served, or cut short because the client left first.
    pub faults: BTreeMap<Fault, u64>,
    /// Chat answers by status, those with a fault included. A request that got no status, because
    /// its fault stands below HTTP or its client left, is not here.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without a fault whose client left before the whole answer was handed over.
    pub left: u64,
    /// Output tokens written.
    pub tokens: u64,
    /// Requests to the null route.
    pub null_requests: u64,
}
