//! Opening a store under a prefix, and removing it again.

use std::sync::Arc;

use proofload_scheduler::StoreError;

use super::{Answer, Call, OpenError, Options, RedisStore};
use crate::keys::Keys;
use crate::scripts;
use crate::wire::{Address, Value, WireError, cmd};

const SCHEMA: &str = "proofload-scheduler/1";
/// How many keys are looked at, or removed, in one command.
const KEYS_A_COMMAND: usize = 500;

impl RedisStore {
    /// Opens the store under this prefix, or makes one if nobody uses the prefix.
    ///
    /// # Errors
    /// [`OpenError`], and nothing is written: a prefix that is none, a server that cannot be used, a
    /// store of another version, somebody else's keys.
    pub fn open(address: &Address, prefix: &str, options: Options) -> Result<Self, OpenError> {
        let store = Self::connect(address, Arc::new(Keys::new(prefix)?), options)?;
        let meta = store.keys.named("meta");
        let exists: bool = store.wire.call(cmd("EXISTS").arg(&meta))?;
        if !exists && let Some(key) = store.find_key()? {
            // Another process may have made the store meanwhile; then `meta` is there now.
            let exists: bool = store.wire.call(cmd("EXISTS").arg(&meta))?;
            if !exists {
                return Err(OpenError::SomebodyElse { key, prefix: prefix.to_owned() });
            }
        }
        let value: Value = store.wire.eval(&store.eval(&Call::new(&scripts::CREATE)))?;
        let mut answer = Answer::new(scripts::CREATE.name(), value)?;
        match answer.word() {
            "OK" => {
                let incarnation = answer.number()?;
                store.known().enter(incarnation);
                Ok(store)
            }
            "TYPE" => Err(OpenError::Type {
                key: answer.text()?,
                found: answer.text()?,
                expected: answer.text()?,
            }),
            "SCHEMA" => {
                Err(OpenError::Schema { key: meta, found: answer.text()?, expected: SCHEMA })
            }
            _ => Err(answer.unexpected().into()),
        }
    }

    /// Some key under the prefix.
    fn find_key(&self) -> Result<Option<String>, WireError> {
        let mut found = None;
        self.scan(|keys| {
            found = keys.into_iter().next();
            found.is_none()
        })?;
        Ok(found)
    }

    /// Shows all keys under the prefix, as many times as the server likes, until it has seen enough.
    pub(crate) fn scan(&self, mut see: impl FnMut(Vec<String>) -> bool) -> Result<(), WireError> {
        let pattern = self.keys.pattern();
        let mut cursor = "0".to_owned();
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(KEYS_A_COMMAND);
            let (next, keys): (String, Vec<String>) = self.wire.retry(|| self.wire.call(&scan))?;
            if !keys.is_empty() && !see(keys) {
                return Ok(());
            }
            if next == "0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// Removes the store: every key that it can have made, and none that somebody else has put beside
    /// them. `meta` goes last, so that whatever is left after a failure can be removed by another try.
    /// Nobody else may use the store meanwhile.
    ///
    /// # Errors
    /// What the wire says.
    pub fn remove_all(&self) -> Result<(), StoreError> {
        let meta = self.keys.named("meta");
        let mut ours = std::collections::BTreeSet::new();
        self.scan(|keys| {
            ours.extend(keys.into_iter().filter(|key| self.keys.is_ours(key) && *key != meta));
            true
        })?;
        let ours: Vec<String> = ours.into_iter().chain([meta]).collect();
        for keys in ours.chunks(KEYS_A_COMMAND) {
            let unlink = cmd("UNLINK").arg(keys).take();
            let _removed: u64 = self.wire.retry(|| self.wire.call(&unlink))?;
        }
        Ok(())
    }
}
