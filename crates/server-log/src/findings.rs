//! What was found, what was not, and why.

use crate::database::{Database, reason};
use crate::mapping::Metric;
use crate::reading::Reading;
use crate::search::Search;
use crate::source::Source;
use crate::sql::{Cell, Query};
use proofload_record::{Missing, Served, ServerSide, Unmatched};
use proofload_units::human_duration;
use std::collections::BTreeMap;
use std::time::Duration;

impl<D: Database> Search<'_, D> {
    /// Puts together what was found, and what was not.
    pub(crate) async fn conclude(
        &mut self,
        source: &Source,
        pending: &[u32],
        looked_for: usize,
        late: Duration,
    ) -> ServerSide {
        let mut not_in_log = Unmatched::default();
        let mut answered = Unmatched::default();
        // Of a log that stopped answering nobody knows what it has.
        let pending = if self.stopped { &[] } else { pending };
        for wanted in pending.iter().filter_map(|&index| (self.run.wanted)(index)) {
            not_in_log.add(&wanted.id);
            if wanted.answered {
                answered.add(&wanted.id);
            }
        }
        let mut problems = std::mem::take(&mut self.problems);
        let answering = !self.stopped;
        if self.rows.is_empty() && looked_for > 0 && self.ambiguous.count == 0 && answering {
            problems.push(match self.diagnose().await {
                Ok(reason) => format!("no row of the log is of this run: {reason}"),
                Err(error) => format!("no row of the log is of this run: {}", reason(&error)),
            });
        } else if answered.count > 0 && answering {
            let late_ns = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
            let when = match late_ns {
                0 => String::new(),
                late_ns => format!(" {} after the run", human_duration(late_ns)),
            };
            problems.push(format!(
                "{} of {looked_for} requests were answered and are not in the log{when}, {}",
                answered.count,
                named(&answered),
            ));
        }
        if self.ambiguous.count > 0 {
            problems.push(format!(
                "{} requests have an id that the log, or the server, gave several times, so none \
                 of them is joined, {}",
                self.ambiguous.count,
                named(&self.ambiguous),
            ));
        }
        if self.unfinished > 0 {
            problems.push(format!(
                "{} rows of answered requests had no end yet when they were read",
                self.unfinished
            ));
        }
        for (table, absent) in self.partly_absent() {
            problems.push(format!(
                "{} of {} answered requests have no row in `{table}`, {}",
                absent.count,
                self.answered,
                named(absent),
            ));
        }
        if self.uncounted > 0 && self.counted > 0 {
            problems.push(format!(
                "the log counts no tokens for {} of {} answered requests",
                self.uncounted, self.answered
            ));
        }
        let naive = self.layout.readings.iter().any(Reading::has_naive_times);
        problems.extend(self.offsets.problem(naive));
        problems.extend(self.merge.problems());
        problems.append(&mut self.layout.problems);
        self.rows.sort_unstable_by_key(|row| row.index);
        ServerSide {
            source: source.to_string(),
            missing: self.missing(),
            rows: std::mem::take(&mut self.rows),
            not_in_log,
            not_in_run: std::mem::take(&mut self.not_in_run),
            ambiguous: std::mem::take(&mut self.ambiguous),
            problems,
        }
    }

    /// Tables that have some of the run's requests and not others. One that has none is explained
    /// with what is missing then, unless the mapping says that it must be there.
    fn partly_absent(&self) -> impl Iterator<Item = (&str, &Unmatched)> {
        let tables = self.layout.readings.iter().zip(&self.absent).zip(&self.has_rows);
        tables
            .filter(|((_, absent), has_rows)| {
                absent.count > 0 && (**has_rows || !self.layout.optional)
            })
            .map(|((reading, absent), _)| (reading.name.as_str(), absent))
    }

    /// Why a log without a single row of this run may be so.
    async fn diagnose(&mut self) -> Result<String, sqlx::Error> {
        let Some(reading) = self.layout.readings.last() else { return Ok(String::new()) };
        let name = &reading.name;
        if first(&mut self.database, reading.any()).await?.is_none() {
            return Ok(format!("`{name}` is empty; does the server log requests at all?"));
        }
        let (query, moment) = reading.newest();
        let newest = first(&mut self.database, query).await?;
        let arrived = newest
            .as_deref()
            .zip(moment)
            .and_then(|(cells, moment)| Some((cells.first()?.clone(), moment.of(cells).ok()??)));
        let Some((id, arrived_ns)) = arrived else {
            return Ok(format!(
                "`{name}` has rows and none with these ids; is this the log of the server that \
                 was asked?"
            ));
        };
        let when = proofload_units::utc_time(arrived_ns);
        if arrived_ns < self.run.began_wall_ns {
            return Ok(format!(
                "the newest row of `{name}` is of {when}, before the run; is logging on for this \
                 key, and is this the log of the server that was asked?"
            ));
        }
        Ok(match id {
            Cell::Text(id) => format!(
                "`{name}` has rows of the time of the run with other ids, such as {id:?}; does the \
                 server answer with the X-Request-ID that it logs, or take ours?"
            ),
            _ => format!(
                "`{name}` has rows of the time of the run without a request id; the server does \
                 not log it for this key"
            ),
        })
    }

    /// What no row has, and why.
    fn missing(&self) -> Vec<Missing> {
        let mut reasons: BTreeMap<Metric, Vec<String>> = self.layout.absent.clone();
        for (reading, has_rows) in self.layout.readings.iter().zip(&self.has_rows) {
            for take in &reading.takes {
                let reason = if !has_rows {
                    format!("`{}` has no row of this run", reading.name)
                } else if self.merge.is_unreadable(&take.label) {
                    format!("{} cannot be read in any row of this run", take.label)
                } else {
                    format!("{} is empty in every row of this run", take.label)
                };
                reasons.entry(take.metric).or_default().push(reason);
            }
        }
        if self.layout.readings.iter().any(Reading::counts_tokens) {
            for metric in [Metric::PromptTokens, Metric::CompletionTokens] {
                let reason = "the log counts no tokens for these requests".to_owned();
                reasons.entry(metric).or_default().push(reason);
            }
        }
        // Where no model was loaded, there is no time that it took.
        let cold = |row: &Served| row.cold_start == Some(true);
        let warm = self.merge.has(Metric::ColdStart) && !self.rows.iter().any(cold);
        let explained = |metric| self.merge.has(metric) || (warm && metric == Metric::Load);
        let without = |&metric: &Metric| !explained(metric);
        let entry = |metric: Metric| {
            let reasons = reasons.remove(&metric).unwrap_or_default();
            let reason = match &reasons[..] {
                _ if self.stopped && self.rows.is_empty() => "the log cannot be read".to_owned(),
                _ if self.rows.is_empty() => "no row of the log is of this run".to_owned(),
                [] => "the mapping does not name it".to_owned(),
                reasons => reasons.join("; "),
            };
            Missing { metric: metric.name().to_owned(), reason }
        };
        Metric::ALL.into_iter().filter(without).map(entry).collect()
    }
}

fn named(unmatched: &Unmatched) -> String {
    format!("such as {}", unmatched.first.join(", "))
}

/// The first row of an answer.
async fn first<D: Database>(
    database: &mut D,
    query: Query,
) -> Result<Option<Vec<Cell>>, sqlx::Error> {
    let mut row = None;
    database.read(query, &mut |cells| row = Some(cells)).await?;
    Ok(row)
}
