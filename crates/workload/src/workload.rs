//! A workload: a file that was read once and found good.

use crate::describe::Description;
use crate::error::WorkloadError;
use crate::index::Index;
use crate::plan::{Plan, PlanOptions};
use crate::source::Origin;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

/// A checked workload. Cheap to clone; the rows are shared.
#[derive(Clone, Debug)]
pub struct Workload {
    origin: Origin,
    index: Arc<Index>,
}

impl Workload {
    /// Reads and checks the file at `path`, which must be a regular file: UTF-8 with or without a
    /// byte order mark, up to `u32::MAX - 1` rows of at most 64 MiB each.
    ///
    /// # Errors
    /// [`WorkloadError`]: unreadable, empty, or faulty, then with the first ten faults.
    pub fn open(path: &Path) -> Result<Self, WorkloadError> {
        Self::read(Origin::File(path.into()))
    }

    /// The workload that is part of the program: `workloads/sample_workload_mixed.csv`.
    #[must_use]
    pub fn mixed() -> Self {
        let bytes = include_bytes!("../../../workloads/sample_workload_mixed.csv");
        let origin = Origin::BuiltIn { name: "built-in mixed workload", bytes };
        Self::read(origin).expect("the built-in workload is good, a test reads it")
    }

    fn read(origin: Origin) -> Result<Self, WorkloadError> {
        let index = Arc::new(Index::read(&origin)?);
        Ok(Self { origin, index })
    }

    /// What is in it, and what is odd about it.
    #[must_use]
    pub fn describe(&self) -> Description {
        Description::of(self.origin.name(), &self.index)
    }

    /// The models that it names, each once, in the order of the plan.
    #[must_use]
    pub fn models(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        let named = self.index.classes.iter().filter_map(|class| class.model.as_deref());
        named.filter(|model| seen.insert(*model)).collect()
    }

    /// Compiles it to what is sent and when.
    ///
    /// # Errors
    /// [`WorkloadError::Speed`] or [`WorkloadError::LimitZero`].
    pub fn plan(&self, options: &PlanOptions) -> Result<Plan, WorkloadError> {
        Plan::compile(self.origin.clone(), Arc::clone(&self.index), options)
    }
}
