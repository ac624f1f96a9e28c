//! A run that another program made: written at once, without clocks or histograms of its own.

use super::journal::Journal;
use super::summed::Summed;
use super::writer::Writer;
use crate::books::books;
use crate::error::WriteError;
use crate::format::block::{Heartbeat, WorkerCount};
use crate::format::note;
use crate::manifest::{Counts, Dropped, State, sync_dir};
use crate::names;
use proofload_record::{End, Note, Row};
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

/// A request as an imported file tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedRow {
    /// What is known of it. Its place in the list is its place in the plan, so `index` and `worker`
    /// are not looked at.
    pub row: Row,
    /// Its error and the server's id of it.
    pub note: Note,
}

impl Writer {
    /// Seals the directory with rows that another program recorded, one for each planned request
    /// and in the order of the plan, instead of beginning a run. Gives the directory's path.
    ///
    /// No clock is read and no histogram or generator table is written, so the same rows give the
    /// same bytes. The manifest's `imported` says what they are; a reader takes it for the reason
    /// that the rest is not there.
    ///
    /// # Errors
    /// [`WriteError::Io`]; [`WriteError::Unbalanced`] where there are more rows than planned
    /// requests.
    pub fn seal_imported(
        mut self,
        rows: impl IntoIterator<Item = ImportedRow>,
    ) -> Result<PathBuf, WriteError> {
        let plan = self.dir.join(names::PLAN);
        self.end_plan().map_err(WriteError::at(&plan))?;
        let path = self.dir.join(names::JOURNAL);
        let file = File::create_new(&path).map_err(WriteError::at(&path))?;
        let mut journal = Journal::new(file);
        let mut last = Heartbeat { workers: vec![WorkerCount::default()], ..Heartbeat::default() };
        let mut notes = Vec::new();
        for (index, ImportedRow { row, note }) in (0..).zip(rows) {
            if journal.room() == 0 {
                journal.write(&mut last).map_err(WriteError::at(&path))?;
            }
            journal.push(&Row { index, worker: 0, ..row });
            match row.end {
                End::Sent(outcome) => last.outcomes[usize::from(outcome.code())] += 1,
                End::NotSent(reason) => last.not_sent[usize::from(reason.code())] += 1,
            }
            last.workers[0].released += 1;
            last.workers[0].finished += 1;
            if !note.is_empty() {
                note::encode(index, &note, &mut notes);
            }
        }
        journal.write(&mut last).map_err(WriteError::at(&path))?;
        journal.file().sync_all().map_err(WriteError::at(&path))?;
        let path = self.dir.join(names::NOTES);
        let written = File::create_new(&path).and_then(|file| {
            let mut file = Summed::new(file);
            file.write_all(&notes)?;
            file.sync_all()?;
            Ok(file.sum())
        });
        let sum = written.map_err(WriteError::at(&path))?;

        let books = books(self.planned.into(), &last, true);
        books
            .check()
            .map_err(|source| WriteError::Unbalanced { path: self.dir.clone(), source })?;
        self.manifest.workers = 1;
        self.manifest.state = State::Complete;
        self.manifest.counts = Counts::new(&books, Dropped::default());
        self.manifest.journal_blocks = Some(journal.blocks());
        self.manifest.files = [(names::NOTES.to_owned(), sum)].into();
        let path = self.dir.join(names::MANIFEST);
        self.manifest.write(&self.dir).map_err(WriteError::at(&path))?;
        sync_dir(&self.dir).map_err(WriteError::at(&self.dir))?;
        Ok(self.dir)
    }
}

#[cfg(test)]
mod tests {
    use super::ImportedRow;
    use crate::{Config, Imported, Manifest, PlanRow, RunDir, WriteError, Writer};
    use proofload_record::{End, Note, Outcome, Row, Stamp};
    use std::fs;
    use std::path::Path;

    fn write(out: &Path, planned: u32, rows: u32) -> Result<std::path::PathBuf, WriteError> {
        let imported = Some(Imported { form: "a form".to_owned(), ..Imported::default() });
        let manifest =
            Manifest { imported, host: crate::Host::default(), ..Manifest::new("p", "0") };
        let config = Config { out: out.to_owned(), manifest, keep_chunks: false };
        let mut writer = Writer::create(config).unwrap();
        for index in 0..planned {
            let id = &format!("r{index}");
            let due_ns = Stamp::NONE.to_raw();
            let row = PlanRow { id, due_ns, class: 0, offset: 0, len: 0, crc: 0 };
            writer.plan_entry(&row).unwrap();
        }
        writer.seal_imported((0..rows).map(|index| {
            let mut row = Row::new(0, 0, 9, Stamp::NONE, End::Sent(Outcome::ClientError));
            (row.started, row.done) = (Stamp::at(0), Stamp::at(u64::from(index)));
            ImportedRow { row, note: Note { error: Some("e".into()), ..Note::default() } }
        }))
    }

    #[test]
    fn an_imported_run_opens_whole_over_several_blocks_and_is_the_same_every_time() {
        const ROWS: u32 = crate::format::block::ROWS_MAX as u32 + 3;
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        for out in [&one, &two] {
            write(out, ROWS, ROWS).unwrap();
        }
        let run = RunDir::open(&one).unwrap();
        assert!(!run.recovery().is_degraded(), "{:?}", run.recovery());
        assert_eq!((run.rows().len(), run.recovery().blocks), (ROWS as usize, 2));
        let last = run.rows().last().unwrap();
        assert_eq!((last.index, last.worker, last.is_placed()), (ROWS - 1, 0, false));
        assert_eq!(last.client_duration_ns(), Some(u64::from(ROWS - 1)));
        assert_eq!(run.notes().len(), ROWS as usize);
        assert!(run.seconds().is_empty() && run.histograms().is_empty());
        assert_eq!(run.manifest().started, "");
        for name in ["run.json", "plan.bin", "requests.bin", "requests.txt"] {
            let bytes = |dir: &Path| fs::read(dir.join(name)).unwrap();
            assert_eq!(bytes(&one), bytes(&two), "{name}");
        }
    }

    #[test]
    fn more_rows_than_were_planned_do_not_balance() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(&folder.path().join("run"), 2, 3).unwrap_err();
        assert!(matches!(error, WriteError::Unbalanced { .. }), "{error}");
    }
}
