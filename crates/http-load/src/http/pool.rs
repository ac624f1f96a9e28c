//! The idle connections of one worker.

use std::cell::RefCell;

use super::connect::Connection;

/// Last in, first out: the warmest connection serves next, and those that a burst needed grow cold
/// and are closed by the server.
#[derive(Default)]
pub(crate) struct Pool {
    idle: RefCell<Vec<Connection>>,
}

impl Pool {
    /// The connection that was used last and still lives.
    pub(crate) fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        while let Some(mut connection) = idle.pop() {
            // Every one was ready when it came; one that is not any more has been closed.
            if connection.is_alive() {
                connection.reused = true;
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection whose answer has been read to its end, if it can take a request at once.
    /// One whose server answered before it had read the whole request cannot, and may never.
    pub(crate) fn put(&self, mut connection: Connection) {
        if connection.sender.is_ready() || connection.is_alive() {
            self.idle.borrow_mut().push(connection);
        }
    }
}
