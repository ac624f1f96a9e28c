//! The strategies side by side, and what the source claims beside what was measured.

use proofload_strategies::Strategy;
use serde::Serialize;

use crate::balance::{Balance, Evenness};
use crate::figures::Middle;
use crate::grade::nanoseconds;
use crate::metrics::Figure;
use crate::scenario::Scenario;
use crate::series::Run;

/// Whether what the source claims was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Holds {
    #[serde(rename = "holds")]
    Yes,
    #[serde(rename = "does_not_hold")]
    No,
    #[serde(rename = "undecided")]
    Undecided,
}

impl Holds {
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Yes => "holds",
            Self::No => "does not hold",
            Self::Undecided => "undecided",
        }
    }

    pub(crate) const fn when(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// A claim of the source and what was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Claim {
    /// What it is about, in the source's words.
    pub(crate) metric: &'static str,
    /// Whose figure it is.
    pub(crate) strategy: &'static str,
    pub(crate) claimed: String,
    pub(crate) measured: String,
    pub(crate) verdict: Holds,
}

/// The source's table, line by line, for `old`, for its own new way (`batch`) and for `ours`. Its counts
/// are for 100 containers on 20 workers: one a container and one a worker.
pub(crate) fn claims(runs: &[Run], scenario: &Scenario) -> Vec<Claim> {
    let (containers, workers) = (f64::from(scenario.containers), f64::from(scenario.workers));
    let mut claims = Vec::new();
    for (figure, old, new) in [
        (Figure::Locks, containers, workers),
        (Figure::Operations, 2.0 * containers, workers + 1.0),
        (Figure::Invalidations, containers, workers),
        (Figure::Updates, containers, workers),
    ] {
        for strategy in [Strategy::Old, Strategy::Batch, Strategy::Ours] {
            let Some(middle) = Middle::of(&figure.values(runs, strategy)) else { continue };
            // Of the old way it says how much it is; of the new way how much at most.
            let (claimed, verdict) = match strategy {
                Strategy::Old => (old, Holds::when(middle.min == old && middle.max == old)),
                _ => (new, Holds::when(middle.max <= new)),
            };
            let measured = figure.cell(Some(&middle));
            let (metric, strategy) = (figure.label(), strategy.name());
            claims.push(Claim {
                metric,
                strategy,
                claimed: claimed.to_string(),
                measured,
                verdict,
            });
        }
    }
    claims.splice(0..0, times_claimed(runs, scenario));
    for (strategy, claimed, least) in [
        (Strategy::Old, "1% (thrashing)", None),
        (Strategy::Batch, "99%", Some(99.0)),
        (Strategy::Ours, "99%", Some(99.0)),
    ] {
        if !runs.iter().any(|run| run.strategy == strategy) {
            continue;
        }
        let middle = Middle::of(&Figure::HitRate.values(runs, strategy));
        let verdict = match (&middle, least) {
            (None, _) => Holds::Undecided,
            (Some(middle), None) => Holds::when(middle.max <= 1.0),
            (Some(middle), Some(least)) => Holds::when(middle.min >= least),
        };
        let measured = middle.map_or_else(
            || "no lookups: it has no cache".to_owned(),
            |middle| Figure::HitRate.cell(Some(&middle)),
        );
        let (metric, claimed) = (Figure::HitRate.label(), claimed.to_owned());
        claims.push(Claim { metric, strategy: strategy.name(), claimed, measured, verdict });
    }
    for (strategy, claimed) in
        [(Strategy::Old, "Uneven"), (Strategy::Batch, "Even"), (Strategy::Ours, "Even")]
    {
        let Some(measured) = most_and_least(runs, strategy) else { continue };
        if Evenness::of(scenario, strategy) == Evenness::NotAsked {
            continue;
        }
        let own = || runs.iter().filter(|run| run.strategy == strategy);
        let even = own().filter(|run| run.balance == Balance::Good).count();
        let verdict = match claimed {
            "Even" => Holds::when(even == own().count()),
            _ => Holds::when(even == 0),
        };
        let (metric, claimed) = ("Worker Distribution", claimed.to_owned());
        claims.push(Claim { metric, strategy: strategy.name(), claimed, measured, verdict });
    }
    claims
}

