//! Percentiles up to the last one that the samples bear, every nine with the same room.

use super::Run;
use super::timing::{Whole, sorted, ttft_ns};
use super::unit::{Unit, words};
use proofload_charts::{Axis, Dash, Glyph, Ink, Panel, Scale, Scene, Series, Shape};
use proofload_record::Row;
use proofload_stats::{Confidence, Percentile, Quantile, quantile};

/// Fewer answers have no percentiles worth a curve.
const ANSWERS_LEAST: usize = 20;
/// Values of the curve a power of ten.
const VALUES: f64 = 200.0;
/// Intervals a power of ten.
const INTERVALS: i32 = 8;
/// Those that tables have as well.
const NAMED: [Quantile; 4] = [Quantile::P90, Quantile::P95, Quantile::P99, Quantile::P999];

pub(super) fn scene(run: &Run<'_>) -> Option<Scene> {
    let whole = Whole::of(run);
    let rows = run.tally.rows;
    let firsts: Vec<f64> = rows.iter().filter_map(|row| ttft_ns(run, row)).collect();
    let totals: Vec<f64> = rows.iter().filter_map(|row| whole.ns(row)).collect();
    if totals.len() < ANSWERS_LEAST {
        return None;
    }
    let ordered = sorted(totals.iter().copied());
    let (least, most) = (ordered[0], *ordered.last()?);
    let unit = Unit::of_most(most);
    let placed = rows.iter().any(Row::is_placed);
    let mut series = Vec::new();
    let mut end = None;
    if firsts.len() >= ANSWERS_LEAST {
        let curve = Curve { name: whole.ttft_label(), ink: Ink::Blue, dash: Dash::Dashed, unit };
        curve.draw(&firsts, placed, &mut series);
    }
    let curve = Curve { name: whole.label(), ink: Ink::Amber, dash: Dash::Solid, unit };
    end = curve.draw(&totals, placed, &mut series).or(end);
    if let Some(mark) = series.last_mut() {
        "slowest".clone_into(&mut mark.name);
    }
    let firsts_least = firsts.iter().copied().fold(least, f64::min);
    let scale = if most > 25.0 * firsts_least.max(1.0) { Scale::Log } else { Scale::Linear };
    let what = whole.title();
    let p50 = quantile(&ordered, Quantile::P50).map_or_else(String::new, words);
    let highest = words(most);
    let title = match end {
        Some((label, value)) => {
            format!("{what}: p50 {p50}, {label} {}, slowest {highest}", words(value))
        }
        None => format!("{what}: p50 {p50}, slowest {highest}"),
    };
    let how = match placed {
        true => "shaded: 95 % interval; dotted: none with both ends",
        false => "dotted: without the order in which they came, no interval",
    };
    let description = format!("{title}. {}. On it: {how}.", run.note());
    let note = format!("{}; {how}", run.note());
    let y = Axis::new(unit.title(whole.since()), scale);
    let panels = vec![Panel { y, height: 260.0, series }];
    let x = Axis::new("percentile of the answers, on a scale of 1/(1 − q)", Scale::Quantile);
    Some(Scene { title, note, description, x, panels })
}

/// Points of a curve.
type Points = Vec<(f64, f64)>;

struct Curve {
    name: &'static str,
    ink: Ink,
    dash: Dash,
    unit: Unit,
}

impl Curve {
    /// Adds band and curve of values in the order of arrival; returns the last quantile of
    /// [`NAMED`] with an interval and its value. Without that order there are no intervals.
    fn draw(&self, arrival: &[f64], ordered: bool, out: &mut Vec<Series>) -> Option<(String, f64)> {
        let sorted = sorted(arrival.iter().copied());
        let n = sorted.len();
        let quantiles = if ordered { quantiles(n) } else { Vec::new() };
        let mut last = None;
        let mut band = Vec::new();
        for q in quantiles {
            let x = 1.0 / (1.0 - q.fraction());
            let found = Percentile::of(arrival, &sorted, q, Confidence::PERCENT_95);
            let interval = found.as_ref().map(Percentile::interval);
            let Some((Some(lo), Some(hi))) = interval else {
                band.push((x, f64::INFINITY, f64::INFINITY));
                continue;
            };
            band.push((x, self.unit.of(lo), self.unit.of(hi)));
            if NAMED.contains(&q) {
                last = found.map(|found| (q.fraction(), found.value()));
            }
        }
        let points = curve(&sorted, self.unit);
        let end = *points.last()?;
        let (sure, rest) = parted(&points, &stretches(&band));
        out.push(Series::new("", self.ink, Shape::Band { points: band }));
        let step = |points, dash| Shape::Step { points, dash };
        let (sure_name, rest_name) =
            if sure.is_empty() { ("", self.name) } else { (self.name, "") };
        out.push(Series::new(sure_name, self.ink, step(sure, self.dash)));
        out.push(Series::new(rest_name, self.ink, step(rest, Dash::Dotted)));
        let most = Shape::Marks { points: vec![end], glyph: Glyph::Diamond };
        out.push(Series::new("", self.ink, most));
        last.map(|(fraction, value)| (label(fraction), value))
    }
}

