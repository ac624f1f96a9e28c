//! A snapshot in words: six lines, or one.

use proofload_units::{human_count, human_duration};

use crate::pace::Rates;
use crate::{Snapshot, Times};

/// Columns of the names at the left, with the blanks after them.
const NAME_COLUMNS: usize = 14;
/// Columns of the bar, its ends included: as many as there are left, within these.
const BAR_COLUMNS: std::ops::RangeInclusive<usize> = 12..=32;

/// The six lines, each of at most `columns` characters. What matters less stands further right and
/// is left out where there is no room.
pub(crate) fn lines(now: &Snapshot, rates: Rates, simulated: bool, columns: usize) -> [String; 6] {
    let name = if simulated { "SIMULATED" } else { "time" };
    let time = if now.elapsed_ns < now.span_ns {
        vec![of_span(now), format!("{} left", human_duration(now.span_ns - now.elapsed_ns))]
    } else {
        vec![of_span(now)]
    };
    [
        with_bar(line(name, &time, columns), now, columns),
        line("rate", &rate(now, rates), columns),
        line("in flight", &in_flight(now), columns),
        line("TTFT", &times(now.ttft), columns),
        line("errors", &errors(now), columns),
        line("our lateness", &times(now.lateness), columns),
    ]
}

/// What matters most in one line of at most `columns` characters; the time and SIMULATED are first.
pub(crate) fn one_line(now: &Snapshot, simulated: bool, columns: usize) -> String {
    let failed = now.failed();
    let first = if simulated { "SIMULATED " } else { "" };
    let parts = [
        Some(of_span(now)),
        Some(format!("{}/{} sent", human_count(now.released), human_count(now.planned))),
        (failed > 0).then(|| format!("{} failed", human_count(failed))),
        Some(format!("{} in flight", human_count(now.in_flight))),
        now.ttft.map(|ttft| format!("TTFT p99 {}", human_duration(ttft.p99_ns))),
    ];
    fitted(first.to_owned(), parts.into_iter().flatten(), columns)
}

fn line(name: &str, parts: &[String], columns: usize) -> String {
    fitted(format!("{name:<NAME_COLUMNS$}"), parts, columns)
}

/// `first` with as many of `parts` as there is room for, in their order; the first is cut instead.
fn fitted<T: AsRef<str>>(
    first: String,
    parts: impl IntoIterator<Item = T>,
    columns: usize,
) -> String {
    let mut line = first;
    for (place, part) in parts.into_iter().enumerate() {
        let (comma, part) = (if place == 0 { "" } else { ", " }, part.as_ref());
        let length = line.chars().count() + comma.len() + part.chars().count();
        if place > 0 && length > columns {
            break;
        }
        line.push_str(comma);
        line.push_str(part);
    }
    match line.char_indices().nth(columns) {
        Some((end, _)) => line[..end].to_owned(),
        None => line,
    }
}

fn of_span(now: &Snapshot) -> String {
    let elapsed = human_duration(now.elapsed_ns);
    if now.elapsed_ns < now.span_ns {
        format!("{elapsed} of {}", human_duration(now.span_ns))
    } else {
        elapsed
    }
}

/// A bar of the requests that have ended, where there is room for one after `line`.
fn with_bar(line: String, now: &Snapshot, columns: usize) -> String {
    let room = columns.saturating_sub(line.chars().count() + 2);
    let inside = room.min(*BAR_COLUMNS.end()).saturating_sub(2);
    if room < *BAR_COLUMNS.start() || now.planned == 0 {
        return line;
    }
    let share = now.finished().min(now.planned) as f64 / now.planned as f64;
    let full = (share * inside as f64) as usize;
    format!("{line}  [{:-<inside$}]", "#".repeat(full))
}

fn rate(now: &Snapshot, rates: Rates) -> [String; 3] {
    let (released, planned) = (human_count(now.released), human_count(now.planned));
    [
        format!("offered {}/s", human_rate(rates.offered)),
        format!("completed {}/s", human_rate(rates.completed)),
        format!("{released} of {planned} sent"),
    ]
}

/// Tenths matter below a hundred.
fn human_rate(rate: f64) -> String {
    if rate < 99.95 { format!("{rate:.1}") } else { human_count(rate.round() as u64) }
}

fn in_flight(now: &Snapshot) -> Vec<String> {
    let waiting = now.waiting.min(now.in_flight);
    let waiting =
        (waiting > 0).then(|| format!("{} of them waiting for a permit", human_count(waiting)));
    std::iter::once(human_count(now.in_flight)).chain(waiting).collect()
}

fn times(times: Option<Times>) -> Vec<String> {
    let Some(Times { n, p50_ns, p99_ns }) = times else { return vec!["none yet".to_owned()] };
    vec![
        format!("p50 {}", human_duration(p50_ns)),
        format!("p99 {}", human_duration(p99_ns)),
        format!("of {} so far", human_count(n)),
    ]
}

/// The sum, then what it is made of, most first.
fn errors(now: &Snapshot) -> Vec<String> {
    let failed = now.failed();
    if failed == 0 {
        return vec!["none".to_owned()];
    }
    let mut errors: Vec<_> = now.errors.iter().filter(|&&(_, count)| count > 0).collect();
    errors.sort_by_key(|&&(_, count)| std::cmp::Reverse(count));
    let sum = format!("{} of {} ended", human_count(failed), human_count(now.finished()));
    let each = errors.iter().map(|(name, count)| format!("{name} {}", human_count(*count)));
    std::iter::once(sum).chain(each).collect()
}

