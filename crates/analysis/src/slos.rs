//! Objectives against what was seen of the requests that each is about.

use crate::kinds::Kinds;
use crate::metric::Metric;
use crate::results::{Judged, Over, round};
use crate::tally::{Case, Tally};
use proofload_record::{End, Flags, Outcome, Row};
use proofload_run_dir::RunDir;
use proofload_stats::hist::Histogram;
use proofload_verdict::slo::{
    Gaps, GoodputLimits, Judgement, Objective, ParseSloError, Scope, Seen, Slo, Statistic, Timing,
    Verdict,
};
use std::collections::BTreeSet;

/// So many names are listed where one is not found.
const NAMED_MAX: usize = 5;

/// The run that is judged.
pub(crate) struct Evidence<'t, 'a> {
    pub(crate) dir: &'a RunDir,
    pub(crate) tally: &'t Tally<'a>,
    pub(crate) kinds: &'t Kinds<'a>,
    /// Why nothing can be concluded, whatever the figures are.
    pub(crate) doubt: Option<String>,
}

impl<'a> Evidence<'_, 'a> {
    /// The verdict on each objective, in their order.
    pub(crate) fn judge(&self, slos: &[Slo]) -> Vec<Judged> {
        let is_imported = self.dir.manifest().imported.is_some();
        // What --latency-slo-ms is about.
        let held_to = if is_imported { Timing::ClientDuration } else { Timing::Latency };
        let limits = GoodputLimits::of(slos, (held_to, self.dir.manifest().latency_slo_ns));
        let judge = |slo: &Slo| {
            let judgement = match slo.objective {
                Objective::Timing { timing, statistic, limit_ns } => {
                    self.timing(slo, timing, statistic, limit_ns)
                }
                Objective::Errors { .. } => {
                    let failed = self.within(slo).map(|(_, case)| failed(case));
                    slo.judge_share(&failed.collect::<Vec<_>>())
                }
                Objective::Goodput { .. } => self.goodput(slo, &limits),
            };
            let judgement = if is_imported { judgement.without_order() } else { judgement };
            let judgement = match &self.doubt {
                Some(doubt) if judgement.n > 0 => judgement.withheld(doubt),
                _ if judgement.n == 0 => self.nobody(slo).unwrap_or(judgement),
                _ => judgement,
            };
            judged(slo, &judgement)
        };
        slos.iter().map(judge).collect()
    }

    fn within(&self, slo: &Slo) -> impl Iterator<Item = (usize, &Case<'a>)> + Clone {
        self.kinds.within(&slo.scope, self.tally)
    }

    fn timing(&self, slo: &Slo, timing: Timing, statistic: Statistic, limit_ns: u64) -> Judgement {
        if let Some(reason) = self.missing(timing) {
            return Judgement::nothing(slo, reason);
        }
        if timing == Timing::Itl && statistic != Statistic::Max {
            return self.gaps(slo, statistic, limit_ns);
        }
        let seen = self.within(slo).filter_map(|(_, case)| seen(case, timing, limit_ns));
        slo.judge_timings(&seen.collect::<Vec<Seen>>())
    }

    fn goodput(&self, slo: &Slo, limits: &GoodputLimits<'_>) -> Judgement {
        let kinds = self.kinds.all.iter().filter(|kind| slo.scope.holds(kind));
        let asked = kinds.flat_map(|kind| limits.for_kind(kind));
        // The failures alone would look like all there is.
        if let Some(reason) = asked.filter_map(|(timing, _)| self.not_imported(timing)).next() {
            return Judgement::nothing(slo, format!("what is good depends on it: {reason}"));
        }
        let bad = self.within(slo).map(|(place, case)| self.is_bad(place, case, limits));
        slo.judge_share(&bad.collect::<Vec<_>>())
    }

    /// Why a time is not known of an imported run; none of one that was measured, or that has it.
    fn not_imported(&self, timing: Timing) -> Option<String> {
        self.dir.manifest().imported.as_ref()?;
        match timing {
            Timing::ClientDuration | Timing::QueueWait => None,
            Timing::Latency | Timing::TotalLatency => Some(format!(
                "{} counts from when a request was due, which an imported file does not tell; ask \
                 for client_duration",
                timing.label()
            )),
            Timing::Ttft | Timing::Tpot | Timing::Itl => Some(format!(
                "{} is what a client sees of the tokens, which an imported file does not tell",
                timing.label()
            )),
        }
    }

    /// Why a time cannot be known of any request.
    fn missing(&self, timing: Timing) -> Option<String> {
        if let Some(reason) = self.not_imported(timing) {
            return Some(reason);
        }
        if timing != Timing::QueueWait {
            return None;
        }
        let Some(side) = self.dir.server() else {
            return Some("queue_wait comes from the server's log, and the run has none".to_owned());
        };
        let missing = side.missing.iter().find(|missing| missing.metric == timing.label());
        missing.map(|missing| format!("the server's log has no queue_wait: {}", missing.reason))
    }

    /// Gaps are pooled by class, so only whole classes can be judged.
    fn gaps(&self, slo: &Slo, statistic: Statistic, limit_ns: u64) -> Judgement {
        let meant: BTreeSet<u16> = self.within(slo).map(|(_, case)| case.class).collect();
        let of_class = self.tally.cases.iter().filter(|case| meant.contains(&case.class));
        let of_them = of_class.count();
        if of_them != self.within(slo).count() {
            return Judgement::nothing(
                slo,
                "gaps are pooled by mode, priority and the model that was asked for, and this \
                 objective needs them by who answered",
            );
        }
        let mut pooled = Histogram::new();
        let of_itl = |series: &&proofload_run_dir::Series| *series.metric == *Metric::Itl.name();
        for series in self.dir.histograms().iter().filter(of_itl) {
            match series.class {
                Some(class) if meant.contains(&class) => pooled.merge(&series.histogram),
                Some(_) => {}
                None if slo.scope == Scope::default() => pooled.merge(&series.histogram),
                None => {
                    let reason = "gaps of so many classes are pooled all together";
                    return Judgement::nothing(slo, reason);
                }
            }
        }
        let value = match statistic {
            Statistic::Quantile(q) => pooled.quantile(q),
            Statistic::Max => pooled.max_ns(),
        };
        let over = (!pooled.is_empty()).then(|| {
            let within = ranks_within(&pooled, limit_ns);
            (pooled.len() - within) as f64 / pooled.len() as f64
        });
        let is_over = |(_, case): (usize, &Case<'_>)| match seen(case, Timing::Itl, limit_ns)? {
            Seen::At(ns) => Some(Some(ns > limit_ns as f64)),
            Seen::Failed => Some(Some(true)),
            Seen::Unknown => Some(None),
        };
        let has_failed = |(_, case): &(usize, &Case<'_>)| {
            failed(case) == Some(true) && can_have(case, Timing::Itl)
        };
        let failed = self.within(slo).filter(has_failed).count() as u64;
        slo.judge_gaps(&Gaps {
            over,
            value_ns: value.map(|ns| ns as f64),
            failed,
            requests: self.within(slo).filter_map(is_over).collect(),
        })
    }

    /// Whether a request is not good; none where that is not known.
    fn is_bad(&self, place: usize, case: &Case<'_>, limits: &GoodputLimits<'_>) -> Option<bool> {
        if failed(case) == Some(true) {
            return Some(true);
        }
        // A request whose class is not known is held to what every request is held to.
        let kind = self.kinds.at(place).map(|kind| self.kinds.all[kind]);
        let mut known = failed(case).is_some();
        for (timing, limit_ns) in kind.iter().flat_map(|kind| limits.for_kind(kind)) {
            match seen(case, timing, limit_ns) {
                Some(Seen::At(ns)) if ns > limit_ns as f64 => return Some(true),
                Some(Seen::Failed) => return Some(true),
                Some(Seen::Unknown) => known = false,
                _ => {}
            }
        }
        (known && kind.is_some()).then_some(false)
    }

    /// Why an objective is about nobody, where its scope names what the run does not have.
    fn nobody(&self, slo: &Slo) -> Option<Judgement> {
        if self.within(slo).next().is_some() {
            return None;
        }
        let Scope { model, provider, .. } = &slo.scope;
        let models = self.kinds.all.iter().filter_map(|kind| kind.model).collect();
        let providers = self.kinds.all.iter().filter_map(|kind| kind.provider).collect();
        let reason = if let Some(names) = others(model.as_deref(), models) {
            format!("no request is of that model; there are {}", list(&names))
        } else if let Some(names) = others(provider.as_deref(), providers) {
            format!("no request is of that provider; the server's log names {}", list(&names))
        } else {
            "no such request was due".to_owned()
        };
        Some(Judgement::nothing(slo, reason))
    }
}

