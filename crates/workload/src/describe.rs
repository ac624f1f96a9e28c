//! A workload in a few lines: what `--validate` shows.

use crate::error::printable;
use crate::index::Index;
use crate::odd::{self, counted};
use proofload_record::{Mode, Priority};
use proofload_units::{human_bytes, human_count, human_duration};
use serde::{Serialize, Serializer};
use std::fmt;
use std::path::{Path, PathBuf};

/// Columns of a terminal that the text keeps to.
const WIDTH: usize = 80;
/// Models named one by one; the rest are counted.
const MODELS_SHOWN: usize = 8;

/// How many rows are of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The kind.
    pub name: String,
    /// Its rows.
    pub rows: u64,
}

/// What is in a workload at speed 1. Prints itself within 80 columns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    /// The file. What of it is not UTF-8 is replaced where this is written as JSON.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// Rows in it.
    pub rows: u64,
    /// Nanoseconds from the start of the run to the first arrival.
    pub first_ns: u64,
    /// Nanoseconds from the first arrival to the last.
    pub span_ns: u64,
    /// Arrivals per second: one less than the rows, over the span. None if all arrive at once.
    pub rate_per_s: Option<f64>,
    /// Burstiness: the coefficient of variation of the gaps between arrivals,
    /// `√(Σ (gap − mean)² / n) / mean` over all n gaps, one less than the rows. The divisor is n and
    /// not n − 1, for the gaps are the whole workload and no sample of it. 0 for even gaps, 1 for a
    /// Poisson process, more for bursts. None below three rows, or if all arrive at once.
    pub gap_cv: Option<f64>,
    /// The longest gap between two arrivals, in nanoseconds.
    pub gap_max_ns: u64,
    /// Most arrivals within any one second.
    pub peak_in_1_s: u64,
    /// Rows by mode.
    pub modes: Vec<Tally>,
    /// Rows by priority.
    pub priorities: Vec<Tally>,
    /// Rows by model, most first, of those that name one.
    pub models: Vec<Tally>,
    /// Rows that name a model.
    pub direct: u64,
    /// Rows that leave the choice to the server.
    pub classified: u64,
    /// Shortest, mean and longest body in bytes, as written.
    pub body_bytes: [u64; 3],
    /// Bodies that ask for a stream.
    pub stream_asked: u64,
    /// What a reader of the results should know, a sentence each.
    pub odd: Vec<String>,
}

impl Description {
    pub(crate) fn of(path: &Path, index: &Index) -> Self {
        let gaps = Gaps::of(index);
        let mut by_class = vec![0_u64; index.classes.len()];
        for row in &index.rows {
            by_class[usize::from(row.class)] += 1;
        }
        let classes = || index.classes.iter().zip(by_class.iter().copied());
        let tally = |name: &str, rows| Tally { name: name.to_owned(), rows };
        let modes = Mode::ALL.map(|mode| {
            tally(
                mode.label(),
                classes().filter(|(class, _)| class.mode == mode).map(|(_, n)| n).sum(),
            )
        });
        let priorities = Priority::ALL.map(|priority| {
            let rows =
                classes().filter(|(class, _)| class.priority == priority).map(|(_, n)| n).sum();
            tally(priority.label(), rows)
        });
        let mut models = std::collections::BTreeMap::new();
        for (class, rows) in classes() {
            if let Some(model) = &class.model {
                *models.entry(model).or_insert(0) += rows;
            }
        }
        let mut models: Vec<Tally> =
            models.into_iter().map(|(model, rows)| tally(model, rows)).collect();
        models.sort_by_key(|model| std::cmp::Reverse(model.rows));
        let present =
            |tallies: &[Tally]| tallies.iter().filter(|tally| tally.rows > 0).cloned().collect();
        let (rows, survey) = (index.rows.len() as u64, &index.survey);
        let direct = models.iter().map(|model| model.rows).sum();
        let mut description = Self {
            path: path.to_owned(),
            rows,
            first_ns: gaps.first_ns,
            span_ns: gaps.span_ns,
            rate_per_s: gaps.rate_per_s(),
            gap_cv: gaps.cv(),
            gap_max_ns: gaps.max_ns,
            peak_in_1_s: gaps.peak_in_1_s,
            modes: present(&modes),
            priorities: present(&priorities),
            models,
            direct,
            classified: rows - direct,
            body_bytes: [
                survey.body_min_bytes,
                survey.body_sum_bytes / rows.max(1),
                survey.body_max_bytes,
            ],
            stream_asked: survey.stream[0],
            odd: Vec::new(),
        };
        description.odd = odd::sentences(&description, &gaps, index);
        description
    }
}

/// The arrivals of a workload, in numbers.
#[derive(Debug, PartialEq)]
pub(crate) struct Gaps {
    pub(crate) count: u64,
    pub(crate) first_ns: u64,
    pub(crate) span_ns: u64,
    pub(crate) max_ns: u64,
    /// Gaps of more than ten times the mean.
    pub(crate) long: u64,
    /// Different instants at which something arrives.
    pub(crate) instants: u64,
    /// Most arrivals at one instant.
    pub(crate) together: u64,
    /// The largest time of which every arrival is a multiple; 0 if all are at 0.
    pub(crate) grid_ns: u64,
    pub(crate) peak_in_1_s: u64,
    sum_sq_ns2: f64,
}

