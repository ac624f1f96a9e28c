//! Looking a run's requests up in a log, batch by batch, until all are found or time is up.

use crate::clock::Offsets;
use crate::database::{Database, reason};
use crate::layout::Layout;
use crate::merge::Merge;
use crate::reading::Reading;
use crate::run::{Late, Run, Wanted};
use crate::source::Source;
use crate::sql::Cell;
use proofload_record::{Served, ServerSide, Unmatched};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// Ids that are asked for at a time.
const BATCH: usize = 1_000;
/// So much earlier than by our clock a row of the run may have come, once the clocks are compared,
const CLOSE_NS: u64 = 20_000_000;
/// and otherwise; and so much later.
const APART_NS: u64 = 1_000_000_000;
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
    /// Answered requests that are in another table and not in this one, by table.
    pub(crate) absent: Vec<Unmatched>,
    /// Whether a table has a row of any request.
    pub(crate) has_rows: Vec<bool>,
    /// Answered requests without a count of tokens where tokens are counted, and those with one.
    pub(crate) uncounted: u64,
    pub(crate) counted: u64,
    /// Answered requests that are in any table.
    pub(crate) answered: u64,
    pub(crate) problems: Vec<String>,
    /// Whether the log stopped answering.
    pub(crate) stopped: bool,
    /// When the first and the last of the requests were written, by our clock.
    span_ns: (u64, u64),
    /// Hashes of the ids that the server gave, in lower case.
    given: HashSet<u64>,
    state: RandomState,
}

/// The rows of one table, by place among the ids of a batch.
type Found = HashMap<usize, Vec<Vec<Cell>>>;
/// Prompt and completion tokens by the log's number of a row.
type TokenCounts = HashMap<i64, [Count; 2]>;

/// Tokens as the name that stands first in the mapping counts them: a log may have the same count
/// under a second name.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// The place of the name, and the sum of what stands under it.
    best: Option<(usize, i128)>,
}

impl Count {
    fn add(&mut self, name: usize, count: i64) {
        self.best = match self.best {
            Some((best, _)) if best < name => return,
            Some((best, sum)) if best == name => Some((best, sum + i128::from(count))),
            _ => Some((name, i128::from(count))),
        };
    }
}