/// The first of the names that there are, where the wanted one is not among them.
fn others<'n>(wanted: Option<&str>, found: BTreeSet<&'n str>) -> Option<Vec<&'n str>> {
    let absent = !found.contains(wanted?);
    absent.then(|| found.into_iter().take(NAMED_MAX).collect())
}

/// An objective of the run directory that cannot be read, so that nothing is known of it.
pub(crate) fn unreadable(text: &str, error: &ParseSloError) -> Judged {
    let open = format!("the run's objective cannot be read: {error}");
    Judged {
        name: text.to_owned(),
        verdict: Verdict::Undecided,
        value: None,
        lo: None,
        hi: None,
        unit: "",
        n: 0,
        over: None,
        least_n: None,
        rule: String::new(),
        evidence: open.clone(),
        open: Some(open),
    }
}

fn judged(slo: &Slo, judgement: &Judgement) -> Judged {
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    let shown = |value: Option<f64>| {
        let share = matches!(slo.objective, Objective::Errors { .. } | Objective::Goodput { .. });
        finite(value).map(|value| if share { round(value) } else { value })
    };
    Judged {
        name: slo.name.clone(),
        verdict: judgement.verdict,
        value: shown(judgement.value),
        lo: shown(judgement.interval.0),
        hi: shown(judgement.interval.1),
        unit: judgement.unit,
        n: judgement.n,
        over: judgement.over.map(|over| Over {
            share: round(over.share),
            at_least: over.at_least.map(round),
            at_most: over.at_most.map(round),
            allowed: round(over.allowed),
            n_eff: over.n_eff.map(|n_eff| (n_eff * 10.0).round() / 10.0),
        }),
        least_n: judgement.least_n,
        rule: judgement.rule.clone(),
        open: judgement.open.clone(),
        evidence: judgement.evidence(slo),
    }
}

