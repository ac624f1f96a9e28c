//! The results object: what `results.json` holds, field by field.
//!
//! It holds no path and no time of making, so the same run directory gives the same bytes again.

mod judged;
mod parts;

pub use judged::{Judged, Over};
pub use parts::{ColdStarts, Group, GroupMetrics, Impact, MissingMetric, Server, Split, Unmatched};

use crate::metric::{Metric, OF_THE_RUN};
use crate::summary::MS;
use proofload_record::{NotSent, Outcome};
use proofload_verdict::Attainment;
use proofload_verdict::slo::Verdict;
use serde::{Serialize, Serializer};

/// Version of the results object. It grows when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// Everything that is computed of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Results {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The program that made the run.
    pub program: String,
    /// The run's own id; none where nobody gave it one, as of an imported run.
    pub run_id: Option<String>,
    /// Hash of the plan, in hexadecimal digits; none where there was none.
    pub plan_hash: Option<String>,
    /// What the plan's random numbers began with; none where there was no plan.
    pub seed: Option<u64>,
    /// How many times as fast as recorded the workload was replayed; none where that is not known.
    pub speed: Option<f64>,
    /// How the run ended: `complete`, `interrupted`, `failed`, `killed`; `running` where it has not.
    pub state: String,
    /// Why it ended early, in words.
    pub end_reason: Option<String>,
    /// What the run was imported from; none for a run that one of our programs made.
    pub imported: Option<Imported>,
    /// Whether the target was a simulator, in the program or elsewhere.
    pub simulated: bool,
    /// Whether the run can be used.
    pub validity: Validity,
    /// Whether part of the data is missing, no request succeeded, or the run ended early.
    pub degraded: bool,
    /// Parts of the run that were altered or are missing, in words.
    pub damage: Vec<String>,
    /// Whether the books of the run balance; a run where they do not is read only on request.
    pub balanced: bool,
    /// The books of the whole run, warm-up included.
    pub counts: Counts,
    /// Every metric but lateness, over the requests after the warm-up.
    pub metrics: Metrics,
    /// Rates.
    pub throughput: Throughput,
    /// Our own delay in microseconds, over the requests after the warm-up that were sent.
    pub lateness_us: Figures,
    /// How many requests kept to the latency objective.
    pub slo: Slo,
    /// How many failed, and how.
    pub errors: Errors,
    /// Where the token counts come from.
    pub tokens: Tokens,
    /// How chunks lay in the reads that brought them.
    pub itl_coalesced: Coalesced,
    /// Figures by what requests have in common.
    pub groups: Vec<Group>,
    /// What priority and mode change.
    pub impacts: Vec<Impact>,
    /// What the server's own log says; none where nobody asked it.
    pub server: Option<Server>,
    /// The objectives that were asked for.
    pub verdicts: Vec<Judged>,
    /// Whether these are other objectives than those that the run was made with.
    pub judged_anew: bool,
    /// What every guard-rail found.
    pub trust: Vec<TrustItem>,
    /// Formula of every metric.
    pub definitions: Definitions,
}

impl Results {
    /// A metric's figures.
    #[must_use]
    pub fn figures(&self, metric: Metric) -> &Figures {
        match metric {
            Metric::Lateness => &self.lateness_us,
            _ => &self.metrics.0[metric as usize],
        }
    }

    /// The worst verdict; none where nothing was asked for.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.verdicts.iter().map(|judged| judged.verdict).max()
    }
}

/// Gaps that nobody can have seen, since one read brought the chunks on both sides of it. They count
/// as gaps of nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Coalesced {
    /// All gaps between content chunks.
    pub gaps: u64,
    /// Those of nothing.
    pub coalesced: u64,
    /// `coalesced / gaps`.
    pub share: Option<f64>,
}

/// Whether a run can be used at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Validity {
    /// `valid`, `not judged` or `invalid`.
    pub verdict: &'static str,
    /// Why it is not valid.
    pub reason: Option<&'static str>,
}

/// A run that another program made, and what its file tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// The form of the file.
    pub form: String,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Whether classes name the model that was asked for; otherwise it is the one that answered.
    pub selection_known: bool,
    /// Columns of the file that nothing was done with.
    pub ignored_columns: Vec<String>,
}

impl From<&proofload_run_dir::Imported> for Imported {
    fn from(from: &proofload_run_dir::Imported) -> Self {
        Self {
            form: from.form.clone(),
            sha256: from.sha256.clone(),
            selection_known: from.selection_known,
            ignored_columns: from.ignored_columns.clone(),
        }
    }
}

/// Where the planned requests went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests in the plan.
    pub planned: u64,
    /// Started.
    pub sent: u64,
    /// Due and never started.
    pub not_sent: u64,
    /// Due after the run ended.
    pub not_reached: u64,
    /// Planned beyond the last thing that a killed run wrote down.
    pub unknown: u64,
    /// Succeeded.
    pub ok: u64,
    /// Those sent, by how they ended.
    pub outcomes: ByOutcome,
    /// Those not sent, by reason.
    pub not_sent_reasons: ByReason,
    /// Ended requests whose row is missing.
    pub rows_dropped: u64,
    /// Requests whose chunk arrivals are missing from `chunks.bin`.
    pub chunks_dropped: u64,
    /// Requests whose text is missing from `responses.bin`.
    pub responses_dropped: u64,
    /// Requests of the warm-up that were reached: in these counts, and in nothing else.
    pub warmup: u64,
    /// Bodies of the plan that were changed to ask for a stream with usage.
    pub bodies_changed: u64,
    /// Bodies that were made to name another model than the workload.
    pub models_changed: u64,
}

/// A count for every outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByOutcome(pub [u64; Outcome::COUNT]);

impl Serialize for ByOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Outcome::ALL.iter().map(|outcome| outcome.label()).zip(self.0))
    }
}

