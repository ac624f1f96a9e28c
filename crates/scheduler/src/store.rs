//! What a scheduler needs of the place where workers, containers and ownership are kept: the calls, what
//! goes out with them, and what comes back.

use std::sync::Arc;
use std::time::Duration;

use crate::amount::Resources;
use crate::counters::Counters;
use crate::refusal::Refusal;
use crate::request::{Request, RequestError};
use crate::worker::{Status, Worker, WorkerError};

/// The store's short name of a container, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerKey(pub u64);

/// The store's short name of a worker's name: small numbers, so that a scheduler can count by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerKey(pub u32);

/// How far the store's history had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// What a scheduler shows with every call; a later one of the same name makes it void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// The one call of the steady state.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// Who asks.
    pub token: Token,
    /// The caller's time; a store with a clock of its own goes by that.
    pub now: Duration,
    /// A plan to carry out.
    pub commit: Option<&'a Commit>,
    /// Containers to take.
    pub claim: Option<Claim>,
    /// What the caller has seen so far; `None`: nothing, so the whole fleet.
    pub since: Option<Revision>,
}

/// A wish for containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// How many at most.
    pub most: usize,
    /// How long they stay with the caller.
    pub lease: Duration,
}

/// A planned batch: containers, grouped by worker. It carries names only; amounts are the store's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Counts up for each token, so that a commit that is sent again is known.
    pub batch: u64,
    /// The workers.
    pub parts: Vec<Part>,
    /// Containers of all parts, in order.
    pub containers: Vec<ContainerKey>,
}

/// A worker's share of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The worker.
    pub worker: WorkerKey,
    /// The life of the worker that the plan was made for.
    pub epoch: u32,
    /// How many of the containers are its.
    pub count: u32,
}

/// What became of a container of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is on the worker, and in the worker's queue.
    Placed,
    /// The worker has no longer that much free.
    NoRoom,
    /// The worker is gone, or registered anew since.
    WorkerGone,
    /// The worker takes no containers.
    WorkerClosed,
    /// The caller does not hold the container: its lease ended, or it is placed or gone.
    NotLeased,
}

/// What became of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The commit's batch.
    pub batch: u64,
    /// For each part, the worker's version just before; `None` if the worker was gone.
    pub versions: Vec<Option<u64>>,
    /// For each container, in the commit's order.
    pub outcomes: Vec<Outcome>,
}

/// A container that the caller now holds.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Its key.
    pub key: ContainerKey,
    /// What it asks for.
    pub request: Arc<Request>,
    /// How often it has been put back because nothing was free: it has been tried as often.
    pub attempts: u32,
    /// When it came.
    pub enqueued: Duration,
}

/// A worker as the store has it now.
#[derive(Clone, Debug)]
pub struct WorkerState {
    /// Its key.
    pub key: WorkerKey,
    /// How often a worker of this name has registered.
    pub epoch: u32,
    /// How often its capacity has changed in this life.
    pub version: u64,
    /// As it registered.
    pub worker: Arc<Worker>,
    /// Whether it takes containers; `None`: it is gone.
    pub status: Option<Status>,
    /// Its total less what its containers own.
    pub free: Resources,
    /// How many containers it has.
    pub containers: u32,
}

/// What has changed.
#[derive(Clone, Debug)]
pub struct Delta {
    /// The history up to here.
    pub to: Revision,
    /// It is the whole fleet, not a difference.
    pub whole: bool,
    /// Each worker that changed, as it is now.
    pub workers: Vec<WorkerState>,
}

/// The answer to an exchange.
#[derive(Clone, Debug)]
pub struct Reply {
    /// About the commit, if there was one.
    pub verdict: Option<Verdict>,
    /// What the caller holds from now on, in the order in which it should be placed.
    pub claimed: Vec<Claimed>,
    /// Changes, those by the commit among them.
    pub delta: Delta,
}

