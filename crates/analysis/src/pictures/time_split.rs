//! Where the time of an answer went, stacked: what is ours, the server's, the network's.

use super::unit::{Unit, words};
use super::{ONE_BY_ONE, Run};
use crate::server::Parts;
use proofload_charts::{Axis, Cell, Ink, Panel, Scale, Scene, Series, Shape};
use proofload_record::{Row, Served};
use proofload_units::human_count;

/// Height of a bar with its room.
const ROW: f64 = 17.0;

/// A mean of fewer answers than this says little.
const ANSWERS_LEAST: usize = 5;

/// A part of an answer's time.
struct Part {
    name: &'static str,
    ink: Ink,
}

/// As the client saw it. Together these are the latency, to the nanosecond. An answer that was not
/// streamed is all wait for its first token.
const CLIENT: [Part; 5] = [
    Part { name: "our lateness", ink: Ink::Purple },
    Part { name: "wait for a connection", ink: Ink::Green },
    Part { name: "wait for the first token", ink: Ink::Blue },
    Part { name: "from the first token to the last", ink: Ink::Amber },
    Part { name: "end of the answer", ink: Ink::Grey },
];

/// The same in a sentence.
const SAID: [&str; 5] = [
    "our own lateness",
    "the wait for a connection",
    "the wait for the first token",
    "spent between the first token and the last",
    "spent after the last token",
];

/// With the server's log beside it, as `results.json` splits it.
const SERVER: [Part; 6] = [
    Part { name: "client", ink: Ink::Purple },
    Part { name: "network", ink: Ink::Grey },
    Part { name: "choice of a model", ink: Ink::Sky },
    Part { name: "queue", ink: Ink::Green },
    Part { name: "service", ink: Ink::Blue },
    Part { name: "unexplained", ink: Ink::Amber },
];

/// Parts in the order of their list, in nanoseconds.
type Times<const N: usize> = [f64; N];

pub(super) fn scene(run: &Run<'_>) -> Option<Scene> {
    let mut answers: Vec<&Row> =
        run.tally.rows.iter().filter(|row| row.end.is_ok() && client(row).is_some()).collect();
    if answers.is_empty() {
        return None;
    }
    let one_by_one = answers.len() <= ONE_BY_ONE;
    if !one_by_one {
        answers.sort_by_key(|row| (row.latency_ns(), row.index));
    }
    let groups = groups(run, &answers, one_by_one);
    let all = mean(&answers, client)?;
    let most = groups
        .iter()
        .filter_map(|(_, rows)| mean(rows, client))
        .map(|times| times.iter().sum())
        .fold(0.0, f64::max);
    let unit = Unit::of_most(most);
    let what = if one_by_one { "as the client saw it" } else { "as the client saw it, means" };
    let mut panels = vec![panel(what, &CLIENT, (&groups, &answers), client, unit)];
    let served = |row: &Row| {
        let served = run.dir.server()?.get(row.index)?;
        server(row, served)
    };
    if answers.iter().any(|row| served(row).is_some()) {
        let what = "with the server's log, requests that are in both";
        panels.push(panel(what, &SERVER, (&groups, &answers), served, unit));
    }
    let total: f64 = all.iter().sum();
    let largest = (0..).zip(all).max_by(|one: &(usize, f64), other| one.1.total_cmp(&other.1))?;
    let title = format!(
        "{:.0} % of the mean latency of {} was {}",
        100.0 * largest.1 / total.max(1.0),
        words(total),
        SAID[largest.0]
    );
    let each = all.iter().zip(&CLIENT).map(|(ns, part)| format!("{} {}", part.name, words(*ns)));
    let each: Vec<String> = each.collect();
    let description = format!("{title}. Means: {}. {}.", each.join(", "), run.note());
    let x = Axis::new(unit.title("time since due"), Scale::Linear);
    Some(Scene { title, note: run.note(), description, x, panels })
}

/// Each answer by itself, or all and their fast and slow parts.
fn groups<'a>(run: &Run<'_>, answers: &[&'a Row], one_by_one: bool) -> Vec<(String, Vec<&'a Row>)> {
    if one_by_one {
        return answers.iter().map(|row| (run.id(row), vec![*row])).collect();
    }
    let n = answers.len();
    [
        ("all answers", 0, n),
        ("fastest half", 0, n / 2),
        ("slowest half", n / 2, n),
        ("slowest 10 %", n - n.div_ceil(10), n),
        ("slowest 1 %", n - n.div_ceil(100), n),
    ]
    .into_iter()
    .filter(|(_, from, to)| to - from >= ANSWERS_LEAST)
    .map(|(name, from, to)| {
        let rows = answers[from..to].to_vec();
        (format!("{name} (n {})", human_count(rows.len() as u64)), rows)
    })
    .collect()
}

