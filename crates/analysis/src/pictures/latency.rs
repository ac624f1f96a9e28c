//! How the latencies are distributed: a bar a request as long as these can be told apart, then
//! histograms and the share that was answered by a time.

use super::timing::{Whole, sorted, ttft_ns};
use super::unit::{self, Unit, words};
use super::{ONE_BY_ONE, Run};
use proofload_charts::{Axis, Cell, Dash, Glyph, Ink, Panel, Scale, Scene, Series, Shape};
use proofload_record::Row;
use proofload_stats::{Quantile, quantile};

/// Height of a request's bar and the room around it.
const ROW: f64 = 17.0;
/// Bins a power of ten, where there are many answers and where there are few.
const BINS: (f64, f64) = (25.0, 10.0);
/// Many answers.
const MANY: usize = 500;
/// Points of a curve of shares, besides its last ones.
const POINTS: usize = 700;
/// What is shorter stands at the left end: a logarithmic axis has no 0.
const LEAST_NS: f64 = 1e3;
/// Of a curve's highest values none is left out.
const TAIL: usize = 100;

pub(super) fn scene(run: &Run<'_>) -> Option<Scene> {
    let rows = run.tally.rows;
    if rows.is_empty() {
        return None;
    }
    let whole = Whole::of(run);
    let totals = sorted(rows.iter().filter_map(|row| whole.ns(row)));
    let firsts = sorted(rows.iter().filter_map(|row| ttft_ns(run, row)));
    let (title, description) = words_of(run, whole, &totals, &firsts);
    let one_by_one = rows.len() <= ONE_BY_ONE;
    let (x, panels) =
        if one_by_one { bars(run, whole) } else { distribution(run, whole, &totals, &firsts)? };
    Some(Scene { title, note: run.note(), description, x, panels })
}

fn words_of(run: &Run<'_>, whole: Whole, totals: &[f64], firsts: &[f64]) -> (String, String) {
    let (Some(p50), Some(p95), Some(most)) =
        (quantile(totals, Quantile::P50), quantile(totals, Quantile::P95), totals.last())
    else {
        let failures: Vec<f64> =
            run.tally.rows.iter().filter_map(|row| whole.failed_ns(row)).collect();
        let title = match quantile(&sorted(failures.into_iter()), Quantile::P50) {
            Some(p50) => {
                format!("No request was answered; half had failed within {}", words(p50))
            }
            None => "No request was answered".to_owned(),
        };
        return (title.clone(), format!("{title}. {}.", run.note()));
    };
    let (p50, p95, most) = (words(p50), words(p95), words(*most));
    let what = whole.title();
    let title = match totals.len() {
        1 => format!("{what} of the one answer: {most}"),
        2..20 => format!("{what}: half of the answers within {p50}, slowest {most}"),
        _ => format!("{what}: half of the answers within {p50}, 95 % within {p95}, slowest {most}"),
    };
    let first = quantile(firsts, Quantile::P50).map_or_else(String::new, |p50| {
        format!(" Half had their first token within {}.", words(p50))
    });
    let description = format!("{title}.{first} {}.", run.note());
    (title, description)
}

/// The objective on latency, which is about the same time.
fn limit(run: &Run<'_>, unit: Unit) -> Series {
    let limit = run.limit_ns();
    let at = Shape::Upright { x: unit.of(limit) };
    Series::new(unit::limit(limit), Ink::Limit, at)
}

/// A bar a request: its whole latency, and the time to its first token drawn over it.
fn bars(run: &Run<'_>, whole: Whole) -> (Axis, Vec<Panel>) {
    let rows = run.tally.rows;
    let most = rows
        .iter()
        .filter_map(|row| whole.ns(row).or_else(|| whole.failed_ns(row)))
        .fold(0.0, f64::max);
    let unit = Unit::of_most(most);
    let bar = |place: usize, ns: f64| {
        let middle = place as f64;
        Cell { x: (0.0, unit.of(ns)), y: (middle - 0.36, middle + 0.36) }
    };
    let cells = |of: &dyn Fn(&Row) -> Option<f64>| Shape::Cells {
        cells: (0..).zip(rows).filter_map(|(place, row)| Some(bar(place, of(row)?))).collect(),
    };
    let failed = |(place, row): (usize, &Row)| {
        let at = unit.of(whole.failed_ns(row).unwrap_or(0.0));
        (!row.end.is_ok()).then_some(((at, place as f64), row.end.label()))
    };
    let failures: Vec<_> = (0..).zip(rows).filter_map(failed).collect();
    let marks = failures.iter().map(|(at, _)| *at).collect();
    let mut series = vec![
        Series::new(whole.label(), Ink::Amber, cells(&|row| whole.ns(row))),
        Series::new(whole.ttft_label(), Ink::Blue, cells(&|row| ttft_ns(run, row))),
    ];
    series.push(limit(run, unit));
    series.push(Series::new(
        "failed, after this time",
        Ink::Failure,
        Shape::Marks { points: marks, glyph: Glyph::Cross },
    ));
    series.extend(failures.into_iter().map(|(at, outcome)| {
        Series::new("", Ink::Failure, Shape::Text { at, text: outcome.to_owned() })
    }));
    let names = Scale::Names(rows.iter().map(|row| run.id(row)).collect());
    let panel = Panel { y: Axis::new("", names), height: ROW * rows.len() as f64, series };
    (Axis::new(unit.title(whole.since()), Scale::Linear), vec![panel])
}

