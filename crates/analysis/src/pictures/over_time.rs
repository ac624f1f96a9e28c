//! Times over time: a mark a request, or what its neighbours did together where there are many.

use super::timing::sorted;
use super::unit::{self, Unit, words};
use super::{MARKS_MOST, Run, stretches};
use proofload_charts::{Axis, Dash, Glyph, Ink, Panel, Scale, Scene, Series, Shape};
use proofload_record::Row;
use proofload_stats::{Quantile, quantile};
use proofload_units::human_count;
use proofload_verdict::slo::Timing;

/// Answers in a stretch from which on its p99 means something.
const P99_LEAST: usize = 100;

/// What tells limits apart. More of them would hide what they are for.
const LIMITS: [Dash; 4] = [Dash::Dashed, Dash::Dotted, Dash::Solid, Dash::Dashed];

/// A value at a moment, both in nanoseconds.
type Moment = (f64, f64);

/// Time to the first token and latency by when a request was due, with the objective and failures.
pub(super) fn latencies(run: &Run<'_>) -> Option<Scene> {
    let rows = run.dir.rows();
    let at = |row: &Row| row.due.get().map(|ns| ns as f64);
    let moments = |of: &dyn Fn(&Row) -> Option<u64>, ok: bool| -> Vec<Moment> {
        let moment =
            |row: &Row| Some((at(row)?, of(row).filter(|_| row.end.is_ok() == ok)? as f64));
        rows.iter().filter_map(moment).collect()
    };
    let first = moments(&Row::ttft_ns, true);
    let latency = moments(&Row::latency_ns, true);
    let failed = moments(&|row| row.latency_ns().or(Some(0)), false);
    if latency.is_empty() && failed.is_empty() {
        return None;
    }
    let mut panels = Vec::new();
    if !first.is_empty() {
        let what = What { name: "time to the first token", ink: Ink::Blue, height: 150.0 };
        panels.push(panel(&what, &first, &[], run.asked(Timing::Ttft).collect()));
    }
    let what = What { name: "latency", ink: Ink::Green, height: 190.0 };
    let mut limits = vec![(unit::limit(run.limit_ns()), run.limit_ns())];
    limits.extend(run.asked(Timing::Latency));
    limits.extend(run.asked(Timing::TotalLatency));
    panels.push(panel(&what, &latency, &failed, limits));
    warm_up(run, &mut panels);
    let slowest =
        run.tally.rows.iter().filter(|row| row.end.is_ok()).max_by_key(|row| row.latency_ns());
    let slowest = slowest.and_then(|row| Some((at(row)?, row.latency_ns()? as f64)));
    let failures = run.n - run.ok;
    let which = if run.ok == 1 { "one" } else { "slowest" };
    let title = match (slowest, failures) {
        (Some((at, ns)), failures) => {
            let failed = match failures {
                0 => String::new(),
                count => format!("; {} failed", requests(count)),
            };
            let when = if at > 0.0 { format!("{} after", words(at)) } else { "at".to_owned() };
            format!("The {which} answer took {} and was due {when} the start{failed}", words(ns))
        }
        (None, count) => format!("No answer: all of {} failed", requests(count)),
    };
    let description = format!("{title}. {}.", run.note());
    let x = Axis::new("when it was due, since the start", Scale::Time);
    Some(Scene { title, note: run.note(), description, x, panels })
}

/// From sent to the end of the answer, by when it was sent; of an imported run, whose requests have
/// no place in time, by their order in the file.
pub(super) fn client_duration(run: &Run<'_>) -> Option<Scene> {
    let rows = run.dir.rows();
    let is_placed = rows.iter().any(Row::is_placed);
    let moments = |ok: bool| -> Vec<Moment> {
        let moment = |row: &Row| {
            let ns = row
                .client_duration_ns()
                .filter(|_| row.end.is_ok() == ok && row.is_placed() == is_placed)?;
            let at = match is_placed {
                true => row.started.get()? as f64,
                // The axis is in billions of what moments are in.
                false => (f64::from(row.index) + 1.0) * 1e9,
            };
            Some((at, ns as f64))
        };
        let mut moments: Vec<Moment> = rows.iter().filter_map(moment).collect();
        moments.sort_by(|one, other| one.0.total_cmp(&other.0));
        moments
    };
    let (answered, failed) = (moments(true), moments(false));
    let counted = run.tally.rows.iter().filter(|row| row.end.is_ok());
    let all = sorted(counted.filter_map(Row::client_duration_ns).map(|ns| ns as f64));
    let title = match (quantile(&all, Quantile::P50), all.last()) {
        (_, Some(one)) if all.len() == 1 => {
            format!("The one answer took the client {}", words(*one))
        }
        (Some(p50), Some(most)) => format!(
            "Client duration: half of the answers within {}, slowest {}",
            words(p50),
            words(*most)
        ),
        _ if failed.is_empty() => return None,
        _ => format!("The client had no answer: all of {} failed", requests(run.n - run.ok)),
    };
    let what = What { name: "client duration", ink: Ink::Blue, height: 220.0 };
    // Of an imported run it is all that the objective on latency can be about.
    let own = (!is_placed).then(|| (unit::limit(run.limit_ns()), run.limit_ns()));
    let limits = own.into_iter().chain(run.asked(Timing::ClientDuration)).collect();
    let mut panels = vec![panel(&what, &answered, &failed, limits)];
    warm_up(run, &mut panels);
    let description = format!("{title}. {}.", run.note());
    let x = match is_placed {
        true => Axis::new("when it was sent, since the start", Scale::Time),
        false => Axis::new("request, in the order of the file", Scale::Count),
    };
    Some(Scene { title, note: run.note(), description, x, panels })
}

