//! What to think of a run, in few words and few figures.

use super::{cell, four_digits, interval, percent_interval};
use crate::document::{Headline, KeyFigure, Standing};
use crate::metric::Metric;
use crate::results::{Judged, Results};
use proofload_units::human_count;
use proofload_verdict::slo::Verdict;
use proofload_verdict::{Level, Trust};

/// The verdict in one sentence, and what happened in another.
pub(super) fn headline(results: &Results, trust: &[Trust]) -> Headline {
    let remedy = |level| trust.iter().filter(|item| item.level == level).find_map(|i| i.remedy);
    let (standing, verdict, reason, next) = match (results.validity.verdict, results.verdict()) {
        ("invalid", Some(Verdict::NotMet)) | (_, Some(Verdict::NotMet)) => objectives(results),
        ("invalid", _) => {
            let why = results.validity.reason.unwrap_or("a guard-rail objects");
            let text = format!("The run is invalid: {why}. Its figures say nothing of the server.");
            let next = remedy(Level::Invalid).map(str::to_owned);
            (Standing::Bad, "invalid".to_owned(), text, next)
        }
        (_, Some(_)) => objectives(results),
        ("not judged", None) => {
            let why = results.validity.reason.unwrap_or("nobody measured what would decide it");
            let text = format!("Whether the run can be used is not judged: {why}.");
            (Standing::Open, "not judged".to_owned(), text, None)
        }
        (_, None) => {
            let text = match trust.iter().filter(|item| item.level == Level::Warn).count() {
                0 => "The run is valid; no objective was asked of it.".to_owned(),
                1 => "The run is valid, with one warning; no objective was asked of it.".to_owned(),
                n => format!("The run is valid, with {n} warnings; no objective was asked of it."),
            };
            let next = "ask for something with --slo, such as \"*: ttft p95 < 500ms\"".to_owned();
            (Standing::Plain, "valid".to_owned(), text, Some(next))
        }
    };
    Headline { standing, verdict, reason, happened: happened(results), next }
}

fn objectives(results: &Results) -> (Standing, String, String, Option<String>) {
    let all = &results.verdicts;
    let given = |verdict| all.iter().filter(move |judged| judged.verdict == verdict);
    let of = |verdict: Verdict| match (given(verdict).count(), all.len()) {
        (1, 1) => format!("The objective is {}", verdict.label()),
        (count, n) => format!("{count} of {n} objectives {}", verdict.label()),
    };
    let first = |verdict| given(verdict).next();
    let named = |judged: Option<&Judged>| judged.map(|j| format!(": {}", j.name));
    let with = |verdict| of(verdict) + &named(first(verdict)).unwrap_or_default() + ".";
    match results.verdict() {
        Some(Verdict::NotMet) => {
            let evidence = first(Verdict::NotMet).map(|judged| judged.evidence.clone());
            (Standing::Bad, "not met".to_owned(), with(Verdict::NotMet), evidence)
        }
        Some(Verdict::Undecided) => {
            let open = first(Verdict::Undecided).and_then(|judged| judged.open.clone());
            (Standing::Open, "undecided".to_owned(), with(Verdict::Undecided), open)
        }
        _ => {
            let text = if all.len() == 1 {
                with(Verdict::Met)
            } else {
                format!("All {} objectives are met.", all.len())
            };
            (Standing::Good, "met".to_owned(), text, None)
        }
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
    if results.counts.warmup > 0 {
        text += &format!(" {} of the warm-up are not counted.", human_count(results.counts.warmup));
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
        let note = if lo == hi { String::new() } else { percent_interval(lo, hi) };
        KeyFigure { name, value, unit: "%", note }
    };
    let mut figures = vec![share("failed", errors.share, errors.lo, errors.hi)];
    let mut within = share("within the limit", slo.share, slo.lo, slo.hi);
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
