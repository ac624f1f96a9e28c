//! What each strategy saves against `old`, row by row as in the source's table, beside what it claims.

use proofload_stats::Contrast;
use proofload_strategies::Strategy;
use serde::Serialize;

use crate::balance::{Balance, Evenness};
use crate::compare::{Holds, most_and_least};
use crate::figures::{Middle, needs, points, times};
use crate::metrics::Figure;
use crate::scenario::Scenario;
use crate::series::Run;

/// Runs of each side from which a ratio has an interval.
const RUNS_FOR_INTERVAL: u64 = 4;

/// How an improvement is stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Measure {
    /// How many times as large the old figure is.
    Times,
    /// How much less the new figure is, in percent of the old.
    PercentLess,
    /// How much more the new figure is, in percentage points.
    PointsMore,
    /// The share of runs that are even, in percent.
    EvenRuns,
}

/// The rows: the source's, with its capacity updates, each with what it claims.
const ROWS: [(Figure, Measure, f64, &str); 6] = [
    (Figure::Total, Measure::Times, 4.0, "4x faster"),
    (Figure::Locks, Measure::PercentLess, 80.0, "80% reduction"),
    (Figure::Operations, Measure::PercentLess, 90.0, "90% reduction"),
    (Figure::HitRate, Measure::PointsMore, 98.0, "98% improvement"),
    (Figure::Invalidations, Measure::PercentLess, 80.0, "80% reduction"),
    (Figure::Updates, Measure::PercentLess, 80.0, "80% reduction"),
];

/// How a figure of `old` compares with that of another strategy.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Improvement {
    #[serde(skip)]
    label: &'static str,
    figure: &'static str,
    strategy: &'static str,
    measure: Measure,
    /// Both absolute values, as they are printed.
    old: String,
    new: String,
    /// None where there is nothing to compare.
    estimate: Option<f64>,
    /// Limits of its 95 % interval.
    lower: Option<f64>,
    upper: Option<f64>,
    /// As it is printed.
    improvement: String,
    /// What the source claims; for its own new way and for ours.
    claimed: Option<&'static str>,
    verdict: Option<Holds>,
}

/// All rows for every strategy but `old`, of those that were run.
pub(crate) fn improvements(
    runs: &[Run],
    scenario: &Scenario,
    strategies: &[Strategy],
) -> Vec<Improvement> {
    let was_run = |strategy| runs.iter().any(|run| run.strategy == strategy);
    if !was_run(Strategy::Old) {
        return Vec::new();
    }
    let others = || {
        let all = strategies.iter().copied();
        all.filter(|&strategy| strategy != Strategy::Old && was_run(strategy))
    };
    let mut found = Vec::new();
    for (figure, measure, least, claimed) in ROWS {
        for strategy in others() {
            let old = figure.values(runs, Strategy::Old);
            let new = figure.values(runs, strategy);
            let gain = Gain::of(measure, &old, &new);
            let is_claimed = strategy != Strategy::Lock;
            found.push(Improvement {
                label: figure.label(),
                figure: figure.key(),
                strategy: strategy.name(),
                measure,
                old: figure.cell(Middle::of(&old).as_ref()),
                new: figure.cell(Middle::of(&new).as_ref()),
                estimate: gain.estimate(),
                lower: gain.interval().0,
                upper: gain.interval().1,
                improvement: gain.text(measure),
                claimed: is_claimed.then_some(claimed),
                verdict: is_claimed.then(|| gain.holds(least)),
            });
        }
    }
    found.extend(others().filter_map(|strategy| distribution(runs, scenario, strategy)));
    found
}

fn distribution(runs: &[Run], scenario: &Scenario, strategy: Strategy) -> Option<Improvement> {
    let even = |strategy| {
        let own = runs.iter().filter(move |run: &&Run| run.strategy == strategy);
        (own.clone().filter(|run| run.balance == Balance::Good).count(), own.count())
    };
    let ((old_even, _), (new_even, n)) = (even(Strategy::Old), even(strategy));
    let is_asked = Evenness::of(scenario, strategy) != Evenness::NotAsked;
    let is_claimed = strategy != Strategy::Lock && is_asked;
    Some(Improvement {
        label: "Worker Distribution",
        figure: "worker_distribution",
        strategy: strategy.name(),
        measure: Measure::EvenRuns,
        old: most_and_least(runs, Strategy::Old)?,
        new: most_and_least(runs, strategy)?,
        estimate: Some(100.0 * new_even as f64 / n as f64),
        lower: None,
        upper: None,
        improvement: format!("even in {new_even} of {n} runs, from {old_even}"),
        claimed: is_claimed.then_some("Balanced"),
        verdict: is_claimed.then(|| Holds::when(new_even == n)),
    })
}

/// An improvement with its interval, in the unit of its measure.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Gain {
    Found {
        estimate: f64,
        lower: Option<f64>,
        upper: Option<f64>,
        n: u64,
    },
    /// The new way has some where the old one has none.
    MoreThanNone,
    /// Neither has any.
    NoneInEither,
    /// One of them has no value, or 0 in some runs only.
    Undecided,
}

