//! The write side of a set of counters, for a store that lives in another crate.

use std::sync::Arc;
use std::time::Duration;

use super::{Counters, LockKind};

/// What a store on a wire adds to its counters by. [`Counters::for_store`] makes it together with the
/// set; there is no other way to one, and none to a second.
///
/// It has what happens at a store and on the wire. Lookups, hits and invalidations stay with the
/// scheduler's copy of the fleet, where they happen.
#[derive(Debug)]
pub struct Tally(Arc<Counters>);

macro_rules! tally {
    ($($(#[$doc:meta])* $method:ident;)*) => {$(
        $(#[$doc])*
        pub fn $method(&self, by: u64) {
            self.0.$method(by);
        }
    )*};
}

impl Counters {
    /// A new set for a store with a wire, and the only thing that can add to it.
    pub fn for_store() -> (Arc<Self>, Tally) {
        let counters = Arc::new(Self::with(true));
        (Arc::clone(&counters), Tally(counters))
    }
}

impl Tally {
    tally! {
        /// Calls of the store.
        operation;
        /// Workers' capacity has changed, as the server said.
        capacity_update;
        /// Flushes of the socket that carried requests.
        round_trip;
        /// Commands were written to the socket.
        command;
        /// Bytes were written to the socket.
        byte_sent;
        /// Bytes were read from the socket.
        byte_received;
        /// Commands were carried out inside a script, as the script said.
        script_call;
        /// Scripts were sent to a server that did not have them.
        script_load;
    }

    /// A worker's lock was taken; `wait` if it was not free at once.
    pub fn lock(&self, wait: Option<Duration>) {
        self.0.lock(LockKind::Worker, wait);
    }

    /// A worker's lock was let go of that had been held so long.
    pub fn unlock(&self, held: Duration) {
        self.0.unlock(LockKind::Worker, held);
    }
}
