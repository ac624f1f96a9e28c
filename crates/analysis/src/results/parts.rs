//! Parts of a run against each other: groups, what a difference does, and the server's side.

use super::{Figures, Slo};
use crate::metric::Metric;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// The requests that have something in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// What they have in common: `model`, `mode`, `priority`, `selection`, or two of them.
    pub by: String,
    /// Its value; of two, one after the other.
    pub name: String,
    /// Requests that were due, after the warm-up.
    pub n: u64,
    /// Those that succeeded.
    pub ok: u64,
    /// Their metrics, those that any of them has.
    pub metrics: GroupMetrics,
    /// How many kept to the latency objective, which stands once for the whole run.
    #[serde(serialize_with = "kept")]
    pub slo: Slo,
}

/// Of an objective what differs from group to group.
fn kept<S: Serializer>(slo: &Slo, serializer: S) -> Result<S::Ok, S::Error> {
    let Slo { met, share, lo, hi, .. } = slo;
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("met", met)?;
    for (name, value) in [("share", share), ("lo", lo), ("hi", hi)] {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

/// Figures of some metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupMetrics(pub(crate) Vec<(Metric, Figures)>);

impl GroupMetrics {
    /// A metric's figures, where any request of the group has it.
    #[must_use]
    pub fn get(&self, metric: Metric) -> Option<&Figures> {
        self.0.iter().find(|(other, _)| *other == metric).map(|(_, figures)| figures)
    }
}

impl Serialize for GroupMetrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_map(self.0.iter().map(|(metric, figures)| (metric.key(), Brief(figures))))
    }
}

/// The figures that are written of a group. There are many groups, most of few requests, so what is
/// not known is left out, and so is what only the whole run has enough samples for.
struct Brief<'a>(&'a Figures);

impl Serialize for Brief<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Figures { n, mean, p50, p95, p99, max, intervals, .. } = self.0;
        let values = [("mean", mean), ("p50", p50), ("p95", p95), ("p99", p99), ("max", max)];
        let limits = [("p50", intervals.p50), ("p95", intervals.p95), ("p99", intervals.p99)];
        let limits: BTreeMap<&str, BTreeMap<&str, f64>> = limits
            .into_iter()
            .filter_map(|(name, interval)| {
                let sides = [("lo", interval?.lo), ("hi", interval?.hi)];
                let sides = sides.into_iter().filter_map(|(side, limit)| Some((side, limit?)));
                Some((name, sides.collect()))
            })
            .filter(|(_, sides): &(_, BTreeMap<_, _>)| !sides.is_empty())
            .collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("n", n)?;
        for (name, value) in values {
            if let Some(value) = value {
                map.serialize_entry(name, value)?;
            }
        }
        map.serialize_entry("intervals", &limits)?;
        map.end()
    }
}

/// How many times as long requests of one kind take as those of another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Impact {
    /// What the two differ in: `priority` or `mode`.
    pub of: &'static str,
    /// The metric.
    pub metric: &'static str,
    /// What is compared with.
    pub base: &'static str,
    /// What is compared.
    pub other: &'static str,
    /// What all requests of both have in common; none where there is nothing.
    pub within: Option<String>,
    /// Median of the ratios over all pairs of requests, `other / base`; none where `confounded` or
    /// `too_short`.
    pub ratio: Option<f64>,
    /// Lower limit of its 95 % interval.
    pub lo: Option<f64>,
    /// Upper limit of its 95 % interval.
    pub hi: Option<f64>,
    /// Requests that succeeded and have the metric: of the base, of the other.
    pub n: [u64; 2],
    /// Independent requests that would tell as much.
    pub n_eff: Option<[f64; 2]>,
    /// Why the two differ in more than that, so that no ratio is given.
    pub confounded: Option<String>,
    /// Why there is nothing to take a ratio of.
    pub too_short: Option<&'static str>,
}

/// What the server's own log says, beside the client's figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Server {
    /// Requests after the warm-up that are in the log.
    pub matched: u64,
    /// Requests of the run that are not in the log.
    pub not_in_log: Unmatched,
    /// Rows of the log that carry an id of the run and belong to no request that was looked for.
    pub not_in_run: Unmatched,
    /// Ids with more rows than the request was sent times; none of these is joined.
    pub ambiguous: Unmatched,
    /// What no row of the log holds.
    pub missing: Vec<MissingMetric>,
    /// What makes it incomplete or doubtful.
    pub problems: Vec<String>,
    /// Requests waiting when one came to the queue.
    pub queue_depth: Figures,
    /// Requests for which a model was loaded.
    pub cold_starts: ColdStarts,
    /// Where the latency of those requests went that both sides saw whole.
    pub split: Split,
}

/// Ids without a counterpart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Vec<String>,
}

/// A metric that no row of the log holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingMetric {
    /// Its name.
    pub metric: String,
    /// Why.
    pub reason: String,
}

/// Requests for which a model was loaded.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ColdStarts {
    /// How many.
    pub count: u64,
    /// Of how many it is known whether they were.
    pub known: u64,
    /// Loading, in milliseconds.
    pub load_ms: Figures,
}

/// Mean parts of the latency, in milliseconds. They add up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Split {
    /// Requests that both sides saw whole.
    pub n: u64,
    /// Due to written: our lateness, and waiting for a connection.
    pub client_ms: Option<f64>,
    /// What the client waited beyond what the server says it took: the network, both ways, and what
    /// the server does not count.
    pub network_ms: Option<f64>,
    /// In the server: choosing a model.
    pub classification_ms: Option<f64>,
    /// In the server: its queue.
    pub queue_ms: Option<f64>,
    /// In the server: from the queue to the end.
    pub service_ms: Option<f64>,
    /// In the server, and in none of its parts.
    pub unexplained_ms: Option<f64>,
}
