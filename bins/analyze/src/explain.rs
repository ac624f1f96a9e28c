//! An explanation on a terminal.

use proofload_logos::{Explained, Explanation, Figure, Side, Tally};
use std::io::{self, Write};

/// Lines are not longer than this, however wide the terminal.
const COLUMNS_MAX: usize = 100;
/// Nothing fits into less.
const COLUMNS_LEAST: usize = 80;
/// Characters of an id that fit beside the rest.
const ID_MAX: usize = 26;

/// Prints an explanation: the figures of both sides, how they differ, and every request.
pub(crate) fn print(
    explanation: &Explanation,
    columns: u16,
    out: &mut dyn Write,
) -> io::Result<()> {
    let columns = usize::from(columns).clamp(COLUMNS_LEAST, COLUMNS_MAX);
    let limit_ms = explanation.latency_slo_ms;
    writeln!(out, "Why the figures differ: {}", clean(&explanation.form))?;
    writeln!(out)?;
    figures(explanation, out)?;
    paragraph(
        "  ",
        "Published: by the rules of Logos. A success is a status below 400, times are those of \
         every request that the server's log knows, the attainment is over those, and a quantile \
         lies between two values. Ours: a success is an answer; the attainment is of what the \
         client waited, over every request; times of the server's log are over answers only, \
         quantiles by rank.",
        columns,
        out,
    )?;
    writeln!(out)?;
    writeln!(out, "What makes the difference")?;
    if explanation.differences.is_empty() {
        writeln!(out, "  Nothing: every request is counted alike.")?;
    }
    for difference in &explanation.differences {
        paragraph(&format!("  {:>6}  ", difference.n), difference.words, columns, out)?;
    }
    writeln!(out)?;
    writeln!(out, "Every request; in time is {limit_ms} ms or less")?;
    let width = explanation.rows.iter().map(|row| row.request_id.chars().count()).max();
    let width = width.unwrap_or(0).clamp("request".len(), ID_MAX);
    writeln!(
        out,
        "  {:<width$} {:>6} {:>10} {:>10}  {:<12} ours",
        "request", "status", "client ms", "logged ms", "published"
    )?;
    for row in &explanation.rows {
        request(row, width, columns, out)?;
    }
    Ok(())
}

fn figures(explanation: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    let (published, ours) = (&explanation.published, &explanation.ours);
    writeln!(out, "  {:<20} {:>26} {:>26}", "", "published", "ours")?;
    let of = |part: u64, all: u64| format!("{part} of {all}");
    let all = |tally: &Tally| tally.successful + tally.failed;
    for (name, published, ours) in [
        ("successful", of(published.successful, all(published)), of(ours.successful, all(ours))),
        ("in time", of(published.in_time, published.judged), of(ours.in_time, ours.judged)),
    ] {
        writeln!(out, "  {name:<20} {published:>26} {ours:>26}")?;
    }
    for Figure { metric, unit, published, ours } in &explanation.figures {
        let side = |side: &Side| match side.value {
            Some(value) if *unit == "%" => format!("{value:.2} %"),
            Some(value) => format!("{value:.2} {unit} (n {})", side.n),
            None => "N/A".to_owned(),
        };
        writeln!(out, "  {metric:<20} {:>26} {:>26}", side(published), side(ours))?;
    }
    writeln!(out)
}

fn request(row: &Explained, width: usize, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let id = cut(&clean(&row.request_id), width);
    let ms = |ms: Option<f64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.2}"));
    let published = match (row.published_success, row.published_in_time) {
        (true, Some(true)) => "ok, in time",
        (true, Some(false)) => "ok, late",
        (true, None) => "ok, left out",
        (false, Some(true)) => "bad, in time",
        (false, Some(false)) => "bad, late",
        (false, None) => "bad, left out",
    };
    let ours = match (row.outcome, row.in_time) {
        ("ok", true) => "ok, in time",
        ("ok", false) => "ok, late",
        (failure, _) => failure,
    };
    writeln!(
        out,
        "  {id:<width$} {:>6} {:>10} {:>10}  {published:<12} {ours}",
        row.http_status,
        ms(row.client_duration_ms),
        ms(row.logged_latency_ms)
    )?;
    match &row.reason {
        Some(reason) => paragraph("      ", reason, columns, out),
        None => Ok(()),
    }
}

/// A text after `label`, its other lines as far in as the label is long.
fn paragraph(label: &str, text: &str, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut line = label.to_owned();
    let indent = label.chars().count();
    let mut used = indent;
    for word in clean(text).split_whitespace() {
        let length = word.chars().count();
        if used > indent && used + 1 + length > columns {
            writeln!(out, "{line}")?;
            line = " ".repeat(indent);
            used = indent;
        }
        if used > indent {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    writeln!(out, "{line}")
}

/// At most `width` characters of a text.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// A text without what would move the cursor or change colours.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::{cut, paragraph};

    #[test]
    fn texts_are_broken_between_words_and_ids_are_cut() {
        let mut out = Vec::new();
        paragraph("  1  ", "one two\x1b[31m three", 16, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "  1  one two\n     [31m three\n");
        for (id, want) in [("short", "short"), ("ünïcödé-id", "ünïcö…"), ("", "")] {
            assert_eq!(cut(id, 6), want);
        }
    }
}
