//! In what state a directory is, by its manifest and its journal.

use super::journal::Found;
use crate::manifest::{Counts, Manifest};
use crate::names;
use proofload_record::Outcome;

/// In what state a directory was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The run was finished and its journal is whole. Otherwise the program was killed or could not
    /// write on, and the books end at the last heartbeat; or the journal was damaged afterwards,
    /// and every request without a row is unknown.
    pub sealed: bool,
    /// A program is writing it now: what is read is not its end.
    pub still_going: bool,
    /// The run had begun: the plan was whole.
    pub began: bool,
    /// Blocks of the journal that are whole.
    pub blocks: u32,
    /// When the last of them was written, in nanoseconds since the run began.
    pub last_heartbeat_ns: Option<u64>,
    /// Bytes after it that were left out: a torn block, as a kill leaves it.
    pub torn_bytes: u64,
    /// Requests of a finished run that have no row any more, because its journal was damaged.
    pub rows_unreadable: u64,
    /// What no kill explains: parts that were altered or are missing, in words.
    pub damage: Vec<String>,
    /// What does not add up, where that was accepted.
    pub imbalance: Option<String>,
}

impl Recovery {
    /// What `manifest` and the journal say, which is none where there is no such file.
    pub(crate) fn of(manifest: &Manifest, journal: Option<&Found>) -> Self {
        let (was_sealed, found) = (manifest.was_sealed(), journal.is_some());
        let none = Found::default();
        let journal = journal.unwrap_or(&none);
        let sealed = found && was_sealed && manifest.journal_blocks == Some(journal.blocks);
        let mut recovery = Self {
            sealed,
            began: found || was_sealed,
            blocks: journal.blocks,
            last_heartbeat_ns: journal.last.as_ref().map(|last| last.at_ns),
            ..Self::default()
        };
        if was_sealed && !sealed {
            let rows = journal.rows.len() as u64;
            recovery.rows_unreadable = manifest.counts.rows().saturating_sub(rows);
        }
        let problem = if !found && was_sealed {
            Some("is missing".to_owned())
        } else {
            journal_problem(manifest, journal, sealed)
        };
        match problem {
            Some(mut problem) => {
                if recovery.rows_unreadable > 0 {
                    problem += &unreadable(&manifest.counts, recovery.rows_unreadable);
                }
                let colon = if found { ":" } else { "" };
                recovery.damage.push(format!("{}{colon} {problem}", names::JOURNAL));
            }
            None => recovery.torn_bytes = journal.cut_bytes,
        }
        recovery
    }

    /// Whether part of the data is missing.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        !self.sealed || !self.damage.is_empty() || self.imbalance.is_some()
    }
}

/// What is wrong with a journal beyond the one torn block that a kill leaves.
fn journal_problem(manifest: &Manifest, journal: &Found, sealed: bool) -> Option<String> {
    let Found { blocks, whole_bytes, cut_bytes, damaged, .. } = journal;
    let was_sealed = manifest.was_sealed();
    if sealed && *cut_bytes > 0 {
        Some(format!("{cut_bytes} bytes follow its last block"))
    } else if *damaged || (was_sealed && *cut_bytes > 0) {
        Some(format!(
            "the block at byte {whole_bytes} is damaged; it and what follows are left out"
        ))
    } else if was_sealed && !sealed {
        let expected = manifest.journal_blocks.unwrap_or(0);
        Some(format!("expected {expected} blocks, found {blocks}"))
    } else {
        None
    }
}

/// The books are those of the rows that are left, so what the run itself counted stands beside
/// them.
fn unreadable(counts: &Counts, rows: u64) -> String {
    let ok = counts.outcomes.get(Outcome::Ok.label()).unwrap_or(&0);
    format!(
        "; rows of {rows} of {} requests cannot be read; the run counted {} sent, {ok} ok",
        counts.rows(),
        counts.sent
    )
}
