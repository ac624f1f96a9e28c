//! What is concluded, and how it is said.

use super::judge::ALLOWED_ALL;
use super::{Objective, Slo, Statistic, Timing};
use proofload_units::{human_count, human_duration};

/// What a run says about an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// The run shows that it is met.
    Met,
    /// The run bears out neither.
    Undecided,
    /// The run shows that it is not met.
    NotMet,
}

impl Verdict {
    /// The name in every output.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Undecided => "undecided",
            Self::NotMet => "not met",
        }
    }
}

/// A verdict and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The figure that the objective is about, in [`Judgement::unit`]; infinite where it is a
    /// failure's, none where nothing was seen.
    pub value: Option<f64>,
    /// Its two-sided 95 % interval; a side is none where the requests do not bound it, or where it
    /// is a failure's.
    pub interval: (Option<f64>, Option<f64>),
    /// Unit of the figure and its interval.
    pub unit: &'static str,
    /// Requests that the verdict is about.
    pub n: u64,
    /// What decides: the share of them that does not do what is asked.
    pub over: Option<Over>,
    /// What is in these figures and cannot be seen in them.
    pub basis: Option<String>,
    /// The rule in words.
    pub rule: String,
    /// Why nothing could be concluded, and what would decide it.
    pub open: Option<String>,
    /// Requests that would decide it if they showed the same share, where a number would.
    pub least_n: Option<u64>,
}

/// The share of requests that does not do what is asked, with what is allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Over {
    /// The share that was seen.
    pub share: f64,
    /// One-sided 95 % limit from below; none where the requests depend on one another over more of
    /// the run than can be measured.
    pub at_least: Option<f64>,
    /// One-sided 95 % limit from above.
    pub at_most: Option<f64>,
    /// The share that the objective allows.
    pub allowed: f64,
    /// Independent requests that would tell as much.
    pub n_eff: Option<f64>,
}

impl Judgement {
    /// The same figures without a conclusion, because the whole run is in doubt.
    #[must_use]
    pub fn withheld(self, reason: &str) -> Self {
        let open = Some(format!("withheld, since the run is {reason}"));
        Self { verdict: Verdict::Undecided, open, least_n: None, ..self }
    }

    /// The same figures without any limit: in which order the requests came is not known, and so
    /// neither how far neighbours depend on one another.
    #[must_use]
    pub fn without_order(self) -> Self {
        let over =
            self.over.map(|over| Over { at_least: None, at_most: None, n_eff: None, ..over });
        Self { interval: (None, None), over, ..self }
    }

    /// An objective about which there is nothing to see.
    #[must_use]
    pub fn nothing(slo: &Slo, reason: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Undecided,
            value: None,
            interval: (None, None),
            unit: slo.unit(),
            n: 0,
            over: None,
            basis: None,
            rule: slo.rule(),
            open: Some(reason.into()),
            least_n: None,
        }
    }

    /// The figures in one line.
    #[must_use]
    pub fn evidence(&self, slo: &Slo) -> String {
        let Some(value) = self.value else {
            return self.open.clone().unwrap_or_default();
        };
        let mut text = match slo.objective {
            Objective::Timing { timing, statistic, .. } => {
                format!("{} {} {}", timing.label(), statistic.label(), time(value))
            }
            Objective::Errors { .. } => format!("{} failed", percent(value / 100.0)),
            Objective::Goodput { .. } => format!("{} good", percent(value / 100.0)),
        };
        let shown = |value: f64| match slo.objective {
            Objective::Timing { .. } => time(value),
            _ => percent(value / 100.0),
        };
        text += &match self.interval {
            (Some(lo), Some(hi)) => format!(" ({} to {})", shown(lo), shown(hi)),
            (Some(lo), None) => format!(" (at least {})", shown(lo)),
            _ => String::new(),
        };
        if let Some(over) = self.over {
            text += "; ";
            text += &over.text(slo.objective);
        }
        if let Some(basis) = &self.basis {
            text += &format!("; {basis}");
        }
        text += &format!("; n = {}", human_count(self.n));
        match self.over.and_then(|over| over.n_eff) {
            // Rounded down: never more than there are.
            Some(n_eff) if n_eff < self.n as f64 => {
                text += &format!(", worth {} independent", human_count(n_eff as u64));
            }
            _ => {}
        }
        match &self.open {
            Some(open) => format!("{text}; {open}"),
            None => text,
        }
    }
}

