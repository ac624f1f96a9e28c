//! Reads a run and puts everything together.

use crate::agreement;
use crate::document::Document;
use crate::fitness;
use crate::metric::Metric;
use crate::present;
use crate::request::Request;
use crate::results::{
    ByOutcome, ByReason, Counts, Definitions, Errors, Metrics, Results, SCHEMA_VERSION, Slo,
    Throughput, Tokens, TrustItem, Validity,
};
use crate::summary::{MS, Summary};
use crate::tally::Tally;
use proofload_record::{Outcome, Row};
use proofload_run_dir::{RunDir, State};
use proofload_stats::hist::Histogram;
use proofload_verdict::guard::{self, Ending, Ledger, Scarce};
use proofload_verdict::{Level, Share, Trust, Validity as Judged};

/// A run, analysed.
pub struct Analysis<'a> {
    /// The numbers.
    pub results: Results,
    /// The words around them.
    pub document: Document,
    dir: &'a RunDir,
}

impl Analysis<'_> {
    /// Every planned request, in the order of the plan.
    pub fn requests(&self) -> impl Iterator<Item = Request<'_>> {
        let dir = self.dir;
        (0..).zip(dir.plan()).map(move |(index, planned)| Request {
            index,
            id: &planned.id,
            class: dir.classes().get(usize::from(planned.class)),
            due_ns: planned.due_ns,
            fate: dir.fate(index),
            note: dir.notes().get(&index),
            warmup: u64::from(index) < dir.manifest().warmup_requests,
        })
    }
}

/// Computes everything that is known of a run.
///
/// It cannot fail: what is missing or contradicts itself is part of the answer.
#[must_use]
pub fn analyze(dir: &RunDir) -> Analysis<'_> {
    let (manifest, books) = (dir.manifest(), dir.books());
    let tally = Tally::new(dir.rows(), books, manifest.warmup_requests);
    let summaries = summaries(dir, &tally);
    let summary = |metric: Metric| summaries[metric as usize].as_ref();
    let attainment = tally.attainment(manifest.latency_slo_ns);
    let failed = tally.failed();
    let failures = tally.failures();
    let tokens = tally.tokens();

    let counted: Vec<(&str, u64)> = failures.iter().map(|way| (way.outcome, way.n)).collect();
    let reason = || manifest.end_reason.as_deref().unwrap_or(state_label(manifest.state));
    let ending = match manifest.state {
        State::Complete => Ending::Complete,
        State::Running => Ending::Killed,
        State::Interrupted | State::Failed => Ending::Early(reason()),
    };
    let recovery = dir.recovery();
    let ledger = guard::ledger(&Ledger {
        books,
        ending,
        torn_bytes: recovery.torn_bytes,
        damage: &recovery.damage,
        imbalance: recovery.imbalance.as_deref(),
    });
    let degraded = ledger.level > Level::Ok || tally.ok() == 0;
    // Of a run that was not sealed, rows and histograms end at different moments.
    let comparable = recovery.sealed && tally.missing() == 0;
    let trust = vec![
        guard::generator(&fitness::generator(dir.seconds(), summary)),
        guard::rate(&fitness::rate(&tally)),
        guard::samples(summaries.iter().any(Option::is_some), &scarce(&summaries)),
        ledger,
        guard::errors(&failed, &counted),
        guard::simulated(manifest.target.simulated),
        guard::nothing_to_judge(tally.n, tally.ok()),
        if comparable {
            agreement::check(dir.rows(), manifest.warmup_requests, |metric| histogram(dir, metric))
        } else {
            guard::agreement_unknown()
        },
    ];
    let validity = Judged::of(&trust);
    let figures = |metric: Metric| {
        summary(metric).map(|summary| summary.figures(metric.unit_ns())).unwrap_or_default()
    };
    let results = Results {
        schema_version: SCHEMA_VERSION,
        program: manifest.program.clone(),
        state: state_label(manifest.state).to_owned(),
        end_reason: manifest.end_reason.clone(),
        simulated: manifest.target.simulated,
        validity: Validity { verdict: validity.label(), reason: validity.reason() },
        degraded,
        balanced: recovery.imbalance.is_none(),
        counts: Counts {
            planned: books.planned,
            sent: books.sent,
            not_sent: books.not_sent_total(),
            not_reached: books.not_reached,
            unknown: books.unknown,
            ok: books.outcome(Outcome::Ok),
            outcomes: ByOutcome(books.outcomes),
            not_sent_reasons: ByReason(books.not_sent),
            rows_dropped: books.rows_dropped,
            warmup: tally.warmup,
            bodies_changed: manifest.stream_changed,
        },
        metrics: Metrics(std::array::from_fn(|place| figures(Metric::ALL[place]))),
        throughput: throughput(&tally, &tokens),
        lateness_us: figures(Metric::Lateness),
        slo: Slo {
            metric: Metric::Latency.key(),
            limit_ms: attainment.limit_ns as f64 / MS,
            met: attainment.met.count,
            n: attainment.met.n,
            share: attainment.met.value,
            lo: lower(&attainment.met),
            hi: upper(&attainment.met),
            n_eff: attainment.met.n_eff.map(|n_eff| (n_eff * 10.0).round() / 10.0),
        },
        errors: Errors {
            n: failed.n,
            failed: failed.count,
            share: failed.value,
            lo: lower(&failed),
            hi: upper(&failed),
            by_outcome: failures,
        },
        tokens,
        groups: [],
        verdicts: [],
        trust: trust.iter().map(item).collect(),
        definitions: Definitions,
    };
    let document = present::document(&results, trust);
    Analysis { results, document, dir }
}

