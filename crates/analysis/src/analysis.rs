//! Reads a run and puts everything together.

use crate::agreement;
use crate::document::{Block, Document};
use crate::fitness;
use crate::groups::Whole;
use crate::impact;
use crate::imported;
use crate::kinds::Kinds;
use crate::metric::Metric;
use crate::pictures::{self, Picture};
use crate::present;
use crate::request::Request;
use crate::results::{
    ByOutcome, ByReason, Coalesced, Counts, Definitions, Errors, Intervals, Judged, Metrics,
    Results, SCHEMA_VERSION, Slo, Throughput, Tokens, TrustItem, Validity, round,
};
use crate::server;
use crate::slos::{self, Evidence};
use crate::summary::Summary;
use crate::tally::{Tally, attainment};
use proofload_record::{Outcome, Row, ServerSide};
use proofload_run_dir::{Responses, RunDir, State};
use proofload_stats::hist::Histogram;
use proofload_verdict::guard::{self, Ending, Ledger, Scarce};
use proofload_verdict::{Level, Share, Trust, Validity as Usable, slo};
use std::io;

/// A run, analysed.
pub struct Analysis<'a> {
    /// The numbers.
    pub results: Results,
    /// The words around them.
    pub document: Document,
    dir: &'a RunDir,
}

impl Analysis<'_> {
    /// The pictures of the document, in its order.
    pub fn pictures(&self) -> impl Iterator<Item = &Picture> {
        let blocks = self.document.sections.iter().flat_map(|section| &section.blocks);
        blocks.filter_map(|block| match block {
            Block::Chart(picture) => Some(picture),
            _ => None,
        })
    }

    /// The texts of answers, where the run kept them.
    ///
    /// # Errors
    /// Those of reading them.
    pub fn responses(&self) -> io::Result<Option<Responses>> {
        self.dir.responses()
    }

    /// Every planned request, in the order of the plan.
    pub fn requests(&self) -> impl Iterator<Item = Request<'_>> {
        let dir = self.dir;
        (0..).zip(dir.plan().iter()).map(move |(index, planned)| Request {
            index,
            id: planned.id,
            class: dir.classes().get(usize::from(planned.class)),
            due_ns: planned.due_ns,
            fate: dir.fate(index),
            served: dir.server().and_then(|side| side.get(index)),
            note: dir.notes().get(&index),
            warmup: u64::from(index) < dir.manifest().warmup_requests,
        })
    }
}

/// Computes everything that is known of a run, and judges it by the objectives that it was made
/// with.
///
/// It cannot fail: what is missing or contradicts itself is part of the answer.
#[must_use]
pub fn analyze(dir: &RunDir) -> Analysis<'_> {
    let mut slos = Vec::new();
    let mut unreadable = Vec::new();
    for text in &dir.manifest().slos {
        match slo::parse(text) {
            Ok(parsed) => slos.extend(parsed),
            Err(error) => unreadable.push(slos::unreadable(text, &error)),
        }
    }
    compute(dir, &slos, unreadable, false)
}

/// The same, judged by other objectives than those of the run.
#[must_use]
pub fn analyze_against<'a>(dir: &'a RunDir, slos: &[slo::Slo]) -> Analysis<'a> {
    compute(dir, slos, Vec::new(), true)
}

