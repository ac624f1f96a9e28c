//! From what was seen of requests to a verdict.

use super::open::why_open;
use super::{Judgement, Objective, Over, Slo, Statistic, Verdict};
use proofload_stats::{Confidence, Percentile, Proportion, tau};
use proofload_units::human_count;

pub(crate) const SURE: Confidence = Confidence::PERCENT_95;
/// What is allowed where every single request is asked for.
pub(crate) const ALLOWED_ALL: f64 = 0.0;
const MS: f64 = 1e6;

/// What is known of the time of a request that was due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen {
    /// It succeeded and took so many nanoseconds.
    At(f64),
    /// It failed: infinitely slow.
    Failed,
    /// Nobody knows. It counts as over the limit where *met* is to be shown, and as within where
    /// *not met* is.
    Unknown,
}

/// What is known of the gaps between chunks, which are pooled over requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gaps {
    /// Share of all gaps that is over the limit; none where there are no gaps.
    pub over: Option<f64>,
    /// The quantile over all gaps, in nanoseconds.
    pub value_ns: Option<f64>,
    /// Requests that failed.
    pub failed: u64,
    /// For every request that has gaps or failed, in order of arrival: whether its longest gap was
    /// over the limit, or it failed; none where nobody knows.
    pub requests: Vec<Option<bool>>,
}

impl Slo {
    /// Judges a limit of a time by what was seen of the requests, in order of arrival. Left out
    /// before are those that cannot have the time, such as the first token of an answer that was
    /// not streamed.
    ///
    /// Source: [`Proportion::upper`] and [`Proportion::lower`] at the τ of [`tau`].
    #[must_use]
    pub fn judge_timings(&self, seen: &[Seen]) -> Judgement {
        let Objective::Timing { statistic, limit_ns, .. } = self.objective else {
            return Judgement::nothing(self, "this objective is not about a time");
        };
        let limit = limit_ns as f64;
        let over: Vec<Option<bool>> = seen
            .iter()
            .map(|seen| match seen {
                Seen::At(ns) => Some(*ns > limit),
                Seen::Failed => Some(true),
                Seen::Unknown => None,
            })
            .collect();
        let arrival: Vec<f64> = seen
            .iter()
            .filter_map(|seen| match seen {
                Seen::At(ns) => Some(*ns / MS),
                Seen::Failed => Some(f64::INFINITY),
                Seen::Unknown => None,
            })
            .collect();
        let mut sorted = arrival.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let (value, interval) = match statistic {
            Statistic::Max => (sorted.last().copied(), (None, None)),
            Statistic::Quantile(q) => {
                let percentile = Percentile::of(&arrival, &sorted, q, SURE);
                let finite = |limit: Option<f64>| limit.filter(|limit| limit.is_finite());
                percentile.map_or((None, (None, None)), |percentile| {
                    let (lo, hi) = percentile.interval();
                    (Some(percentile.value()), (finite(lo), finite(hi)))
                })
            }
        };
        self.judge(&over, value, interval)
    }

    /// Judges a share: for `errors` whether each request failed, for `goodput` whether it was not
    /// good, in order of arrival; none where nobody knows.
    #[must_use]
    pub fn judge_share(&self, bad: &[Option<bool>]) -> Judgement {
        let known = || bad.iter().flatten();
        let count = known().filter(|bad| **bad).count() as u64;
        let share = Proportion::new(count, known().count() as u64);
        let n_eff = n_eff(known().copied());
        let interval = share.zip(n_eff).and_then(|(share, n_eff)| share.worth(n_eff));
        let interval = interval.map(|worth| worth.interval(SURE));
        // What is asked for is the good share where it is goodput, the failed one where it is not.
        let turned = matches!(self.objective, Objective::Goodput { .. });
        let shown = |share: f64| if turned { (1.0 - share) * 100.0 } else { share * 100.0 };
        let (lo, hi) = interval.unzip();
        let interval = if turned { (hi, lo) } else { (lo, hi) };
        let interval = (interval.0.map(shown), interval.1.map(shown));
        self.judge(bad, share.map(|share| shown(share.share())), interval)
    }

