//! What can go wrong on the way to a server.

use std::io;
use std::time::Duration;

use redis::ServerError;

use super::address::Address;
use super::link::OLDEST;

/// Why a call, or a connection, failed. No message has a password in it, nor what a call was made with.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Nothing listens there, or the way is cut.
    #[error(
        "cannot reach {address}; is a server running there? `redis-server` starts one on port 6379"
    )]
    Unreachable {
        /// Where it should be.
        address: Address,
        /// What the system says.
        source: io::Error,
    },
    /// Whatever listens there says nothing.
    #[error("{address} took the connection and then said nothing for {} ms; is it a Redis server, and not paused?", waited.as_millis())]
    Silent {
        /// Where.
        address: Address,
        /// How long it was waited for.
        waited: Duration,
    },
    /// Whatever listens there speaks something else.
    #[error("{address} is no Redis server: {found}")]
    NotRedis {
        /// Where.
        address: Address,
        /// What it did.
        found: &'static str,
    },
    /// The user or the password is wrong.
    #[error("{address} does not know this user and password; check them in the address")]
    WrongPassword {
        /// Where.
        address: Address,
    },
    /// No password was given.
    #[error(
        "{address} asks for a password; write redis://:password@host or redis://user:password@host"
    )]
    NoPassword {
        /// Where.
        address: Address,
    },
    /// The server cannot do what is needed.
    #[error(
        "{address} is of version {version}; at least {OLDEST} is needed, for scripts that read the clock and then write"
    )]
    TooOld {
        /// Where.
        address: Address,
        /// What it is.
        version: String,
    },
    /// The server only copies another one.
    #[error("{address} is a replica of {replica_of}, and takes no writes; use that one")]
    Replica {
        /// Where.
        address: Address,
        /// Whom it copies.
        replica_of: String,
    },
    /// The server is still reading its data.
    #[error("{address} is still loading its data; try again in a while")]
    Loading {
        /// Where.
        address: Address,
    },
    /// The user may not do that.
    #[error("{call}: the user of {address} may not do that ({message}); allow it by `ACL SETUSER`")]
    NoPermission {
        /// Where.
        address: Address,
        /// Which call.
        call: String,
        /// What the server says.
        message: String,
    },
    /// The server's memory is used up.
    #[error("{call}: {address} is out of memory; raise `maxmemory`, or remove what is not needed")]
    OutOfMemory {
        /// Where.
        address: Address,
        /// Which call.
        call: String,
    },
    /// A key holds something else than it should.
    #[error(
        "{call}: a key on {address} holds another type than is kept there; it belongs to somebody else"
    )]
    WrongType {
        /// Where.
        address: Address,
        /// Which call.
        call: String,
    },
    /// Another error that the server answered with.
    #[error("{call}: {address} answered {code} {message}")]
    Refused {
        /// Where.
        address: Address,
        /// Which call.
        call: String,
        /// The first word of the answer.
        code: String,
        /// The rest.
        message: String,
    },
    /// The reply is not what was expected.
    #[error("{call}: {address} answered with something unexpected: {found}")]
    Unexpected {
        /// Where.
        address: Address,
        /// Which call.
        call: String,
        /// What was wrong.
        found: String,
    },
    /// It was not sent, or not to its end: it has not been carried out.
    #[error("{call}: not sent, for the connection to {address} is lost")]
    NotSent {
        /// Where.
        address: Address,
        /// Which call.
        call: String,
    },
    /// It was sent, and no answer came: whether it has been carried out is not known.
    #[error("{call}: {address} did not answer: {why}; whether it was carried out is not known")]
    NoAnswer {
        /// Where.
        address: Address,
        /// Which call.
        call: String,
        /// What happened instead.
        why: String,
    },
}

impl WireError {
    /// Whether the call may have been carried out without our knowing.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::NoAnswer { .. })
    }

    /// Whether it may well go better in a moment, on this connection or the next.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Silent { .. }
            | Self::Loading { .. }
            | Self::NotSent { .. }
            | Self::NoAnswer { .. } => true,
            Self::Refused { code, .. } => matches!(&**code, "BUSY" | "TRYAGAIN" | "MASTERDOWN"),
            _ => false,
        }
    }

    /// The error that a server answered with.
    pub(super) fn answered(address: &Address, call: String, error: &ServerError) -> Self {
        let address = address.clone();
        // A server that does not know a command says it back, with what it was called with.
        let message = error.details().unwrap_or_default();
        let message = message.split(", with args beginning with").next().unwrap_or_default();
        let message = message.trim().to_owned();
        // Inside a script version 7.0 says it in words alone.
        let forbidden = message.starts_with("The user executing the script ");
        match error.code() {
            "WRONGPASS" => Self::WrongPassword { address },
            "NOAUTH" => Self::NoPassword { address },
            "NOPERM" => Self::NoPermission { address, call, message },
            "LOADING" => Self::Loading { address },
            "OOM" => Self::OutOfMemory { address, call },
            "READONLY" => Self::Replica { address, replica_of: "another server".to_owned() },
            "WRONGTYPE" => Self::WrongType { address, call },
            _ if forbidden => Self::NoPermission { address, call, message },
            code => Self::Refused { address, call, code: code.to_owned(), message },
        }
    }
}