fn requests(count: u64) -> String {
    match count {
        1 => "1 request".to_owned(),
        count => format!("{} requests", human_count(count)),
    }
}

/// The warm-up as a stretch of time, in every panel.
pub(super) fn warm_up(run: &Run<'_>, panels: &mut [Panel]) {
    let count = run.dir.manifest().warmup_requests as u32;
    let due = |place: u32| run.dir.plan().get(place).map(|planned| planned.due_ns as f64);
    let (Some(from), Some(to)) = (due(0).filter(|_| count > 0), due(count)) else { return };
    let (from, to) = (Unit::S.of(from), Unit::S.of(to));
    for (place, panel) in panels.iter_mut().enumerate() {
        let name = if place == 0 { "warm-up" } else { "" };
        panel.series.insert(0, Series::new(name, Ink::Grey, Shape::Span { from, to }));
    }
}

/// What a panel is of.
struct What {
    name: &'static str,
    ink: Ink,
    height: f64,
}

fn panel(what: &What, answered: &[Moment], failed: &[Moment], limits: Vec<(String, f64)>) -> Panel {
    let values = sorted(answered.iter().chain(failed).map(|moment| moment.1));
    let most = values.last().copied().unwrap_or(0.0);
    let middle = quantile(&values, Quantile::P50).unwrap_or(0.0);
    let unit = Unit::of_most(most);
    let scale = if most > 12.0 * middle.max(1.0) { Scale::Log } else { Scale::Linear };
    let place = |&(at, ns): &Moment| (Unit::S.of(at), unit.of(ns));
    let mut series = Vec::new();
    if answered.len() <= MARKS_MOST {
        let points = answered.iter().map(place).collect();
        series.push(Series::new(
            "one answer",
            what.ink,
            Shape::Marks { points, glyph: Glyph::Dot },
        ));
    } else {
        series.extend(together(answered, what.ink, place));
    }
    let limit = |((name, ns), dash): ((String, f64), Dash)| {
        Series::new(name, Ink::Limit, Shape::Limit { y: unit.of(ns), dash })
    };
    series.extend(limits.into_iter().zip(LIMITS).map(limit));
    let points = failed.iter().map(place).collect();
    let crosses = Shape::Marks { points, glyph: Glyph::Cross };
    series.push(Series::new("failed, after this time", Ink::Failure, crosses));
    Panel { y: Axis::new(unit.title(what.name), scale), height: what.height, series }
}

/// Least to most, median and p99 of the answers of each stretch of time.
fn together(answered: &[Moment], ink: Ink, place: impl Fn(&Moment) -> (f64, f64)) -> Vec<Series> {
    let (first, last) = answered
        .iter()
        .fold((f64::MAX, 0.0), |(first, last), moment| (moment.0.min(first), moment.0.max(last)));
    let count = stretches(answered.len());
    let width = ((last - first) / count).max(1.0);
    let mut stretches: Vec<Vec<f64>> = vec![Vec::new(); count as usize + 1];
    for moment in answered {
        stretches[((moment.0 - first) / width) as usize].push(moment.1);
    }
    // The last moment alone would be a stretch of its own.
    let end = stretches.pop().unwrap_or_default();
    if let Some(stretch) = stretches.last_mut() {
        stretch.extend(end);
    }
    for stretch in &mut stretches {
        stretch.sort_unstable_by(f64::total_cmp);
    }
    let middle = |place: usize| first + (place as f64 + 0.5) * width;
    let (mut range, mut medians, mut tails) = (Vec::new(), Vec::new(), Vec::new());
    for (at, stretch) in stretches.iter().enumerate() {
        let value = |ns: Option<f64>| place(&(middle(at), ns.unwrap_or(f64::NAN)));
        let (x, least) = value(stretch.first().copied());
        range.push((x, least, value(stretch.last().copied()).1));
        medians.push(value(quantile(stretch, Quantile::P50)));
        let enough = stretch.len() >= P99_LEAST;
        tails.push(value(quantile(stretch, Quantile::P99).filter(|_| enough)));
    }
    let mut series = vec![
        Series::new("fastest to slowest", ink, Shape::Band { points: range }),
        Series::new("p50", ink, Shape::Line { points: medians, dash: Dash::Solid }),
    ];
    if tails.iter().any(|(_, y)| y.is_finite()) {
        series.push(Series::new("p99", ink, Shape::Line { points: tails, dash: Dash::Dashed }));
    }
    series
}

#[cfg(test)]
mod tests {
    use super::together;
    use proofload_charts::{Ink, Shape};

    #[test]
    fn the_worst_of_every_stretch_stays() {
        let moments: Vec<(f64, f64)> =
            (0..50_000).map(|place| (f64::from(place), f64::from(place % 997))).collect();
        let series = together(&moments, Ink::Blue, |moment| *moment);
        let Shape::Band { points } = &series[0].shape else { panic!("{series:?}") };
        let highest = points.iter().map(|point| point.2).fold(0.0, f64::max);
        assert_eq!(highest, 996.0);
        assert_eq!(points.len(), 120);
        assert_eq!(series.len(), 3, "416 answers a stretch have a p99");
    }
}
