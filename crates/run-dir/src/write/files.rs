//! The files that grow while a run lasts, each with its name for messages.

use super::journal::Journal;
use super::latencies::Latencies;
use super::recorder::Keep;
use super::summed::Summed;
use crate::error::{CreateError, WriteError};
use crate::format::generator::TableWriter;
use crate::manifest::Sum;
use crate::names;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// A file with its name.
pub(crate) struct Named<T> {
    pub(crate) path: PathBuf,
    pub(crate) file: T,
}

impl<T> Named<T> {
    /// Does something to the file; an error names it.
    pub(crate) fn with<R>(
        &mut self,
        act: impl FnOnce(&mut T) -> io::Result<R>,
    ) -> Result<R, WriteError> {
        act(&mut self.file).map_err(WriteError::at(&self.path))
    }
}

/// All of them. `L` is the log of latencies: an empty file until the run's clock is known, which
/// stands at the head of the log.
pub(crate) struct Files<L = Latencies<BufWriter<Summed<File>>>> {
    pub(crate) journal: Named<Journal>,
    pub(crate) notes: Named<Summed<File>>,
    pub(crate) latencies: Named<L>,
    pub(crate) generator: Named<TableWriter<Summed<File>>>,
    pub(crate) chunks: Option<Named<Summed<File>>>,
    pub(crate) responses: Option<Named<Summed<File>>>,
}

impl Files<Summed<File>> {
    /// Makes the files in `dir`. The journal is last: where it exists, the others do.
    pub(crate) fn create(dir: &Path, keep: Keep) -> Result<Self, CreateError> {
        let create = |name: &str| {
            let path = dir.join(name);
            let file = File::create(&path).map_err(CreateError::at(&path))?;
            Ok(Named { path, file })
        };
        let summed = |name: &str| {
            create(name).map(|Named { path, file }| Named { path, file: Summed::new(file) })
        };
        let (notes, latencies) = (summed(names::NOTES)?, summed(names::LATENCIES)?);
        let Named { path, file } = summed(names::GENERATOR)?;
        let table = TableWriter::new(file).map_err(CreateError::at(&path))?;
        let generator = Named { path, file: table };
        let chunks = keep.chunks.then(|| summed(names::CHUNKS)).transpose()?;
        let responses = keep.responses.then(|| summed(names::RESPONSES)).transpose()?;
        let Named { path, file } = create(names::JOURNAL)?;
        let journal = Named { path, file: Journal::new(file) };
        Ok(Self { journal, notes, latencies, generator, chunks, responses })
    }

    /// Begins the log of a run whose clock read 0 at `wall_ns`.
    pub(crate) fn begin(self, wall_ns: u64) -> Result<Files, WriteError> {
        let Self { journal, notes, latencies, generator, chunks, responses } = self;
        let Named { path, file } = latencies;
        let log = Latencies::new(BufWriter::new(file), wall_ns).map_err(WriteError::at(&path))?;
        let latencies = Named { path, file: log };
        Ok(Files { journal, notes, latencies, generator, chunks, responses })
    }
}

impl Files {
    /// Makes everything durable, and gives what each file but the journal is known by.
    pub(crate) fn sync(&mut self) -> Result<BTreeMap<String, Sum>, WriteError> {
        let mut sums = BTreeMap::new();
        let mut add = |name: &str, file: &Summed<File>| {
            sums.insert(name.to_owned(), file.sum());
            file.sync_all()
        };
        self.notes.with(|file| add(names::NOTES, file))?;
        self.latencies.with(|log| add(names::LATENCIES, log.get_mut().get_ref()))?;
        self.generator.with(|table| {
            table.flush()?;
            add(names::GENERATOR, table.get_ref())
        })?;
        if let Some(chunks) = &mut self.chunks {
            chunks.with(|file| add(names::CHUNKS, file))?;
        }
        if let Some(responses) = &mut self.responses {
            responses.with(|file| add(names::RESPONSES, file))?;
        }
        self.journal.with(|journal| journal.file().sync_all())?;
        Ok(sums)
    }
}