/// Histograms of both times and of the failures above the share of all requests that had been
/// answered.
fn distribution(
    run: &Run<'_>,
    whole: Whole,
    totals: &[f64],
    firsts: &[f64],
) -> Option<(Axis, Vec<Panel>)> {
    let failed = sorted(run.tally.rows.iter().filter_map(|row| whole.failed_ns(row)));
    let ends = [firsts, totals, &failed];
    let least = ends.iter().filter_map(|times| times.first()).copied().reduce(f64::min)?;
    let most = ends.iter().filter_map(|times| times.last()).copied().reduce(f64::max)?;
    let unit = Unit::of_most(most);
    let least = least.max(LEAST_NS);
    let histogram = |name: &str, ink: Ink, values: &[f64]| {
        (!values.is_empty()).then(|| Panel {
            y: Axis::new(format!("{name} {}", bin_words(values)), Scale::Count),
            height: 92.0,
            series: vec![Series::new("", ink, Shape::Cells { cells: bins(values, least, unit) })],
        })
    };
    let rows = run.tally.rows;
    let unstreamed = rows.iter().filter(|row| row.end.is_ok() && ttft_ns(run, row).is_none());
    let of_first = run.n as f64 - unstreamed.count() as f64;
    let curve = |name: &str, ink: Ink, dash: Dash, values: &[f64], of: f64| {
        let points = shares(values, of, unit);
        Series::new(name, ink, Shape::Step { points, dash })
    };
    let mut series = vec![
        curve("first token", Ink::Blue, Dash::Dashed, firsts, of_first),
        curve("whole answer", Ink::Amber, Dash::Solid, totals, run.n as f64),
    ];
    if totals.is_empty() {
        series.push(curve("none was answered", Ink::Failure, Dash::Solid, &[most], f64::INFINITY));
    }
    series.push(limit(run, unit));
    let share = Panel {
        y: Axis::new("requests that had it by then, % of all", Scale::Linear).over(0.0, 100.0),
        height: 170.0,
        series,
    };
    let panels = [
        histogram(&format!("{}, answers per bin", whole.ttft_label()), Ink::Blue, firsts),
        histogram(&format!("{}, answers per bin", whole.label()), Ink::Amber, totals),
        histogram("failed after this time, requests per bin", Ink::Failure, &failed),
        Some(share),
    ];
    let x = Axis::new(unit.title(whole.since()), Scale::Log);
    Some((x, panels.into_iter().flatten().collect()))
}

/// Bins a power of ten for so many values.
const fn bins_a_decade(values: &[f64]) -> f64 {
    if values.len() >= MANY { BINS.0 } else { BINS.1 }
}

/// How wide a bin is, in words.
fn bin_words(values: &[f64]) -> String {
    format!("{:.0} % wide", 100.0 * (10_f64.powf(1.0 / bins_a_decade(values)) - 1.0))
}

/// Counts in bins of equal width on a logarithmic axis.
fn bins(values: &[f64], least: f64, unit: Unit) -> Vec<Cell> {
    let bins = bins_a_decade(values);
    let start = least.max(1.0).log10();
    // Below the first edge is in the first bin.
    let place = |ns: f64| ((ns.max(1.0).log10() - start) * bins).floor() as usize;
    let edge = |place: usize| unit.of(10_f64.powf(start + place as f64 / bins));
    let mut cells: Vec<Cell> = Vec::new();
    for run in values.chunk_by(|one, other| place(*one) == place(*other)) {
        let place = place(run[0]);
        cells.push(Cell { x: (edge(place), edge(place + 1)), y: (0.0, run.len() as f64) });
    }
    cells
}

/// Which share of `of` requests has at most a value, at some of the values and at the highest.
fn shares(values: &[f64], of: f64, unit: Unit) -> Vec<(f64, f64)> {
    let every = (values.len() / POINTS).max(1);
    let kept = |place: &usize| place.is_multiple_of(every) || place + TAIL >= values.len();
    let places = (0..values.len()).filter(kept);
    places.map(|place| (unit.of(values[place]), 100.0 * (place + 1) as f64 / of.max(1.0))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Unit, bins, shares};

    #[test]
    fn bins_hold_every_value_once() {
        let values: Vec<f64> = (1..=1_000).map(|place| f64::from(place) * 1e5).collect();
        let cells = bins(&values, values[0], Unit::of_most(1e8));
        let counted: f64 = cells.iter().map(|cell| cell.y.1).sum();
        assert_eq!(counted, 1_000.0);
        assert!(cells.windows(2).all(|pair| pair[0].x.1 <= pair[1].x.0 * 1.000_001));
    }

    #[test]
    fn shares_end_at_what_was_answered_and_keep_the_slowest() {
        let values: Vec<f64> = (1..=10_000).map(|place| f64::from(place) * 1e6).collect();
        let curve = shares(&values, 20_000.0, Unit::of_most(3e9));
        assert_eq!(curve.last(), Some(&(10_000.0, 50.0)), "half of all failed");
        assert!(curve.len() < 1_000);
    }
}
