//! What priority and mode change: ratios between requests of the same mode (or priority), selection
//! and model.

use crate::kinds::Kinds;
use crate::metric::Metric;
use crate::results::{Impact, round};
use crate::tally::{Case, Tally};
use proofload_record::{Mode, Priority};
use proofload_stats::{Confidence, Quantile, Stratum, quantile, ratio, tau};
use proofload_units::human_count;
use proofload_verdict::slo::{Kind, Selection};
use std::collections::BTreeMap;

/// Failures have no time. Where a larger share failed, those that are left are not comparable.
const FAILED_MOST: f64 = 0.05;
/// A shorter wait in a queue counts as this long, since nothing is a multiple of nothing: 0.1 ms.
const QUEUE_FLOOR_NS: f64 = 1e5;

/// Where the median of both is below that, their ratio is that of the floor to itself.
const HARDLY_WAITED: &str = "both hardly ever waited (median below 0.1 ms)";

const METRICS: [Metric; 2] = [Metric::QueueWait, Metric::Ttft];

/// What is varied, and what is held fast meanwhile.
#[derive(Clone, Copy)]
enum Varied {
    Priority,
    Mode,
}

/// What requests must have in common to be compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    other: &'static str,
    selection: Selection,
}

impl Held {
    fn text(self) -> String {
        format!("{}, {}", self.other, self.selection.label())
    }
}

impl Varied {
    const fn label(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Mode => "mode",
        }
    }

    /// The values, what is compared with first.
    fn values(self) -> Vec<&'static str> {
        match self {
            Self::Priority => Priority::ALL.map(Priority::label).to_vec(),
            Self::Mode => Mode::ALL.map(Mode::label).to_vec(),
        }
    }

    const fn value(self, kind: &Kind<'_>) -> &'static str {
        match self {
            Self::Priority => kind.priority.label(),
            Self::Mode => kind.mode.label(),
        }
    }

    const fn held(self, kind: &Kind<'_>) -> Held {
        let other = match self {
            Self::Priority => kind.mode.label(),
            Self::Mode => kind.priority.label(),
        };
        Held { other, selection: kind.selection }
    }
}

