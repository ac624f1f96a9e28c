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
    pub(crate) async fn take(&self) -> Option<Connection> {
        loop {
            let mut connection = self.idle.borrow_mut().pop()?;
            if connection.sender.ready().await.is_ok() {
                connection.reused = true;
                return Some(connection);
            }
        }
    }

    /// Keeps a connection whose answer has been read to its end.
    pub(crate) fn put(&self, connection: Connection) {
        if !connection.sender.is_closed() {
            self.idle.borrow_mut().push(connection);
        }
    }
}
