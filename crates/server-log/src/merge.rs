//! One row out of the rows that the tables of a log have for a request.

use crate::mapping::Metric;
use crate::reading::{How, Reading, Take, number};
use crate::sql::Cell;
use proofload_record::Served;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Makes rows, and keeps account of what they hold.
#[derive(Default)]
pub(crate) struct Merge {
    names: HashSet<Arc<str>>,
    /// How often a metric was found, by its number.
    found: [u64; Metric::ALL.len()],
    /// Columns with cells that mean nothing: the first such cell, and how many there are.
    unreadable: BTreeMap<String, (String, u64)>,
    /// Durations that ended before they began.
    backwards: BTreeMap<String, u64>,
}

/// A row of a table, with the prompt's and the answer's tokens where they are counted elsewhere.
pub(crate) type Row<'a> = (&'a Reading, &'a [Cell], [Option<i128>; 2]);

impl Merge {
    /// Merges the tables' rows of one request: what two of them hold is taken from the first, but
    /// the arrival is the earliest.
    pub(crate) fn row(&mut self, index: u32, rows: &[Row<'_>]) -> Served {
        let mut served = Served { index, ..Served::default() };
        for &(reading, cells, [prompt, completion]) in rows {
            served.log_id = served.log_id.or_else(|| reading.log_id_of(cells));
            for take in &reading.takes {
                self.take(take, cells, &mut served);
            }
            let prompt = self.tokens("prompt", reading, prompt);
            put(&mut served.prompt_tokens, prompt);
            let completion = self.tokens("completion", reading, completion);
            put(&mut served.completion_tokens, completion);
        }
        self.count(&served);
        served
    }

    /// Whether any row had it.
    pub(crate) const fn has(&self, metric: Metric) -> bool {
        self.found[metric as usize] > 0
    }

    /// What was wrong with some cells.
    pub(crate) fn problems(&self) -> Vec<String> {
        let unreadable = self.unreadable.iter().map(|(label, (cell, count))| {
            format!("{label} cannot be read in {count} rows, such as {cell}; left out")
        });
        let backwards = self.backwards.iter().map(|(label, count)| {
            let label = label.replacen("` or `", "` and `", 1);
            format!("in {count} rows the time between {label} is less than nothing; left out")
        });
        unreadable.chain(backwards).collect()
    }

    /// Whether cells of a column meant nothing.
    pub(crate) fn is_unreadable(&self, label: &str) -> bool {
        self.unreadable.contains_key(label) || self.backwards.contains_key(label)
    }

    /// A count of tokens from the table that has them.
    fn tokens(&mut self, whose: &str, reading: &Reading, count: Option<i128>) -> Option<u32> {
        let count = count?;
        let found = u32::try_from(count).ok();
        if found.is_none() {
            let label = format!("the count of {whose} tokens of `{}`", reading.name);
            self.unreadable(label, || count.to_string());
        }
        found
    }

    fn take(&mut self, take: &Take, cells: &[Cell], served: &mut Served) {
        match take.how {
            How::Moment(moment) => {
                let found = self.checked(take, moment.of(cells), &cells[moment.at]);
                served.arrived_wall_ns = match (served.arrived_wall_ns, found) {
                    (Some(known), Some(found)) => Some(known.min(found)),
                    (known, found) => known.or(found),
                };
            }
            How::Between(from, to) => {
                let begun = self.checked(take, from.of(cells), &cells[from.at]);
                let ended = self.checked(take, to.of(cells), &cells[to.at]);
                let Some((begun, ended)) = begun.zip(ended) else { return };
                match ended.checked_sub(begun) {
                    Some(ns) => put(duration(served, take.metric), Some(ns)),
                    None => *self.backwards.entry(take.label.clone()).or_default() += 1,
                }
            }
            How::Duration(at, unit_ns) => {
                let found = self.checked(take, number(&cells[at], unit_ns), &cells[at]);
                let ns = self.fitting(take, found, &cells[at]);
                put(duration(served, take.metric), ns);
            }
            How::Count(at) => {
                let found = self.checked(take, number(&cells[at], 1), &cells[at]);
                let count = self.fitting(take, found, &cells[at]);
                match take.metric {
                    Metric::QueueDepth => put(&mut served.queue_depth, count),
                    Metric::QueueDepthScheduled => put(&mut served.queue_depth_scheduled, count),
                    Metric::PromptTokens => put(&mut served.prompt_tokens, count),
                    _ => put(&mut served.completion_tokens, count),
                }
            }
            How::Flag(at) => {
                let found = self.checked(take, number(&cells[at], 1), &cells[at]);
                put(&mut served.cold_start, found.map(|number| number != 0));
            }
            How::Text(at) => {
                let text = match &cells[at] {
                    Cell::Null => None,
                    Cell::Text(text) => Some(self.shared(text)),
                    Cell::Int(value) => Some(self.shared(&value.to_string())),
                    Cell::Real(value) => Some(self.shared(&value.to_string())),
                };
                match take.metric {
                    Metric::Provider => put(&mut served.provider, text),
                    Metric::Model => put(&mut served.model, text),
                    _ => put(&mut served.result, text),
                }
            }
        }
    }

    /// A number, or none and a note where the cell is none.
    fn checked<T>(&mut self, take: &Take, number: Result<Option<T>, ()>, cell: &Cell) -> Option<T> {
        if number.is_err() {
            self.unreadable(take.label.clone(), || shown(cell));
        }
        number.ok().flatten()
    }

    /// A number that a metric can be, or none and a note.
    fn fitting<T: TryFrom<i128>>(
        &mut self,
        take: &Take,
        number: Option<i128>,
        cell: &Cell,
    ) -> Option<T> {
        let fitted = number.map(|number| T::try_from(number).map(Some).map_err(|_| ()));
        self.checked(take, fitted.unwrap_or(Ok(None)), cell)
    }

    fn unreadable(&mut self, label: String, cell: impl FnOnce() -> String) {
        self.unreadable.entry(label).or_insert_with(|| (cell(), 0)).1 += 1;
    }

    /// The same text for all rows.
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.names.get(text) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = text.into();
        self.names.insert(Arc::clone(&shared));
        shared
    }