    /// Judges a limit of pooled gaps.
    ///
    /// Gaps of one answer follow one another so closely that they are taken to tell no more than
    /// one, and a failed request counts as one whose gaps are all over the limit.
    #[must_use]
    pub fn judge_gaps(&self, gaps: &Gaps) -> Judgement {
        let n = gaps.requests.len() as u64;
        let unknown = gaps.requests.iter().filter(|bad| bad.is_none()).count() as u64;
        // Of so many requests all gaps are over the limit, of the others this share.
        let over = |bad: u64, n: u64| match gaps.over {
            Some(over) => {
                let bad = bad as f64 / (n as f64).max(1.0);
                Some(bad + (1.0 - bad) * over)
            }
            None => (n > 0 && bad == n).then_some(1.0),
        };
        let Some(share) = over(gaps.failed, n - unknown) else {
            return Judgement::nothing(self, "no gap between chunks was seen");
        };
        let n_eff = n_eff(gaps.requests.iter().map(|bad| bad.unwrap_or(true)));
        let limit = |bad: u64, of: fn(Proportion, Confidence) -> f64| {
            let seen = Proportion::of_share(over(bad, n).unwrap_or(share), n_eff?)?;
            Some(of(seen, SURE))
        };
        let over = Over {
            share,
            at_least: limit(gaps.failed, Proportion::lower),
            at_most: limit(gaps.failed + unknown, Proportion::upper),
            allowed: self.allowed(),
            n_eff,
        };
        let value = gaps.value_ns.map(|ns| ns / MS).or(Some(f64::INFINITY));
        let judgement = self.conclude(n, unknown, over, value, (None, None));
        let failed = (gaps.failed > 0).then(|| {
            format!("all gaps of {} that failed count as over it", human_count(gaps.failed))
        });
        let basis = failed.into_iter().chain(judgement.basis).collect::<Vec<_>>().join("; ");
        Judgement { basis: Some(basis).filter(|text| !text.is_empty()), ..judgement }
    }

    fn judge(
        &self,
        bad: &[Option<bool>],
        value: Option<f64>,
        interval: (Option<f64>, Option<f64>),
    ) -> Judgement {
        let n = bad.len() as u64;
        let unknown = bad.iter().filter(|bad| bad.is_none()).count() as u64;
        if n == unknown {
            let reason = match n {
                0 => "no such request was due".to_owned(),
                _ => format!("nothing is known of the {} requests it is about", human_count(n)),
            };
            return Judgement { n, ..Judgement::nothing(self, reason) };
        }
        // The same requests twice: as bad as they may have been, and as good.
        let assume = |unknown: bool| bad.iter().map(move |bad| bad.unwrap_or(unknown));
        let at = |unknown: bool| {
            let count = assume(unknown).filter(|bad| *bad).count() as u64;
            Proportion::new(count, n)?.worth(n_eff(assume(unknown))?)
        };
        let (best, worst) = (at(false), at(true));
        let count = assume(false).filter(|bad| *bad).count() as f64;
        let over = Over {
            share: count / (n - unknown) as f64,
            at_least: best.map(|best| best.lower(SURE)),
            at_most: worst.map(|worst| worst.upper(SURE)),
            allowed: self.allowed(),
            n_eff: n_eff(assume(true)),
        };
        self.conclude(n, unknown, over, value, interval)
    }

