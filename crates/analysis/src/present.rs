//! From the results to the words and tables of a report.

mod errors;
mod headline;
mod latency;
mod method;
mod parts;
mod run;
mod verdicts;

use crate::document::{Block, Document, Kind, Section};
use crate::imported;
use crate::pictures::Picture;
use crate::results::{Figures, Interval, Results};
use proofload_run_dir::Manifest;
use proofload_units::human_count;
use proofload_verdict::{Level, Trust};

const US_A_MS: f64 = 1e3;

/// Writes out `results` of the run of `manifest`; `trust` is what they rest on, `pictures` what they
/// look like.
pub(crate) fn document(
    manifest: &Manifest,
    results: &Results,
    trust: Vec<Trust>,
    pictures: Vec<Picture>,
) -> Document {
    let headline = headline::headline(results, &trust);
    let mut sections = Vec::new();
    sections.extend(results.imported.as_ref().map(|file| imported::section(file, results)));
    sections.push(trust_section(trust));
    sections.extend(verdicts::section(results));
    sections.extend([errors::limit(results), run::section(manifest, results)]);
    sections.push(latency::section(results));
    sections.extend(parts::server(results));
    sections.extend(parts::groups(results));
    sections.extend(parts::impacts(results));
    sections.push(throughput(results));
    sections.extend(charts(pictures));
    sections.extend(errors::section(results));
    sections.push(method::section(manifest));
    Document {
        title: title(results),
        subject: run::subject(manifest),
        when: run::when(manifest),
        headline,
        key_figures: headline::figures(results),
        can_be_made_again: true,
        simulated: results.simulated,
        sections,
    }
}

fn title(results: &Results) -> String {
    let counts = &results.counts;
    let state = match (&results.imported, results.state.as_str()) {
        (Some(_), _) => "imported",
        (None, state) => state,
    };
    let first = headline::first_of_all(results).map(|first| first + ". ").unwrap_or_default();
    let mut title = format!("{first}{}: {state}, {}", results.program, results.validity.verdict);
    if let Some(reason) = results.validity.reason {
        title += &format!(": {reason}");
    }
    if results.degraded {
        let log = results.server.iter().flat_map(|server| &server.problems);
        let own = results.end_reason.iter().chain(&results.damage);
        let reasons: Vec<&str> = own.chain(log).map(String::as_str).collect();
        title += "; DEGRADED";
        if !reasons.is_empty() {
            title += &format!(" ({})", reasons.join("; "));
        }
    }
    title += &format!(
        ". {} planned, {} sent, {} ok.",
        human_count(counts.planned),
        human_count(counts.sent),
        human_count(counts.ok)
    );
    let some = results.errors.failed < results.errors.n;
    if let Some(failed) = errors::in_words(results).filter(|_| some) {
        title += &format!(" {}.", capital(&failed));
    }
    title
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn trust_section(trust: Vec<Trust>) -> Section {
    let counts: Vec<String> = Level::ALL
        .iter()
        .rev()
        .map(|level| (level, trust.iter().filter(|item| item.level == *level).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(level, count)| format!("{count} {}", level.label()))
        .collect();
    let heading = format!("Can I trust this? {}", counts.join(", "));
    let mut sorted = trust;
    sorted.sort_by_key(|item| std::cmp::Reverse(item.level));
    Section { kind: Kind::Trust, heading, blocks: vec![Block::Trust(sorted)] }
}

fn throughput(results: &Results) -> Section {
    if results.imported.is_some() {
        let text =
            "Not known: an imported file does not tell when its requests were sent or ended.";
        let blocks = vec![Block::Text(text.to_owned())];
        return Section { kind: Kind::Throughput, heading: "Throughput".to_owned(), blocks };
    }
    let throughput = &results.throughput;
    let lateness = |us: Option<f64>| cell(us.map(|us| us / US_A_MS));
    let Figures { p50, p99, max, .. } = results.lateness_us;
    let rate = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), four_digits);
    Section {
        kind: Kind::Throughput,
        heading: "Throughput".to_owned(),
        blocks: vec![
            Block::Text(format!(
                "{} requests/s and {} output tokens/s succeeded over {} s; {} requests/s were \
                 offered.",
                rate(throughput.requests_per_s),
                rate(throughput.tokens_per_s),
                rate(throughput.span_s),
                rate(throughput.offered_per_s)
            )),
            Block::Text(format!(
                "Send lateness (ours): p50 {} ms, p99 {} ms, max {} ms.",
                lateness(p50),
                lateness(p99),
                lateness(max)
            )),
        ],
    }
}

/// None where there is nothing to draw.
fn charts(pictures: Vec<Picture>) -> Option<Section> {
    let blocks: Vec<Block> = pictures.into_iter().map(Block::Chart).collect();
    let heading = "Charts".to_owned();
    (!blocks.is_empty()).then_some(Section { kind: Kind::Charts, heading, blocks })
}

fn percent_interval(lo: Option<f64>, hi: Option<f64>) -> String {
    match (lo, hi) {
        (Some(lo), Some(hi)) => {
            format!("95 % interval {:.2} to {:.2} %", lo * 100.0, hi * 100.0)
        }
        _ => "95 % interval undecided".to_owned(),
    }
}

fn interval(interval: Option<Interval>) -> String {
    match interval {
        None => "undecided".to_owned(),
        Some(Interval { lo: None, hi: None, .. }) => "none".to_owned(),
        Some(Interval { lo, hi: None, .. }) => format!(">= {}", cell(lo)),
        Some(Interval { lo: None, hi, .. }) => format!("<= {}", cell(hi)),
        Some(Interval { lo, hi, .. }) => format!("{} .. {}", cell(lo), cell(hi)),
    }
}

/// A quantile, with a star where it has no finite interval.
fn starred(value: Option<f64>, interval: Option<Interval>) -> String {
    let bounded = interval.is_some_and(|interval| interval.lo.is_some() && interval.hi.is_some());
    if bounded || value.is_none() { cell(value) } else { cell(value) + "*" }
}

fn cell(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), four_digits)
}

/// Four digits, but never fewer than three decimals' worth of nothing: `0.012`, `1.235`, `123.5`,
/// `12346`.
fn four_digits(value: f64) -> String {
    let decimals = match value.abs() {
        size if size < 10.0 => 3,
        size if size < 100.0 => 2,
        size if size < 1_000.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::four_digits;

    #[test]
    fn numbers_keep_four_digits() {
        for (value, want) in [
            (0.0, "0.000"),
            (0.012_4, "0.012"),
            (1.234_5, "1.234"),
            (12.345, "12.35"),
            (123.45, "123.5"),
            (1_234.5, "1234"),
            (1_200_000.0, "1200000"),
        ] {
            assert_eq!(four_digits(value), want);
        }
    }
}