/// A count for every reason not to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByReason(pub [u64; NotSent::ALL.len()]);

impl Serialize for ByReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(NotSent::ALL.iter().map(|reason| reason.label()).zip(self.0))
    }
}

/// Figures of every metric but lateness, in the order of [`Metric::ALL`].
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics(pub(crate) [Figures; Metric::ALL.len() - 1]);

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Metric::ALL.iter().map(|metric| metric.key()).zip(&self.0))
    }
}

/// A metric over many requests, in the metric's unit. All none where there is no sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Samples.
    pub n: u64,
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Smallest.
    pub min: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 90 % are not above it.
    pub p90: Option<f64>,
    /// 95 % are not above it.
    pub p95: Option<f64>,
    /// 99 % are not above it.
    pub p99: Option<f64>,
    /// 99.9 % are not above it.
    pub p999: Option<f64>,
    /// Largest.
    pub max: Option<f64>,
    /// In which the true quantiles lie.
    pub intervals: Intervals,
}

/// The 95 % interval of every quantile, none where it is undecided.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Intervals {
    /// Of the median.
    pub p50: Option<Interval>,
    /// Of p90.
    pub p90: Option<Interval>,
    /// Of p95.
    pub p95: Option<Interval>,
    /// Of p99.
    pub p99: Option<Interval>,
    /// Of p99.9.
    pub p999: Option<Interval>,
}

/// A two-sided interval; a side is none where so few samples give no finite limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower limit.
    pub lo: Option<f64>,
    /// Upper limit.
    pub hi: Option<f64>,
    /// Independent samples that would tell as much.
    pub n_eff: f64,
}

/// Rates over the requests after the warm-up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Throughput {
    /// Requests that succeeded, a second of `span_s`.
    pub requests_per_s: Option<f64>,
    /// Output tokens of requests that succeeded, a second of `span_s`.
    pub tokens_per_s: Option<f64>,
    /// Rate at which requests were due.
    pub offered_per_s: Option<f64>,
    /// From the first due time to the last end, in seconds.
    pub span_s: Option<f64>,
}

/// Attainment of the latency objective.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slo {
    /// The metric that is judged.
    pub metric: &'static str,
    /// The limit in milliseconds.
    pub limit_ms: f64,
    /// Requests that kept to it.
    pub met: u64,
    /// Requests that were due: failures are among them.
    pub n: u64,
    /// `met / n`.
    pub share: Option<f64>,
    /// Lower limit of the 95 % interval.
    pub lo: Option<f64>,
    /// Upper limit of the 95 % interval.
    pub hi: Option<f64>,
    /// Independent requests that would tell as much.
    pub n_eff: Option<f64>,
}

impl Slo {
    /// What stands in every output of an attainment: of an imported run, on the client's duration.
    pub(crate) fn new(attainment: &Attainment, is_imported: bool) -> Self {
        let met = &attainment.met;
        // Beyond a millionth the mathematics library of another machine may differ, and the same
        // run would give other bytes.
        let limits = met.interval.map(|(lo, hi)| (round(lo), round(hi))).unzip();
        Self {
            metric: if is_imported { Metric::ClientDuration } else { Metric::Latency }.key(),
            limit_ms: attainment.limit_ns as f64 / MS,
            met: met.count,
            n: met.n,
            share: met.value,
            lo: limits.0,
            hi: limits.1,
            n_eff: met.n_eff.map(|n_eff| (n_eff * 10.0).round() / 10.0),
        }
    }
}

/// To a millionth.
pub(crate) fn round(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}

/// What failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Errors {
    /// Requests that were due, after the warm-up.
    pub n: u64,
    /// Those that did not succeed.
    pub failed: u64,
    /// `failed / n`.
    pub share: Option<f64>,
    /// Lower limit of the 95 % interval.
    pub lo: Option<f64>,
    /// Upper limit of the 95 % interval.
    pub hi: Option<f64>,
    /// By how they ended, those that occurred.
    pub by_outcome: Vec<Failure>,
}

/// One way to fail.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// The outcome's name, or `not_sent`.
    pub outcome: &'static str,
    /// Requests that ended so.
    pub n: u64,
    /// From due to the failure, in milliseconds, of those that have a row.
    pub until_failed_ms: Figures,
    /// HTTP statuses of their answers, each once.
    pub statuses: Vec<u16>,
    /// When the first of them ended, in seconds since the run began; none where that is not known.
    pub first_s: Option<f64>,
    /// When the last of them ended.
    pub last_s: Option<f64>,
    /// The first of them that says what went wrong.
    pub example: Option<Example>,
}

/// A request that failed, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The request's id in the workload.
    pub request_id: String,
    /// What went wrong.
    pub error: String,
}

/// Where the token counts of the requests that succeeded come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// `usage`, `chunks`, `mixed`, or `none`.
    pub source: &'static str,
    /// Answers whose `usage` stated the count.
    pub from_usage: u64,
    /// Answers whose content chunks were counted.
    pub from_chunks: u64,
    /// Output tokens in all.
    pub output: u64,
    /// Prompt tokens in all, as far as stated.
    pub prompt: u64,
}

/// What one guard-rail found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrustItem {
    /// The guard-rail: `G01`, …
    pub id: &'static str,
    /// `ok`, `note`, `warn` or `invalid`.
    pub level: &'static str,
    /// The figures it rests on.
    pub evidence: String,
    /// What to do.
    pub remedy: Option<&'static str>,
}

/// The formula of every metric, and of what concerns the run as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definitions;

impl Serialize for Definitions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let metrics = Metric::ALL.iter().map(|metric| (metric.key(), metric.formula()));
        serializer.collect_map(metrics.chain(OF_THE_RUN))
    }
}