/// From where to where a band is drawn: between neighbours of which each has an interval.
fn stretches(band: &[(f64, f64, f64)]) -> Vec<(f64, f64)> {
    let runs = band.split(|(_, lo, hi)| !lo.is_finite() || !hi.is_finite());
    runs.filter(|run| run.len() > 1).map(|run| (run[0].0, run[run.len() - 1].0)).collect()
}

/// A curve in two: what is within the stretches, and the rest of it; each is interrupted where it
/// is in the other.
fn parted(points: &[(f64, f64)], stretches: &[(f64, f64)]) -> (Points, Points) {
    let (Some(first), Some(end)) = (points.first(), points.last()) else {
        return (Vec::new(), Vec::new());
    };
    let piece = |from: f64, to: f64, out: &mut Vec<(f64, f64)>| {
        if to <= from {
            return;
        }
        if !out.is_empty() {
            out.push((from, f64::INFINITY));
        }
        // The value that holds at `from` began at the point before.
        let start = points.partition_point(|point| point.0 <= from).saturating_sub(1);
        let stop = points.partition_point(|point| point.0 <= to);
        out.push((from, points[start].1));
        out.extend(&points[(start + 1).min(stop)..stop]);
        out.push((to, points[stop.saturating_sub(1)].1));
    };
    let (mut sure, mut rest, mut at) = (Vec::new(), Vec::new(), first.0);
    for &(from, to) in stretches {
        piece(at, from, &mut rest);
        piece(from, to.min(end.0), &mut sure);
        at = to;
    }
    piece(at, end.0, &mut rest);
    (sure, rest)
}

/// The values at `1 / (1 - q)`: the `k`th of `n` begins at `n / (n - k + 1)`, the highest at `n`.
fn curve(sorted: &[f64], unit: Unit) -> Vec<(f64, f64)> {
    let n = sorted.len();
    let mut points: Vec<(f64, f64)> = Vec::new();
    let mut slot = -1;
    for (place, &value) in sorted.iter().enumerate() {
        let x = n as f64 / (n - place) as f64;
        let here = (x.log10() * VALUES) as i32;
        if here > slot || place + 1 == n {
            points.push((x, unit.of(value)));
            slot = here;
        }
    }
    points
}

/// Quantiles evenly spread over the nines that `n` values reach.
fn quantiles(n: usize) -> Vec<Quantile> {
    const DEN: u32 = 1_000_000;
    let decades = (n as f64).log10();
    let tail = |step: i32| 10_f64.powf(-f64::from(step) / f64::from(INTERVALS));
    let steps = 1..=(decades * f64::from(INTERVALS)) as i32;
    let mut found: Vec<Quantile> = steps
        .map(|step| DEN - (tail(step) * f64::from(DEN)).round() as u32)
        .filter_map(|num| Quantile::new(num, DEN))
        .collect();
    let within = |q: &Quantile| 1.0 / (1.0 - q.fraction()) <= n as f64;
    found.extend(NAMED.into_iter().filter(within).chain([Quantile::P50]));
    found.extend(Quantile::new(2, 100).into_iter().chain(Quantile::new(10, 100)));
    found.sort_by(|one, other| one.fraction().total_cmp(&other.fraction()));
    found.dedup();
    found
}

/// `p99.9`, with no more digits than tell it from 100.
fn label(fraction: f64) -> String {
    let percent = fraction * 100.0;
    let decimals = match 100.0 - percent {
        rest if rest >= 2.0 => 0,
        rest if rest >= 0.2 => 1,
        rest if rest >= 0.02 => 2,
        _ => 3,
    };
    // Never more than was borne.
    let scale = 10_f64.powi(decimals);
    let shown = (percent * scale + 1e-6).floor() / scale;
    format!("p{shown}")
}