/// The requests of one value that have the same in common, in order of arrival, each with the model
/// that it named, or that answered.
type Side<'c, 'a> = Vec<(&'c Case<'a>, Option<&'a str>)>;

type Strata<'c, 'a> = BTreeMap<Held, BTreeMap<&'static str, Side<'c, 'a>>>;

/// The impact of priority and of mode, on every metric that there is.
pub(crate) fn all(tally: &Tally<'_>, kinds: &Kinds<'_>) -> Vec<Impact> {
    let metrics: Vec<Metric> = METRICS
        .into_iter()
        .filter(|metric| tally.cases.iter().any(|case| case.value(*metric).is_some()))
        .collect();
    let mut impacts = Vec::new();
    for varied in [Varied::Priority, Varied::Mode] {
        let mut strata = Strata::new();
        for (place, case) in tally.cases.iter().enumerate() {
            let Some(kind) = kinds.at(place).map(|kind| &kinds.all[kind]) else { continue };
            let stratum = strata.entry(varied.held(kind)).or_default();
            stratum.entry(varied.value(kind)).or_default().push((case, kind.model));
        }
        for metric in &metrics {
            impacts.extend(of_metric(varied, *metric, &strata));
        }
    }
    impacts
}

fn of_metric(varied: Varied, metric: Metric, strata: &Strata<'_, '_>) -> Vec<Impact> {
    let mut impacts = Vec::new();
    let mut compared = Vec::new();
    for (held, sides) in strata {
        // In the order of the values, not of their names.
        let present: Vec<&'static str> =
            varied.values().into_iter().filter(|value| sides.contains_key(value)).collect();
        let Some((base, others)) = present.split_first() else { continue };
        for other in others {
            let (low, high) = (&sides[base], &sides[other]);
            compared.push((*base, *other));
            impacts.push(compare(varied, metric, (base, low), (other, high), *held));
        }
    }
    let occurs = |value: &&'static str| strata.values().any(|sides| sides.contains_key(value));
    let present: Vec<&'static str> = varied.values().into_iter().filter(occurs).collect();
    let Some((base, others)) = present.split_first() else { return impacts };
    for other in others.iter().filter(|other| !compared.contains(&(*base, **other))) {
        impacts.push(nowhere_alike(varied, metric, base, other, strata));
    }
    impacts
}

/// Two values that never occur within one stratum.
fn nowhere_alike(
    varied: Varied,
    metric: Metric,
    base: &'static str,
    other: &'static str,
    strata: &Strata<'_, '_>,
) -> Impact {
    let places = |value: &str| {
        let held = strata.iter().filter(|(_, sides)| sides.contains_key(value));
        let texts: Vec<String> = held.map(|(held, _)| held.text()).collect();
        texts.join(" or ")
    };
    let count = |value: &str| {
        let sides = strata.values().filter_map(|sides| sides.get(value));
        sides.map(|side| values(side, metric).len() as u64).sum()
    };
    let reason = format!("{base} is only {}, {other} only {}", places(base), places(other));
    Impact {
        of: varied.label(),
        metric: metric.key(),
        base,
        other,
        within: None,
        ratio: None,
        lo: None,
        hi: None,
        n: [count(base), count(other)],
        n_eff: None,
        confounded: Some(reason),
        too_short: None,
    }
}

fn compare(
    varied: Varied,
    metric: Metric,
    (base, low): (&'static str, &Side<'_, '_>),
    (other, high): (&'static str, &Side<'_, '_>),
    held: Held,
) -> Impact {
    let values = [values(low, metric), values(high, metric)];
    let models = by_model(&values);
    let compared = |side: usize| models.values().map(|samples| samples[side].len() as u64).sum();
    let mut impact = Impact {
        of: varied.label(),
        metric: metric.key(),
        base,
        other,
        within: Some(held.text()),
        ratio: None,
        lo: None,
        hi: None,
        n: [compared(0), compared(1)],
        n_eff: None,
        confounded: survivors(base, low).or_else(|| survivors(other, high)),
        too_short: None,
    };
    if impact.confounded.is_none() && models.is_empty() {
        impact.confounded = Some("no model answered requests of both".to_owned());
    }
    if impact.confounded.is_some() {
        return impact;
    }
    if metric == Metric::QueueWait && [0, 1].into_iter().all(|side| hardly_waited(&models, side)) {
        impact.too_short = Some(HARDLY_WAITED);
        return impact;
    }
    let medians: BTreeMap<Option<&str>, f64> = models
        .iter()
        .filter_map(|(model, samples)| {
            let mut pooled = samples.concat();
            pooled.sort_unstable_by(f64::total_cmp);
            Some((*model, quantile(&pooled, Quantile::P50)?))
        })
        .collect();
    // How neighbours depend on one another shows in which of them are slow for their model.
    let taus = values.each_ref().map(|side| {
        tau(side.iter().filter_map(|(model, value)| Some(value > medians.get(model)?)))
    });
    let strata: Vec<Stratum<'_>> =
        models.values().map(|[base, other]| Stratum { base, other }).collect();
    if let Some(found) = ratio(&strata, taus, Confidence::PERCENT_95) {
        impact.ratio = Some(round(found.estimate));
        (impact.lo, impact.hi) = (found.lower.map(round), found.upper.map(round));
        let tenths = |n_eff: f64| (n_eff * 10.0).round() / 10.0;
        impact.n_eff = found.n_eff.map(|n_eff| n_eff.map(tenths));
    }
    impact
}

/// Whether the median of what is compared on a side is no wait at all.
fn hardly_waited(models: &BTreeMap<Option<&str>, [Vec<f64>; 2]>, side: usize) -> bool {
    let mut waits: Vec<f64> = models.values().flat_map(|both| &both[side]).copied().collect();
    waits.sort_unstable_by(f64::total_cmp);
    quantile(&waits, Quantile::P50).is_none_or(|median| median <= QUEUE_FLOOR_NS)
}

/// The metric of those that succeeded, in order of arrival, each with its model.
fn values<'a>(side: &Side<'_, 'a>, metric: Metric) -> Vec<(Option<&'a str>, f64)> {
    let floor = if metric == Metric::QueueWait { QUEUE_FLOOR_NS } else { 1.0 };
    let value = |(case, model): &(&Case<'_>, Option<&'a str>)| {
        Some((*model, case.value(metric)?.max(floor)))
    };
    side.iter().filter_map(value).collect()
}

/// The values of both sides by model, of those models that both have.
fn by_model<'a>(
    values: &[Vec<(Option<&'a str>, f64)>; 2],
) -> BTreeMap<Option<&'a str>, [Vec<f64>; 2]> {
    let mut models: BTreeMap<Option<&str>, [Vec<f64>; 2]> = BTreeMap::new();
    for (side, values) in values.iter().enumerate() {
        for (model, value) in values {
            models.entry(*model).or_default()[side].push(*value);
        }
    }
    models.retain(|_, samples| samples.iter().all(|sample| !sample.is_empty()));
    models
}

fn survivors(name: &str, side: &Side<'_, '_>) -> Option<String> {
    let n = side.len();
    let failed = side.iter().filter(|(case, _)| !case.end.is_ok()).count();
    (failed as f64 > FAILED_MOST * n as f64).then(|| {
        let (failed, n) = (human_count(failed as u64), human_count(n as u64));
        format!("{failed} of {n} requests of {name} failed, so its times are those of survivors")
    })
}