    fn count(&mut self, served: &Served) {
        for metric in Metric::ALL {
            let has = match metric {
                Metric::Arrived => served.arrived_wall_ns.is_some(),
                Metric::QueueWait => served.queue_wait_ns.is_some(),
                Metric::Processing => served.processing_ns.is_some(),
                Metric::Ttft => served.ttft_ns.is_some(),
                Metric::Total => served.total_ns.is_some(),
                Metric::Classification => served.classification_ns.is_some(),
                Metric::Load => served.load_ns.is_some(),
                Metric::ColdStart => served.cold_start.is_some(),
                Metric::QueueDepth => served.queue_depth.is_some(),
                Metric::QueueDepthScheduled => served.queue_depth_scheduled.is_some(),
                Metric::PromptTokens => served.prompt_tokens.is_some(),
                Metric::CompletionTokens => served.completion_tokens.is_some(),
                Metric::Provider => served.provider.is_some(),
                Metric::Model => served.model.is_some(),
                Metric::Result => served.result.is_some(),
            };
            self.found[metric as usize] += u64::from(has);
        }
    }
}

/// A cell, for messages.
fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Null => "nothing".to_owned(),
        Cell::Int(value) => value.to_string(),
        Cell::Real(value) if value.is_nan() => "what is no number".to_owned(),
        Cell::Real(value) => format!("{value:?}"),
        Cell::Text(text) => format!("{:?}", text.chars().take(40).collect::<String>()),
    }
}

fn duration(served: &mut Served, metric: Metric) -> &mut Option<u64> {
    match metric {
        Metric::QueueWait => &mut served.queue_wait_ns,
        Metric::Processing => &mut served.processing_ns,
        Metric::Ttft => &mut served.ttft_ns,
        Metric::Classification => &mut served.classification_ns,
        Metric::Load => &mut served.load_ns,
        _ => &mut served.total_ns,
    }
}

/// Fills a place that is still empty.
fn put<T>(place: &mut Option<T>, value: Option<T>) {
    if place.is_none() {
        *place = value;
    }
}