impl Over {
    fn text(self, objective: Objective) -> String {
        let share = if self.share > 0.0 { percent(self.share) } else { "none".to_owned() };
        // Of a share of failures it has been said.
        let (what, are, may) = match objective {
            Objective::Timing { limit_ns, .. } => {
                (format!("{share} over {}", human_duration(limit_ns)), "are", "may be")
            }
            Objective::Errors { .. } => (String::new(), "do", "may"),
            Objective::Goodput { .. } => (format!("{share} not good"), "are", "may be"),
        };
        if self.allowed == ALLOWED_ALL {
            return format!("{what}, none allowed");
        }
        let at_least = self.at_least.filter(|_| self.share > self.allowed);
        let parts = [
            Some(what).filter(|text| !text.is_empty()),
            at_least.map(|limit| format!("at least {} {are}", percent(limit))),
            self.at_most.map(|limit| format!("up to {} {may}", percent(limit))),
            Some(format!("{} allowed", percent(self.allowed))),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl Slo {
    /// Unit of the figure that it is about.
    #[must_use]
    pub const fn unit(&self) -> &'static str {
        match self.objective {
            Objective::Timing { timing: Timing::Tpot, .. } => "ms/token",
            Objective::Timing { .. } => "ms",
            Objective::Errors { .. } | Objective::Goodput { .. } => "%",
        }
    }

    /// The share of requests that may do otherwise.
    #[must_use]
    pub fn allowed(&self) -> f64 {
        match self.objective {
            Objective::Timing { statistic: Statistic::Quantile(q), .. } => 1.0 - q.fraction(),
            Objective::Timing { statistic: Statistic::Max, .. } => ALLOWED_ALL,
            Objective::Errors { below } => below,
            Objective::Goodput { above } => 1.0 - above,
        }
    }

    /// The rule in words.
    #[must_use]
    pub fn rule(&self) -> String {
        let allowed = percent(self.allowed());
        let what = match self.objective {
            Objective::Timing { statistic: Statistic::Max, timing, limit_ns } => {
                return format!(
                    "met if each of these requests succeeded with {} of {} or less; it says \
                     nothing of other requests",
                    timing.label(),
                    human_duration(limit_ns)
                );
            }
            Objective::Timing { timing: Timing::Itl, limit_ns, .. } => format!(
                "gaps over {} (a failed request counts as all of its gaps, a request as one \
                 independent gap)",
                human_duration(limit_ns)
            ),
            Objective::Timing { timing, limit_ns, .. } => format!(
                "requests with {} over {} (a failure is infinitely slow)",
                timing.label(),
                human_duration(limit_ns)
            ),
            Objective::Errors { .. } => "requests that failed".to_owned(),
            Objective::Goodput { .. } => "requests that failed or broke a limit of a time that \
                                          applies to them"
                .to_owned(),
        };
        format!(
            "the share of {what} must not exceed {allowed}: met if its one-sided 95 % limit from \
             above (Clopper-Pearson at n_eff) does not, not met if the one from below does"
        )
    }
}

/// A time in milliseconds as people read it.
fn time(ms: f64) -> String {
    if ms.is_finite() { human_duration((ms * 1e6).round() as u64) } else { "a failure".to_owned() }
}

/// A share in per cent, with as many decimals as a small one needs.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = match percent {
        none if none < 1e-9 => 0,
        small if small < 0.1 => 3,
        some if some < 10.0 => 2,
        _ => 1,
    };
    format!("{percent:.decimals$} %")
}

#[cfg(test)]
mod tests {
    use super::percent;
    use crate::slo::{Gaps, Judgement, Seen, Verdict, parse};

    fn judged(text: &str, seen: &[Seen]) -> (Judgement, String) {
        let slo = parse(text).unwrap().remove(0);
        let judgement = slo.judge_timings(seen);
        let evidence = judgement.evidence(&slo);
        (judgement, evidence)
    }

