//! Whether a run is still being written: its program holds a lock on `plan.bin` from the moment the
//! directory exists until it has been sealed, and the kernel lets go of it however the program
//! ends.

use crate::names;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::File;
use std::path::Path;

/// Holds the lock for as long as `plan` is open. On a file system without locks nothing is held,
/// and a run that is still going is read as one that was killed.
pub(crate) fn take(plan: &File) {
    let _ = flock(plan, FlockOperation::NonBlockingLockExclusive);
}

/// Whether somebody writes the run in `dir` now.
pub(crate) fn is_held(dir: &Path) -> bool {
    // Shared, so that two readers at one time do not take each other for the writer.
    File::open(dir.join(names::PLAN)).is_ok_and(|plan| {
        flock(&plan, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
    })
}
