//! Looking a run's requests up in a log, batch by batch, until all are found or time is up.

use crate::clock::Offsets;
use crate::database::{Database, reason};
use crate::layout::Layout;
use crate::merge::Merge;
use crate::reading::Reading;
use crate::run::{Run, Wanted};
use crate::source::Source;
use crate::sql::Cell;
use proofload_record::{Served, ServerSide, Unmatched};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// Ids that are asked for at a time.
const BATCH: usize = 1_000;
/// Between two questions for rows that are late.
const AGAIN: Duration = Duration::from_millis(200);

/// A run's requests, being looked up.
pub(crate) struct Search<'a, D> {
    pub(crate) database: D,
    pub(crate) layout: Layout,
    pub(crate) run: &'a Run<'a>,
    pub(crate) merge: Merge,
    pub(crate) offsets: Offsets,
    pub(crate) rows: Vec<Served>,
    pub(crate) not_in_run: Unmatched,
    pub(crate) ambiguous: Unmatched,
    /// Answered requests whose row had no end at the deadline.
    pub(crate) unfinished: u64,
    pub(crate) problems: Vec<String>,
}

/// The rows of one table, by place among the ids of a batch.
type Found = HashMap<usize, Vec<Vec<Cell>>>;
/// Prompt and completion tokens by the log's number of a row.
type TokenCounts = HashMap<i64, [Option<u32>; 2]>;

impl<'a, D: Database> Search<'a, D> {
    pub(crate) fn new(database: D, layout: Layout, run: &'a Run<'a>) -> Self {
        Self {
            database,
            layout,
            run,
            merge: Merge::default(),
            offsets: Offsets::default(),
            rows: Vec::new(),
            not_in_run: Unmatched::default(),
            ambiguous: Unmatched::default(),
            unfinished: 0,
            problems: Vec::new(),
        }
    }

