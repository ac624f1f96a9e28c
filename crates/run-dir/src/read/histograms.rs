//! `latency.hlog` as it is found, its seconds added together.

use proofload_stats::hist::{Histogram, LogError, LogReader};
use std::collections::BTreeMap;
use std::io::BufRead;

/// The distribution of one metric over a whole run.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name: `ttft`, `total_latency`, `latency`, `client_duration`, `tpot` (of `ok` rows),
    /// `itl` (of every gap) or `lateness` (of every release).
    pub metric: Box<str>,
    /// The class; none for all classes beyond the 256th together, and for `lateness`, which is not
    /// kept by class.
    pub class: Option<u16>,
    /// How often each time was seen.
    pub histogram: Histogram,
}

/// Adds up the log, up to the first line that is none, and says what is wrong with that. Where the
/// log may be `torn` (the run was not sealed) a last line that was cut is left out.
pub(crate) fn read(input: impl BufRead, torn: bool) -> (Vec<Series>, Option<LogError>) {
    let mut sums: BTreeMap<(Box<str>, Option<u16>), Histogram> = BTreeMap::new();
    let mut problem = None;
    for line in LogReader::new(input) {
        match line {
            Ok(interval) => {
                let tag = interval.tag.unwrap_or_default();
                let (metric, class) = tag.split_once('.').unwrap_or((&tag, ""));
                let sum = sums.entry((metric.into(), class.parse().ok())).or_default();
                sum.merge(&interval.histogram);
            }
            Err(LogError::CutOff { .. }) if torn => {}
            Err(error) => problem = Some(error),
        }
    }
    let series = |((metric, class), histogram)| Series { metric, class, histogram };
    (sums.into_iter().map(series).collect(), problem)
}