#[cfg(test)]
mod tests {
    use super::{Curve, Shape, Unit, curve, label, parted, quantiles, stretches};
    use proofload_charts::{Dash, Ink};
    use proofload_stats::{Confidence, Percentile};

    #[test]
    fn the_curve_ends_at_the_highest_of_n() {
        let sorted: Vec<f64> = (1..=1_000).map(|value| f64::from(value) * 1e6).collect();
        let points = curve(&sorted, Unit::of_most(1e9));
        assert_eq!(points.first(), Some(&(1.0, 1.0)));
        assert_eq!(points.last(), Some(&(1_000.0, 1_000.0)));
        assert!(points.len() < 700);
    }

    #[test]
    fn nothing_is_shaded_that_has_no_interval() {
        // Times that rise and fall slowly: neighbours tell much of each other, so some have none.
        let mut missing = 0;
        for n in [20_u32, 60, 200, 700] {
            let wave = |at: u32| 1e8 * (2.0 + (f64::from(at) / f64::from(n) * 9.0).sin());
            let arrival: Vec<f64> = (0..n).map(wave).collect();
            let sorted = super::sorted(arrival.iter().copied());
            let unit = Unit::of_most(3e8);
            let (ink, dash) = (Ink::Blue, Dash::Solid);
            let mut series = Vec::new();
            Curve { name: "all", ink, dash, unit }.draw(&arrival, true, &mut series);
            let Shape::Band { points: band } = &series[0].shape else { panic!("{series:?}") };
            let Shape::Step { points: sure, .. } = &series[1].shape else { panic!("{series:?}") };
            for q in quantiles(n as usize) {
                let x = 1.0 / (1.0 - q.fraction());
                let found = Percentile::of(&arrival, &sorted, q, Confidence::PERCENT_95).unwrap();
                let has = matches!(found.interval(), (Some(_), Some(_)));
                missing += u32::from(!has);
                let point = band.iter().find(|point| point.0 == x).unwrap();
                assert_eq!(point.1.is_finite() && point.2.is_finite(), has, "n {n}, {x}");
                // A solid curve passes through none of those without one.
                let mut runs = sure.split(|point| !point.1.is_finite());
                let inside = runs.any(|run| {
                    run.first().is_some_and(|from| from.0 < x) && run[run.len() - 1].0 > x
                });
                assert!(has || !inside, "n {n}: solid at {x}");
            }
        }
        assert!(missing > 10, "{missing}");
    }

    #[test]
    fn a_curve_in_two_is_the_whole_curve() {
        let points = [(1.0, 5.0), (2.0, 6.0), (4.0, 7.0), (8.0, 9.0)];
        let none = f64::INFINITY;
        let band = [(1.5, 1.0, 2.0), (2.5, 1.0, 2.0), (3.0, none, none), (5.0, 1.0, 2.0)];
        assert_eq!(stretches(&band), [(1.5, 2.5)]);
        let (sure, rest) = parted(&points, &stretches(&band));
        assert_eq!(sure, [(1.5, 5.0), (2.0, 6.0), (2.5, 6.0)]);
        assert_eq!(rest[..2], [(1.0, 5.0), (1.5, 5.0)]);
        assert!(rest[2].1.is_infinite());
        assert_eq!(rest[3..], [(2.5, 6.0), (4.0, 7.0), (8.0, 9.0), (8.0, 9.0)]);
        let (sure, rest) = parted(&points, &[]);
        assert!(sure.is_empty() && rest.len() == 5, "{rest:?}");
    }

    #[test]
    fn quantiles_rise_and_stay_within_n() {
        for n in [20_usize, 1_000, 1_000_000] {
            let found = quantiles(n);
            assert!(found.windows(2).all(|pair| pair[0].fraction() < pair[1].fraction()));
            assert!(found.iter().all(|q| 1.0 / (1.0 - q.fraction()) <= n as f64 * 1.001), "{n}");
        }
    }

    #[test]
    fn a_percentile_is_named_by_what_tells_it_from_100() {
        for (fraction, want) in
            [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.986_7, "p98.6"), (0.999, "p99.9")]
        {
            assert_eq!(label(fraction), want);
        }
    }
}
