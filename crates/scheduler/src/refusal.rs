//! Why a container will not be placed.

use crate::amount::Resources;

/// The reason why a request is given up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No worker is in the pool.
    #[error("no worker is in the pool {0:?}")]
    UnknownPool(String),
    /// No worker has GPUs of any of the types.
    #[error("no worker has GPUs of the type {}", .0.join(" or "))]
    UnknownGpu(Vec<String>),
    /// Workers there are, but none that this kind of request may go to.
    #[error("no worker takes requests of this kind ({0})")]
    NoWorker(&'static str),
    /// None of the workers that it may go to could hold it, if it were empty.
    #[error(
        "larger than any worker it may go to: it asks for {} and {} with {}; of each, the most that a worker has is {}, {} and {}",
        .needs.cpu, .needs.memory, .needs.gpus, .most.cpu, .most.memory, .most.gpus
    )]
    TooLarge {
        /// What it asks for.
        needs: Resources,
        /// The most of each that any such worker has, not all in one worker.
        most: Resources,
    },
    /// It fits somewhere, but nothing was free, as often as it was tried.
    #[error("nothing was free in {0} tries")]
    NothingFree(u32),
}
