//! The directory of a run that sends no requests.

use super::running::Finish;
use super::writer::check_vacant;
use crate::error::{CreateError, WriteError};
use crate::manifest::{Manifest, State, sync_dir};
use proofload_record::clock;
use proofload_units::utc_time;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A run directory with a manifest and whatever files its program puts there: no plan, no journal.
///
/// Dropped without [`Bare::finish`], it leaves what a killed program leaves: state `running`.
pub struct Bare {
    dir: PathBuf,
    manifest: Manifest,
}

impl Bare {
    /// Makes the directory and its manifest; the run begins now.
    ///
    /// # Errors
    /// As for [`Writer::create`](super::Writer::create).
    pub fn create(dir: PathBuf, mut manifest: Manifest) -> Result<Self, CreateError> {
        check_vacant(&dir)?;
        fs::create_dir_all(&dir).map_err(CreateError::at(&dir))?;
        manifest.without_requests = true;
        manifest.state = State::Running;
        manifest.clock.monotonic_ns = clock::monotonic_ns();
        manifest.clock.wall_ns = clock::wall_ns();
        manifest.started = utc_time(manifest.clock.wall_ns);
        manifest.write(&dir).map_err(CreateError::at(&dir.join(crate::names::MANIFEST)))?;
        Ok(Self { dir, manifest })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// A file that grows while the run lasts.
    ///
    /// # Errors
    /// [`WriteError::Io`].
    pub fn open(&self, name: &str) -> Result<File, WriteError> {
        let path = self.dir.join(name);
        File::create_new(&path).map_err(WriteError::at(&path))
    }

    /// Puts a file there, whole or not at all; `name` may lead through a folder. Gives its path.
    ///
    /// # Errors
    /// [`WriteError::Io`].
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, WriteError> {
        let path = self.dir.join(name);
        let temporary = self.dir.join(format!("{name}.tmp"));
        let written = || -> io::Result<()> {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = File::create(&temporary)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        };
        written().map_err(WriteError::at(&path))?;
        Ok(path)
    }

    /// Seals it.
    ///
    /// # Errors
    /// [`WriteError::Io`].
    pub fn finish(mut self, finish: Finish) -> Result<PathBuf, WriteError> {
        self.manifest.state = finish.state;
        self.manifest.end_reason = finish.end_reason;
        self.manifest.ended = Some(utc_time(clock::wall_ns()));
        let path = self.dir.join(crate::names::MANIFEST);
        self.manifest.write(&self.dir).map_err(WriteError::at(&path))?;
        sync_dir(&self.dir).map_err(WriteError::at(&self.dir))?;
        Ok(self.dir)
    }
}

#[cfg(test)]
mod tests {
    use super::Bare;
    use crate::{Finish, Manifest, OpenError, RunDir, State};

    #[test]
    fn it_keeps_its_files_and_is_no_run_to_analyse() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("run");
        let bare = Bare::create(out.clone(), Manifest::new("proofload-schedule", "0")).unwrap();
        assert_eq!(bare.put("charts/a.svg", b"<svg/>").unwrap(), out.join("charts/a.svg"));
        bare.finish(Finish { state: State::Complete, end_reason: None }).unwrap();
        let json = std::fs::read_to_string(out.join("run.json")).unwrap();
        assert!(json.contains("\"state\": \"complete\""), "{json}");
        let error = RunDir::open(&out).unwrap_err();
        assert!(matches!(error, OpenError::WithoutRequests { .. }), "{error}");
        assert!(error.to_string().contains("proofload-schedule"), "{error}");
        assert!(Bare::create(out, Manifest::new("p", "0")).is_err(), "it is not empty");
    }
}
