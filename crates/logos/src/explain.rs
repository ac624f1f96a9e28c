//! Why our figure differs from a published one, request by request.

use crate::published::{self, Figure, Seen, Tally};
use proofload_record::{End, Outcome};
use proofload_run_dir::{Fate, RunDir};
use serde::Serialize;

/// Version of the object; it grows when a field changes its meaning or goes away.
const SCHEMA_VERSION: u32 = 1;

/// An imported run by the rules of Logos and by ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// Version of this object.
    pub schema_version: u32,
    /// What was imported.
    pub form: String,
    /// The latency limit that both sides were judged by, in milliseconds.
    pub latency_slo_ms: f64,
    /// Counts by Logos' rules: what it published where its limit was this one.
    pub published: Tally,
    /// Counts by ours.
    pub ours: Tally,
    /// The figures of its summary, by its rules and by ours.
    pub figures: Vec<Figure>,
    /// In what ways requests are counted differently, most frequent first.
    pub differences: Vec<Difference>,
    /// Every request, in the order of the file.
    pub rows: Vec<Explained>,
}

/// One way in which requests are counted differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its short name.
    pub kind: &'static str,
    /// Requests that it concerns.
    pub n: u64,
    /// What it is, in words.
    pub words: &'static str,
}

/// One request by both sides' rules.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// Row of the file, the header being row 1.
    pub row: u64,
    /// Its id in the file.
    pub request_id: String,
    /// The status; 0 where the client had an exception.
    pub http_status: u16,
    /// What the client measured, in milliseconds.
    pub client_duration_ms: Option<f64>,
    /// Total latency by the server's database, in milliseconds.
    pub logged_latency_ms: Option<f64>,
    /// Time to first token by the server's database, in milliseconds.
    pub logged_ttft_ms: Option<f64>,
    /// Whether Logos counted a success.
    pub published_success: bool,
    /// Whether Logos counted it as in time; none where it left it out of the denominator.
    pub published_in_time: Option<bool>,
    /// How it ended, by our rules.
    pub outcome: &'static str,
    /// Whether we count it as in time; everything is in our denominator.
    pub in_time: bool,
    /// Short names of the ways in which the two differ here.
    pub differs: Vec<&'static str>,
    /// Why, in words; none where both sides count it alike.
    pub reason: Option<String>,
}

/// A way to differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    EmptySuccess,
    FailureAsSuccess,
    SuccessAsFailure,
    FailureInTime,
    FailureInTimes,
    LogInTime,
    LogTooLate,
    NotInLog,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::EmptySuccess,
        Self::FailureAsSuccess,
        Self::SuccessAsFailure,
        Self::FailureInTime,
        Self::FailureInTimes,
        Self::LogInTime,
        Self::LogTooLate,
        Self::NotInLog,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::EmptySuccess => "empty_as_success",
            Self::FailureAsSuccess => "failure_as_success",
            Self::SuccessAsFailure => "success_as_failure",
            Self::FailureInTime => "failure_in_time",
            Self::FailureInTimes => "failure_in_times",
            Self::LogInTime => "in_time_by_the_log_only",
            Self::LogTooLate => "in_time_for_the_client_only",
            Self::NotInLog => "not_in_the_log",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::EmptySuccess => {
                "a status below 400 without a token or a text was a success; it is no answer"
            }
            Self::FailureAsSuccess => {
                "a failed request had a status below 400, so it was a success"
            }
            Self::SuccessAsFailure => "an answer had a status of 400 or more",
            Self::FailureInTime => {
                "a request that failed within the latency limit kept to it; a failure has no latency"
            }
            Self::FailureInTimes => {
                "a failed request was among the times to first token and the total latencies; where \
                 no token came, both are the time until it failed"
            }
            Self::LogInTime => "it was in time by the server's clock, and the client waited longer",
            Self::LogTooLate => "it was late by the server's clock, and in time for the client",
            Self::NotInLog => {
                "the database did not know it, so it was left out of the attainment's denominator"
            }
        }
    }

    /// Whether `seen` is counted differently in this way.
    fn applies(self, seen: Seen<'_>) -> bool {
        let (theirs, ours) = (seen.theirs_ok(), seen.ours_ok());
        let is_empty = seen.row.end == End::Sent(Outcome::Empty);
        let in_time = seen.theirs_in_time();
        match self {
            Self::EmptySuccess => theirs && is_empty,
            Self::FailureAsSuccess => theirs && !ours && !is_empty,
            Self::SuccessAsFailure => !theirs && ours,
            Self::FailureInTime => !ours && in_time == Some(true),
            Self::FailureInTimes => !ours && seen.ttft_ns().or(seen.total_ns()).is_some(),
            Self::LogInTime => ours && in_time == Some(true) && !seen.ours_in_time(),
            Self::LogTooLate => ours && in_time == Some(false) && seen.ours_in_time(),
            Self::NotInLog => in_time.is_none(),
        }
    }

    /// The same with the numbers of a request.
    fn reason(self, seen: Seen<'_>) -> String {
        let ms = |ns: Option<u64>| {
            ns.map_or_else(|| "-".to_owned(), |ns| format!("{:.2} ms", to_ms(ns)))
        };
        let (status, outcome) = (seen.row.status, seen.row.end.label());
        let (total, ttft) = (ms(seen.total_ns()), ms(seen.ttft_ns()));
        let client = ms(seen.row.client_duration_ns());
        match self {
            Self::EmptySuccess => {
                format!("status {status} without a token or a text was counted as a success")
            }
            Self::FailureAsSuccess => {
                format!("status {status} was counted as a success, though it ended as {outcome}")
            }
            Self::SuccessAsFailure => format!("an answer with status {status} was a failure"),
            Self::FailureInTime => format!("the {total} until it failed kept to the limit"),
            Self::FailureInTimes => {
                format!("TTFT {ttft} and latency {total} of a failure were counted")
            }
            Self::LogInTime => format!("{total} by the server's clock, {client} for the client"),
            Self::LogTooLate => format!("{client} for the client, {total} by the server's clock"),
            Self::NotInLog => {
                "the database did not know it: left out of the denominator".to_owned()
            }
        }
    }
}

