//! A container that waits for a place.

use crate::amount::{Gpus, Megabytes, Millicores, Resources};

/// The GPU type that stands for every type.
pub const ANY_GPU: &str = "any";
/// How many GPU types a request may list.
pub const GPU_PREFERENCES_MAX: usize = 8;

/// A container and what it asks of its worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its name; one container of a name at a time.
    pub id: String,
    /// What it takes.
    pub needs: Resources,
    /// GPU types that will do, the dearest first; [`ANY_GPU`] stands for every type.
    pub gpus: Vec<String>,
    /// The pool it must run in; without one it goes to any worker that does not require one.
    pub pool: Option<String>,
    /// A request of a higher priority is placed before all requests of a lower one.
    pub priority: i32,
    /// It may run on a worker that can be taken away.
    pub preemptable: bool,
    /// Whose it is. Carried; fairness between workspaces is not built yet.
    pub workspace: String,
    /// Those that must start together. Carried; gangs are not built yet.
    pub gang: Option<String>,
}

impl Request {
    /// A container without GPUs, for any pool.
    pub fn new(id: impl Into<String>, cpu: Millicores, memory: Megabytes) -> Self {
        Self {
            id: id.into(),
            needs: Resources { cpu, memory, gpus: Gpus::ZERO },
            gpus: Vec::new(),
            pool: None,
            priority: 0,
            preemptable: false,
            workspace: String::new(),
            gang: None,
        }
    }

    /// The same request with `count` GPUs of one of the types, the dearest first.
    #[must_use]
    pub fn with_gpus<S: Into<String>>(
        mut self,
        count: Gpus,
        types: impl IntoIterator<Item = S>,
    ) -> Self {
        self.needs.gpus = count;
        self.gpus = types.into_iter().map(Into::into).collect();
        self
    }

    /// Whether a store may take it.
    ///
    /// # Errors
    /// [`RequestError`], if it has no name, asks for no CPU or no memory, or if GPU types and GPU
    /// count do not go together.
    pub fn check(&self) -> Result<(), RequestError> {
        let fault = if self.id.is_empty() {
            "has an empty id; give every container a name of its own"
        } else if self.needs.cpu == Millicores::ZERO {
            "asks for no CPU; ask for at least 1 millicore"
        } else if self.needs.memory == Megabytes::ZERO {
            "asks for no memory; ask for at least 1 MB"
        } else if self.needs.gpus == Gpus::ZERO && !self.gpus.is_empty() {
            "lists GPU types but asks for 0 GPUs; ask for at least 1"
        } else if self.needs.gpus != Gpus::ZERO && self.gpus.is_empty() {
            "asks for GPUs of no type; list the types that will do, or `any`"
        } else if self.gpus.len() > GPU_PREFERENCES_MAX {
            "lists more than 8 GPU types; list the best 8, or end the list with `any`"
        } else {
            return Ok(());
        };
        Err(RequestError { id: self.id.clone(), fault })
    }
}

/// Why a request was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("container {id:?} {fault}")]
pub struct RequestError {
    id: String,
    fault: &'static str,
}
