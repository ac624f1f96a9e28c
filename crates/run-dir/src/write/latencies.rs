//! `latency.hlog`: the distribution of each metric and class, second by second.
//!
//! A histogram takes 92 KiB, and a run may have six metrics in each of 257 classes. So the values
//! of a second are kept as numbers, and at its end pass through one histogram: memory follows the
//! rate, up to [`VALUES_MAX`], and not the number of classes.

use super::recorder::{CLASSES_MAX, Span};
use proofload_record::Row;
use proofload_stats::hist::{Histogram, LogWriter};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::mem;

/// Values kept at most; more than that in a second make a second line of the same tag.
const VALUES_MAX: usize = 1 << 16;

/// What the log has histograms of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Metric {
    Ttft,
    TotalLatency,
    Latency,
    ClientDuration,
    Tpot,
    Itl,
    Lateness,
}

impl Metric {
    const fn label(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::TotalLatency => "total_latency",
            Self::Latency => "latency",
            Self::ClientDuration => "client_duration",
            Self::Tpot => "tpot",
            Self::Itl => "itl",
            Self::Lateness => "lateness",
        }
    }
}

/// Which requests a histogram is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    /// Those of one class.
    Class(u16),
    /// Those of all classes that have no histogram of their own.
    Other,
    /// All: lateness is the generator's and has no class.
    All,
}

impl Group {
    /// The group of a class.
    pub(crate) const fn of(class: u16) -> Self {
        if class < CLASSES_MAX { Self::Class(class) } else { Self::Other }
    }
}

/// `<metric>.<class>`.
struct Tag(Metric, Group);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metric = self.0.label();
        match self.1 {
            Group::Class(class) => write!(f, "{metric}.{class}"),
            Group::Other => write!(f, "{metric}.other"),
            Group::All => write!(f, "{metric}.all"),
        }
    }
}

/// Writes the log.
pub(crate) struct Latencies<W: Write> {
    log: LogWriter<W>,
    from_ns: u64,
    values: BTreeMap<(Metric, Group), Vec<u64>>,
    /// How many there are in all.
    kept: usize,
    scratch: Histogram,
}

impl<W: Write> Latencies<W> {
    /// Begins a log whose times count from `wall_ns`, the run's beginning.
    pub(crate) fn new(output: W, wall_ns: u64) -> io::Result<Self> {
        let log = LogWriter::new(output, wall_ns)?;
        let (values, scratch) = (BTreeMap::new(), Histogram::new());
        Ok(Self { log, from_ns: 0, values, kept: 0, scratch })
    }

    /// Counts a row that was written. Only an `ok` row has latencies: a failure is not a fast one.
    pub(crate) fn add(&mut self, row: &Row) -> io::Result<()> {
        if !row.end.is_ok() {
            return Ok(());
        }
        let group = Group::of(row.class);
        for (metric, value_ns) in [
            (Metric::Ttft, row.ttft_ns()),
            (Metric::TotalLatency, row.total_latency_ns()),
            (Metric::Latency, row.latency_ns()),
            (Metric::ClientDuration, row.client_duration_ns()),
            (Metric::Tpot, row.tpot_ns().map(|ns| ns.round() as u64)),
        ] {
            if let Some(ns) = value_ns {
                self.values.entry((metric, group)).or_default().push(ns);
                self.kept += 1;
            }
        }
        if self.kept >= VALUES_MAX { self.write_values(self.from_ns) } else { Ok(()) }
    }

    /// Writes a histogram that a worker filled.
    pub(crate) fn write(
        &mut self,
        metric: Metric,
        group: Group,
        span: Span,
        histogram: &Histogram,
    ) -> io::Result<()> {
        write_line(&mut self.log, metric, group, span, histogram)
    }

    /// Writes the second that ends at `now_ns`, if it has, and sends all to the file.
    pub(crate) fn end_second(&mut self, now_ns: u64) -> io::Result<()> {
        if now_ns / 1_000_000_000 > self.from_ns / 1_000_000_000 {
            self.end(now_ns)?;
        }
        Ok(())
    }

    /// Writes all that is left and sends it to the file.
    pub(crate) fn end(&mut self, now_ns: u64) -> io::Result<()> {
        self.write_values(now_ns)?;
        self.from_ns = now_ns;
        self.log.get_mut().flush()
    }

