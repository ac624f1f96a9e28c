//! The same times for each kind of request: by model, mode and priority.

use super::Run;
use super::timing::{Whole, sorted, ttft_ns};
use super::unit::{Unit, words};
use crate::groups::By;
use crate::tally::Case;
use proofload_charts::{Axis, Cell, Dash, Glyph, Ink, Panel, Scale, Scene, Series, Shape};
use proofload_record::Row;
use proofload_stats::{Quantile, quantile};
use proofload_units::human_count;
use std::collections::{BTreeMap, BTreeSet};

/// Height of a class.
const ROW: f64 = 24.0;
/// Classes that are shown of one kind; a chart of more would not be read.
const MOST: usize = 12;
/// Letters of a model's name.
const NAME_MOST: usize = 34;
/// Up to so many answers are shown one by one.
const DOTS: usize = 30;

/// Requests that have something in common.
struct Group<'a> {
    name: String,
    cases: Vec<&'a Case<'a>>,
}

pub(super) fn scene(run: &Run<'_>) -> Option<Scene> {
    let whole = Whole::of(run);
    let groups = groups(run, whole);
    if groups.len() < 3 {
        return None;
    }
    let times = |of: &dyn Fn(&Row) -> Option<f64>| -> Vec<Vec<f64>> {
        groups
            .iter()
            .map(|group| sorted(group.cases.iter().filter_map(|case| of(case.row?))))
            .collect()
    };
    let firsts = times(&|row| ttft_ns(run, row));
    let totals = times(&|row| whole.ns(row));
    let most = totals[0].last().copied()?;
    let unit = Unit::of_most(most);
    let names: Vec<String> = groups.iter().map(label).collect();
    let left_out = models(run).saturating_sub(MOST);
    let panel = |what: &str, ink: Ink, times: &[Vec<f64>]| Panel {
        y: Axis::new(what, Scale::Names(names.clone())),
        height: ROW * groups.len() as f64,
        series: strips(times, ink, unit),
    };
    let mut panels = Vec::new();
    if !firsts[0].is_empty() {
        panels.push(panel(whole.ttft_label(), Ink::Blue, &firsts));
    }
    panels.push(panel(whole.label(), Ink::Amber, &totals));
    let (title, description) = words_of(run, whole, &groups, &totals);
    let mut note =
        format!("{}; bar: median, box: middle half, line: p5 to p95, diamond: slowest", run.note());
    if left_out > 0 {
        note += &format!("; the {MOST} models with most requests, {left_out} more are not drawn");
    }
    let x = Axis::new(unit.title(whole.since()), Scale::Log);
    Some(Scene { title, note, description, x, panels })
}

/// The label of a strip. A name gives way before its counts do.
fn label(group: &Group<'_>) -> String {
    if group.cases.is_empty() {
        return String::new();
    }
    let failed = group.cases.iter().filter(|case| !case.end.is_ok()).count() as u64;
    let n = human_count(group.cases.len() as u64);
    match failed {
        0 => format!("{}, n {n}", group.name),
        failed => format!("{}, n {n}, {} failed", group.name, human_count(failed)),
    }
}

/// Names of models as they stand on a chart, each its own: so few last parts of their paths as tell
/// all of them apart; what is too long is cut in its middle, or around the letter that tells it from
/// another of the same ends.
fn short(models: &[String]) -> Vec<String> {
    let parts = models.iter().map(|name| name.split('/').count()).max().unwrap_or(0);
    let names = (1..=parts).map(|kept| last_parts(models, kept)).find(|names| are_apart(names));
    let names = names.unwrap_or_else(|| models.to_vec());
    let mut cut: Vec<String> = names.iter().map(|name| around(name, None)).collect();
    for (place, name) in names.iter().enumerate() {
        let twins = names
            .iter()
            .zip(&cut)
            .filter(|(other, shown)| *other != name && **shown == around(name, None));
        let apart = twins.map(|(other, _)| differ_at(name, other)).max();
        if let Some(at) = apart {
            cut[place] = around(name, Some(at));
        }
    }
    cut
}

