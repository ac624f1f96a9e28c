//! Offered against completed, and what was in flight.

use super::unit::{Unit, words};
use super::{MARKS_MOST, Run, over_time, stretches};
use proofload_charts::{Axis, Cell, Dash, Ink, Panel, Scale, Scene, Series, Shape};
use proofload_record::Row;
use proofload_units::human_count;

/// Up to so many changes of the number in flight are drawn one by one.
const CHANGES_MOST: usize = 1_000;
/// Stretches of time otherwise.
const FLIGHT_STRETCHES: usize = 240;

pub(super) fn scene(run: &Run<'_>) -> Option<Scene> {
    let rows = run.dir.rows();
    let seconds = |ns: Option<u64>| ns.map(|ns| Unit::S.of(ns as f64));
    let offered = moments(rows.iter().filter_map(|row| seconds(row.due.get())));
    let placed = || rows.iter().filter(|row| row.is_placed());
    let ended = |row: &Row| seconds(row.done.get().or(row.due.get()));
    let answered = moments(placed().filter(|row| row.end.is_ok()).filter_map(ended));
    let failed = moments(placed().filter(|row| !row.end.is_ok()).filter_map(ended));
    let changes = changes(rows);
    let last = offered.iter().chain(&answered).chain(&failed).copied().reduce(f64::max)?;
    let first = if offered.len() <= MARKS_MOST {
        totals(&offered, &answered, &failed, last)
    } else {
        rates(&offered, &answered, &failed, last)
    };
    let most = changes.iter().map(|change| change.1).max().unwrap_or(0);
    let flight = if changes.len() <= CHANGES_MOST { each(&changes) } else { in_flight(&changes) };
    let y = Axis::new("requests in flight", Scale::Count);
    let mut panels = vec![first, Panel { y, height: 110.0, series: flight }];
    over_time::warm_up(run, &mut panels);
    let behind = last - offered.last().copied().unwrap_or(last);
    let title = format!(
        "At most {} in flight; the last end came {} after the last request was due",
        human_count(u64::from(most)),
        words(behind * 1e9)
    );
    let note = format!(
        "{} due, {} answered, {} failed{}",
        human_count(offered.len() as u64),
        human_count(answered.len() as u64),
        human_count(failed.len() as u64),
        if run.tally.warmup > 0 { ", warm-up included" } else { "" }
    );
    let description = format!("{title}. {note}.");
    let x = Axis::new("time since the start", Scale::Time);
    Some(Scene { title, note, description, x, panels })
}

fn moments(of: impl Iterator<Item = f64>) -> Vec<f64> {
    super::timing::sorted(of)
}

/// Few requests: how many there had been by a time.
fn totals(offered: &[f64], answered: &[f64], failed: &[f64], last: f64) -> Panel {
    let curve = |name: &str, ink: Ink, dash: Dash, moments: &[f64]| {
        let counted = (1..).zip(moments).map(|(count, at): (u32, &f64)| (*at, f64::from(count)));
        let end = (last, moments.len() as f64);
        let points = std::iter::once((0.0, 0.0)).chain(counted).chain([end]).collect();
        Series::new(name, ink, Shape::Step { points, dash })
    };
    // An area under the lines: where all fails at once, a line would be that of what was due.
    let ends = failed.iter().skip(1).chain([&last]);
    let cell = |((count, from), to): ((u32, &f64), &f64)| Cell {
        x: (*from, *to),
        y: (0.0, f64::from(count)),
    };
    let cells = (1..).zip(failed).zip(ends).map(cell).filter(|cell| cell.x.1 > cell.x.0).collect();
    let series = vec![
        Series::new("failed", Ink::Failure, Shape::Cells { cells }),
        curve("answered", Ink::Green, Dash::Solid, answered),
        curve("due", Ink::Blue, Dash::Dashed, offered),
    ];
    Panel { y: Axis::new("requests by then", Scale::Count), height: 190.0, series }
}

/// Many requests: how many a second.
fn rates(offered: &[f64], answered: &[f64], failed: &[f64], last: f64) -> Panel {
    let width = width(last, stretches(offered.len()));
    let stretches = ((last / width).round() as usize).max(1);
    let count = |moments: &[f64]| {
        let mut counts = vec![0_u32; stretches];
        for at in moments {
            counts[((at / width) as usize).min(stretches - 1)] += 1;
        }
        counts
    };
    // The last stretch is longer or shorter, by up to a half: a sliver's rate would be chance.
    let length = |place: usize| {
        if place + 1 < stretches { width } else { (last - place as f64 * width).max(width / 10.0) }
    };
    let rates = |moments: &[f64]| -> Vec<(f64, f64)> {
        let rate =
            |(place, count): (usize, u32)| (place as f64 * width, f64::from(count) / length(place));
        let mut points: Vec<_> = count(moments).into_iter().enumerate().map(rate).collect();
        points.extend(points.last().map(|point| (last, point.1)));
        points
    };
    let cells = |points: Vec<(f64, f64)>| -> Vec<Cell> {
        let cell = |pair: &[(f64, f64)]| Cell { x: (pair[0].0, pair[1].0), y: (0.0, pair[0].1) };
        points.windows(2).map(cell).filter(|cell| cell.y.1 > 0.0).collect()
    };
    let step = |name: &str, ink, dash, moments| {
        Series::new(name, ink, Shape::Step { points: rates(moments), dash })
    };
    let series = vec![
        Series::new("failed", Ink::Failure, Shape::Cells { cells: cells(rates(failed)) }),
        step("answered", Ink::Green, Dash::Solid, answered),
        step("due", Ink::Blue, Dash::Dashed, offered),
    ];
    Panel { y: Axis::new("requests/s", Scale::Linear), height: 190.0, series }
}