fn compute<'a>(
    dir: &'a RunDir,
    slos: &[slo::Slo],
    unreadable: Vec<Judged>,
    judged_anew: bool,
) -> Analysis<'a> {
    let (manifest, books) = (dir.manifest(), dir.books());
    let tally = Tally::new(dir);
    let kinds = Kinds::of(&tally);
    let mut summaries = summaries(dir, &tally);
    let mut attainment = attainment(tally.cases.iter(), manifest.latency_slo_ns);
    let mut failed = tally.failed();
    let mut failures = tally.failures(dir);
    let is_imported = manifest.imported.is_some();
    if is_imported {
        summaries.iter_mut().flatten().for_each(imported::without_intervals);
        failures.iter_mut().for_each(|way| way.until_failed_ms.intervals = Intervals::default());
        for share in [&mut attainment.met, &mut failed] {
            imported::without_interval(share);
        }
    }
    let summary = |metric: Metric| summaries[metric as usize].as_ref();
    let tokens = tally.tokens();

    let counted: Vec<(&str, u64)> = failures.iter().map(|way| (way.outcome, way.n)).collect();
    let state = state_label(manifest.state, dir.recovery().still_going);
    let reason = || manifest.end_reason.as_deref().unwrap_or(state);
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
        chunks_dropped: manifest.counts.chunks_dropped,
        responses_dropped: manifest.counts.responses_dropped,
        damage: &recovery.damage,
        rows_unreadable: recovery.rows_unreadable,
        imbalance: recovery.imbalance.as_deref(),
    });
    let degraded = ledger.level > Level::Ok
        || tally.ok() == 0
        || dir.server().is_some_and(ServerSide::is_degraded);
    // Of a run that was not sealed, rows and histograms end at different moments.
    let comparable = recovery.sealed && tally.missing == 0;
    let lateness_ns = fitness::lateness(tally.rows);
    let mut trust = vec![
        guard::generator(&fitness::generator(tally.rows, &lateness_ns, dir.seconds(), summary)),
        guard::rate(&fitness::rate(&tally)),
        guard::samples(
            summaries.iter().any(Option::is_some),
            // Without an order there are no intervals to miss.
            &if is_imported { Vec::new() } else { scarce(&summaries) },
        ),
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
    if dir.server().is_some() {
        trust.push(guard::sides(&server::sides(&tally)));
        trust.sort_by_key(|found| found.id);
    }
    if is_imported {
        trust = trust.into_iter().map(imported::trust).collect();
    }
    let usable = if is_imported { imported::validity } else { Usable::of };
    let validity = usable(&trust, tally.n);
    let figures = |metric: Metric| {
        summary(metric).map(|summary| summary.figures(metric.unit_ns())).unwrap_or_default()
    };
    let whole = Whole {
        tally: &tally,
        kinds: &kinds,
        summaries: &summaries,
        limit_ns: manifest.latency_slo_ns,
        is_imported,
        selection_known: manifest.imported.as_ref().is_none_or(|from| from.selection_known),
    };
    let doubt = doubt(validity, is_imported);
    let evidence = Evidence { dir, tally: &tally, kinds: &kinds, doubt };
    let results = Results {
        schema_version: SCHEMA_VERSION,
        program: manifest.program.clone(),
        run_id: stated(&manifest.run_id),
        plan_hash: stated(&manifest.plan_hash),
        seed: (!is_imported).then_some(manifest.seed),
        speed: manifest.config.get("speed").and_then(serde_json::Value::as_f64),
        state: state.to_owned(),
        end_reason: manifest.end_reason.clone(),
        imported: manifest.imported.as_ref().map(Into::into),
        simulated: manifest.target.simulated,
        validity: Validity { verdict: validity.label(), reason: validity.reason() },
        degraded,
        damage: recovery.damage.clone(),
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
            chunks_dropped: manifest.counts.chunks_dropped,
            responses_dropped: manifest.counts.responses_dropped,
            warmup: tally.warmup,
            bodies_changed: manifest.stream_changed,
            models_changed: manifest.model_changed,
        },
        metrics: Metrics(std::array::from_fn(|place| figures(Metric::ALL[place]))),
        throughput: throughput(&tally, &tokens),
        lateness_us: figures(Metric::Lateness),
        slo: Slo::new(&attainment, is_imported),
        errors: Errors {
            n: failed.n,
            failed: failed.count,
            share: failed.value,
            lo: lower(&failed),
            hi: upper(&failed),
            by_outcome: failures,
        },
        tokens,
        itl_coalesced: coalesced(tally.rows),
        groups: whole.groups(),
        impacts: if is_imported { Vec::new() } else { impact::all(&tally, &kinds) },
        server: dir.server().map(|side| server::results(side, &tally)),
        verdicts: unreadable.into_iter().chain(evidence.judge(slos)).collect(),
        judged_anew,
        trust: trust.iter().map(item).collect(),
        definitions: Definitions,
    };
    let pictures = pictures::all(dir, &results, &tally, &kinds, slos);
    let document = present::document(dir.manifest(), &results, trust, pictures);
    Analysis { results, document, dir }
}

/// Every metric over the requests after the warm-up, in the order of [`Metric::ALL`].
fn summaries(dir: &RunDir, tally: &Tally<'_>) -> [Option<Summary>; Metric::ALL.len()] {
    Metric::ALL.map(|metric| match metric {
        Metric::Itl => {
            let histogram = histogram(dir, metric);
            Summary::pooled(&histogram, mean_gap_ns(tally.rows, histogram.len()))
        }
        _ => {
            let values: Vec<f64> =
                tally.cases.iter().filter_map(|case| case.value(metric)).collect();
            Summary::of(&values)
        }
    })
}

/// Mean of all gaps of these requests; exact, since the rows hold their sums. None where the log
/// holds another number of gaps, as after a kill: then the two are about different requests.
fn mean_gap_ns(rows: &[Row], logged: u64) -> Option<f64> {
    let sum: u64 = rows.iter().map(|row| row.itl.sum_ns).sum();
    let count: u64 = rows.iter().map(|row| u64::from(row.itl.count)).sum();
    (count == logged && count > 0).then(|| sum as f64 / count as f64)
}

fn coalesced(rows: &[Row]) -> Coalesced {
    let gaps = rows.iter().map(|row| u64::from(row.itl.count)).sum();
    let coalesced = rows.iter().map(|row| u64::from(row.coalesced)).sum();
    let share = (gaps > 0).then(|| round(coalesced as f64 / gaps as f64));
    Coalesced { gaps, coalesced, share }
}

/// Why no verdict can be given, whatever the figures are. That nothing succeeded is no such reason:
/// the failures are the server's.
fn doubt(validity: Usable, is_imported: bool) -> Option<String> {
    match validity {
        Usable::Invalid("no request succeeded") if !is_imported => None,
        _ if is_imported => {
            Some("imported, and in which order its requests came is not known".to_owned())
        }
        Usable::Invalid(reason) => Some(format!("invalid: {reason}")),
        Usable::NotJudged(_) | Usable::Valid => None,
    }
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

fn lower(share: &Share) -> Option<f64> {
    share.interval.map(|(lo, _)| round(lo))
}

fn upper(share: &Share) -> Option<f64> {
    share.interval.map(|(_, hi)| round(hi))
}

const fn state_label(state: State, still_going: bool) -> &'static str {
    match state {
        State::Running if still_going => "running",
        State::Running => "killed",
        State::Complete => "complete",
        State::Interrupted => "interrupted",
        State::Failed => "failed",
    }
}

/// A name, where there is one.
fn stated(name: &str) -> Option<String> {
    (!name.is_empty()).then(|| name.to_owned())
}

fn item(trust: &Trust) -> TrustItem {
    TrustItem {
        id: trust.id,
        level: trust.level.label(),
        evidence: trust.evidence.clone(),
        remedy: trust.remedy,
    }
}