/// The last so many parts of each path, and more where what stands before them is no path, but
/// something with a slash in it.
fn last_parts(models: &[String], kept: usize) -> Vec<String> {
    let is_step = |text: &&str| {
        !text.trim().is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_.: ".contains(c))
    };
    let last = |name: &String| {
        let parts: Vec<&str> = name.split('/').collect();
        let most = parts.len().saturating_sub(kept);
        let left_out = parts[..most].iter().take_while(|part| is_step(part)).count();
        let rest = parts[left_out..].join("/");
        let rest = rest.trim();
        // What we say of models without a name stands in brackets, as the title's own do.
        let bare = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let rest = bare.unwrap_or(rest).to_owned();
        if rest.is_empty() { name.clone() } else { rest }
    };
    models.iter().map(last).collect()
}

fn are_apart(names: &[String]) -> bool {
    names.iter().collect::<BTreeSet<_>>().len() == names.len()
}

/// The first letter at which two names differ.
fn differ_at(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
}

/// A name of at most [`NAME_MOST`] letters: its ends, or the letters around one of them.
fn around(name: &str, at: Option<usize>) -> String {
    let letters: Vec<char> = name.chars().collect();
    let of = |letters: &[char]| letters.iter().collect::<String>();
    let room = NAME_MOST - 2;
    match at {
        _ if letters.len() <= NAME_MOST => name.to_owned(),
        None => {
            let (start, end) = (&letters[..room / 2], &letters[letters.len() - room / 2..]);
            format!("{}…{}", of(start), of(end))
        }
        Some(at) => {
            let from = at.saturating_sub(room / 2).min(letters.len() - room);
            format!("…{}…", of(&letters[from..from + room]))
        }
    }
}