/// A width of 1, 2 or 5 times a power of ten seconds, of which there are no more than `most`.
fn width(last: f64, most: f64) -> f64 {
    let least = (last / most).max(1e-3);
    let power = 10_f64.powf(least.log10().floor());
    let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| digit * power >= least);
    digit.unwrap_or(10.0) * power
}

/// When, in nanoseconds, and from then on how many requests were under way.
fn changes(rows: &[Row]) -> Vec<(u64, u32)> {
    let placed = || rows.iter().filter(|row| row.is_placed() && row.started.get().is_some());
    let starts = placed().filter_map(|row| Some((row.started.get()?, 1)));
    let ends = placed().filter_map(|row| Some((row.done.get()?, -1)));
    let mut moments: Vec<(u64, i32)> = starts.chain(ends).collect();
    moments.sort_unstable();
    let mut now = 0;
    let mut changed = |(at, by): (u64, i32)| {
        now += by;
        (at, now.max(0).unsigned_abs())
    };
    moments.into_iter().map(&mut changed).collect()
}

/// Every change.
fn each(changes: &[(u64, u32)]) -> Vec<Series> {
    let point = |&(at, count): &(u64, u32)| (Unit::S.of(at as f64), f64::from(count));
    let points = std::iter::once((0.0, 0.0)).chain(changes.iter().map(point)).collect();
    vec![Series::new("", Ink::Blue, Shape::Step { points, dash: Dash::Solid })]
}

/// Of each stretch of time the least, the most and the mean over it.
fn in_flight(changes: &[(u64, u32)]) -> Vec<Series> {
    let last = changes.last().map_or(0, |change| change.0);
    let width = (last / FLIGHT_STRETCHES as u64).max(1);
    let (mut band, mut means) = (Vec::new(), Vec::new());
    let mut changes = changes.iter().peekable();
    let (mut at, mut now) = (0, 0_u32);
    while at < last {
        let to = at + width;
        let (mut low, mut high, mut area, mut from) = (now, now, 0.0, at);
        while let Some(&(when, count)) = changes.next_if(|change| change.0 < to || to >= last) {
            area += f64::from(now) * when.saturating_sub(from) as f64;
            (from, now) = (when, count);
            (low, high) = (low.min(now), high.max(now));
        }
        let to = to.min(last);
        area += f64::from(now) * to.saturating_sub(from) as f64;
        let middle = Unit::S.of((at + to) as f64 / 2.0);
        band.push((middle, f64::from(low), f64::from(high)));
        means.push((middle, area / (to - at) as f64));
        at = to;
    }
    vec![
        Series::new("least to most", Ink::Blue, Shape::Band { points: band }),
        Series::new("mean", Ink::Blue, Shape::Line { points: means, dash: Dash::Solid }),
    ]
}

#[cfg(test)]
mod tests {
    use super::{FLIGHT_STRETCHES, Shape, changes, in_flight, width};
    use proofload_record::{End, Outcome, Row, Stamp};

    #[test]
    fn the_most_in_flight_is_seen_however_short() {
        let row = |start: u64, end: u64| {
            let mut row = Row::new(0, 0, 0, Stamp::at(start), End::Sent(Outcome::Ok));
            (row.started, row.done) = (Stamp::at(start), Stamp::at(end));
            row
        };
        let mut rows: Vec<Row> =
            (0..10_000).map(|at| row(at * 1_000_000, at * 1_000_000 + 500)).collect();
        rows.extend((0..7).map(|at| row(5_000_000_100 + at, 5_000_000_400)));
        let changes = changes(&rows);
        assert_eq!(changes.last().unwrap().1, 0);
        let series = in_flight(&changes);
        let (Shape::Band { points: band }, Shape::Line { points: means, .. }) =
            (&series[0].shape, &series[1].shape)
        else {
            panic!("{series:?}")
        };
        assert_eq!(band.iter().map(|point| point.2).fold(0.0, f64::max), 8.0);
        assert!(band.len() <= FLIGHT_STRETCHES + 1, "{}", band.len());
        assert!(band.iter().all(|point| point.1 == 0.0));
        // Each request takes 500 ns of its millisecond.
        assert!((means[0].1 - 500e-6).abs() < 20e-6, "{:?}", means[0]);
    }

    #[test]
    fn widths_are_round() {
        for (last, want) in [(1.0, 0.01), (12.0, 0.1), (60.0, 0.5), (600.0, 5.0), (3_600.0, 50.0)] {
            let found = width(last, 120.0);
            assert!((found - want).abs() < 1e-9, "{last}: {found}");
        }
    }
}