impl Gain {
    fn of(measure: Measure, old: &[f64], new: &[f64]) -> Self {
        let (Some(was), Some(is)) = (Middle::of(old), Middle::of(new)) else {
            return Self::Undecided;
        };
        let found = |contrast: Contrast, unit: fn(f64) -> f64| Self::Found {
            estimate: unit(contrast.estimate),
            lower: contrast.lower.map(unit),
            upper: contrast.upper.map(unit),
            n: contrast.n[0].min(contrast.n[1]),
        };
        match measure {
            Measure::PointsMore => {
                points(old, new).map_or(Self::Undecided, |contrast| found(contrast, |by| by))
            }
            _ if was.max == 0.0 && is.max == 0.0 => Self::NoneInEither,
            _ if was.max == 0.0 && is.min > 0.0 => Self::MoreThanNone,
            Measure::PercentLess if was.min > 0.0 && is.max == 0.0 => {
                Self::Found { estimate: 100.0, lower: Some(100.0), upper: Some(100.0), n: is.n }
            }
            Measure::PercentLess => times(old, new)
                .map_or(Self::Undecided, |contrast| found(contrast, |times| 100.0 - 100.0 / times)),
            Measure::Times | Measure::EvenRuns => {
                times(old, new).map_or(Self::Undecided, |contrast| found(contrast, |times| times))
            }
        }
    }

    const fn estimate(self) -> Option<f64> {
        match self {
            Self::Found { estimate, .. } => Some(estimate),
            _ => None,
        }
    }

    const fn interval(self) -> (Option<f64>, Option<f64>) {
        match self {
            Self::Found { lower, upper, .. } => (lower, upper),
            _ => (None, None),
        }
    }

    /// Whether it is at least so much: its whole interval.
    fn holds(self, least: f64) -> Holds {
        match self {
            Self::Found { lower: Some(lower), .. } if lower >= least => Holds::Yes,
            Self::Found { upper: Some(upper), .. } if upper < least => Holds::No,
            Self::MoreThanNone => Holds::No,
            _ => Holds::Undecided,
        }
    }

    fn text(self, measure: Measure) -> String {
        let (estimate, lower, upper, n) = match self {
            Self::MoreThanNone => return "more: old has none".to_owned(),
            Self::NoneInEither => return "none in either".to_owned(),
            Self::Undecided if measure == Measure::PointsMore => {
                return "undecided: no lookups".to_owned();
            }
            Self::Undecided => return "undecided: 0 in some runs".to_owned(),
            Self::Found { estimate, lower, upper, n } => (estimate, lower, upper, n),
        };
        let what = match measure {
            Measure::Times => "x faster",
            Measure::PercentLess => "% reduction",
            Measure::PointsMore | Measure::EvenRuns => " points more",
        };
        match (lower, upper) {
            (Some(lower), Some(upper)) if lower == upper => format!("{estimate:.1}{what}"),
            (Some(lower), Some(upper)) => format!("{estimate:.1}{what} [{lower:.1}, {upper:.1}]"),
            _ => format!("{estimate:.1}{what} [{}]", needs(n, RUNS_FOR_INTERVAL)),
        }
    }
}

/// The improvements as rows of a table.
pub(crate) fn improvement_rows(improvements: &[Improvement]) -> Vec<Vec<String>> {
    let head = ["Against old", "old", "new", "improvement", "claimed", "verdict"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(improvements.iter().map(|row| {
        let Improvement { label, strategy, old, new, improvement, .. } = row;
        let claimed = row.claimed.unwrap_or("–").to_owned();
        let verdict = row.verdict.map_or("–", Holds::label).to_owned();
        let name = format!("{label}, {strategy}");
        vec![name, old.clone(), new.clone(), improvement.clone(), claimed, verdict]
    }));
    rows
}

#[cfg(test)]
mod tests {
    use super::{Gain, Holds, Measure};

    #[test]
    fn an_improvement_is_judged_by_its_whole_interval() {
        let six = |value: f64| vec![value; 6];
        let wide = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let (times, less, more) = (Measure::Times, Measure::PercentLess, Measure::PointsMore);
        for (measure, old, new, claim, text, verdict) in [
            (less, six(100.0), six(20.0), 80.0, "80.0% reduction", Holds::Yes),
            (less, six(2_100.0), six(40.0), 80.0, "98.1% reduction", Holds::Yes),
            (less, six(100.0), six(25.0), 80.0, "75.0% reduction", Holds::No),
            (less, six(100.0), six(100.0), 80.0, "0.0% reduction", Holds::No),
            (less, six(2_100.0), six(0.0), 80.0, "100.0% reduction", Holds::Yes),
            (less, six(0.0), six(20.0), 80.0, "more: old has none", Holds::No),
            (less, six(0.0), six(0.0), 80.0, "none in either", Holds::Undecided),
            (less, six(9.0), vec![0.0, 1.0], 80.0, "undecided: 0 in some runs", Holds::Undecided),
            (
                less,
                vec![100.0; 3],
                vec![20.0; 3],
                80.0,
                "80.0% reduction [needs 4 runs]",
                Holds::Undecided,
            ),
            (times, six(8.0), six(1.0), 4.0, "8.0x faster", Holds::Yes),
            (times, six(3.0), six(1.0), 4.0, "3.0x faster", Holds::No),
            (more, six(1.0), six(99.0), 98.0, "98.0 points more", Holds::Yes),
            (more, Vec::new(), six(99.0), 98.0, "undecided: no lookups", Holds::Undecided),
        ] {
            let gain = Gain::of(measure, &old, &new);
            assert_eq!(gain.text(measure), text, "{old:?} {new:?}");
            assert_eq!(gain.holds(claim), verdict, "{old:?} {new:?}");
        }
        let gain = Gain::of(times, &six(12.0), &wide);
        assert_eq!(gain.holds(4.0), Holds::Undecided, "{gain:?}");
        let (lower, upper) = gain.interval();
        assert!(lower < Some(4.0) && upper > Some(4.0), "{gain:?}");
    }
}
