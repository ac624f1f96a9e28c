//! What is seen at a glance: how containers are spread, where the time went, how it grows.

use std::time::Duration;

use proofload_charts::{Axis, Cell, Dash, Glyph, Ink, Panel, Scale, Scene, Series, Shape};
use proofload_strategies::{Phase, Strategy};
use proofload_units::human_duration;

use crate::compare::median_run;
use crate::figures::slope_text;
use crate::grade::nanoseconds;
use crate::scaling::Scaling;
use crate::series::Run;

/// Of more workers, a bar stands for several.
const BARS_MOST: usize = 400;

/// Containers on each worker in one run.
pub(crate) fn distribution(run: &Run) -> Scene {
    let each = run.loads.len().div_ceil(BARS_MOST).max(1);
    let bars = |of: fn(&[u32]) -> Option<&u32>| -> Vec<Cell> {
        let bar = |(place, loads): (usize, &[u32])| Cell {
            x: ((place * each) as f64 + 0.6, (place * each + loads.len()) as f64 + 0.4),
            y: (0.0, f64::from(of(loads).copied().unwrap_or_default())),
        };
        run.loads.chunks(each).enumerate().map(bar).collect()
    };
    let most_of = Shape::Cells { cells: bars(|loads| loads.iter().max()) };
    let mut series = match each {
        1 => vec![Series::new("containers", Ink::Blue, most_of)],
        _ => vec![
            Series::new(format!("most of {each} workers"), Ink::Sky, most_of),
            Series::new(
                "least of them",
                Ink::Blue,
                Shape::Cells { cells: bars(|loads| loads.iter().min()) },
            ),
        ],
    };
    let mean = run.placed as f64 / run.loads.len().max(1) as f64;
    let limit =
        |name: &str, y: f64| Series::new(name, Ink::Limit, Shape::Limit { y, dash: Dash::Dashed });
    series.push(limit("0.6 and 1.4 times the mean", (0.6 * mean).floor()));
    series.push(limit("", (1.4 * mean).ceil()));
    let (least, most) = (run.loads.iter().min(), run.loads.iter().max());
    let (least, most) = (least.copied().unwrap_or(0), most.copied().unwrap_or(0));
    Scene {
        title: format!("Containers on each worker: {least} to {most}"),
        note: format!("{}, run {}: {} placed", run.strategy.name(), run.number, run.placed),
        description: format!(
            "Bars of containers a worker, from {least} to {most}; good balance is 0.6 to 1.4 times \
             the mean of {mean:.1}."
        ),
        x: Axis::new("worker", Scale::Count).over(0.5, run.loads.len() as f64 + 0.5),
        panels: vec![Panel { y: Axis::new("containers", Scale::Count), height: 180.0, series }],
    }
}

/// Where the time of each strategy's median run went, in shares of it.
pub(crate) fn phases(runs: &[Run], strategies: &[Strategy]) -> Scene {
    let shown: Vec<&Run> =
        strategies.iter().filter_map(|&strategy| median_run(runs, strategy)).collect();
    let inks = [Ink::Sky, Ink::Blue, Ink::Amber, Ink::Green, Ink::Purple, Ink::Slate, Ink::Grey];
    let names = Phase::ALL.map(Phase::name).into_iter().chain(["other"]);
    let parts = |run: &Run| run.phases.into_iter().chain([run.other]);
    let mut from = vec![0.0; shown.len()];
    let mut series = Vec::new();
    for ((place, name), ink) in names.enumerate().zip(inks) {
        let mut cells = Vec::new();
        for (row, run) in shown.iter().enumerate() {
            let all: Duration = parts(run).sum();
            let part = parts(run).nth(place).unwrap_or_default();
            let share = 100.0 * part.as_secs_f64() / all.as_secs_f64().max(f64::MIN_POSITIVE);
            if share > 0.0 {
                let (x, y) =
                    ((from[row], from[row] + share), (row as f64 - 0.35, row as f64 + 0.35));
                cells.push(Cell { x, y });
                from[row] += share;
            }
        }
        if !cells.is_empty() {
            series.push(Series::new(name, ink, Shape::Cells { cells }));
        }
    }
    let name =
        |run: &&Run| format!("{} {}", run.strategy.name(), human_duration(nanoseconds(run.total)));
    Scene {
        title: "Where the time goes".to_owned(),
        note: "the run with the median total of each strategy".to_owned(),
        description: "Shares of the time of a run by phase, a bar a strategy.".to_owned(),
        x: Axis::new("share of the time, %", Scale::Linear).over(0.0, 100.0),
        panels: vec![Panel {
            y: Axis::new("", Scale::Names(shown.iter().map(name).collect())),
            height: 40.0 * shown.len() as f64,
            series,
        }],
    }
}

/// Time over the number of containers, both by logarithm.
pub(crate) fn scaling(scaling: &Scaling) -> Scene {
    let mut points = Vec::new();
    let mut line = Vec::new();
    for size in &scaling.sizes {
        let x = f64::from(size.containers);
        points.extend(size.total_us.iter().map(|&y| (x, y)));
        let mut sorted = size.total_us.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        line.extend(sorted.get(sorted.len() / 2).map(|&y| (x, y)));
    }
    let slope = slope_text(&scaling.slope);
    Scene {
        title: format!("Time grows as containers to the power {slope}"),
        note: "ours, one replica, without waiting for the window; as many containers a worker at each size".to_owned(),
        description: format!(
            "Time without the window over the number of containers, both by logarithm; slope {slope}, where \
             1 is in proportion."
        ),
        x: Axis::new("containers", Scale::Log),
        panels: vec![Panel {
            y: Axis::new("time without the window, µs", Scale::Log),
            height: 220.0,
            series: vec![
                Series::new("median", Ink::Blue, Shape::Line { points: line, dash: Dash::Solid }),
                Series::new("a run", Ink::Grey, Shape::Marks { points, glyph: Glyph::Dot }),
            ],
        }],
    }
}