impl<'a, D: Database> Search<'a, D> {
    pub(crate) fn new(database: D, layout: Layout, run: &'a Run<'a>) -> Self {
        let tables = layout.readings.len();
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
            absent: vec![Unmatched::default(); tables],
            has_rows: vec![false; tables],
            uncounted: 0,
            counted: 0,
            answered: 0,
            problems: Vec::new(),
            stopped: false,
            span_ns: (u64::MAX, 0),
            given: HashSet::new(),
            state: RandomState::new(),
        }
    }

    /// Looks until everything is found, or for so long.
    pub(crate) async fn run(&mut self, source: &Source, late: Late<'_>) -> ServerSide {
        let mut pending = self.pending();
        let looked_for = pending.len();
        let (begun, mut deadline) = (Instant::now(), Instant::now() + late.most);
        let mut told = false;
        let mut waited = late.most;
        loop {
            let is_last = Instant::now() >= deadline;
            pending = match self.pass(&pending, is_last).await {
                Ok(pending) => pending,
                Err((error, left)) => {
                    self.stopped = true;
                    self.problems.push(format!(
                        "{source} stopped answering, and {} requests were not looked up: {}",
                        left.len(),
                        reason(&error)
                    ));
                    left
                }
            };
            if is_last || pending.is_empty() || self.stopped {
                break;
            }
            if !std::mem::replace(&mut told, true) {
                (late.waiting)(pending.len());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            tokio::time::sleep(AGAIN.min(left)).await;
            if (late.hurry)() && Instant::now() < deadline {
                deadline = Instant::now();
                waited = Duration::from_millis(begun.elapsed().as_millis() as u64);
            }
        }
        if !self.stopped {
            self.look_for_strangers(looked_for).await;
        }
        self.conclude(source, &pending, looked_for, waited).await
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
        let mut named = HashSet::new();
        let mut pending = Vec::new();
        for index in 0..run.planned {
            let Some(wanted) = (run.wanted)(index) else { continue };
            self.span_ns.0 = self.span_ns.0.min(wanted.written_wall_ns);
            self.span_ns.1 = self.span_ns.1.max(wanted.written_wall_ns);
            if wanted.id != run.own_id(index) {
                self.given.insert(self.state.hash_one(wanted.id.to_ascii_lowercase()));
            }
            let hash = state.hash_one(&wanted.id);
            if !shared.is_empty() && shared.contains(&hash) {
                // Each request counts, each id is named once.
                if named.insert(hash) {
                    self.ambiguous.add(&wanted.id);
                } else {
                    self.ambiguous.count += 1;
                }
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
        let mut tables = Vec::with_capacity(self.layout.readings.len());
        for reading in &self.layout.readings {
            let ids: Vec<Cow<'_, str>> = ids.iter().map(|id| reading.as_shown(id)).collect();
            let ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
            let places = ids.iter().enumerate().map(|(place, &id)| (id, place)).collect();
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
                let counts = counts.copied().unwrap_or_default().map(|count| count.best);
                rows.push((reading, cells.as_slice(), counts.map(|best| Some(best?.1))));
            }
        }
        let finished = |reading: &Reading, cells: &[Cell]| {
            reading.finished.is_none_or(|at| cells[at] != Cell::Null)
        };
        let ended = rows.iter().all(|(reading, cells, _)| finished(reading, cells));
        let counted = rows.iter().any(|(_, _, counts)| counts.iter().any(Option::is_some));
        let uncounted =
            wanted.answered && !counted && rows.iter().any(|(reading, ..)| reading.counts_tokens());
        if !is_last && (!ended || rows.len() < tables.len() || uncounted) {
            still.push(index);
            return;
        }
        if wanted.answered {
            self.answered += 1;
            self.unfinished += u64::from(!ended);
            self.uncounted += u64::from(uncounted);
            self.counted += u64::from(counted);
            for (absent, (found, _)) in self.absent.iter_mut().zip(tables) {
                if !found.contains_key(&place) {
                    absent.add(&wanted.id);
                }
            }
        }
        for (has_rows, (found, _)) in self.has_rows.iter_mut().zip(tables) {
            *has_rows |= found.contains_key(&place);
        }
        let row = self.merge.row(index, &rows);
        if let Some(arrived_ns) = row.arrived_wall_ns {
            self.offsets.add(arrived_ns, wanted.written_wall_ns);
        }
        self.rows.push(row);
    }

    /// Counts what the log has and no request that was looked for: rows with an id of this run, and
    /// rows that came while the run sent.
    async fn look_for_strangers(&mut self, looked_for: usize) {
        if looked_for == 0 || self.run.run_id.is_empty() {
            return;
        }
        let (from_ns, to_ns) = self.window();
        let (run, state, given) = (self.run, &self.state, &self.given);
        let mut seen = HashSet::new();
        let mut without_id = 0;
        for reading in &self.layout.readings {
            let mut nameless = 0;
            let strangers = &mut self.not_in_run;
            let mut on_row = |cells: Vec<Cell>| match cells.first() {
                Some(Cell::Text(id)) => {
                    let is_ours = || {
                        run.knows(id) || given.contains(&state.hash_one(id.to_ascii_lowercase()))
                    };
                    if !is_ours() && seen.insert(state.hash_one(id)) {
                        strangers.add(id);
                    }
                }
                _ => nameless += 1,
            };
            let with_our_prefix = reading.ids_like(&format!("{}-", run.run_id));
            let queries = [Some(with_our_prefix), reading.came_within(from_ns, to_ns)];
            for query in queries.into_iter().flatten() {
                if let Err(error) = self.database.read(query, &mut on_row).await {
                    self.problems.push(format!(
                        "rows of `{}` that belong to no request were not counted: {}",
                        reading.name,
                        reason(&error)
                    ));
                    break;
                }
            }
            // What has no id cannot be told apart in two tables.
            without_id = without_id.max(nameless);
        }
        self.not_in_run.count += without_id;
    }

    /// When the rows of the run must have come, by the log's clock.
    fn window(&mut self) -> (u64, u64) {
        let (first_ns, last_ns) = self.span_ns;
        let (offset_ns, before_ns) = match self.offsets.typical_ns() {
            Some(offset_ns) => (offset_ns, CLOSE_NS),
            None => (0, APART_NS),
        };
        let by_log = |wall_ns: u64| wall_ns.saturating_add_signed(offset_ns);
        (by_log(first_ns).saturating_sub(before_ns), by_log(last_ns).saturating_add(APART_NS))
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
        if let [Cell::Int(row), Cell::Text(kind), Cell::Int(count)] = &cells[..]
            && let Some((place, name)) = reading.token_kind(kind)
        {
            counts.entry(*row).or_default()[place].add(name, *count);
        }
    };
    database.read(query, &mut on_row).await?;
    Ok(counts)
}
