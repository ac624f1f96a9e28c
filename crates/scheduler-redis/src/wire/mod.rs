//! The way to a Redis server: one connection, seen from outside as plain blocking calls.
//!
//! A [`Wire`] is a multiplexed connection in RESP3 and the small runtime that drives it. It is driven only
//! while a call is made, so a wire takes no thread and does nothing on its own. [`Wire::submit`] returns
//! when the request is out and [`Wire::receive`] waits for its reply; what is done in between overlaps the
//! server's work.
//!
//! ```no_run
//! use std::sync::{Arc, LazyLock};
//! use proofload_scheduler::Counters;
//! use proofload_scheduler_redis::wire::{Options, Script, Wire, cmd};
//!
//! static RAISE: LazyLock<Script> = LazyLock::new(|| {
//!     Script::new("raise", "return call('INCRBY', KEYS[1], ARGV[1])")
//! });
//! let (counters, tally) = Counters::for_store();
//! let address = "redis://127.0.0.1:6379".parse()?;
//! let wire = Wire::connect(&address, Options::default(), Arc::new(tally))?;
//!
//! wire.call::<()>(cmd("SET").arg("level").arg(40))?;
//! let pending = wire.submit_eval(RAISE.on(&["level"]).arg(2))?;
//! let level: i64 = wire.receive(pending)?;
//! assert_eq!(level, 42);
//! let counted = counters.snapshot().wire;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is counted, and where
//! In the socket itself, below the client library, the handshake included: bytes at read and write, a
//! command when its last byte is written, a round trip at each flush that carries requests. Calls inside
//! scripts are counted by the scripts ([`Script`]). [`Info`] says how it compares with the server's own.
//!
//! # What happens when it fails
//! Each failure has its name, [`WireError`]. A call whose connection is lost, or that is not answered in
//! time, fails and is never sent again by itself: only the caller knows what may be done twice. The
//! connection is then gone, and calls fail with [`WireError::NotSent`] until [`Wire::reconnect`], which
//! tries a bounded number of times. It gives the [`Info`] of the server that is there now: another
//! [`Info::run_id`] tells that it was started anew, perhaps with less than it had.
//!
//! It blocks, so it is not for use within an asynchronous task. Left out: TLS, unix sockets, clusters, publish and subscribe.

mod address;
mod calls;
mod error;
mod info;
mod link;
mod requests;
mod retry;
mod script;
mod stream;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

pub use address::{Address, AddressError};
pub use calls::Pending;
pub use error::WireError;
pub use info::{CpuTime, Info};
use link::Link;
use proofload_scheduler::Tally;
pub use redis::{Cmd, FromRedisValue, Pipeline, ToRedisArgs, Value, cmd, pipe};
pub use retry::Retry;
pub use script::{Eval, Script};
use tokio::runtime::{Builder, Runtime};

/// How long is waited for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// For a connection and the server's first words.
    pub connect_timeout: Duration,
    /// For a reply. Longer than the longest commit takes, as giving up too early makes it ambiguous.
    pub response_timeout: Duration,
    /// How [`Wire::reconnect`] tries.
    pub retry: Retry,
}

impl Default for Options {
    /// 5 s to connect, 10 s for a reply.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(10),
            retry: Retry::default(),
        }
    }
}

/// A connection to a server.
pub struct Wire {
    runtime: Runtime,
    address: Address,
    options: Options,
    tally: Arc<Tally>,
    state: Mutex<State>,
}

struct State {
    link: Option<Link>,
    /// Which link it is, so that a call on an earlier one does not end this.
    number: u64,
    server: Arc<Info>,
}

/// Shows where it leads, without the password.
impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Wire {
    /// Connects, once, and looks whether it is a server to work with. Whatever goes over the wire from
    /// now on, the handshake included, is counted in `tally`.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn connect(
        address: &Address,
        options: Options,
        tally: Arc<Tally>,
    ) -> Result<Self, WireError> {
        let address = address.clone();
        let runtime = Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(source) => return Err(WireError::Unreachable { address, source }),
        };
        let opened = runtime.block_on(Link::open(&address, &tally, options.connect_timeout));
        let (link, server) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                // Without waiting for a name that is still being looked up.
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let state = State { link: Some(link), number: 0, server: Arc::new(server) };
        Ok(Self { runtime, address, options, tally, state: Mutex::new(state) })
    }

    /// The server's address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The server as it was when this connection was made.
    pub fn server(&self) -> Arc<Info> {
        Arc::clone(&self.state().server)
    }

    /// Gives up the connection, if there still is one, and makes a new one, trying as often as
    /// [`Options::retry`] says. Returns the server that is there now.
    ///
    /// # Errors
    /// That of the last try, or at once one that will not pass.
    pub fn reconnect(&self) -> Result<Arc<Info>, WireError> {
        self.state().link = None;
        self.retry(|| Ok(self.server()))
    }

    /// Does what may be done twice until it succeeds, fails for good, or has been tried as often as
    /// [`Options::retry`] says. Connects anew where the connection is lost.
    ///
    /// # Errors
    /// That of the last try.
    pub fn retry<T>(
        &self,
        mut attempt: impl FnMut() -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        let mut failed = 0;
        loop {
            match self.connected().and_then(|()| attempt()) {
                Err(error) if error.is_passing() => {
                    failed += 1;
                    if failed >= self.options.retry.tries {
                        return Err(error);
                    }
                    thread::sleep(self.options.retry.pause_by_chance(failed));
                }
                done => return done,
            }
        }
    }

    /// Makes a connection if there is none.
    fn connected(&self) -> Result<(), WireError> {
        let mut state = self.state();
        if state.link.is_none() {
            let opened = Link::open(&self.address, &self.tally, self.options.connect_timeout);
            let (link, server) = self.runtime.block_on(opened)?;
            *state = State { link: Some(link), number: state.number + 1, server: Arc::new(server) };
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wire_can_be_handed_from_thread_to_thread_and_shared() {
        fn is_shared<T: Send + Sync>() {}
        is_shared::<Wire>();
        is_shared::<Script>();
    }
}