    fn conclude(
        &self,
        n: u64,
        unknown: u64,
        over: Over,
        value: Option<f64>,
        interval: (Option<f64>, Option<f64>),
    ) -> Judgement {
        let verdict = if over.allowed == ALLOWED_ALL {
            match (over.share > 0.0, unknown) {
                (true, _) => Verdict::NotMet,
                (false, 0) => Verdict::Met,
                (false, _) => Verdict::Undecided,
            }
        } else if over.at_most.is_some_and(|at_most| !exceeds(at_most, over.allowed)) {
            Verdict::Met
        } else if over.at_least.is_some_and(|at_least| exceeds(at_least, over.allowed)) {
            Verdict::NotMet
        } else {
            Verdict::Undecided
        };
        let (open, least_n) = match verdict {
            Verdict::Undecided => why_open(n, unknown, &over),
            Verdict::Met | Verdict::NotMet => (None, None),
        };
        let rule = self.rule();
        let basis = (unknown > 0).then(|| {
            let of_them = if unknown == 1 { "is" } else { "are" };
            let unknown = human_count(unknown);
            format!("{unknown} of them {of_them} not known: in no share, but in its limits")
        });
        let (over, unit) = (Some(over), self.unit());
        Judgement { verdict, value, interval, unit, n, over, basis, rule, open, least_n }
    }
}

/// Whether a limit of the share is over what is allowed. Limits that are equal, such as that of one
/// failure of one request and that of p95, differ in their last digits.
pub(crate) fn exceeds(limit: f64, allowed: f64) -> bool {
    const ROUNDING: f64 = 1e-9;
    limit > allowed + ROUNDING
}

/// How many independent requests these are worth; none where that is undecided, or there are none.
fn n_eff(bad: impl Iterator<Item = bool> + Clone) -> Option<f64> {
    let n = bad.clone().count() as u64;
    tau(bad).n_eff(n).filter(|_| n > 0)
}

#[cfg(test)]
mod tests {
    use super::{Gaps, Seen};
    use crate::slo::{Judgement, Verdict, parse};
    use proptest::prelude::*;

    fn timings(text: &str, seen: &[Seen]) -> Judgement {
        parse(text).unwrap()[0].judge_timings(seen)
    }

    /// `count` of `n`, spread so that neighbours tell nothing of one another.
    fn spread(count: usize, n: usize) -> impl Iterator<Item = bool> + Clone {
        (0..n).map(move |i| (i + 1) * count / n > i * count / n)
    }

    #[test]
    fn reference_values_decide_as_they_should() {
        let text = include_str!("../../../../fixtures/stats/reference.json");
        let root: serde_json::Value = serde_json::from_str(text).unwrap();
        for case in root["slo_exceedance"]["cases"].as_array().unwrap() {
            let name = case["data"].as_str().unwrap();
            let scale = if name.ends_with("_us") { 1e3 } else { 1e6 };
            let values = root["datasets"][name].as_array().unwrap();
            let mut seen: Vec<Seen> =
                values.iter().map(|value| Seen::At(value.as_f64().unwrap() * scale)).collect();
            let failed = case["failed_added"].as_u64().unwrap() as usize;
            // Failures far apart, so that they do not depend on one another.
            let gap = seen.len() / failed.max(1);
            (0..failed).for_each(|place| seen.insert(place * gap, Seen::Failed));
            let limit_us = (case["threshold"].as_f64().unwrap() * scale / 1e3) as u64;
            let percent = (case["quantile"].as_f64().unwrap() * 100.0).round();
            let judged = timings(&format!("*: latency p{percent:.0} < {limit_us}us"), &seen);
            let want = match case["verdict"].as_str().unwrap() {
                "pass" => Verdict::Met,
                "fail" => Verdict::NotMet,
                _ => Verdict::Undecided,
            };
            assert_eq!(judged.verdict, want, "{case}: {judged:?}");
            let over = judged.over.unwrap();
            assert!((over.share - case["share"].as_f64().unwrap()).abs() < 1e-12, "{case}");
            if over.n_eff == Some(judged.n as f64) {
                let want = case["one_sided_upper95"].as_f64().unwrap();
                assert!((over.at_most.unwrap() / want - 1.0).abs() < 1e-7, "{case}");
            }
        }
    }