/// Every metric over the requests after the warm-up, in the order of [`Metric::ALL`].
fn summaries(dir: &RunDir, tally: &Tally<'_>) -> [Option<Summary>; Metric::ALL.len()] {
    Metric::ALL.map(|metric| match metric {
        Metric::Itl => Summary::pooled(&histogram(dir, metric), mean_gap_ns(tally.rows)),
        _ => {
            let values: Vec<f64> = tally.rows.iter().filter_map(|row| metric.of(row)).collect();
            Summary::of(&values)
        }
    })
}

/// Mean of all gaps of these requests; exact, since the rows hold their sums.
fn mean_gap_ns(rows: &[Row]) -> f64 {
    let sum: u64 = rows.iter().map(|row| row.itl.sum_ns).sum();
    let count: u64 = rows.iter().map(|row| u64::from(row.itl.count)).sum();
    sum as f64 / count.max(1) as f64
}

/// A metric's histogram of the whole run, all classes together.
fn histogram(dir: &RunDir, metric: Metric) -> Histogram {
    let mut merged = Histogram::new();
    for series in dir.histograms().iter().filter(|series| *series.metric == *metric.name()) {
        merged.merge(&series.histogram);
    }
    merged
}

fn scarce(summaries: &[Option<Summary>]) -> Vec<Scarce> {
    let mut scarce = Vec::new();
    for (metric, summary) in Metric::ALL.into_iter().zip(summaries) {
        let Some(summary) = summary else { continue };
        for (n_eff, quantiles) in [summary.unbounded(), summary.undecided()].into_iter().flatten() {
            scarce.push(Scarce { metric: metric.name(), n: summary.n, n_eff, quantiles });
        }
    }
    scarce
}

fn throughput(tally: &Tally<'_>, tokens: &Tokens) -> Throughput {
    const SECOND_NS: f64 = 1e9;
    let due = || tally.rows.iter().filter_map(|row| row.due.get());
    let end = tally.rows.iter().filter_map(|row| row.done.get()).max();
    let seconds = |from: Option<u64>, to: Option<u64>| {
        let ns = to?.saturating_sub(from?);
        (ns > 0).then_some(ns as f64 / SECOND_NS)
    };
    let span_s = seconds(due().min(), end);
    let window_s = seconds(due().min(), due().max());
    let a_second = |count: u64, over: Option<f64>| Some(count as f64 / over?);
    Throughput {
        requests_per_s: a_second(tally.ok(), span_s),
        tokens_per_s: a_second(tokens.output, span_s),
        offered_per_s: a_second(tally.n.saturating_sub(1), window_s),
        span_s,
    }
}

/// Limits of a share, to a millionth: beyond it the mathematics library of another machine may
/// differ, and the same run would give other bytes.
fn lower(share: &Share) -> Option<f64> {
    share.interval.map(|(lo, _)| (lo * 1e6).round() / 1e6)
}

fn upper(share: &Share) -> Option<f64> {
    share.interval.map(|(_, hi)| (hi * 1e6).round() / 1e6)
}

const fn state_label(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Complete => "complete",
        State::Interrupted => "interrupted",
        State::Failed => "failed",
    }
}

fn item(trust: &Trust) -> TrustItem {
    TrustItem {
        id: trust.id,
        level: trust.level.label(),
        evidence: trust.evidence.clone(),
        remedy: trust.remedy,
    }
}
