//! The names of the keys under a prefix.

use proofload_scheduler::WorkerKey;
use proofload_scheduler_redis::PrefixError;

#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
    pub(crate) steps: String,
    pub(crate) backlog: String,
    pub(crate) index: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Result<Self, PrefixError> {
        PrefixError::check(prefix)?;
        let key = |name| format!("{{{prefix}}}:{name}");
        let (steps, backlog, index) = (key("steps"), key("backlog"), key("index"));
        Ok(Self { prefix: prefix.to_owned(), steps, backlog, index })
    }

    pub(crate) fn worker(&self, worker: WorkerKey) -> String {
        format!("{{{}}}:worker:{}", self.prefix, worker.0)
    }

    pub(crate) fn lock(&self, worker: WorkerKey) -> String {
        format!("{{{}}}:lock:{}", self.prefix, worker.0)
    }

    pub(crate) fn list(&self, worker: WorkerKey) -> String {
        format!("{{{}}}:list:{}", self.prefix, worker.0)
    }

    pub(crate) fn container(&self, id: &str) -> String {
        format!("{{{}}}:container:{id}", self.prefix)
    }

    /// Finds every key of the prefix, whoever made it.
    pub(crate) fn pattern(&self) -> String {
        format!("{{{}}}:*", self.prefix)
    }

    /// Whether a key is one that is made here.
    pub(crate) fn is_ours(&self, key: &str) -> bool {
        if [&self.steps, &self.backlog, &self.index].into_iter().any(|ours| ours == key) {
            return true;
        }
        let rest = key.strip_prefix(&format!("{{{}}}:", self.prefix));
        match rest.and_then(|rest| rest.split_once(':')) {
            Some(("worker" | "lock" | "list", number)) => number.parse::<u32>().is_ok(),
            Some(("container", _)) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_keys_that_it_makes_are_its_own() {
        let keys = Keys::new("p").expect("a prefix");
        let worker = WorkerKey(7);
        for key in
            [keys.worker(worker), keys.lock(worker), keys.list(worker), keys.container("c:*")]
        {
            assert!(keys.is_ours(&key), "{key}");
        }
        for key in ["{p}:meta", "{p}:worker:x", "{p}:worker", "{q}:backlog", "p:backlog", "{p}:"] {
            assert!(!keys.is_ours(key), "{key}");
        }
        assert_eq!(keys.list(worker), "{p}:list:7");
    }
}