/// Whether a request failed. Of one that was in flight when the run was ended, or the program
/// killed, nobody knows: that was our doing.
fn failed(case: &Case<'_>) -> Option<bool> {
    match case.end {
        End::Sent(Outcome::Cancelled | Outcome::Lost) => None,
        end => Some(!end.is_ok()),
    }
}

/// What is known of a time of a request; none where the request cannot have it.
fn seen(case: &Case<'_>, timing: Timing, limit_ns: u64) -> Option<Seen> {
    if !can_have(case, timing) {
        return None;
    }
    match failed(case) {
        Some(false) => {}
        Some(true) => return Some(Seen::Failed),
        None => return Some(cut_off(case, timing, limit_ns)),
    }
    let Some(row) = case.row else { return Some(Seen::Unknown) };
    let metric = match timing {
        Timing::Ttft => Metric::Ttft,
        Timing::Tpot => Metric::Tpot,
        Timing::Latency => Metric::Latency,
        Timing::TotalLatency => Metric::TotalLatency,
        Timing::ClientDuration => Metric::ClientDuration,
        Timing::Itl => {
            return (row.itl.count > 0).then_some(Seen::At(row.itl.max_ns as f64));
        }
        // Every request waits in the queue, if only for nothing; the log may not tell.
        Timing::QueueWait => {
            return Some(case.value(Metric::QueueWait).map_or(Seen::Unknown, Seen::At));
        }
    };
    metric.of(row).map(Seen::At)
}

/// Whether a request could have had a time, had it gone well: without a stream nobody sees a first
/// token, nor time between tokens. Of one without a row it is not known, and taken to be so.
fn can_have(case: &Case<'_>, timing: Timing) -> bool {
    let streams = |row: &Row| row.flags.has(Flags::STREAM_ASKED) || row.first_token.get().is_some();
    match timing {
        Timing::Ttft | Timing::Tpot | Timing::Itl => case.row.is_none_or(streams),
        Timing::Latency | Timing::TotalLatency | Timing::ClientDuration | Timing::QueueWait => true,
    }
}

/// What is known of a time of a request that was cut off: its first token, where that had come, and
/// that it took too long, where it had by then.
fn cut_off(case: &Case<'_>, timing: Timing, limit_ns: u64) -> Seen {
    let Some(row) = case.row else { return Seen::Unknown };
    let so_far = match timing {
        Timing::Ttft => match row.ttft_ns() {
            Some(ns) => return Seen::At(ns as f64),
            None => row.latency_ns(),
        },
        Timing::Latency | Timing::TotalLatency => row.latency_ns(),
        Timing::ClientDuration => row.client_duration_ns(),
        Timing::Itl => Some(row.itl.max_ns),
        Timing::Tpot | Timing::QueueWait => None,
    };
    if so_far.is_some_and(|ns| ns > limit_ns) { Seen::Failed } else { Seen::Unknown }
}

/// Number of values of at most `limit_ns`.
fn ranks_within(histogram: &Histogram, limit_ns: u64) -> u64 {
    let (mut low, mut high) = (0, histogram.len());
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if histogram.value_at_rank(middle).is_some_and(|value| value <= limit_ns) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

fn list(names: &[&str]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::ranks_within;
    use proofload_stats::hist::Histogram;

    #[test]
    fn values_within_a_limit_are_counted() {
        let mut histogram = Histogram::new();
        assert_eq!(ranks_within(&histogram, 5), 0);
        for ms in 1..=10 {
            histogram.record(ms * 1_000_000);
        }
        for (limit_ms, want) in [(0, 0), (1, 1), (5, 5), (9, 9), (100, 10)] {
            // Histograms keep three digits.
            assert_eq!(ranks_within(&histogram, limit_ms * 1_001_000), want, "{limit_ms}");
        }
    }
}
