//! The batch scheduler's store on a Redis server.
//!
//! [`RedisStore`] is a `Store` of `proofload-scheduler`: in the steady state one call of one script a
//! batch, which carries out the plan, hands out containers and says what has changed. [`WorkerSide`] is
//! what a worker does. [`wire`] is the way to the server: one connection, every command, byte and round
//! trip of which is counted where it happens. `docs/schedule-redis.md` has the keys byte by byte.
//!
//! ```no_run
//! use std::time::Duration;
//! use proofload_scheduler::{Config, Megabytes, Millicores, Request, Scheduler, Store, Worker};
//! use proofload_scheduler_redis::{Options, RedisStore, WorkerSide};
//!
//! let address = "redis://127.0.0.1:6379".parse()?;
//! let store = RedisStore::open(&address, "example", Options::default())?;
//! let worker = Worker::new("worker-1", Millicores::new(10_000)?, Megabytes::new(20_480)?);
//! let (mut worker, _) = WorkerSide::register(store.handle()?, &worker, &[])?;
//! let container = Request::new("container-1", Millicores::new(100)?, Megabytes::new(256)?);
//! store.enqueue(vec![container], Duration::ZERO)?;
//!
//! let lease = Duration::from_secs(30);
//! let (name, config) = ("replica-1", Config::default());
//! let mut scheduler = Scheduler::join(store.handle()?, name, config, lease, Duration::ZERO)?;
//! for milliseconds in 0..60 {
//!     scheduler.step(Duration::from_millis(milliseconds))?;
//! }
//! let fetched = worker.fetch(100)?;
//! worker.acknowledge()?;
//! worker.release(&[fetched[0].key])?;
//! store.remove_all()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Why it has this shape
//! * **A queue is ownership.** A container is on a worker exactly if it is in the worker's queue; what is
//!   free is kept beside it and changes in the same script, and [`RedisStore::audit`] adds it up again.
//! * **Names and amounts stay at the server.** A plan carries keys only, and a payload waits where it is
//!   until its worker fetches it.
//! * **A batch is leased as a whole**, by the server's clock: one field and one timer, whatever its size.
//! * **The fleet is one string** with a slot a worker, so that a cold start reads it in one piece.
//! * **Whoever cannot know what happened asks again.** Calls are harmless twice where they can be, and say
//!   [`NoAnswer`](proofload_scheduler::StoreError::NoAnswer) where they cannot.
//! * **A server may come back with less than it had.** That is noticed, and nothing is placed until the
//!   workers have said what they run.
//!
//! Left out: several servers, TLS, waiting for replicas; and what other strategies need of a store.

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
