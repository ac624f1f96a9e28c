//! What a proxy is to do with what it forwards.

use std::time::Duration;

/// A way through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Request,
    /// From the server to the client.
    Reply,
}

/// What becomes of a connection when its bytes have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Both sides are closed.
    Cut,
    /// Nothing more is forwarded, either way; the connection stays until one side closes it.
    Stall,
}

/// An end after a number of bytes. It happens once: connections made afterwards are whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What happens.
    pub ending: Ending,
    /// Whose bytes are counted.
    pub direction: Direction,
    /// How many pass, counted over all connections from when the fault was armed. The connection that
    /// carries the last of them ends as soon as it has passed; for 0, the one whose byte would be first.
    pub after_bytes: u64,
}

/// How a proxy begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// How much longer each round trip is.
    pub delay: Duration,
    /// A fault that is armed from the beginning.
    pub fault: Option<Fault>,
}

impl Plan {
    /// A delay and no fault.
    #[must_use]
    pub const fn delay(delay: Duration) -> Self {
        Self { delay, fault: None }
    }

    /// No delay, and both sides closed after so many bytes of one direction.
    #[must_use]
    pub const fn cut(direction: Direction, after_bytes: u64) -> Self {
        let fault = Fault { ending: Ending::Cut, direction, after_bytes };
        Self { delay: Duration::ZERO, fault: Some(fault) }
    }
}
