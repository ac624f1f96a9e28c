//! A batch scheduler for containers: which worker each one goes to, and the books that keep it true.
//!
//! Workers have CPU, memory and GPUs; containers ask for some. A [`Scheduler`] claims containers from a
//! [`Store`], plans a batch of them on its own copy of the fleet, and commits it; the store says of each
//! whether it still fits. [`MemoryStore`] is a store in this process, for any number of threads.
//!
//! ```
//! use std::time::Duration;
//! use proofload_scheduler::{Config, Megabytes, MemoryStore, Millicores, Request, Scheduler, Store, Worker};
//!
//! let store = MemoryStore::new();
//! store.put_worker(Worker::new("worker-1", Millicores::new(10_000)?, Megabytes::new(20_480)?))?;
//! let container = Request::new("container-1", Millicores::new(100)?, Megabytes::new(256)?);
//! store.enqueue(vec![container], Duration::ZERO)?;
//!
//! let lease = Duration::from_secs(30);
//! let mut scheduler = Scheduler::join(store.handle(), "replica-1", Config::default(), lease, Duration::ZERO)?;
//! let mut placed = 0;
//! // A container waits 50 ms for others to share its batch with.
//! for milliseconds in 0..60 {
//!     placed += scheduler.step(Duration::from_millis(milliseconds))?.settled.placed.len();
//! }
//! assert_eq!(placed, 1);
//! assert_eq!(store.audit().workers[0].free.cpu, Millicores::new(9_900)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Why it has this shape
//! * **Ownership is the truth.** A store knows which container is on which worker; what is free is the
//!   total less the sum of those. It cannot go below zero, and nothing that is said twice changes it twice.
//! * **A commit is accepted while it fits**, not only if nothing else has happened since. Two schedulers
//!   that plan on the same copy are both right as long as there is room. Where there is not, a [`Replica`]
//!   keeps to a share of the fleet first.
//! * **A decision looks at few places** of an index (`index`), never at the fleet, and is exact: if it
//!   finds nothing, nothing fits. [`Examined`] counts the places.
//! * **Counters cannot lie.** [`Counters`] go up where a thing happens and nowhere else.
//! * **No I/O, no runtime, no timers.** Whoever embeds it says what time it is. Only the timing of locks
//!   reads a [`Clock`].
//!
//! Pieces can be used alone: a [`Placer`] decides one container after the other, a [`Planner`] makes
//! commits out of claimed containers, a [`WorkerCache`] serves strategies that read the fleet now and then.
//!
//! # Left out
//! Fairness between workspaces, gangs, preemption and packing that minds the fragmentation of GPUs: their
//! fields stand in the data and nothing reads them. Nor is a worker's `priority` or `runtime` weighed. A
//! worker that is [`Status::Pending`] takes nothing until it is available.

mod amount;
mod batching;
mod cache;
mod clock;
mod counters;
mod index;
mod memory;
mod placer;
mod planner;
mod policy;
mod refusal;
mod replica;
mod request;
mod scheduler;
mod snapshot;
mod store;
mod unfit;
mod worker;

pub use amount::{AmountError, Gpus, Megabytes, Millicores, Resources};
pub use batching::{Backoff, Batching};
pub use cache::WorkerCache;
pub use clock::{Clock, MonotonicClock};
pub use counters::{CacheCounts, Counters, LockCounts, Snapshot, Tally, WireCounts};
pub use memory::{Audit, MemoryStore, WorkerAudit, WorkerLock};
pub use placer::{Examined, Placer, Shape};
pub use planner::{Config, Placed, Plan, Planner, Settled};
pub use policy::Policy;
pub use refusal::Refusal;
pub use replica::Replica;
pub use request::{ANY_GPU, GPU_PREFERENCES_MAX, Request, RequestError};
pub use scheduler::{Scheduler, Step};
pub use store::{
    Claim, Claimed, Commit, ContainerKey, Delta, Exchange, Outcome, Part, Reconciled, Reply,
    Revision, Store, StoreError, Token, Verdict, WorkerKey, WorkerState,
};
pub use worker::{Runtime, Status, Worker, WorkerError};
