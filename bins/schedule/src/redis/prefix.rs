//! What the names of a program's keys begin with, and whether somebody else's do.

use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use proofload_scheduler_redis::wire::{Address, Options, Wire, WireError, cmd};
use proofload_scheduler_redis::{OpenError, PrefixError, RedisStore};
use proofload_strategies::Strategy;
use proofload_strategies_redis::RedisPrimitives;

/// A run adds its name.
const BYTES_MAX: usize = 72;
/// Keys that the server looks at in one call.
const COUNT: usize = 1_000;

/// The beginning of all keys of a program; each run has one of its own below it.
#[derive(Clone, Debug)]
pub(crate) struct Prefix(String);

/// A prefix that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error(transparent)]
    Name(#[from] PrefixError),
    #[error("expected at most {BYTES_MAX} letters, digits and `-`, `_`, `.`, `:`")]
    TooLong,
    #[error("{0}")]
    Store(OpenError),
    #[error("{0}")]
    Steps(proofload_strategies_redis::OpenError),
    #[error("`{key}` is there and is not ours; use another --prefix")]
    SomebodyElse { key: String },
    #[error(
        "`{key}` is there: another program uses the prefix, was run with --keep-keys or was killed; \
         use another --prefix, or remove the keys that begin with `{{{tag}}}:`"
    )]
    Taken { key: String, tag: String },
    #[error(transparent)]
    Wire(#[from] WireError),
}

impl Prefix {
    /// One that nobody else draws.
    pub(crate) fn fresh() -> Self {
        let place = proofload_launch::results_dir("at");
        let name = place.file_name().map(|name| name.to_string_lossy().into_owned());
        let at = name.unwrap_or_default();
        let random = RandomState::new().hash_one(Instant::now()) as u32;
        Self(format!("proofload-{}-{random:08x}", at.trim_start_matches("at-")))
    }

    pub(crate) fn new(text: &str) -> Result<Self, Refused> {
        PrefixError::check(text)?;
        if text.len() > BYTES_MAX {
            return Err(Refused::TooLong);
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// That of a run.
    pub(crate) fn of_run(&self, strategy: Strategy, label: &str) -> String {
        format!("{}:{}-{label}", self.0, strategy.name())
    }

    /// Refuses a prefix under which there is anything. Writes nothing.
    pub(crate) fn check_free(&self, wire: &Wire, address: &Address) -> Result<(), Refused> {
        let Some(key) = self.find(wire)? else { return Ok(()) };
        let tag = key.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let Some((tag, _)) = tag else { return Err(Refused::SomebodyElse { key }) };
        let tag = tag.to_owned();
        let is_there = |name: &str| has(wire, &format!("{{{tag}}}:{name}"));
        // Where there is a store to be opened, opening it says what is wrong and makes nothing.
        if is_there("meta")? {
            RedisStore::open(address, &tag, Default::default()).map_err(Refused::Store)?;
        } else if is_there("steps")? {
            RedisPrimitives::open(address, &tag, Options::default()).map_err(Refused::Steps)?;
        } else {
            return Err(Refused::SomebodyElse { key });
        }
        Err(Refused::Taken { key, tag })
    }

    /// Some key under the prefix, or under that of a run.
    fn find(&self, wire: &Wire) -> Result<Option<String>, WireError> {
        let pattern = format!("{{{}[:}}]*", self.0);
        let mut cursor = "0".to_owned();
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(COUNT);
            let (next, keys): (String, Vec<Vec<u8>>) = wire.call(&scan)?;
            if let Some(key) = keys.first() {
                return Ok(Some(String::from_utf8_lossy(key).into_owned()));
            }
            if next == "0" {
                return Ok(None);
            }
            cursor = next;
        }
    }
}

fn has(wire: &Wire, key: &str) -> Result<bool, WireError> {
    wire.call(cmd("EXISTS").arg(key))
}