impl Gaps {
    fn of(index: &Index) -> Self {
        let rows = &index.rows;
        let first_ns = rows.first().map_or(0, |row| row.offset_ns);
        let span_ns = rows.last().map_or(0, |row| row.offset_ns) - first_ns;
        let count = (rows.len() as u64).saturating_sub(1);
        let mut gaps = Self {
            count,
            first_ns,
            span_ns,
            max_ns: 0,
            long: 0,
            instants: 1,
            together: 1,
            grid_ns: first_ns,
            peak_in_1_s: 0,
            sum_sq_ns2: 0.0,
        };
        let mean_ns = span_ns as f64 / count.max(1) as f64;
        let (mut together, mut window) = (1, 0);
        for (place, row) in rows.iter().enumerate() {
            while row.offset_ns - rows[window].offset_ns >= 1_000_000_000 {
                window += 1;
            }
            gaps.peak_in_1_s = gaps.peak_in_1_s.max((place - window + 1) as u64);
            let Some(before) = place.checked_sub(1) else { continue };
            let gap_ns = row.offset_ns - rows[before].offset_ns;
            together = if gap_ns == 0 { together + 1 } else { 1 };
            gaps.together = gaps.together.max(together);
            gaps.instants += u64::from(gap_ns > 0);
            gaps.grid_ns = gcd(gaps.grid_ns, gap_ns);
            gaps.max_ns = gaps.max_ns.max(gap_ns);
            gaps.long += u64::from(gap_ns as f64 > 10.0 * mean_ns);
            // Around the mean, so that nothing is lost where gaps are nearly even.
            gaps.sum_sq_ns2 += (gap_ns as f64 - mean_ns).powi(2);
        }
        gaps
    }

    fn rate_per_s(&self) -> Option<f64> {
        if self.span_ns > 0 { Some(self.count as f64 * 1e9 / self.span_ns as f64) } else { None }
    }

    fn cv(&self) -> Option<f64> {
        if self.count < 2 || self.span_ns == 0 {
            return None;
        }
        let mean_ns = self.span_ns as f64 / self.count as f64;
        Some((self.sum_sq_ns2 / self.count as f64).sqrt() / mean_ns)
    }
}

fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display().to_string();
        writeln!(f, "{}", path.chars().flat_map(printable).collect::<String>())?;
        let mut line = |label: &str, text: &str| wrap(f, &format!("{label:<12}"), text);
        let rows = human_count(self.rows);
        line(
            "rows",
            &match (self.direct, self.classified) {
                (1, 0) => format!("{rows}, which names a model"),
                (0, 1) => format!("{rows}, which names no model: the server chooses"),
                (_, 0) => format!("{rows}, all name a model"),
                (0, _) => format!("{rows}, none names a model: the server chooses"),
                (direct, classified) => format!(
                    "{rows}: {} a model, for {} the server chooses",
                    counted(direct, "names", "name"),
                    human_count(classified)
                ),
            },
        )?;
        let (first, span) = (human_duration(self.first_ns), human_duration(self.span_ns));
        line("span", &format!("{span} from the first arrival, at {first}, to the last"))?;
        let peak = human_count(self.peak_in_1_s);
        line(
            "rate",
            &match self.rate_per_s {
                Some(rate) => {
                    format!("{rate:.3} requests/s on average, at most {peak} in any one second")
                }
                None => format!("{peak} at once"),
            },
        )?;
        if let Some(cv) = self.gap_cv {
            let longest = human_duration(self.gap_max_ns);
            line(
                "burstiness",
                &format!(
                    "{cv:.2} (coefficient of variation of the gaps: 0 even, 1 random, above 1 bursts); the longest gap is {longest}"
                ),
            )?;
        }
        line("modes", &list(&self.modes, usize::MAX))?;
        line("priorities", &list(&self.priorities, usize::MAX))?;
        if !self.models.is_empty() {
            line("models", &list(&self.models, MODELS_SHOWN))?;
        }
        let [min, mean, max] = self.body_bytes.map(human_bytes);
        line(
            "bodies",
            &format!(
                "{min} to {max}, {mean} on average; {} of {rows} {} for a stream",
                human_count(self.stream_asked),
                if self.stream_asked == 1 { "asks" } else { "ask" }
            ),
        )?;
        for (place, sentence) in self.odd.iter().enumerate() {
            wrap(f, if place == 0 { "odd         - " } else { "            - " }, sentence)?;
        }
        Ok(())
    }
}

fn list(tallies: &[Tally], shown: usize) -> String {
    let named = tallies.iter().take(shown);
    let mut parts: Vec<String> =
        named.map(|tally| format!("{} {}", tally.name, human_count(tally.rows))).collect();
    let rest = &tallies[tallies.len().min(shown)..];
    if !rest.is_empty() {
        let rows = rest.iter().map(|tally| tally.rows).sum();
        let more = counted(rest.len() as u64, "more model", "more models");
        parts.push(format!("{more} {}", human_count(rows)));
    }
    parts.join(", ")
}

/// Writes `text` after `head`, further lines below it. A word longer than a line is not broken; what a
/// terminal would obey, as a model's name may have it, is escaped.
fn wrap(f: &mut fmt::Formatter<'_>, head: &str, text: &str) -> fmt::Result {
    let text: String = text.chars().flat_map(printable).collect();
    let indent = head.chars().count();
    let (mut line, mut used) = (head.to_owned(), indent);
    for word in text.split(' ') {
        let width = word.chars().count();
        if used > indent && used + 1 + width > WIDTH {
            writeln!(f, "{line}")?;
            (line, used) = (" ".repeat(indent), indent);
        }
        if used > indent {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += width;
    }
    writeln!(f, "{line}")
}