#[cfg(test)]
mod tests {
    use super::{lines, one_line};
    use crate::pace::Rates;
    use crate::{Snapshot, Times};
    use proptest::prelude::*;

    fn midway() -> Snapshot {
        Snapshot {
            planned: 12_000,
            released: 1_234,
            ok: 1_197,
            errors: vec![("http_4xx", 0), ("tls", 1), ("timeout_total", 2)],
            in_flight: 34,
            waiting: 2,
            elapsed_ns: 12_340_000_000,
            span_ns: 60_000_000_000,
            ttft: Some(Times { n: 1_197, p50_ns: 12_340_000, p99_ns: 45_600_000 }),
            lateness: Some(Times { n: 1_200, p50_ns: 52_000, p99_ns: 120_000 }),
        }
    }

    #[test]
    fn six_lines() {
        let rates = Rates { offered: 100.04, completed: 97.34 };
        let tail = Snapshot {
            elapsed_ns: 75_000_000_000,
            released: 12_000,
            ok: 11_990,
            errors: Vec::new(),
            in_flight: 10,
            waiting: 0,
            ..midway()
        };
        for (name, snapshot, rates, simulated, columns, want) in [
            (
                "midway",
                midway(),
                rates,
                false,
                79,
                [
                    "time          12.3 s of 60.0 s, 47.7 s left  [###---------------------------]",
                    "rate          offered 100/s, completed 97.3/s, 1,234 of 12,000 sent",
                    "in flight     34, 2 of them waiting for a permit",
                    "TTFT          p50 12.3 ms, p99 45.6 ms, of 1,197 so far",
                    "errors        3 of 1,200 ended, timeout_total 2, tls 1",
                    "our lateness  p50 52.0 µs, p99 120 µs, of 1,200 so far",
                ],
            ),
            (
                "the end, simulated",
                tail,
                rates,
                true,
                39,
                [
                    "SIMULATED     75.0 s  [##############-]",
                    "rate          offered 100/s",
                    "in flight     10",
                    "TTFT          p50 12.3 ms, p99 45.6 ms",
                    "errors        none",
                    "our lateness  p50 52.0 µs, p99 120 µs",
                ],
            ),
            (
                "narrow",
                midway(),
                rates,
                true,
                16,
                [
                    "SIMULATED     12",
                    "rate          of",
                    "in flight     34",
                    "TTFT          p5",
                    "errors        3 ",
                    "our lateness  p5",
                ],
            ),
            (
                "before the start",
                Snapshot::default(),
                Rates::default(),
                false,
                79,
                [
                    "time          0 ns",
                    "rate          offered 0.0/s, completed 0.0/s, 0 of 0 sent",
                    "in flight     0",
                    "TTFT          none yet",
                    "errors        none",
                    "our lateness  none yet",
                ],
            ),
        ] {
            assert_eq!(lines(&snapshot, rates, simulated, columns), want, "{name}");
        }
    }

    #[test]
    fn one_line_says_what_matters_first() {
        let all_well = Snapshot { errors: Vec::new(), ..midway() };
        let tail = Snapshot { elapsed_ns: 75_000_000_000, released: 12_000, ..midway() };
        for (name, snapshot, simulated, want) in [
            (
                "midway",
                midway(),
                false,
                "12.3 s of 60.0 s, 1,234/12,000 sent, 3 failed, 34 in flight, TTFT p99 45.6 ms",
            ),
            (
                "no room for everything",
                midway(),
                true,
                "SIMULATED 12.3 s of 60.0 s, 1,234/12,000 sent, 3 failed, 34 in flight",
            ),
            (
                "no failure",
                all_well,
                true,
                "SIMULATED 12.3 s of 60.0 s, 1,234/12,000 sent, 34 in flight, TTFT p99 45.6 ms",
            ),
            (
                "past the last due time",
                tail,
                false,
                "75.0 s, 12,000/12,000 sent, 3 failed, 34 in flight, TTFT p99 45.6 ms",
            ),
            ("before the start", Snapshot::default(), false, "0 ns, 0/0 sent, 0 in flight"),
        ] {
            assert_eq!(one_line(&snapshot, simulated, 80), want, "{name}");
        }
    }

    fn times() -> impl Strategy<Value = Option<Times>> {
        let times = |[n, p50_ns, p99_ns]: [u64; 3]| Times { n, p50_ns, p99_ns };
        proptest::option::of(any::<[u64; 3]>().prop_map(times))
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            counts: [u64; 5],
            spans_ns: [u64; 2],
            errors: [u64; 3],
            (ttft, lateness) in (times(), times()),
            rates in (0.0..1e18, 0.0..1e18),
            simulated: bool,
            columns in 0..200_usize,
        ) {
            let [planned, released, ok, in_flight, waiting] = counts;
            let [elapsed_ns, span_ns] = spans_ns;
            let errors = ["http_5xx", "timeout_first_byte", "reset"].into_iter().zip(errors);
            let snapshot = Snapshot {
                planned, released, ok, errors: errors.collect(), in_flight, waiting, elapsed_ns,
                span_ns, ttft, lateness,
            };
            let rates = Rates { offered: rates.0, completed: rates.1 };
            let six = lines(&snapshot, rates, simulated, columns);
            for line in six.iter().chain([&one_line(&snapshot, simulated, columns)]) {
                prop_assert!(line.chars().count() <= columns, "{line}");
                prop_assert!(!line.contains(char::is_control), "{line:?}");
            }
            let line = one_line(&snapshot, simulated, 80);
            prop_assert_eq!(line.starts_with("SIMULATED "), simulated);
        }
    }
}