/// 5 to 8 s for 100 on 20, at most 2 s for 100 containers and 3 s for 200 on 40; of others, and of
/// containers that come by and by, the source says nothing. A time holds, or does not, where its whole
/// interval does; of so few runs that there is none, all of them.
fn times_claimed(runs: &[Run], scenario: &Scenario) -> Vec<Claim> {
    let figure = Figure::Total;
    let mut claims = Vec::new();
    if scenario.arrival_rate.is_some() {
        return claims;
    }
    let mut claim = |metric, strategy: Strategy, claimed: &str, measured, verdict| {
        let (strategy, claimed) = (strategy.name(), claimed.to_owned());
        claims.push(Claim { metric, strategy, claimed, measured, verdict });
    };
    for strategy in [Strategy::Old, Strategy::Batch, Strategy::Ours] {
        let Some(middle) = Middle::of(&figure.values(runs, strategy)) else { continue };
        let measured = figure.cell(Some(&middle));
        if strategy == Strategy::Old {
            if (scenario.containers, scenario.workers) == (100, 20) {
                let verdict = within(&middle, 5e6, 8e6);
                claim("Total Time", strategy, "5-8 seconds", measured, verdict);
            }
            continue;
        }
        let (claimed, most) = match (scenario.containers, scenario.workers) {
            (200, 40) => ("at most 3 seconds", 3e6),
            (100, _) => ("at most 2 seconds", 2e6),
            _ => continue,
        };
        claim("Total Time", strategy, claimed, measured, within(&middle, 0.0, most));
    }
    claims
}

/// The containers on the least and on the most loaded worker, in all runs of a strategy; none without a run.
pub(crate) fn most_and_least(runs: &[Run], strategy: Strategy) -> Option<String> {
    let own = runs.iter().filter(|run| run.strategy == strategy);
    let loads = || own.clone().flat_map(|run| &run.loads);
    let (least, most) = (loads().min()?, loads().max()?);
    Some(format!("{least} to {most} a worker"))
}

fn within(middle: &Middle, least: f64, most: f64) -> Holds {
    let lower = middle.lower.unwrap_or(middle.min);
    let upper = middle.upper.unwrap_or(middle.max);
    if least <= lower && upper <= most {
        Holds::Yes
    } else if upper < least || most < lower {
        Holds::No
    } else {
        Holds::Undecided
    }
}

/// A cell with a time and its interval takes at most so much, and one with an improvement, so that a
/// table looks the same whatever the times.
const TIME: usize = 26;
const IMPROVEMENT: usize = 32;

/// The tables of the comparison as text.
pub(crate) fn texts([side_by_side, improvements, claims]: [Vec<Vec<String>>; 3]) -> [String; 3] {
    [
        table(&side_by_side, &[0, TIME, TIME, TIME, TIME]),
        table(&improvements, &[0, TIME, TIME, IMPROVEMENT]),
        table(&claims, &[0, 0, TIME]),
    ]
}

/// A table as text: columns as wide as their widest cell, and at least as wide as `least` says.
pub(crate) fn table(rows: &[Vec<String>], least: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        widest.max(least.get(column).copied().unwrap_or(0))
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!(" {cell:<width$} "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The strategies side by side.
pub(crate) fn side_by_side(runs: &[Run], strategies: &[Strategy]) -> Vec<Vec<String>> {
    let names = strategies.iter().map(|strategy| strategy.name().to_owned());
    let mut rows = vec![std::iter::once("Metric".to_owned()).chain(names).collect::<Vec<_>>()];
    for figure in Figure::of_runs(runs) {
        let cells = strategies
            .iter()
            .map(|&strategy| figure.cell(Middle::of(&figure.values(runs, strategy)).as_ref()));
        rows.push(std::iter::once(figure.label().to_owned()).chain(cells).collect());
    }
    let cells = strategies.iter().map(|&strategy| {
        let own = runs.iter().filter(|run| run.strategy == strategy);
        let even = own.clone().filter(|run| run.balance == Balance::Good).count();
        format!("even in {even} of {} runs", own.count())
    });
    rows.push(std::iter::once("Worker Distribution".to_owned()).chain(cells).collect());
    rows
}

/// The claims beside what was measured.
pub(crate) fn claim_rows(claims: &[Claim]) -> Vec<Vec<String>> {
    let head = ["The source's claim", "claimed", "measured", "verdict"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    rows.extend(claims.iter().map(|claim| {
        let Claim { metric, strategy, claimed, measured, verdict } = claim;
        let verdict = verdict.label().to_owned();
        vec![format!("{metric}, {strategy}"), claimed.clone(), measured.clone(), verdict]
    }));
    rows
}

/// The run with the median total among those of a strategy: a run that there was, so of an even number
/// the faster of the two in the middle, as all medians here are the lower of these two.
pub(crate) fn median_run(runs: &[Run], strategy: Strategy) -> Option<&Run> {
    let mut own: Vec<&Run> = runs.iter().filter(|run| run.strategy == strategy).collect();
    own.sort_by_key(|run| nanoseconds(run.total));
    own.get(own.len().saturating_sub(1) / 2).copied()
}