    /// Looks until everything is found, or for so long.
    pub(crate) async fn run(&mut self, source: &Source, late: Duration) -> ServerSide {
        let mut pending = self.pending();
        let looked_for = pending.len();
        let deadline = Instant::now() + late;
        loop {
            let is_last = Instant::now() >= deadline;
            pending = match self.pass(&pending, is_last).await {
                Ok(pending) => pending,
                Err((error, left)) => {
                    self.problems.push(format!(
                        "{source} stopped answering, and {} requests were not looked up: {}",
                        left.len(),
                        reason(&error)
                    ));
                    left
                }
            };
            if is_last || pending.is_empty() || !self.problems.is_empty() {
                break;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            tokio::time::sleep(AGAIN.min(left)).await;
        }
        if self.problems.is_empty() {
            self.look_for_strangers(looked_for).await;
        }
        self.conclude(source, &pending, looked_for, late).await
    }

    /// The requests to look for. Ids that a server gave to several of them are taken out.
    fn pending(&mut self) -> Vec<u32> {
        let run = self.run;
        let state = RandomState::new();
        // Only a server's own ids can be the same; a hash of each is enough to see it.
        let foreign = |index: u32| {
            let wanted = (run.wanted)(index)?;
            (wanted.id != run.own_id(index)).then(|| state.hash_one(&wanted.id))
        };
        let (mut seen, mut shared) = (HashSet::new(), HashSet::new());
        for hash in (0..run.planned).filter_map(foreign) {
            if !seen.insert(hash) {
                shared.insert(hash);
            }
        }
        drop(seen);
        let mut pending = Vec::new();
        for index in 0..run.planned {
            let Some(wanted) = (run.wanted)(index) else { continue };
            if !shared.is_empty() && shared.contains(&state.hash_one(&wanted.id)) {
                self.ambiguous.add(&wanted.id);
            } else {
                pending.push(index);
            }
        }
        pending
    }

    /// Asks once for every pending request and gives those whose row is not there, or not finished.
    async fn pass(
        &mut self,
        pending: &[u32],
        is_last: bool,
    ) -> Result<Vec<u32>, (sqlx::Error, Vec<u32>)> {
        let mut still = Vec::new();
        for (number, batch) in pending.chunks(BATCH).enumerate() {
            if let Err(error) = self.batch(batch, is_last, &mut still).await {
                still.extend_from_slice(&pending[number * BATCH..]);
                return Err((error, still));
            }
        }
        Ok(still)
    }

    async fn batch(
        &mut self,
        indices: &[u32],
        is_last: bool,
        still: &mut Vec<u32>,
    ) -> Result<(), sqlx::Error> {
        let wanted: Vec<(u32, Wanted)> =
            indices.iter().filter_map(|&index| Some((index, (self.run.wanted)(index)?))).collect();
        let ids: Vec<&str> = wanted.iter().map(|(_, wanted)| wanted.id.as_str()).collect();
        let places: HashMap<&str, usize> =
            ids.iter().enumerate().map(|(place, &id)| (id, place)).collect();
        let mut tables = Vec::with_capacity(self.layout.readings.len());
        for reading in &self.layout.readings {
            let found = rows_of(&mut self.database, reading, &ids, &places).await?;
            let tokens = tokens_of(&mut self.database, reading, &ids).await?;
            tables.push((found, tokens));
        }
        for (place, (index, wanted)) in wanted.iter().enumerate() {
            let most = tables.iter().map(|(found, _)| found.get(&place).map_or(0, Vec::len)).max();
            match most.unwrap_or(0) {
                0 => still.push(*index),
                rows if rows > usize::from(wanted.attempts.max(1)) => {
                    self.ambiguous.add(&wanted.id);
                }
                _ => self.take(*index, wanted, place, &tables, is_last, still),
            }
        }
        Ok(())
    }

    /// Takes a request's rows, unless they are worth waiting for.
    fn take(
        &mut self,
        index: u32,
        wanted: &Wanted,
        place: usize,
        tables: &[(Found, TokenCounts)],
        is_last: bool,
        still: &mut Vec<u32>,
    ) {
        let mut rows = Vec::with_capacity(tables.len());
        for (reading, (found, tokens)) in self.layout.readings.iter().zip(tables) {
            // Of a request that was sent twice the server saw the later one last.
            let cells = found.get(&place).and_then(|rows| {
                rows.iter().max_by_key(|cells| (reading.arrived(cells), reading.log_id_of(cells)))
            });
            if let Some(cells) = cells {
                let counts = reading.log_id_of(cells).and_then(|id| tokens.get(&id));
                rows.push((reading, cells.as_slice(), counts.copied().unwrap_or_default()));
            }
        }
        let finished = |reading: &Reading, cells: &[Cell]| {
            reading.finished.is_none_or(|at| cells[at] != Cell::Null)
        };
        if !rows.iter().all(|(reading, cells, _)| finished(reading, cells)) {
            if !is_last {
                still.push(index);
                return;
            }
            self.unfinished += u64::from(wanted.answered);
        }
        let row = self.merge.row(index, &rows);
        if let Some(arrived_ns) = row.arrived_wall_ns {
            self.offsets.add(arrived_ns, wanted.written_wall_ns);
        }
        self.rows.push(row);
    }

    /// Counts the rows that carry an id of this run and belong to no request that was looked for.
    async fn look_for_strangers(&mut self, looked_for: usize) {
        let Some(reading) = self.layout.readings.first() else { return };
        if looked_for == 0 || self.run.run_id.is_empty() {
            return;
        }
        let query = reading.ids_like(&format!("{}-", self.run.run_id));
        let (run, strangers) = (self.run, &mut self.not_in_run);
        let mut on_row = |cells: Vec<Cell>| {
            if let Some(Cell::Text(id)) = cells.first()
                && !run.knows(id)
            {
                strangers.add(id);
            }
        };
        if let Err(error) = self.database.read(query, &mut on_row).await {
            self.problems.push(format!(
                "rows of this run that belong to no request were not counted: {}",
                reason(&error)
            ));
        }
    }
}

async fn rows_of<D: Database>(
    database: &mut D,
    reading: &Reading,
    ids: &[&str],
    places: &HashMap<&str, usize>,
) -> Result<Found, sqlx::Error> {
    let mut found = Found::new();
    let mut on_row = |cells: Vec<Cell>| {
        let place = match cells.first() {
            Some(Cell::Text(id)) => places.get(id.as_str()),
            _ => None,
        };
        if let Some(&place) = place {
            found.entry(place).or_default().push(cells);
        }
    };
    database.read(reading.rows_of(ids), &mut on_row).await?;
    Ok(found)
}

async fn tokens_of<D: Database>(
    database: &mut D,
    reading: &Reading,
    ids: &[&str],
) -> Result<TokenCounts, sqlx::Error> {
    let mut counts = TokenCounts::new();
    let Some(query) = reading.tokens_of(ids) else { return Ok(counts) };
    let mut on_row = |cells: Vec<Cell>| {
        if let [Cell::Int(row), Cell::Text(kind), Cell::Int(count)] = &cells[..] {
            let place = usize::from(!reading.is_prompt(kind));
            let count = u32::try_from(*count).unwrap_or(0);
            *counts.entry(*row).or_default()[place].get_or_insert(0) += count;
        }
    };
    database.read(query, &mut on_row).await?;
    Ok(counts)
}