/// The parts of an answer's time as the client saw them, in nanoseconds.
fn client(row: &Row) -> Option<Times<5>> {
    let part = |ns: Option<u64>| ns.unwrap_or(0) as f64;
    row.latency_ns()?;
    let first = row.first_token.get().map_or(row.done, |_| row.first_token);
    let last = row.last_token.get().map_or(row.done, |_| row.last_token);
    Some([
        part(row.lateness_ns()),
        part(row.connection_wait_ns()),
        part(first.since(row.connected)),
        part(last.since(first)),
        part(row.done.since(last)),
    ])
}

/// The parts of an answer's time with the server's account of it.
fn server(row: &Row, served: &Served) -> Option<Times<6>> {
    let parts = Parts::of(row, served)?;
    Some([
        parts.client,
        parts.network,
        parts.classification,
        parts.queue,
        parts.service,
        parts.unexplained,
    ])
}

/// The mean of every part over those rows that have them. Means of parts add up; percentiles of
/// parts would not.
fn mean<const N: usize>(rows: &[&Row], of: impl Fn(&Row) -> Option<Times<N>>) -> Option<Times<N>> {
    let mut sum = [0.0; N];
    let mut n = 0.0;
    for times in rows.iter().filter_map(|row| of(row)) {
        sum.iter_mut().zip(times).for_each(|(sum, ns)| *sum += ns);
        n += 1.0;
    }
    (n > 0.0).then(|| sum.map(|sum| sum / n))
}

/// Bars of parts, with the shares of the wide ones in them, and in the legend those of all answers.
fn panel<const N: usize>(
    what: &str,
    parts: &[Part; N],
    (groups, all): (&[(String, Vec<&Row>)], &[&Row]),
    of: impl Fn(&Row) -> Option<Times<N>>,
    unit: Unit,
) -> Panel {
    let mut cells: [Vec<Cell>; N] = std::array::from_fn(|_| Vec::new());
    let mut words = Vec::new();
    let together = groups.len() < all.len();
    for (place, (_, rows)) in groups.iter().enumerate() {
        let Some(times) = mean(rows, &of) else { continue };
        let middle = place as f64;
        let sum: f64 = times.iter().map(|ns| ns.max(0.0)).sum();
        let mut from = 0.0;
        for ((cells, part), ns) in cells.iter_mut().zip(parts).zip(times) {
            // What cannot be is in the guard-rails; a bar has no negative part.
            let to = from + unit.of(ns.max(0.0));
            if ns > 0.0 {
                let cell = Cell { x: (from, to), y: (middle - 0.36, middle + 0.36) };
                cells.push(cell);
                if together {
                    let text = share(ns, sum);
                    words.push(Series::new("", part.ink, Shape::Inside { cell, text }));
                }
            }
            from = to;
        }
    }
    let names = groups.iter().map(|(name, _)| name.clone()).collect();
    let means = mean(all, &of).unwrap_or([0.0; N]).map(|ns| ns.max(0.0));
    let sum = means.iter().sum();
    let name = |part: &Part, ns| format!("{} {}", part.name, share(ns, sum));
    let bars =
        parts.iter().zip(means).zip(cells).map(|((part, ns), cells)| {
            Series::new(name(part, ns), part.ink, Shape::Cells { cells })
        });
    let series = bars.chain(words).collect();
    let row = if groups.len() <= 8 { 26.0 } else { ROW };
    Panel { y: Axis::new(what, Scale::Names(names)), height: row * groups.len() as f64, series }
}

/// A share in percent, with a digit more where it is small.
fn share(part: f64, of: f64) -> String {
    match 100.0 * part / of.max(1.0) {
        share if share >= 1.0 => format!("{share:.0} %"),
        share if share >= 0.05 => format!("{share:.1} %"),
        share if share > 0.0 => "<0.1 %".to_owned(),
        _ => "0 %".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{client, share};
    use proofload_record::{End, Outcome, Row, Stamp};

    fn row() -> Row {
        let mut row = Row::new(0, 0, 0, Stamp::at(100), End::Sent(Outcome::Ok));
        row.started = Stamp::at(110);
        row.connected = Stamp::at(140);
        row.written = Stamp::at(150);
        row.first_token = Stamp::at(400);
        row.last_token = Stamp::at(1_000);
        row.done = Stamp::at(1_100);
        row
    }

    #[test]
    fn a_share_is_never_rounded_to_nothing() {
        for (part, want) in [(52.4, "52 %"), (0.31, "0.3 %"), (0.01, "<0.1 %"), (0.0, "0 %")] {
            assert_eq!(share(part, 100.0), want);
        }
        assert_eq!(share(0.0, 0.0), "0 %");
    }

    #[test]
    fn the_parts_are_the_latency() {
        assert_eq!(client(&row()), Some([10.0, 30.0, 260.0, 600.0, 100.0]));
        let mut unstreamed = row();
        (unstreamed.first_token, unstreamed.last_token) = (Stamp::NONE, Stamp::NONE);
        assert_eq!(client(&unstreamed), Some([10.0, 30.0, 960.0, 0.0, 0.0]));
    }
}
