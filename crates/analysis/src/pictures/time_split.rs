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
    Part { name: "wait for a connection", ink: Ink::Grey },
    Part { name: "wait for the first token", ink: Ink::Blue },
    Part { name: "from the first token to the last", ink: Ink::Amber },
    Part { name: "end of the answer", ink: Ink::Green },
];

/// The same in a sentence.
const SAID: [&str; 5] = [
    "our own lateness",
    "the wait for a connection",
    "the wait for the first token",
    "spent between the first token and the last",
    "spent after the last token",
];

/// With the server's log beside it, as `results.json` splits it. What is ours and what is the
/// network's look as above; the server's own parts have inks that mean nothing else.
const SERVER: [Part; 6] = [
    Part { name: "client", ink: Ink::Purple },
    Part { name: "network", ink: Ink::Grey },
    Part { name: "choice of a model", ink: Ink::Sky },
    Part { name: "queue", ink: Ink::Yellow },
    Part { name: "service", ink: Ink::Brown },
    Part { name: "unexplained", ink: Ink::Slate },
];

/// The same in a sentence.
const SAID_SERVER: [&str; 6] = [
    "the client's own",
    "the network's",
    "the server's choice of a model",
    "spent in the server's queue",
    "the server's service",
    "not explained by the server's log",
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
    let most = answers.iter().filter_map(|row| row.latency_ns()).max()? as f64;
    // Means of few and of many differ too much for one scale; their shares do not.
    let scale = if one_by_one { Bars::Times(Unit::of_most(most)) } else { Bars::Shares };
    let what = if one_by_one { "as the client saw it" } else { "as the client saw it, means" };
    let mut panels = vec![panel(what, &CLIENT, (&groups, &answers), client, scale)];
    let served = |row: &Row| {
        let served = run.dir.server()?.get(row.index)?;
        server(row, served)
    };
    let mut title = told(all, SAID)?;
    if let Some(logged) = mean(&answers, served) {
        let what = "with the server's log, requests that are in both";
        panels.push(panel(what, &SERVER, (&groups, &answers), served, scale));
        title = told(logged, SAID_SERVER)?;
    }
    let each = all.iter().zip(&CLIENT).map(|(ns, part)| format!("{} {}", part.name, words(*ns)));
    let each: Vec<String> = each.collect();
    let description = format!("{title}. Means: {}. {}.", each.join(", "), run.note());
    let x = match scale {
        Bars::Times(unit) => Axis::new(unit.title("time since due"), Scale::Linear),
        Bars::Shares => Axis::new("share of the mean latency, %", Scale::Linear).over(0.0, 100.0),
    };
    Some(Scene { title, note: run.note(), description, x, panels })
}

/// What a bar's length is.
#[derive(Clone, Copy)]
enum Bars {
    Times(Unit),
    /// Of the mean, which stands beside the bar.
    Shares,
}

/// The largest part in a sentence.
fn told<const N: usize>(means: Times<N>, said: [&str; N]) -> Option<String> {
    let means = means.map(|ns| ns.max(0.0));
    let total: f64 = means.iter().sum();
    let (ns, said) = means.into_iter().zip(said).max_by(|one, other| one.0.total_cmp(&other.0))?;
    Some(format!(
        "{:.0} % of the mean latency of {} was {said}",
        100.0 * ns / total.max(1.0),
        words(total)
    ))
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
    .map(|(name, from, to)| (name.to_owned(), answers[from..to].to_vec()))
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
    scale: Bars,
) -> Panel {
    let mut cells: [Vec<Cell>; N] = std::array::from_fn(|_| Vec::new());
    let mut shares = Vec::new();
    let mut names = Vec::new();
    for (place, (name, rows)) in groups.iter().enumerate() {
        let times = mean(rows, &of);
        // What cannot be is in the guard-rails; a bar has no negative part.
        let sum: f64 = times.iter().flatten().map(|ns| ns.max(0.0)).sum();
        names.push(match scale {
            Bars::Times(_) => name.clone(),
            Bars::Shares => {
                let n = rows.iter().filter(|row| of(row).is_some()).count() as u64;
                format!("{name}: {}, n {}", words(sum), human_count(n))
            }
        });
        let Some(times) = times else { continue };
        let middle = place as f64;
        let mut from = 0.0;
        for ((cells, part), ns) in cells.iter_mut().zip(parts).zip(times) {
            let length = match scale {
                Bars::Times(unit) => unit.of(ns.max(0.0)),
                Bars::Shares => 100.0 * ns.max(0.0) / sum.max(1.0),
            };
            let to = from + length;
            if ns > 0.0 {
                let cell = Cell { x: (from, to), y: (middle - 0.36, middle + 0.36) };
                cells.push(cell);
                if matches!(scale, Bars::Shares) {
                    let text = share(ns, sum);
                    shares.push(Series::new("", part.ink, Shape::Inside { cell, text }));
                }
            }
            from = to;
        }
    }
    let means = mean(all, &of).unwrap_or([0.0; N]).map(|ns| ns.max(0.0));
    let sum = means.iter().sum();
    let name = |part: &Part, ns| format!("{} {}", part.name, share(ns, sum));
    let bars =
        parts.iter().zip(means).zip(cells).map(|((part, ns), cells)| {
            Series::new(name(part, ns), part.ink, Shape::Cells { cells })
        });
    let series = bars.chain(shares).collect();
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
