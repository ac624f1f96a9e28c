//! The files that the books do without. Damage there costs what it hits, and is reported.

use crate::error::OpenError;
use crate::manifest::{Manifest, Sum};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Bytes of a file that are summed at a time.
const PIECE_BYTES: usize = 1 << 18;

/// Reads side files and says what is wrong with them.
pub(crate) struct SideFiles<'a> {
    dir: &'a Path,
    /// What each file is known by, where the run was sealed.
    sums: &'a BTreeMap<String, Sum>,
    /// Whether the end of a file may have been cut off by a kill.
    torn: bool,
    damage: &'a mut Vec<String>,
}

impl<'a> SideFiles<'a> {
    /// Those of the run in `dir`.
    pub(crate) fn of(dir: &'a Path, manifest: &'a Manifest, damage: &'a mut Vec<String>) -> Self {
        Self { dir, sums: &manifest.files, torn: !manifest.was_sealed(), damage }
    }

    /// Reads a file that should be there. `parse` gets its bytes and whether its end may be torn;
    /// it gives what it could read, and what is wrong.
    pub(crate) fn read<T: Default>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&[u8], bool) -> (T, Option<String>),
    ) -> Result<T, OpenError> {
        let path = self.dir.join(name);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.damage.push(format!("{name} is missing"));
                return Ok(T::default());
            }
            read => read.map_err(OpenError::at(&path))?,
        };
        let (read, problem) = parse(&bytes, self.torn);
        let altered = || {
            let mut found = Sum::default();
            found.add(&bytes);
            self.sums.get(name)?.differs(found)
        };
        let problem = problem.or_else(altered);
        self.damage.extend(problem.map(|problem| format!("{name}: {problem}")));
        Ok(read)
    }

    /// Sums up a file that the run left behind, where it did, without keeping it.
    pub(crate) fn check(&mut self, name: &str) -> Result<(), OpenError> {
        let Some(expected) = self.sums.get(name) else { return Ok(()) };
        let path = self.dir.join(name);
        let found = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.damage.push(format!("{name} is missing"));
                return Ok(());
            }
            opened => opened.and_then(sum).map_err(OpenError::at(&path))?,
        };
        self.damage.extend(expected.differs(found).map(|problem| format!("{name}: {problem}")));
        Ok(())
    }
}

fn sum(mut file: File) -> io::Result<Sum> {
    let (mut sum, mut piece) = (Sum::default(), vec![0; PIECE_BYTES]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(sum),
            Ok(read) => sum.add(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