    #[test]
    fn fifty_nine_of_p95_are_enough_and_fifty_eight_are_not() {
        for (text, n, verdict, least_n) in [
            ("*: ttft p95 < 1s", 58, Verdict::Undecided, Some(59)),
            ("*: ttft p95 < 1s", 59, Verdict::Met, None),
            ("*: ttft p99 < 1s", 298, Verdict::Undecided, Some(299)),
            ("*: ttft p99 < 1s", 299, Verdict::Met, None),
            ("*: ttft max < 1s", 1, Verdict::Met, None),
            ("*: ttft p95 < 1s", 0, Verdict::Undecided, None),
            ("*: ttft max < 1s", 0, Verdict::Undecided, None),
        ] {
            let judged = timings(text, &vec![Seen::At(1e9); n]);
            assert_eq!((judged.verdict, judged.least_n), (verdict, least_n), "{text} {n}");
        }
    }

    #[test]
    fn one_failure_of_one_request_decides_nothing_that_allows_five_per_cent() {
        for (text, n, verdict) in [
            ("*: ttft p95 < 1s", 1, Verdict::Undecided),
            ("*: ttft p95 < 1s", 2, Verdict::NotMet),
            ("*: ttft p90 < 1s", 1, Verdict::Undecided),
            ("*: ttft p99 < 1s", 1, Verdict::NotMet),
            ("*: ttft max < 1s", 1, Verdict::NotMet),
        ] {
            let judged = timings(text, &vec![Seen::Failed; n]);
            assert_eq!(judged.verdict, verdict, "{text} {n}: {judged:?}");
        }
        for (text, verdict) in
            [("*: errors < 5%", Verdict::Undecided), ("*: goodput > 95%", Verdict::Undecided)]
        {
            let judged = parse(text).unwrap()[0].judge_share(&[Some(true)]);
            assert_eq!((judged.verdict, judged.least_n), (verdict, Some(2)), "{text}: {judged:?}");
        }
    }

    #[test]
    fn failures_are_infinitely_slow() {
        let mut seen = vec![Seen::At(1e6); 100];
        (0..10).for_each(|place| seen[place * 10 + 3] = Seen::Failed);
        let judged = timings("*: ttft p95 < 1s", &seen);
        assert_eq!(judged.value, Some(f64::INFINITY));
        assert_eq!((judged.verdict, judged.interval.1), (Verdict::NotMet, None));
        let judged = timings("*: ttft p50 < 1s", &seen);
        assert_eq!((judged.verdict, judged.value), (Verdict::Met, Some(1.0)));
        assert_eq!(timings("*: ttft max < 1s", &seen).verdict, Verdict::NotMet);
        assert_eq!(timings("*: ttft p95 < 1s", &[Seen::Failed; 4]).verdict, Verdict::NotMet);
    }

    #[test]
    fn what_nobody_knows_decides_nothing() {
        let mut seen = vec![Seen::At(1e6); 100];
        (0..10).for_each(|place| seen[place * 10 + 3] = Seen::Unknown);
        let judged = timings("*: ttft p95 < 1s", &seen);
        assert_eq!((judged.verdict, judged.least_n), (Verdict::Undecided, None));
        assert!(judged.open.unwrap().starts_with("10 requests of which nothing is known"));
        assert_eq!(timings("*: ttft p50 < 1s", &seen).verdict, Verdict::Met, "whatever they were");
        assert_eq!(timings("*: ttft max < 1s", &seen).verdict, Verdict::Undecided);
        assert_eq!(timings("*: ttft p95 < 1s", &[Seen::Unknown; 9]).verdict, Verdict::Undecided);
    }