    fn write_values(&mut self, to_ns: u64) -> io::Result<()> {
        let span = Span { from_ns: self.from_ns, to_ns };
        self.kept = 0;
        for ((metric, group), values) in mem::take(&mut self.values) {
            values.into_iter().for_each(|ns| self.scratch.record(ns));
            write_line(&mut self.log, metric, group, span, &self.scratch)?;
            self.scratch.reset();
        }
        Ok(())
    }

    /// The file underneath.
    pub(crate) fn get_mut(&mut self) -> &mut W {
        self.log.get_mut()
    }
}

fn write_line<W: Write>(
    log: &mut LogWriter<W>,
    metric: Metric,
    group: Group,
    span: Span,
    histogram: &Histogram,
) -> io::Result<()> {
    let length_ns = span.to_ns.saturating_sub(span.from_ns);
    log.write(&Tag(metric, group).to_string(), span.from_ns, length_ns, histogram)
}

#[cfg(test)]
mod tests {
    use super::{Group, Latencies, Metric, VALUES_MAX};
    use crate::write::recorder::Span;
    use proofload_record::{End, Flags, Outcome, Row, Stamp};
    use proofload_stats::hist::{Histogram, Interval, LogReader};

    fn ok_row(class: u16, latency_ns: u64) -> Row {
        let mut row = Row::new(0, class, 0, Stamp::at(1_000), End::Sent(Outcome::Ok));
        row.started = row.due;
        row.done = Stamp::at(1_000 + latency_ns);
        row
    }

    fn read(bytes: &[u8]) -> Vec<(String, u64, u64, u64)> {
        let line = |line: Result<Interval, _>| {
            let Interval { tag, start_ns, length_ns, histogram } = line.unwrap();
            (tag.unwrap().into(), start_ns, length_ns, histogram.len())
        };
        LogReader::new(bytes).map(line).collect()
    }

    #[test]
    fn a_second_is_a_line_for_each_metric_and_class_that_was_seen() {
        let mut bytes = Vec::new();
        let mut log = Latencies::new(&mut bytes, 0).unwrap();
        let mut streamed = ok_row(1, 9_000_000);
        streamed.flags.set(Flags::STREAMED);
        streamed.first_token = Stamp::at(5_000);
        streamed.last_token = Stamp::at(9_000);
        streamed.completion_tokens = Some(3);
        let mut failed = streamed;
        failed.end = End::Sent(Outcome::Truncated);
        for row in [ok_row(0, 5), streamed, failed, ok_row(0, 7), ok_row(300, 7)] {
            log.add(&row).unwrap();
        }
        log.end_second(999_999_999).unwrap();
        log.end_second(1_000_000_001).unwrap();
        let span = Span { from_ns: 0, to_ns: 2_000_000_000 };
        log.write(Metric::Lateness, Group::All, span, &Histogram::new()).unwrap();
        log.end(2_500_000_000).unwrap();
        drop(log);
        let first = |tag: &str, n| (tag.to_owned(), 0, 1_000_000_001, n);
        let want = [
            first("ttft.1", 1),
            first("total_latency.0", 2),
            first("total_latency.1", 1),
            first("total_latency.other", 1),
            first("latency.0", 2),
            first("latency.1", 1),
            first("latency.other", 1),
            first("client_duration.0", 2),
            first("client_duration.1", 1),
            first("client_duration.other", 1),
            first("tpot.1", 1),
            ("lateness.all".to_owned(), 0, 2_000_000_000, 0),
        ];
        assert_eq!(read(&bytes), want);
    }

    #[test]
    fn a_second_with_very_many_values_becomes_several_lines() {
        let mut bytes = Vec::new();
        let mut log = Latencies::new(&mut bytes, 0).unwrap();
        let rows = VALUES_MAX;
        for _ in 0..rows {
            log.add(&ok_row(0, 5)).unwrap();
            assert!(log.values.len() < VALUES_MAX);
        }
        log.end(1).unwrap();
        drop(log);
        let lines = read(&bytes);
        let latencies = lines.iter().filter(|line| line.0 == "latency.0");
        assert_eq!(latencies.map(|line| line.3).sum::<u64>(), rows as u64);
    }
}
