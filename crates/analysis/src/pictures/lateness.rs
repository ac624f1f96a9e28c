//! Our own lateness: how far the generator itself was behind, and how busy.

use super::unit::{Unit, words};
use super::{Run, over_time};
use proofload_charts::{Axis, Dash, Glyph, Ink, Panel, Scale, Scene, Series, Shape};
use proofload_run_dir::GeneratorSecond;

/// Up to so many seconds are single marks.
const MARKS_MOST: usize = 60;

pub(super) fn scene(run: &Run<'_>) -> Option<Scene> {
    let seconds = run.dir.seconds();
    let most = |of: &dyn Fn(&GeneratorSecond) -> Option<f64>| worst(seconds, of);
    let late = most(&|second| second.lateness_max_ns.map(|ns| ns as f64));
    let p99 = most(&|second| second.lateness_p99_ns.map(|ns| ns as f64));
    let (at, highest) = late.iter().copied().max_by(|one, other| one.1.total_cmp(&other.1))?;
    // In the unit of the title.
    let unit = Unit::of_most(2.0 * highest);
    let points = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        // Lateness of nothing is below any clock; a logarithmic axis begins at 1 µs.
        points.iter().map(|&(at, ns)| (at, unit.of(ns.max(1e3)))).collect()
    };
    let line = |points, dash| Shape::Line { points: unbroken(points), dash };
    let few = late.len() <= MARKS_MOST;
    // Of so few sends in a second that its p99 is about the most of it, one mark is enough.
    let is_less =
        |p99: &(f64, f64)| late.iter().any(|most| most.0 == p99.0 && p99.1 < 0.9 * most.1);
    let p99: Vec<_> = match few {
        true => p99.into_iter().filter(is_less).collect(),
        false if p99 == late => Vec::new(),
        false => p99,
    };
    let (p99, most_of) = (points(&p99), points(&late));
    let series = if few {
        let marks = |points, glyph| Shape::Marks { points, glyph };
        [
            Series::new("most in a second", Ink::Amber, marks(most_of, Glyph::Diamond)),
            Series::new("p99 of a second, where it is less", Ink::Blue, marks(p99, Glyph::Dot)),
        ]
    } else {
        [
            Series::new("p99 of a second", Ink::Blue, line(p99, Dash::Solid)),
            Series::new("most in a second", Ink::Amber, line(most_of, Dash::Dashed)),
        ]
    };
    let mut panels = vec![Panel {
        y: Axis::new(unit.title("lateness of sending"), Scale::Log),
        height: 150.0,
        series: series.into(),
    }];
    let share = |of: &dyn Fn(&GeneratorSecond) -> Option<f64>| -> Vec<(f64, f64)> {
        most(of).into_iter().map(|(at, share)| (at, share * 100.0)).collect()
    };
    let busy = share(&|second| Some((second.busy_share? - second.spin_share).max(0.0)));
    let waiting = share(&|second| second.waiting_share);
    let steal = share(&|second| second.steal_share);
    if !busy.is_empty() {
        let limit =
            |name: &str, y| Series::new(name, Ink::Limit, Shape::Limit { y, dash: Dash::Dashed });
        panels.push(Panel {
            y: Axis::new("time of the busiest worker, %", Scale::Linear).over(0.0, 100.0),
            height: 130.0,
            series: vec![
                Series::new("on a CPU", Ink::Blue, line(busy, Dash::Solid)),
                Series::new("waiting for one", Ink::Amber, line(waiting, Dash::Dashed)),
                Series::new("stolen from the machine", Ink::Purple, line(steal, Dash::Dotted)),
                limit("too busy from here", 90.0),
            ],
        });
    }
    over_time::warm_up(run, &mut panels);
    let second = at.floor();
    let title = format!(
        "We were late by {} at most, in second {second} to {}",
        words(highest),
        second + 1.0
    );
    let note = "our own delay between due and sent, the worst worker of each second".to_owned();
    let description = format!("{title}: {note}.");
    let x = Axis::new("time since the start", Scale::Time);
    Some(Scene { title, note, description, x, panels })
}

/// Interrupted at seconds in which there was nothing.
fn unbroken(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mut line: Vec<(f64, f64)> = Vec::with_capacity(points.len());
    for point in points {
        if line.last().is_some_and(|last| point.0 - last.0 > 1.5) {
            line.push((point.0, f64::NAN));
        }
        line.push(point);
    }
    line
}

/// The worst worker of each second.
fn worst(
    seconds: &[GeneratorSecond],
    of: &dyn Fn(&GeneratorSecond) -> Option<f64>,
) -> Vec<(f64, f64)> {
    let mut ordered: Vec<&GeneratorSecond> = seconds.iter().collect();
    ordered.sort_by_key(|second| second.second);
    let worst = |workers: &[&GeneratorSecond]| {
        let most = workers.iter().filter_map(|second| of(second)).reduce(f64::max)?;
        // A curve through the middles of its seconds.
        Some((workers[0].second as f64 + 0.5, most))
    };
    ordered.chunk_by(|one, other| one.second == other.second).filter_map(worst).collect()
}

#[cfg(test)]
mod tests {
    use super::worst;
    use proofload_run_dir::GeneratorSecond;

    #[test]
    fn the_worst_worker_of_a_second_counts() {
        let second = |second, worker, ns| GeneratorSecond {
            second,
            worker,
            lateness_max_ns: ns,
            ..GeneratorSecond::default()
        };
        let seconds = [
            second(0, 0, Some(3)),
            second(1, 0, None),
            second(0, 1, Some(7)),
            second(2, 1, Some(1)),
        ];
        let found = worst(&seconds, &|second| second.lateness_max_ns.map(|ns| ns as f64));
        assert_eq!(found, [(0.5, 7.0), (2.5, 1.0)]);
    }
}