    #[test]
    fn failures_in_a_row_tell_less_than_failures_apart() {
        let apart: Vec<Seen> =
            spread(8, 400).map(|bad| if bad { Seen::Failed } else { Seen::At(1.0) }).collect();
        let mut row = vec![Seen::At(1.0); 400];
        row[200..208].fill(Seen::Failed);
        assert_eq!(timings("*: ttft p95 < 1s", &apart).verdict, Verdict::Met);
        let judged = timings("*: ttft p95 < 1s", &row);
        assert_eq!(judged.verdict, Verdict::Undecided, "{judged:?}");
        assert!(judged.least_n.unwrap() > 400);
    }

    #[test]
    fn shares_are_judged_from_their_side() {
        let bad = |count, n| spread(count, n).map(Some).collect::<Vec<_>>();
        for (text, count, n, verdict, value) in [
            ("*: errors < 1%", 0, 299, Verdict::Met, 0.0),
            ("*: errors < 1%", 0, 298, Verdict::Undecided, 0.0),
            ("*: errors < 1%", 10, 300, Verdict::NotMet, 10.0 / 3.0),
            ("*: goodput > 95%", 0, 59, Verdict::Met, 100.0),
            ("*: goodput > 95%", 40, 400, Verdict::NotMet, 90.0),
            ("*: goodput > 50%", 2, 4, Verdict::Undecided, 50.0),
        ] {
            let judged = parse(text).unwrap()[0].judge_share(&bad(count, n));
            assert_eq!(judged.verdict, verdict, "{text} {count} {n}: {judged:?}");
            let (value_seen, (lo, hi)) = (judged.value.unwrap(), judged.interval);
            assert!((value_seen - value).abs() < 1e-9, "{text}");
            assert!(lo.unwrap() <= value_seen && value_seen <= hi.unwrap(), "{text}: {judged:?}");
        }
        assert_eq!(
            parse("*: errors < 1%").unwrap()[0].judge_share(&[]).verdict,
            Verdict::Undecided
        );
    }

    #[test]
    fn gaps_count_as_many_as_there_are_requests() {
        let slo = parse("*: itl p95 < 50ms").unwrap().remove(0);
        let of = |over, requests: usize, failed: u64| {
            let bad = spread(failed as usize, requests).map(Some).collect();
            slo.judge_gaps(&Gaps { over, value_ns: Some(2e7), failed, requests: bad })
        };
        let cut = |unknown: usize| {
            let known = [vec![Some(false); 200 - unknown], vec![None; unknown]].concat();
            let gaps = Gaps { over: Some(0.0), value_ns: Some(2e7), failed: 0, requests: known };
            slo.judge_gaps(&gaps).verdict
        };
        assert_eq!([cut(0), cut(40)], [Verdict::Met, Verdict::Undecided], "a fifth is not known");
        assert_eq!(of(Some(0.0), 59, 0).verdict, Verdict::Met);
        assert_eq!(of(Some(0.0), 20, 0).verdict, Verdict::Undecided, "however many gaps they have");
        assert_eq!(of(Some(0.0), 200, 40).verdict, Verdict::NotMet, "a fifth failed");
        assert_eq!(of(None, 8, 8).verdict, Verdict::NotMet);
        assert_eq!(of(None, 0, 0).verdict, Verdict::Undecided);
        assert_eq!(of(Some(0.02), 100, 0).value, Some(20.0));
    }

    proptest! {
        /// A laxer limit never turns a verdict for the worse.
        #[test]
        fn verdicts_are_monotone_in_the_limit(
            times in prop::collection::vec(1u32..1_000, 1..300),
            limit in 1u32..1_000,
            more in 0u32..100,
        ) {
            let seen: Vec<Seen> = times.iter().map(|ms| Seen::At(f64::from(*ms) * 1e6)).collect();
            let at = |ms: u32| timings(&format!("*: latency p90 < {ms}ms"), &seen);
            let (strict, lax) = (at(limit), at(limit + more));
            let shares = (strict.over.unwrap().share, lax.over.unwrap().share);
            prop_assert!(shares.0 >= shares.1);
            prop_assert!(strict.verdict != Verdict::Met || lax.verdict != Verdict::NotMet);
        }
    }
}
