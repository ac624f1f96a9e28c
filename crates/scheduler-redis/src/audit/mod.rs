//! The books, added up again from the queues and the records alone.

mod check;
mod picture;

use proofload_scheduler::{Audit, StoreError};

use crate::store::RedisStore;
use picture::Picture;

impl RedisStore {
    /// Reads everything in one transaction, adds it up, and names every disagreement. Takes the server a
    /// while, and needs memory for all of it: for tests and the end of a run.
    ///
    /// # Errors
    /// What the wire says, or a key that does not hold what this version writes.
    pub fn audit(&self) -> Result<Audit, StoreError> {
        let mut audit = check::check(&Picture::take(self)?);
        let workers = audit.workers_ever;
        self.scan(|keys| {
            for key in keys {
                let beyond = key
                    .rsplit_once(":queue:")
                    .and_then(|(_, number)| number.parse::<usize>().ok())
                    .is_some_and(|number| number >= workers);
                if beyond || !self.keys().is_ours(&key) {
                    audit.books.faults.push(format!("`{key}` is under the prefix, and nobody's"));
                }
            }
            true
        })?;
        Ok(audit.books)
    }

    /// What was given up so far, with the reasons, in order; the last ten thousand.
    ///
    /// # Errors
    /// What the wire says.
    pub fn refused(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.named_list("refused")
    }

    /// Containers that were lost, each behind the name of its worker; the last ten thousand.
    ///
    /// # Errors
    /// What the wire says.
    pub fn lost(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.named_list("lost")
    }
}
