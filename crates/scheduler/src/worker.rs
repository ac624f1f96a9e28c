//! A machine that runs containers.

use crate::amount::{Gpus, Megabytes, Millicores, Resources};

/// Whether a worker takes containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It does.
    Available,
    /// It will, once it has started.
    Pending,
    /// It keeps what it has and takes nothing more: drained.
    Disabled,
}

/// What runs the containers of a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// Namespaces of the host's kernel.
    #[default]
    Runc,
    /// A kernel in user space.
    Gvisor,
}

/// A worker as it registers: all of it stays as it is for the worker's life, but the status.
///
/// What is free is no field: it is the total less what the containers placed on it own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its name; one worker of a name at a time.
    pub id: String,
    /// Whether it takes containers.
    pub status: Status,
    /// What it has in all.
    pub total: Resources,
    /// The type of its GPUs; a worker with a type takes no container without GPUs.
    pub gpu: Option<String>,
    /// The pool it belongs to.
    pub pool: String,
    /// Carried for whoever reads it; no policy weighs it yet.
    pub priority: i32,
    /// It may be taken away at any time, so only preemptable containers go there.
    pub preemptable: bool,
    /// Carried for whoever reads it; no request asks for one yet.
    pub runtime: Runtime,
    /// It takes only containers that name its pool.
    pub requires_pool_selector: bool,
}

impl Worker {
    /// A worker without GPUs in the pool `default`, ready for containers.
    pub fn new(id: impl Into<String>, cpu: Millicores, memory: Megabytes) -> Self {
        Self {
            id: id.into(),
            status: Status::Available,
            total: Resources { cpu, memory, gpus: Gpus::ZERO },
            gpu: None,
            pool: "default".to_owned(),
            priority: 0,
            preemptable: false,
            runtime: Runtime::default(),
            requires_pool_selector: false,
        }
    }

    /// The same worker with `count` GPUs of the type `gpu`.
    #[must_use]
    pub fn with_gpus(mut self, gpu: impl Into<String>, count: Gpus) -> Self {
        self.gpu = Some(gpu.into());
        self.total.gpus = count;
        self
    }

    /// Whether a store may take it.
    ///
    /// # Errors
    /// [`WorkerError`], if it has no name, no CPU or no memory, or GPUs without a type.
    pub fn check(&self) -> Result<(), WorkerError> {
        let fault = if self.id.is_empty() {
            "an empty id; give every worker a name of its own"
        } else if self.total.cpu == Millicores::ZERO {
            "no CPU; give it at least 1 millicore"
        } else if self.total.memory == Megabytes::ZERO {
            "no memory; give it at least 1 MB"
        } else if self.gpu.is_none() && self.total.gpus != Gpus::ZERO {
            "GPUs without a type; name their type"
        } else if self.gpu.as_deref() == Some(crate::request::ANY_GPU) {
            "GPUs of the type `any`, which requests use for every type; name their type"
        } else {
            return Ok(());
        };
        Err(WorkerError { id: self.id.clone(), fault })
    }
}

/// Why a worker was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("worker {id:?} has {fault}")]
pub struct WorkerError {
    id: String,
    fault: &'static str,
}
