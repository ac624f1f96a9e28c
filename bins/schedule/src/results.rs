//! `results.json`, and whether the share of runs in time can be stated.

use proofload_stats::{Confidence, Proportion};
use proofload_strategies::Strategy;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::compare::Claim;
use crate::figures::Middle;
use crate::improve::Improvement;
use crate::metrics::Figure;
use crate::once::WireSide;
use crate::redis::{Delivered, Server};
use crate::scaling;
use crate::scenario::Scenario;
use crate::series::{Run, Wire};
use crate::stage::Kind;

/// The share of runs that is to be within the target.
const SHARE: f64 = 0.95;

/// What the runs say of "95 % of runs are under the target".
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Deadline {
    pub(crate) n: u64,
    pub(crate) in_time: u64,
    /// One-sided 95 % limits of the true share.
    pub(crate) at_least: f64,
    pub(crate) at_most: f64,
    /// None where so few runs leave it open.
    pub(crate) met: Option<bool>,
}

impl Deadline {
    /// None of no runs.
    pub(crate) fn of(n: u64, in_time: u64) -> Option<Self> {
        let share = Proportion::new(in_time, n)?;
        let at_least = share.lower(Confidence::PERCENT_95);
        let at_most = share.upper(Confidence::PERCENT_95);
        let met = match () {
            () if at_least >= SHARE => Some(true),
            () if at_most < SHARE => Some(false),
            () => None,
        };
        Some(Self { n, in_time, at_least, at_most, met })
    }

    pub(crate) fn text(&self, target: &str) -> String {
        let Self { n, in_time, at_least, at_most, met } = self;
        let (verdict, limit) = match met {
            Some(true) => ("met", format!("at least {:.1}%", at_least * 100.0)),
            Some(false) => ("not met", format!("at most {:.1}%", at_most * 100.0)),
            None => ("undecided", format!("at least {:.1}%", at_least * 100.0)),
        };
        format!(
            "95% of runs are under {target}: {verdict}; {in_time} of {n} runs were, so {limit} of \
             all with 95% confidence"
        )
    }
}

/// Everything that `results.json` says.
pub(crate) struct Results<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) strategies: &'a [Strategy],
    pub(crate) judged: Strategy,
    pub(crate) runs: &'a [Run],
    pub(crate) claims: &'a [Claim],
    pub(crate) improvements: &'a [Improvement],
    pub(crate) deadline: Option<Deadline>,
    pub(crate) scaling: Option<&'a scaling::Found>,
    pub(crate) state: &'static str,
    pub(crate) kind: &'a Kind,
    pub(crate) deliveries: &'a [Delivered],
}

impl Results<'_> {
    pub(crate) fn json(&self) -> Value {
        let Self { scenario, strategies, judged, runs, claims, improvements, .. } = self;
        let Self { deadline, scaling, state, kind, deliveries, .. } = self;
        let server = kind.server();
        let own = |strategy: Strategy| runs.iter().filter(move |run| run.strategy == strategy);
        let figures = |strategy: Strategy| {
            let middle = |figure: Figure| {
                let middle = Middle::of(&figure.values(runs, strategy));
                (figure.key().to_owned(), json!(middle))
            };
            Value::Object(Figure::of_runs(runs).into_iter().map(middle).collect::<Map<_, _>>())
        };
        let truths = |strategy: Strategy| {
            let truth = |run: &Run| {
                let Wire { side: WireSide { truth, delivered, died }, .. } = run.wire.as_ref()?;
                Some(json!({
                    "run": run.number,
                    "server_commands": truth.server,
                    "strategy_commands": truth.strategy,
                    "beside_commands": truth.beside,
                    "equal": truth.is_equal(),
                    "delivered": delivered,
                    "replicas_died": died,
                }))
            };
            let truths: Vec<Value> = own(strategy).filter_map(truth).collect();
            (!truths.is_empty()).then_some(truths)
        };
        let described: Vec<Value> = strategies
            .iter()
            .map(|&strategy| {
                json!({
                    "name": strategy.name(),
                    "runs": own(strategy).count(),
                    "runs_that_meet_all_goals": own(strategy).filter(|run| run.meets_all()).count(),
                    "metrics": figures(strategy),
                    "info": truths(strategy),
                })
            })
            .collect();
        let (measured, not_measured) = match scaling {
            Some(scaling::Found::Measured(found)) => (Some(found), None),
            Some(scaling::Found::NotMeasured(why)) => (None, Some(why)),
            None => (None, None),
        };
        json!({
            "schema_version": 1,
            "program": "proofload-schedule",
            "state": state,
            "scenario": scenario.record(),
            "store": server.map_or_else(|| json!({ "name": kind.name() }), Server::record),
            "counts": {
                "planned": u64::from(scenario.containers) * runs.len() as u64,
                "placed": runs.iter().map(|run| run.placed).sum::<u64>(),
                "given_up": runs.iter().map(|run| run.given_up).sum::<u64>(),
            },
            "judged": judged.name(),
            "strategies": described,
            "improvements_over_old": improvements,
            "claims": claims,
            "verdicts": self.verdicts(),
            "deliveries": server.map(|_| deliveries),
            "deadline": deadline,
            "scaling": measured,
            "scaling_not_measured": not_measured,
        })
    }

    /// Each goal over all runs of the strategy that is judged.
    fn verdicts(&self) -> Vec<Value> {
        let own: Vec<&Run> = self.runs.iter().filter(|run| run.strategy == self.judged).collect();
        let Some(first) = own.first() else { return Vec::new() };
        let verdict = |name: &str| {
            let met =
                own.iter().filter(|run| run.goals.iter().any(|goal| goal.name == name && goal.met));
            let (met, n) = (met.count(), own.len());
            let verdict = if met == n { "met" } else { "not met" };
            json!({ "name": name, "verdict": verdict, "runs_met": met, "n": n })
        };
        first.goals.iter().map(|goal| verdict(goal.name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Deadline;

    #[test]
    fn a_share_of_95_percent_takes_59_runs() {
        for (n, in_time, met) in [
            (58, 58, None),
            (59, 59, Some(true)),
            (60, 59, None),
            (60, 40, Some(false)),
            (1, 0, None),
        ] {
            let found = Deadline::of(n, in_time).unwrap();
            // A single run that was late leaves 0 to 95 %.
            let want = if (n, in_time) == (1, 0) { found.met } else { met };
            assert_eq!(found.met, want, "{in_time} of {n}: {found:?}");
        }
        assert_eq!(Deadline::of(0, 0), None);
    }
}
