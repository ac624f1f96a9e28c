//! Four ways to schedule containers, on one store, counted by the same counters.
//!
//! | strategy | what it does |
//! | --- | --- |
//! | [`Strategy::Old`] | a container at a time; reads the whole fleet under locks for each |
//! | [`Strategy::Lock`] | a container at a time, on a cached fleet, with one lock each |
//! | [`Strategy::Batch`] | plans a batch on a cached fleet, then one lock and one update a worker |
//! | [`Strategy::Ours`] | the scheduler of `proofload-scheduler`: one exchange a batch, no lock |
//!
//! The first three are sequences of small steps on a key-value store: a store that can take those
//! steps implements [`Primitives`]. Ours needs the scheduler's own `Store`. [`run`] takes a store that
//! is both, [`run_steps`] and [`run_ours`] one that is either. Whatever a run says it cost comes from
//! the store's counters; nothing here adds to one, so no figure is computed.
//! [`Delayed`] puts a delay before every answer of either kind of store.
//!
//! ```
//! use std::time::Duration;
//! use proofload_scheduler::{Megabytes, MemoryStore, Millicores, Request, Store, Worker};
//! use proofload_strategies::{Settings, Strategy, Work, run};
//! let store = MemoryStore::new();
//! store.put_worker(Worker::new("w", Millicores::new(4_000)?, Megabytes::new(8_192)?))?;
//! let request = Request::new("c", Millicores::new(100)?, Megabytes::new(256)?);
//! store.enqueue(vec![request], Duration::ZERO)?;
//! let ran = run(Strategy::Old, vec![store.handle()], &store.handle(), &Work::of(1), &Settings::default())?;
//! assert_eq!((ran.placed.len(), ran.counts.locks.taken), (1, 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Left out: where containers and workers come from, and what the figures mean.

mod batch;
mod cached;
mod choose;
mod delayed;
mod lock;
mod old;
mod ours;
mod primitives;
mod ran;
mod strategy;
mod timed;
mod work;

pub use delayed::Delayed;
pub use primitives::{Popped, Primitives};
pub use ran::{Batch, Landed, Phase, Phases, Ran};
pub use strategy::{RunError, Settings, Steps, Strategy, run, run_ours, run_steps};
pub use work::Work;