    #[test]
    fn the_evidence_is_one_line_that_stands_alone() {
        let mut seen = [Seen::At(400e6); 100];
        seen[50] = Seen::At(600e6);
        let (_, evidence) = judged("*: ttft p95 < 500ms", &seen);
        assert_eq!(
            evidence,
            "ttft p95 400 ms (400 ms to 600 ms); 1.00 % over 500 ms, up to 4.66 % may be, 5.00 % \
             allowed; n = 100"
        );
        let (_, evidence) = judged("*: ttft max < 500ms", &seen);
        assert_eq!(evidence, "ttft max 600 ms; 1.00 % over 500 ms, none allowed; n = 100");
        let (_, evidence) = judged("*: ttft p95 < 500ms", &[]);
        assert_eq!(evidence, "no such request was due");
        let (_, evidence) = judged("*: ttft p99.9 < 500ms", &[Seen::At(4e8); 30]);
        assert_eq!(
            evidence,
            "ttft p99.9 400 ms (at least 400 ms); none over 500 ms, up to 9.50 % may be, 0.10 % \
             allowed; n = 30; 2,995 such requests would decide, at that share"
        );
        let slo = parse("*: errors < 10%").unwrap().remove(0);
        let failed: Vec<Option<bool>> = (0..100).map(|i| Some(i % 20 == 3)).collect();
        assert_eq!(
            slo.judge_share(&failed).evidence(&slo),
            "5.00 % failed (1.64 % to 11.3 %); up to 10.2 % may, 10.0 % allowed; n = 100; 107 such \
             requests would decide, at that share"
        );
    }

    #[test]
    fn what_decides_and_is_not_in_the_figure_is_said() {
        let mut ends = vec![Some(false); 754];
        ends[750..].fill(None);
        let slo = parse("*: errors < 1%").unwrap().remove(0);
        let evidence = slo.judge_share(&ends).evidence(&slo);
        let want = "4 of them are not known: in no share, but in its limits; n = 754";
        assert!(evidence.starts_with("0 % failed") && evidence.contains(want), "{evidence}");

        let slo = parse("*: itl p99 < 20ms").unwrap().remove(0);
        let requests = (0..150).map(|i| Some(i % 14 == 3)).collect();
        let gaps = Gaps { over: Some(0.0), value_ns: Some(2e6), failed: 11, requests };
        let judgement = slo.judge_gaps(&gaps);
        assert_eq!(judgement.verdict, Verdict::NotMet);
        let evidence = judgement.evidence(&slo);
        assert!(evidence.contains("; all gaps of 11 that failed count as over it; "), "{evidence}");
    }

    #[test]
    fn a_verdict_on_a_run_in_doubt_is_withheld_with_its_figures() {
        let (judgement, _) = judged("*: ttft p95 < 500ms", &[Seen::At(1.0); 100]);
        assert_eq!(judgement.verdict, Verdict::Met);
        let withheld = judgement.withheld("invalid: generator limited");
        assert_eq!((withheld.verdict, withheld.n), (Verdict::Undecided, 100));
        assert!(withheld.open.unwrap().contains("generator limited"));
    }

    #[test]
    fn the_rule_names_the_limit_and_what_is_allowed() {
        for (text, hint) in [
            (
                "*: ttft p99.9 < 500ms",
                "ttft over 500 ms (a failure is infinitely slow) must not \
                                       exceed 0.10 %",
            ),
            ("*: latency max < 2s", "each of these requests succeeded with latency of 2.00 s"),
            ("*: errors < 2.5%", "requests that failed must not exceed 2.50 %"),
            ("*: goodput > 95%", "must not exceed 5.00 %"),
            ("*: itl p95 < 50ms", "a request as one independent gap"),
        ] {
            let rule = parse(text).unwrap()[0].rule();
            assert!(rule.contains(hint), "{text}: {rule}");
        }
    }

    #[test]
    fn small_shares_keep_their_digits() {
        for (share, want) in [
            (0.0, "0 %"),
            (0.0005, "0.050 %"),
            (0.001, "0.10 %"),
            (0.05, "5.00 %"),
            (1.0, "100.0 %"),
        ] {
            assert_eq!(percent(share), want);
        }
    }
}
