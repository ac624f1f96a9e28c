//! The names of the keys under a prefix.

use proofload_scheduler::WorkerKey;

/// In the order in which the scripts name them.
const FIXED: [&str; 17] = [
    "meta",
    "names",
    "records",
    "payloads",
    "ready",
    "timers",
    "fleet",
    "registry",
    "log",
    "workers",
    "fetched",
    "acked",
    "lost",
    "refused",
    "unreported",
    "owners",
    "leases",
];

/// How long a prefix may be, in bytes.
pub const PREFIX_BYTES_MAX: usize = 100;

/// Why a prefix was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "prefix {prefix:?}: expected 1 to {PREFIX_BYTES_MAX} letters, digits and `-`, `_`, `.`, `:`, for example `proofload`"
)]
pub struct PrefixError {
    prefix: String,
}

impl PrefixError {
    /// Looks whether keys may begin with this.
    ///
    /// # Errors
    /// If not.
    pub fn check(prefix: &str) -> Result<(), Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if prefix.is_empty() || prefix.len() > PREFIX_BYTES_MAX || !prefix.bytes().all(allowed) {
            return Err(Self { prefix: prefix.to_owned() });
        }
        Ok(())
    }
}

/// All keys of a store. The braces make them one hash tag, so that they stay together in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    prefix: String,
    fixed: Vec<String>,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Result<Self, PrefixError> {
        PrefixError::check(prefix)?;
        let fixed = FIXED.iter().map(|name| format!("{{{prefix}}}:{name}")).collect();
        Ok(Self { prefix: prefix.to_owned(), fixed })
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Those that there is one of.
    pub(crate) fn fixed(&self) -> &[String] {
        &self.fixed
    }

    /// One of those, by its name.
    pub(crate) fn named(&self, name: &str) -> String {
        debug_assert!(FIXED.contains(&name));
        format!("{{{}}}:{name}", self.prefix)
    }

    /// The queue of a worker.
    pub(crate) fn queue(&self, worker: WorkerKey) -> String {
        format!("{{{}}}:queue:{}", self.prefix, worker.0)
    }

    /// Finds all of them, and nobody else's but those under the same prefix.
    pub(crate) fn pattern(&self) -> String {
        format!("{{{}}}:*", self.prefix)
    }

    /// Whether a key is one that a store of this prefix makes.
    pub(crate) fn is_ours(&self, key: &str) -> bool {
        let queue = key
            .strip_prefix(&format!("{{{}}}:queue:", self.prefix))
            .is_some_and(|number| number.parse::<u32>().is_ok_and(|n| n.to_string() == number));
        queue || self.fixed.iter().any(|fixed| fixed == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_word_that_means_nothing_to_the_server() {
        for (prefix, good) in [
            ("proofload", true),
            ("a-b_c.d:1", true),
            ("", false),
            ("a b", false),
            ("a*", false),
            ("{a}", false),
            ("a[b]", false),
            ("ü", false),
            ("a\n", false),
        ] {
            assert_eq!(Keys::new(prefix).is_ok(), good, "{prefix:?}");
        }
        assert!(Keys::new(&"x".repeat(PREFIX_BYTES_MAX)).is_ok());
        assert!(Keys::new(&"x".repeat(PREFIX_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn only_the_keys_that_it_makes_are_its_own() {
        let keys = Keys::new("p").expect("a prefix");
        for (key, ours) in [
            ("{p}:meta", true),
            ("{p}:queue:0", true),
            ("{p}:queue:4294967295", true),
            ("{p}:queue:4294967296", false),
            ("{p}:queue:01", false),
            ("{p}:queue:", false),
            ("{p}:other", false),
            ("{q}:meta", false),
            ("p:meta", false),
        ] {
            assert_eq!(keys.is_ours(key), ours, "{key}");
        }
        assert_eq!(keys.queue(WorkerKey(7)), "{p}:queue:7");
        assert_eq!(keys.named("ready"), keys.fixed()[4]);
    }
}