/// Explains an imported run; none for a run that was not imported, since nobody published anything
/// of it. A file as Logos writes it has a row a request, so every request has one.
#[must_use]
pub fn explain(run: &RunDir) -> Option<Explanation> {
    let manifest = run.manifest();
    let form = manifest.imported.as_ref()?.form.clone();
    let limit_ns = manifest.latency_slo_ns;
    let seen = |index| match run.fate(index) {
        Fate::Row(row) => {
            Some(Seen { row, served: run.server().and_then(|side| side.get(index)), limit_ns })
        }
        _ => None,
    };
    let (ids, requests): (Vec<&str>, Vec<Seen<'_>>) = (0..)
        .zip(run.plan().iter())
        .filter_map(|(index, planned)| Some((planned.id, seen(index)?)))
        .unzip();
    let (published, ours) = (published::theirs(&requests), published::ours(&requests));
    let mut differences: Vec<Difference> = Kind::ALL
        .into_iter()
        .map(|kind| Difference {
            kind: kind.name(),
            n: requests.iter().filter(|seen| kind.applies(**seen)).count() as u64,
            words: kind.words(),
        })
        .filter(|difference| difference.n > 0)
        .collect();
    differences.sort_by_key(|difference| std::cmp::Reverse(difference.n));
    Some(Explanation {
        schema_version: SCHEMA_VERSION,
        form,
        latency_slo_ms: to_ms(limit_ns),
        figures: published::figures(&requests, &published, &ours),
        published,
        ours,
        differences,
        rows: ids.into_iter().zip(&requests).map(|(id, seen)| explained(id, *seen)).collect(),
    })
}

fn explained(id: &str, seen: Seen<'_>) -> Explained {
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| kind.applies(seen)).collect();
    let reasons: Vec<String> = kinds.iter().map(|kind| kind.reason(seen)).collect();
    Explained {
        row: u64::from(seen.row.index) + 2,
        request_id: id.to_owned(),
        http_status: seen.row.status,
        client_duration_ms: seen.row.client_duration_ns().map(to_ms),
        logged_latency_ms: seen.total_ns().map(to_ms),
        logged_ttft_ms: seen.ttft_ns().map(to_ms),
        published_success: seen.theirs_ok(),
        published_in_time: seen.theirs_in_time(),
        outcome: seen.row.end.label(),
        in_time: seen.ours_in_time(),
        differs: kinds.iter().map(|kind| kind.name()).collect(),
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
    }
}

fn to_ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}
