//! A batch scheduler for containers: which worker each one goes to, and the books that keep it true.

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
mod request;
mod scheduler;
mod snapshot;
mod store;
mod worker;

pub use amount::{AmountError, Gpus, Megabytes, Millicores, Resources};
pub use batching::{Backoff, Batching};
pub use cache::WorkerCache;
pub use clock::{Clock, MonotonicClock};
pub use counters::{CacheCounts, Counters, LockCounts, Snapshot, WireCounts};
pub use memory::{Audit, MemoryStore, WorkerAudit, WorkerLock};
pub use placer::{Examined, Placer, Shape};
pub use planner::{Config, Placed, Plan, Planner, Settled};
pub use policy::Policy;
pub use refusal::Refusal;
pub use request::{ANY_GPU, GPU_PREFERENCES_MAX, Request, RequestError};
pub use scheduler::{Scheduler, Step};
pub use store::{
    Claim, Claimed, Commit, ContainerKey, Delta, Exchange, Outcome, Part, Reconciled, Reply,
    Revision, Store, StoreError, Token, Verdict, WorkerKey, WorkerState,
};
pub use worker::{Runtime, Status, Worker, WorkerError};
