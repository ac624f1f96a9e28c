//! The steps of the strategies old, lock and batch on a Redis server, call by call as their source makes
//! them.
//!
//! [`RedisPrimitives`] is a [`proofload_strategies::Primitives`] on the wire that
//! the scheduler's own store uses, so that both sides of a comparison are counted by the same code: a round
//! trip at the socket's flush, a command when its last byte is out, a command inside a script as the script
//! says. Each handle has a connection and counters of its own.
//!
//! ```no_run
//! use std::time::Duration;
//! use proofload_scheduler::{Megabytes, Millicores, Request, Worker};
//! use proofload_scheduler_redis::wire::Options;
//! use proofload_strategies::{Settings, Steps, Work, run_steps};
//! use proofload_strategies_redis::RedisPrimitives;
//!
//! let address = "redis://127.0.0.1:6379".parse()?;
//! let hand = RedisPrimitives::open(&address, "proofload-old", Options::default())?;
//! hand.put_workers(&[Worker::new("w", Millicores::new(4_000)?, Megabytes::new(8_192)?)])?;
//! let request = Request::new("c", Millicores::new(100)?, Megabytes::new(256)?);
//! hand.enqueue(&[request], "image, mounts, environment", Duration::ZERO)?;
//! let work = Work::of(1);
//! let ran = run_steps(Steps::Old, vec![hand.handle()?], &hand, &work, &Settings::default())?;
//! println!("{:?}", ran.counts.wire);
//! hand.remove_all()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The keys
//! All begin with `{PREFIX}:`; the braces keep them together in a cluster.
//!
//! | key | type | content |
//! | --- | --- | --- |
//! | `steps` | hash | `schema`, and how many `containers` and `workers` there have ever been |
//! | `backlog` | sorted set | the whole request as JSON, payload included, by when it came |
//! | `index` | set | keys of the workers |
//! | `worker:<key>` | hash | what it has, what of it is free, its version |
//! | `lock:<key>` | string | the token of whoever holds the worker's lock, for 10 s at most |
//! | `list:<key>` | list | the JSON of the containers that the worker is to run |
//! | `container:<id>` | hash | a container's state |
//!
//! # What is as in the source on purpose
//! A popped container is known to nobody but whoever popped it. Capacity is charged in one call and the
//! container handed over in another. A lock ends after 10 s whatever its holder does, and what is written
//! then is written. The requests travel whole, three times. Priorities are carried, and the backlog does
//! not go by them. [`RedisPrimitives::audit`] finds what came of it.
//!
//! Left out: a worker's time to live, and its end.

mod audit;
mod error;
mod keys;
mod lock;
mod member;
mod primitives;
mod setup;
mod worker;
mod worker_side;

pub use error::OpenError;
pub use lock::RedisLock;
pub use primitives::RedisPrimitives;
