//! Ending a run from outside or from within.

use tokio::sync::watch;

/// Why a run was ended before its plan was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// Ten leading answers said 401, 403 or 404 and none succeeded.
    Refused,
    /// The workload file changed while it was read.
    PayloadLost,
    /// The results can no longer be written.
    Unwritable,
    /// A worker could not get what it needs of this machine.
    WorkerFailed,
}

/// Ends a run. Cloned handles end the same one; the first reason stays.
#[derive(Clone, Debug)]
pub struct Stop {
    sender: watch::Sender<Option<Reason>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { sender: watch::Sender::new(None) }
    }
}

impl Stop {
    /// Ends the run: nothing more is sent, what is in flight is cut and recorded as cancelled.
    pub fn now(&self, reason: Reason) {
        self.sender.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(reason);
            first
        });
    }

    /// Why the run was ended, if it was.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        *self.sender.borrow()
    }

    /// Ready when the run is to end.
    pub async fn stopped(&self) -> Reason {
        let mut receiver = self.sender.subscribe();
        loop {
            if let Some(reason) = *receiver.borrow_and_update() {
                return reason;
            }
            if receiver.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reason, Stop};

    #[test]
    fn the_first_reason_stays() {
        let stop = Stop::default();
        let other = stop.clone();
        assert_eq!(stop.reason(), None);
        other.now(Reason::Refused);
        stop.now(Reason::Interrupted);
        assert_eq!(stop.reason(), Some(Reason::Refused));
    }
}
