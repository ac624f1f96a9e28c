//! The idle connections of one worker.

use std::cell::RefCell;

use super::connect::Connection;

/// Connections looked at for one request; beyond that a new one is opened.
const LOOKS: usize = 64;

/// Last in, first out: the warmest connection serves next, and those that a burst needed grow cold
/// and are closed by the server.
#[derive(Default)]
pub(crate) struct Pool {
    idle: RefCell<Vec<Connection>>,
}

impl Pool {
    /// The connection that was used last and can take a request now. One that cannot yet, because
    /// its server answered before it had read the whole request, is not waited for.
    pub(crate) fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        let mut place = idle.len();
        for _ in 0..LOOKS {
            place = place.checked_sub(1)?;
            if idle[place].sender.is_closed() {
                idle.remove(place);
            } else if idle[place].sender.is_ready() {
                let mut connection = idle.remove(place);
                connection.reused = true;
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection whose answer has been read to its end.
    pub(crate) fn put(&self, connection: Connection) {
        if !connection.sender.is_closed() {
            self.idle.borrow_mut().push(connection);
        }
    }
}
