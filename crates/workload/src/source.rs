//! Bytes by offset, from a file or from the program itself.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// How much is read at once while a reader moves forward. A row of the real traces has about 460
/// bytes, so this saves all but one system call in 280.
const WINDOW_BYTES: usize = 128 * 1024;

/// Where a workload comes from.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    File(Arc<Path>),
    /// Part of the program.
    BuiltIn {
        name: &'static str,
        bytes: &'static [u8],
    },
}

impl Origin {
    /// What to call it in a message.
    pub(crate) fn name(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::BuiltIn { name, .. } => Path::new(name),
        }
    }

    /// A reader of its own. Only regular files: a pipe cannot be read by offset, and opening one
    /// would wait for its writer.
    pub(crate) fn open(&self) -> io::Result<Handle> {
        let (bytes, len) = match self {
            Self::File(path) => {
                if !fs::metadata(path)?.is_file() {
                    let text = "not a regular file, and rows are read again by their offset";
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
                }
                let file = File::open(path)?;
                let len = file.metadata()?.len();
                (Bytes::File(file), len)
            }
            Self::BuiltIn { bytes, .. } => (Bytes::BuiltIn(bytes), bytes.len() as u64),
        };
        Ok(Handle { bytes, len, window: Vec::new(), window_offset: 0 })
    }
}

#[derive(Debug)]
enum Bytes {
    File(File),
    BuiltIn(&'static [u8]),
}

impl Bytes {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read_at(into, offset),
            Self::BuiltIn(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let len = into.len().min(bytes.len() - from);
                into[..len].copy_from_slice(&bytes[from..from + len]);
                Ok(len)
            }
        }
    }
}

/// One reader: a handle and the piece of the file that it read last.
#[derive(Debug)]
pub(crate) struct Handle {
    bytes: Bytes,
    len: u64,
    window: Vec<u8>,
    window_offset: u64,
}

impl Handle {
    /// Length of the whole when it was opened, in bytes.
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// The bytes from `offset` on: at least `least` of them, fewer only where the file ends.
    pub(crate) fn at(&mut self, offset: u64, least: usize) -> io::Result<&[u8]> {
        if self.held(offset).len() < least {
            // A reader that jumps about must not pay for a window that it will not use.
            let ahead = offset.wrapping_sub(self.window_offset);
            let forward = ahead <= (self.window.len() + WINDOW_BYTES) as u64;
            let want = if forward { least.max(WINDOW_BYTES) } else { least };
            self.fill(offset, want)?;
        }
        Ok(self.held(offset))
    }

    fn held(&self, offset: u64) -> &[u8] {
        let skip =
            offset.checked_sub(self.window_offset).and_then(|skip| usize::try_from(skip).ok());
        skip.and_then(|skip| self.window.get(skip..)).unwrap_or_default()
    }

    fn fill(&mut self, offset: u64, want: usize) -> io::Result<()> {
        self.window.resize(want, 0);
        self.window_offset = offset;
        let mut filled = 0;
        while filled < want {
            match self.bytes.read_at(&mut self.window[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(len) => filled += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.window.clear();
                    return Err(error);
                }
            }
        }
        self.window.truncate(filled);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Origin;
    use proptest::prelude::*;
    use std::io::Write;

    proptest! {
        /// Whatever was read before, a reader gives the bytes that lie there.
        #[test]
        fn gives_what_lies_at_an_offset(asked in prop::collection::vec((0_u64..700_000, 0_usize..300_000), 1..12)) {
            let bytes: Vec<u8> = (0..600_000_u32).map(|at| (at ^ (at >> 8)) as u8).collect();
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&bytes).unwrap();
            let mut handle = Origin::File(file.path().into()).open().unwrap();
            for (offset, least) in asked {
                let from = (offset as usize).min(bytes.len());
                let found = handle.at(offset, least).unwrap();
                prop_assert!(found.len() >= least.min(bytes.len() - from));
                prop_assert!(bytes[from..].starts_with(found));
            }
        }
    }
}
