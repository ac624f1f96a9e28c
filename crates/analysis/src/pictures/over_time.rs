//! Times over time: a mark a request, or what its neighbours did together where there are many.

use super::timing::sorted;
use super::unit::{self, Unit, words};
use super::{Limit, MARKS_MOST, Run, stretches};
use proofload_charts::{Axis, Dash, Glyph, Ink, Panel, Scale, Scene, Series, Shape};
use proofload_record::Row;
use proofload_stats::{Quantile, quantile};
use proofload_units::human_count;
use proofload_verdict::slo::Timing;

/// Answers in a stretch from which on its p99 means something.
const P99_LEAST: usize = 100;

/// What tells limits apart. More of them would hide what they are for.
const LIMITS: [Dash; 4] = [Dash::Dashed, Dash::Dotted, Dash::Solid, Dash::Dashed];

/// Failures from which on they have a panel of their own, or they would cover the answers.
const FAILURES_APART: usize = 60;

/// A value at a moment, both in nanoseconds.
#[derive(Clone, Copy)]
struct Moment {
    at: f64,
    ns: f64,
    /// Of which request.
    index: u32,
}

/// Time to the first token and latency by when a request was due, with the objective and failures.
pub(super) fn latencies(run: &Run<'_>) -> Option<Scene> {
    let rows = run.dir.rows();
    let at = |row: &Row| row.due.get().map(|ns| ns as f64);
    let moments = |of: &dyn Fn(&Row) -> Option<u64>, ok: bool| -> Vec<Moment> {
        let moment = |row: &Row| {
            let ns = of(row).filter(|_| row.end.is_ok() == ok)? as f64;
            Some(Moment { at: at(row)?, ns, index: row.index })
        };
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
        panels.push(panel(&what, &first, &[], &run.asked(Timing::Ttft).collect::<Vec<_>>()));
    }
    let what = What { name: "latency", ink: Ink::Green, height: 190.0 };
    let mut limits = vec![own_limit(run)];
    limits.extend(run.asked(Timing::Latency));
    limits.extend(run.asked(Timing::TotalLatency));
    panels.extend(with_failures(&what, &latency, &failed, &limits));
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
            Some(Moment { at, ns: ns as f64, index: row.index })
        };
        let mut moments: Vec<Moment> = rows.iter().filter_map(moment).collect();
        moments.sort_by(|one, other| one.at.total_cmp(&other.at));
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
    let own = (!is_placed).then(|| own_limit(run));
    let limits: Vec<Limit> = own.into_iter().chain(run.asked(Timing::ClientDuration)).collect();
    let mut panels = with_failures(&what, &answered, &failed, &limits);
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

/// The objective that every run has.
fn own_limit(run: &Run<'_>) -> Limit {
    Limit { name: unit::limit(run.limit_ns()), ns: run.limit_ns(), class: None }
}

/// Answers and failures in one panel, or in two where the failures are many.
fn with_failures(
    what: &What,
    answered: &[Moment],
    failed: &[Moment],
    limits: &[Limit],
) -> Vec<Panel> {
    if failed.len() <= FAILURES_APART || answered.is_empty() {
        return vec![panel(what, answered, failed, limits)];
    }
    let apart = What { name: "failed, after this time", ink: Ink::Failure, height: 80.0 };
    vec![panel(what, answered, &[], limits), panel(&apart, &[], failed, &[])]
}

fn panel(what: &What, answered: &[Moment], failed: &[Moment], limits: &[Limit]) -> Panel {
    let values = sorted(answered.iter().chain(failed).map(|moment| moment.ns));
    let most = values.last().copied().unwrap_or(0.0);
    let middle = quantile(&values, Quantile::P50).unwrap_or(0.0);
    let unit = Unit::of_most(most);
    let scale = if most > 12.0 * middle.max(1.0) { Scale::Log } else { Scale::Linear };
    let place = |at: f64, ns: f64| (Unit::S.of(at), unit.of(ns));
    let mut series = Vec::new();
    if answered.len() <= MARKS_MOST {
        series.extend(one_by_one(answered, what.ink, limits, place));
    } else {
        series.extend(together(answered, what.ink, place));
    }
    let limit = |(limit, dash): (&Limit, Dash)| {
        let shape = Shape::Limit { y: unit.of(limit.ns), dash };
        Series::new(limit.name.clone(), Ink::Limit, shape)
    };
    series.extend(limits.iter().zip(LIMITS).map(limit));
    let points = failed.iter().map(|moment| place(moment.at, moment.ns)).collect();
    let crosses = Shape::Marks { points, glyph: Glyph::Cross };
    series.push(Series::new("failed, after this time", Ink::Failure, crosses));
    Panel { y: Axis::new(unit.title(what.name), scale), height: what.height, series }
}

/// A dot an answer. Those that the one objective of a class is not about are grey, since its line
/// says nothing of them.
fn one_by_one(
    answered: &[Moment],
    ink: Ink,
    limits: &[Limit],
    place: impl Fn(f64, f64) -> (f64, f64),
) -> Vec<Series> {
    let dots = |name: String, ink: Ink, meant: &dyn Fn(&Moment) -> bool| {
        let of = answered.iter().filter(|moment| meant(moment));
        let points = of.map(|moment| place(moment.at, moment.ns)).collect();
        Series::new(name, ink, Shape::Marks { points, glyph: Glyph::Dot })
    };
    let mut classes = limits.iter().filter_map(|limit| limit.class.as_ref());
    match (classes.next(), classes.next()) {
        (Some(class), None) => {
            let meant = |moment: &Moment| class.rows.contains(&moment.index);
            vec![
                dots("another answer".to_owned(), Ink::Grey, &|moment| !meant(moment)),
                dots(format!("one of {}", class.name), ink, &meant),
            ]
        }
        _ => vec![dots("one answer".to_owned(), ink, &|_| true)],
    }
}

/// Least to most, median and p99 of the answers of each stretch of time.
fn together(answered: &[Moment], ink: Ink, place: impl Fn(f64, f64) -> (f64, f64)) -> Vec<Series> {
    let (first, last) = answered
        .iter()
        .fold((f64::MAX, 0.0), |(first, last), moment| (moment.at.min(first), moment.at.max(last)));
    let count = stretches(answered.len());
    let width = ((last - first) / count).max(1.0);
    let mut stretches: Vec<Vec<f64>> = vec![Vec::new(); count as usize + 1];
    for moment in answered {
        stretches[((moment.at - first) / width) as usize].push(moment.ns);
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
        let value = |ns: Option<f64>| place(middle(at), ns.unwrap_or(f64::NAN));
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
    use super::{Moment, together};
    use proofload_charts::{Ink, Shape};

    #[test]
    fn the_worst_of_every_stretch_stays() {
        let moment = |index| Moment { at: f64::from(index), ns: f64::from(index % 997), index };
        let moments: Vec<Moment> = (0..50_000).map(moment).collect();
        let series = together(&moments, Ink::Blue, |at, ns| (at, ns));
        let Shape::Band { points } = &series[0].shape else { panic!("{series:?}") };
        let highest = points.iter().map(|point| point.2).fold(0.0, f64::max);
        assert_eq!(highest, 996.0);
        assert_eq!(points.len(), 120);
        assert_eq!(series.len(), 3, "416 answers a stretch have a p99");
    }
}
