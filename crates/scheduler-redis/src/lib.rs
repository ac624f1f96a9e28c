//! The batch scheduler's store on a Redis server.
//!
//! [`RedisStore`] is a `Store` of `proofload-scheduler`: in the steady state one call of one script a
//! batch, which carries out the plan, hands out containers and says what has changed. [`wire`] is the
//! way to the server: one connection, every command, byte and round trip of which is counted where it
//! happens.

mod audit;
mod keys;
mod packed;
mod scripts;
mod store;
pub mod wire;
mod worker_side;

pub use keys::{PREFIX_BYTES_MAX, PrefixError};
pub use store::{OpenError, Options, Parcel, Pending, RedisStore, Time};
pub use worker_side::{Fetched, Reported, WorkerSide};