/// What a worker's own report changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Owned by the worker so far, but it does not have them: released.
    pub released: Vec<String>,
    /// It says that it has them, but they are not its.
    pub strays: Vec<String>,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another scheduler of this name has joined since.
    #[error("token {} is void: another scheduler of the same name has joined since", .0.0)]
    Fenced(Token),
    /// No such worker.
    #[error("no worker {0:?}")]
    NoSuchWorker(String),
    /// A worker of this name is registered.
    #[error("worker {0:?} is registered already; remove it first")]
    DuplicateWorker(String),
    /// A container of this name is known.
    #[error("container {0:?} is known already")]
    DuplicateContainer(String),
    /// The worker cannot be taken.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The request cannot be taken.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The call may or may not have been carried out; a commit is sent again as it was.
    #[error("the store did not answer: {0}")]
    NoAnswer(String),
    /// The store turned the call away; to make it again would not help.
    #[error("{0}")]
    Failed(String),
    /// The store came back with less than it had: until every worker has said what it has, or has been
    /// given up, nothing is placed.
    #[error(
        "the store was set back; {waiting_for} workers have yet to report what they run, or to expire"
    )]
    SetBack {
        /// How many have not yet.
        waiting_for: u64,
    },
}

/// Where workers, containers and ownership are kept.
///
/// The truth is *ownership*: which container is on which worker, and how much it takes. What is free
/// is derived from it. A scheduler only ever has a copy, and the store has the last word: a commit is
/// accepted container by container *while it fits*, whatever the copy it was planned on.
///
/// In steady state there is one call, [`exchange`](Self::exchange), and so one round trip a batch: it
/// hands in the last plan, takes new containers, and brings what has changed since. It is cut in two,
/// [`submit`](Self::submit) and [`receive`](Self::receive), so that the next batch can be planned while
/// it is under way. Many schedulers share a store; each has a handle and counters of its own.
///
/// # What makes it safe
/// * A claimed container is leased, not taken: when the lease ends it is back in the backlog.
/// * A container is placed only by the scheduler that holds its lease, and only once.
/// * A [`Token`] is drawn when a scheduler joins. If another of its name joins later, everything that
///   carries the old token is turned away: [`StoreError::Fenced`].
/// * A worker that registers again under an old name has a new epoch; what was planned for the
///   old one is turned away.
/// * A commit carries a batch number. If its reply is lost it is sent again; a store that has already
///   carried it out answers with the verdict that it gave.
pub trait Store {
    /// An exchange that is under way.
    type Pending;

    /// Registers a scheduler and draws its token; earlier tokens of the name become void.
    fn join(&self, scheduler: &str) -> Result<Token, StoreError>;
    /// Sends an exchange.
    fn submit(&self, exchange: Exchange<'_>) -> Result<Self::Pending, StoreError>;
    /// Waits for the answer of an exchange.
    fn receive(&self, pending: Self::Pending) -> Result<Reply, StoreError>;
    /// Both at once.
    fn exchange(&self, exchange: Exchange<'_>) -> Result<Reply, StoreError> {
        self.receive(self.submit(exchange)?)
    }

    /// Takes containers into the backlog: all of them, or on an error none.
    fn enqueue(
        &self,
        requests: Vec<Request>,
        now: Duration,
    ) -> Result<Vec<ContainerKey>, StoreError>;
    /// Registers a worker that is not there.
    fn put_worker(&self, worker: Worker) -> Result<WorkerKey, StoreError>;
    /// Says whether a worker takes containers.
    fn set_status(&self, worker: &str, status: Status) -> Result<(), StoreError>;
    /// Lets a worker take nothing more; it keeps what it has.
    fn drain_worker(&self, worker: &str) -> Result<(), StoreError> {
        self.set_status(worker, Status::Disabled)
    }
    /// Removes a worker; returns the containers that were lost with it.
    fn remove_worker(&self, worker: &str) -> Result<Vec<Arc<Request>>, StoreError>;
    /// Puts containers that the caller holds back, to be claimed from `at` on. Skips those it does not
    /// hold; returns how many went back.
    fn requeue_at(
        &self,
        token: Token,
        containers: &[ContainerKey],
        at: Duration,
    ) -> Result<usize, StoreError>;
    /// Gives up containers that the caller holds, for good. Skips those it does not hold.
    fn refuse(
        &self,
        token: Token,
        refused: &[(ContainerKey, Refusal)],
    ) -> Result<usize, StoreError>;
    /// Holds everything that the caller holds until `until`; returns how many containers that are.
    fn renew(&self, token: Token, until: Duration) -> Result<usize, StoreError>;
    /// A container on this worker has ended. `false`, and nothing changes, if it is not there (any
    /// more): to say it twice does no harm.
    fn release(&self, container: &str, worker: &str) -> Result<bool, StoreError>;
    /// A worker says what it has: what it was handed and does not have is released.
    fn reconcile(&self, worker: &str, has: &[String]) -> Result<Reconciled, StoreError>;

    /// What the calls through this handle have cost.
    fn counters(&self) -> Arc<Counters>;
}
