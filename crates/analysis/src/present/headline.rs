//! What to think of a run, in few words and few figures.

use super::{capital, cell, errors, four_digits, interval};
use crate::document::{Headline, KeyFigure, Standing};
use crate::metric::Metric;
use crate::results::{Judged, Results};
use proofload_units::human_count;
use proofload_verdict::slo::Verdict;
use proofload_verdict::{Level, Trust};

/// The verdict in one sentence, and what happened in another.
pub(super) fn headline(results: &Results, trust: &[Trust]) -> Headline {
    let headline = |standing, verdict: &str, reason: String| Headline {
        standing,
        verdict: verdict.to_owned(),
        // What matters more than any judgement of it.
        reason: first_of_all(results).map(|first| format!("{first}. {reason}")).unwrap_or(reason),
        evidence: None,
        happened: happened(results),
        next: None,
    };
    let validity = &results.validity;
    match (validity.verdict, results.verdict()) {
        (verdict, Some(asked)) if verdict != "invalid" || asked == Verdict::NotMet => {
            let standing = match asked {
                Verdict::Met => Standing::Good,
                Verdict::Undecided => Standing::Open,
                Verdict::NotMet => Standing::Bad,
            };
            let first = results.verdicts.iter().find(|judged| judged.verdict == asked);
            let reason = objectives(&results.verdicts, asked, first);
            let decided = first.filter(|_| asked != Verdict::Met);
            Headline {
                evidence: decided.map(|judged| judged.evidence.clone()),
                ..headline(standing, asked.label(), reason)
            }
        }
        ("invalid", _) => {
            let why = validity.reason.unwrap_or("a guard-rail objects");
            let broken = trust.iter().find(|item| item.level == Level::Invalid);
            let reason = format!("The run is invalid: {why}.");
            Headline {
                evidence: broken.map(|item| item.evidence.clone()),
                next: broken.and_then(|item| item.remedy).map(str::to_owned),
                ..headline(Standing::Bad, "invalid", reason)
            }
        }
        ("valid", _) => {
            let warnings = trust.iter().filter(|item| item.level == Level::Warn).count();
            let with = match warnings {
                0 => String::new(),
                1 => ", with one warning".to_owned(),
                n => format!(", with {n} warnings"),
            };
            let reason = format!("The run is valid{with}; no objective was asked of it.");
            headline(Standing::Plain, "valid", reason)
        }
        (verdict, _) => {
            let why = validity.reason.unwrap_or("nobody measured what would decide it");
            let reason = format!("Whether the run can be used is not judged: {why}.");
            headline(Standing::Open, verdict, reason)
        }
    }
}

/// What comes before any judgement: that nothing succeeded; of an imported run its attainment.
pub(super) fn first_of_all(results: &Results) -> Option<String> {
    let (errors, slo) = (&results.errors, &results.slo);
    if errors.failed == errors.n {
        return errors::in_words(results).map(|text| capital(&text));
    }
    let share = slo.share.filter(|_| results.imported.is_some())?;
    let (met, n) = (human_count(slo.met), human_count(slo.n));
    Some(format!("{met} of {n} requests within {} ms: {:.2} %", slo.limit_ms, share * 100.0))
}

/// How many objectives have the worst verdict there is, and which is the first of them.
fn objectives(all: &[Judged], worst: Verdict, first: Option<&Judged>) -> String {
    let name = first.map_or("", |judged| judged.name.as_str());
    let count = all.iter().filter(|judged| judged.verdict == worst).count();
    match (count, all.len()) {
        (_, 1) => format!("The objective `{name}` is {}.", worst.label()),
        (_, n) if worst == Verdict::Met => format!("All {n} objectives are met."),
        (1, n) => format!("1 of {n} objectives is {}: `{name}`.", worst.label()),
        (count, n) => format!("{count} of {n} objectives are {}, first `{name}`.", worst.label()),
    }
}

fn happened(results: &Results) -> String {
    let (errors, throughput) = (&results.errors, &results.throughput);
    let ok = errors.n - errors.failed;
    let mut text = format!("{} of {} requests succeeded", human_count(ok), human_count(errors.n));
    if let Some(span_s) = throughput.span_s {
        text += &format!(" in {} s", four_digits(span_s));
    }
    if let Some(offered) = throughput.offered_per_s {
        text += &format!("; {} a second were offered", four_digits(offered));
    }
    text += ".";
    if let Some(failed) = errors::in_words(results).filter(|_| errors.failed < errors.n) {
        text += &format!(" {}.", capital(&failed));
    }
    if results.counts.warmup > 0 {
        text += &format!(" The warm-up of {} is not counted.", human_count(results.counts.warmup));
    }
    if results.counts.not_reached > 0 {
        text += &format!(" {} were never due.", human_count(results.counts.not_reached));
    }
    let state = results.state.as_str();
    if results.imported.is_none() && state != "complete" {
        text += &format!(" The run was {state}");
        let reason = results.end_reason.as_deref().filter(|reason| *reason != state);
        text += &reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        text += ".";
    }
    if results.degraded {
        text += " It is degraded";
        if !results.damage.is_empty() {
            text += &format!(": {}", results.damage.join("; "));
        }
        text += ".";
    }
    text
}

/// What most people ask for first.
pub(super) fn figures(results: &Results) -> Vec<KeyFigure> {
    let (errors, throughput, slo) = (&results.errors, &results.throughput, &results.slo);
    let share = |name, share: Option<f64>, lo, hi| {
        let value = share.map_or_else(|| "-".to_owned(), |share| format!("{:.2}", share * 100.0));
        let percent = |limit: f64| format!("{:.2}", limit * 100.0);
        let note = match (lo, hi) {
            (Some(lo), Some(hi)) => format!("95 % interval {} .. {}", percent(lo), percent(hi)),
            _ => String::new(),
        };
        KeyFigure { name, value, unit: "%", note }
    };
    let mut figures = vec![share("failed", errors.share, errors.lo, errors.hi)];
    let mut within = share("within the limit", slo.share, None, None);
    within.note = format!("of {} ms", slo.limit_ms);
    figures.push(within);
    let mut time = |name, metric: Metric, p99: bool| {
        let figures_of = results.figures(metric);
        let intervals = &figures_of.intervals;
        let (value, bounds) =
            if p99 { (figures_of.p99, intervals.p99) } else { (figures_of.p50, intervals.p50) };
        if figures_of.n > 0 {
            let note = match bounds {
                _ if results.imported.is_some() => format!("n = {}", human_count(figures_of.n)),
                Some(bounds) if bounds.lo.is_some() => {
                    format!("95 % interval {}", interval(Some(bounds)))
                }
                _ => "no finite interval".to_owned(),
            };
            figures.push(KeyFigure { name, value: cell(value), unit: "ms", note });
        }
    };
    if results.imported.is_some() {
        time("client duration p50", Metric::ClientDuration, false);
        time("client duration p99", Metric::ClientDuration, true);
        return figures;
    }
    time("ttft p50", Metric::Ttft, false);
    time("ttft p99", Metric::Ttft, true);
    time("latency p50", Metric::Latency, false);
    time("latency p99", Metric::Latency, true);
    figures.push(KeyFigure {
        name: "succeeded",
        value: cell(throughput.requests_per_s),
        unit: "requests/s",
        note: format!("{} offered", cell(throughput.offered_per_s)),
    });
    figures.push(KeyFigure {
        name: "output",
        value: cell(throughput.tokens_per_s),
        unit: "tokens/s",
        note: String::new(),
    });
    figures
}