fn words_of(
    run: &Run<'_>,
    whole: Whole,
    groups: &[Group<'_>],
    totals: &[Vec<f64>],
) -> (String, String) {
    let medians = groups.iter().zip(totals).skip(1);
    let mut medians: Vec<(&str, f64)> = medians
        .filter_map(|(group, times)| Some((group.name.as_str(), quantile(times, Quantile::P50)?)))
        .collect();
    medians.sort_by(|one, other| one.1.total_cmp(&other.1));
    let what = whole.label();
    let title = match (medians.first(), medians.last()) {
        (Some(fast), Some(slow)) if fast.0 != slow.0 => format!(
            "Median {what} by class: from {} ({}) to {} ({})",
            words(fast.1),
            fast.0,
            words(slow.1),
            slow.0
        ),
        _ => format!("The {what} by class"),
    };
    let each = medians.iter().map(|(name, ns)| format!("{name} {}", words(*ns)));
    let each: Vec<String> = each.collect();
    let description = format!("{title}. Medians: {}. {}.", each.join(", "), run.note());
    (title, description)
}

/// How many models there are.
fn models(run: &Run<'_>) -> usize {
    let names: BTreeSet<_> = run.kinds.all.iter().map(|kind| By::Model.value(kind)).collect();
    names.len()
}

/// All requests, and then the groups of every kind of which there is more than one, after a group
/// of nothing that keeps them apart. Models stand from the slowest to the fastest.
fn groups<'a>(run: &'a Run<'_>, whole: Whole) -> Vec<Group<'a>> {
    let cases = &run.tally.cases;
    let mut groups = vec![Group { name: "all".to_owned(), cases: cases.iter().collect() }];
    // By selection would be the models once more: those that requests named, and the others.
    for by in [By::Model, By::Mode, By::Priority] {
        let mut named: BTreeMap<(u8, String), Vec<&Case<'_>>> = BTreeMap::new();
        for (place, case) in cases.iter().enumerate() {
            if let Some(kind) = run.kinds.at(place) {
                named.entry(by.value(&run.kinds.all[kind])).or_default().push(case);
            }
        }
        let mut named: Vec<((u8, String), Vec<&Case<'_>>)> = named.into_iter().collect();
        if by == By::Priority {
            named.reverse();
        }
        if named.len() > MOST {
            named.sort_by_key(|(_, cases)| std::cmp::Reverse(cases.len()));
            named.truncate(MOST);
        }
        if by == By::Model {
            let median = |cases: &[&Case<'_>]| {
                let times = sorted(cases.iter().filter_map(|case| whole.ns(case.row?)));
                quantile(&times, Quantile::P50).unwrap_or(f64::INFINITY)
            };
            named.sort_by(|one, other| median(&other.1).total_cmp(&median(&one.1)));
        }
        if named.len() > 1 {
            groups.push(Group { name: String::new(), cases: Vec::new() });
            let names = named.iter().map(|((_, name), _)| name.clone()).collect::<Vec<_>>();
            let names = match by {
                By::Model => short(&names),
                By::Priority => names.iter().map(|name| format!("{name} priority")).collect(),
                By::Mode | By::Selection => names,
            };
            let groups_of = names.into_iter().zip(named);
            groups.extend(groups_of.map(|(name, (_, cases))| Group { name, cases }));
        }
    }
    groups
}

/// A strip a group, the first at the top.
fn strips(groups: &[Vec<f64>], ink: Ink, unit: Unit) -> Vec<Series> {
    let (mut ranges, mut boxes, mut medians, mut slowest, mut dots) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (place, times) in groups.iter().enumerate() {
        let y = place as f64;
        let at =
            |num| Quantile::new(num, 100).and_then(|q| quantile(times, q)).map(|ns| unit.of(ns));
        if times.len() <= DOTS {
            dots.extend(times.iter().map(|ns| (unit.of(*ns), y)));
        } else if let (Some(low), Some(from), Some(to), Some(high)) =
            (at(5), at(25), at(75), at(95))
        {
            ranges.extend([(low, y), (high, y), (f64::NAN, y)]);
            boxes.push(Cell { x: (from, to), y: (y - 0.28, y + 0.28) });
            slowest.extend(times.last().map(|ns| (unit.of(*ns), y)));
        }
        medians.extend(at(50).map(|x| (x, y)));
    }
    let marks = |points, glyph| Shape::Marks { points, glyph };
    vec![
        Series::new("", ink, Shape::Line { points: ranges, dash: Dash::Solid }),
        Series::new("", ink, Shape::Cells { cells: boxes }),
        Series::new("", ink, marks(slowest, Glyph::Diamond)),
        Series::new("", ink, marks(dots, Glyph::Dot)),
        Series::new("", Ink::Limit, marks(medians, Glyph::Bar)),
    ]
}

#[cfg(test)]
mod tests {
    use super::{NAME_MOST, are_apart, short};

    #[test]
    fn two_models_never_have_one_label() {
        let long = |middle: &str| format!("{}{middle}{}", "a".repeat(40), "z".repeat(40));
        let (one, other) = (long("one"), long("two"));
        for (models, want) in [
            (["org/llama-8b", "org/qwen-7b"], Some(["llama-8b", "qwen-7b"])),
            (["org-a/llama-8b", "org-b/llama-8b"], Some(["org-a/llama-8b", "org-b/llama-8b"])),
            (["near / org/x", "far / org/y"], Some(["x", "y"])),
            (["at / org-a/x", "at / org-b/x"], Some(["org-a/x", "org-b/x"])),
            (["at / <b>x</b>", "at / y"], Some(["<b>x</b>", "y"])),
            (["near / x", "far / x"], Some(["near / x", "far / x"])),
            (["<script>alert(1)</script>", "x"], Some(["<script>alert(1)</script>", "x"])),
            (["(chosen by the server)", "a/"], Some(["chosen by the server", "a/"])),
            ([&one, &other], None),
        ] {
            let models = models.map(str::to_owned);
            let found = short(&models);
            if let Some(want) = want {
                assert_eq!(found, want);
            }
            assert!(are_apart(&found), "{found:?}");
            assert!(found.iter().all(|name| name.chars().count() <= NAME_MOST), "{found:?}");
        }
    }
}
