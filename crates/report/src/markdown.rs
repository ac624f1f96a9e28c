//! A document as Markdown, for a comment on a pull request.
//!
//! What decides stands open; the rest is folded away in `<details>`, which GitHub and GitLab draw.
//! Whatever comes from a document goes through [`escape`], so a model's name or an error's text can
//! neither break a table, nor become markup, a link, a mention of somebody or a reference.

use crate::text::{Piece, clean, pieces};
use proofload_analysis::{
    Block, Column, Document, Kind, Role, Row, Section, Standing, Stated, Table,
};
use proofload_units::human_count;
use proofload_verdict::slo::Verdict;
use proofload_verdict::{Level, Trust};
use std::fmt::Write as _;

/// The comment of a document; the same document gives the same bytes.
#[must_use]
pub fn markdown(document: &Document) -> String {
    let mut out = String::new();
    if document.simulated {
        out += "> **SIMULATED**: these are figures of a simulator, not of a server.\n\n";
    }
    let headline = &document.headline;
    let sign = match headline.standing {
        Standing::Good => "✅",
        Standing::Plain => "ℹ️",
        Standing::Open => "❔",
        Standing::Bad => "❌",
    };
    line(&mut out, &format!("### {sign} {}", prose(&headline.reason)));
    let evidence = headline.evidence.iter();
    for text in evidence.chain([&headline.happened, &document.subject]) {
        line(&mut out, &paragraph(text));
    }
    if let Some(next) = &headline.next {
        line(&mut out, &format!("→ {}", prose(next)));
    }
    key_figures(document, &mut out);
    let (open, folded): (Vec<&Section>, Vec<&Section>) =
        document.sections.iter().filter(|section| section.kind != Kind::Charts).partition(is_open);
    for section in open {
        line(&mut out, &format!("#### {}", escape(&section.heading)));
        blocks(section, &mut out);
    }
    for section in folded {
        fold(&escape(&section.heading), &mut out, |out| blocks(section, out));
    }
    out
}

/// Whether it decides something, so that nobody should have to unfold it.
fn is_open(section: &&Section) -> bool {
    matches!(section.kind, Kind::Trust | Kind::Objectives | Kind::Latency | Kind::Errors)
}

fn key_figures(document: &Document, out: &mut String) {
    let column = |name: &str, words: bool| Column { words, ..Column::numbers(name.to_owned(), "") };
    let rows = document.key_figures.iter().map(|figure| {
        let value = format!("{} {}", figure.value, figure.unit);
        Row::plain([figure.name.to_owned(), value, figure.note.clone()])
    });
    let columns = vec![column("", true), column("", false), column("", true)];
    table(&Table { columns, rows: rows.collect() }, out);
}

fn blocks(section: &Section, out: &mut String) {
    for block in &section.blocks {
        match block {
            Block::Text(text) => line(out, &paragraph(text)),
            Block::Trust(items) => trust(items, out),
            Block::Verdicts(all) => table(&verdicts(all), out),
            Block::Table(of) => table(of, out),
            Block::Chart(_) => {}
            Block::Terms(terms) => {
                if !terms.heading.is_empty() {
                    line(out, &format!("**{}**", escape(terms.heading)));
                }
                for (name, text) in &terms.pairs {
                    let _ = writeln!(out, "- **{}**: {}", escape(name), escape(text));
                }
                out.push('\n');
            }
        }
    }
}

/// What objects stands open, what is well is folded away.
fn trust(items: &[Trust], out: &mut String) {
    let write = |item: &Trust, out: &mut String| {
        let sign = match item.level {
            Level::Ok => "✅",
            Level::Note => "ℹ️",
            Level::Warn => "⚠️",
            Level::Invalid => "❌",
        };
        let (label, title) = (item.level.label(), escape(item.title));
        let _ = write!(out, "- {sign} {label} {} **{title}**: {}", item.id, prose(&item.evidence));
        if let Some(remedy) = item.remedy {
            let _ = write!(out, " → {}", prose(remedy));
        }
        out.push('\n');
    };
    let (well, others): (Vec<&Trust>, Vec<&Trust>) =
        items.iter().partition(|item| item.level == Level::Ok);
    others.iter().for_each(|item| write(item, out));
    if !others.is_empty() {
        out.push('\n');
    }
    if !well.is_empty() {
        fold(&format!("{} ok", well.len()), out, |out| {
            well.iter().for_each(|item| write(item, out));
            out.push('\n');
        });
    }
}

fn verdicts(all: &[Stated]) -> Table {
    let columns = vec![
        Column::words("verdict"),
        Column::words("objective"),
        Column::numbers("value", ""),
        Column::numbers("95 % interval", ""),
        Column::numbers("n", ""),
        Column::numbers("n needed", ""),
        Column::words("figures"),
    ];
    let row = |stated: &Stated| {
        let sign = match stated.verdict {
            Verdict::Met => "✅",
            Verdict::Undecided => "❔",
            Verdict::NotMet => "❌",
        };
        Row::plain([
            format!("{sign} {}", stated.verdict.label()),
            stated.name.clone(),
            stated.value.clone(),
            stated.interval.clone(),
            human_count(stated.n),
            stated.least_n.map(human_count).unwrap_or_default(),
            stated.evidence.clone(),
        ])
    };
    Table { columns, rows: all.iter().map(row).collect() }
}

fn table(table: &Table, out: &mut String) {
    for column in &table.columns {
        let parts = [column.of, &column.name, column.unit].into_iter().filter(|p| !p.is_empty());
        let head = parts.map(escape).collect::<Vec<_>>().join(" ");
        let _ = write!(out, "| {head} ");
    }
    out.push_str("|\n");
    for column in &table.columns {
        out.push_str(if column.words { "| --- " } else { "| ---: " });
    }
    out.push_str("|\n");
    for row in &table.rows {
        for (place, cell) in row.cells.iter().enumerate() {
            let cell = escape(cell);
            let _ = match (place, row.role) {
                (0, Role::Part) => write!(out, "| &emsp;{cell} "),
                (0, Role::Failure) => write!(out, "| ❌ {cell} "),
                (_, Role::Sum) => write!(out, "| **{cell}** "),
                _ => write!(out, "| {cell} "),
            };
        }
        out.push_str("|\n");
    }
    out.push('\n');
}

fn fold(summary: &str, out: &mut String, inside: impl FnOnce(&mut String)) {
    let _ = write!(out, "<details><summary>{summary}</summary>\n\n");
    inside(out);
    out.push_str("</details>\n\n");
}

fn line(out: &mut String, text: &str) {
    let _ = write!(out, "{text}\n\n");
}

/// Text of a paragraph, with names in backticks.
fn prose(text: &str) -> String {
    let text = clean(text);
    let mut out = String::new();
    for piece in pieces(text.trim()) {
        match piece {
            // A pipe ends a cell even there, and so may a backslash before one.
            Piece::Code(code) if !code.contains(['|', '\\']) => {
                let _ = write!(out, "`{code}`");
            }
            Piece::Words(text) | Piece::Code(text) => escape_into(text, &mut out),
        }
    }
    out
}

/// The same where it begins a line: neither a list, nor the end of a heading.
fn paragraph(text: &str) -> String {
    let mut out = prose(text);
    let number = out.bytes().take_while(u8::is_ascii_digit).count();
    match (out.as_bytes().get(number), out.as_bytes().get(number + 1)) {
        (Some(b'.' | b')'), None | Some(b' ')) if number > 0 => out.insert(number, '\\'),
        (Some(b'-' | b'+' | b'='), _) if number == 0 => out.insert(0, '\\'),
        _ => {}
    }
    out
}

/// Text that stays text, as it stands in a cell or after something else.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(clean(text).trim(), &mut out);
    out
}

/// Markup is taken back, and what GitHub makes of names, numbers and addresses is kept from happening
/// by a space without width.
fn escape_into(text: &str, out: &mut String) {
    const NO_WIDTH: char = '\u{200b}';
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied().unwrap_or(' ');
        let between_words = before.is_alphanumeric() && next.is_alphanumeric();
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '[' | ']' | '|' | '~' | '$' => out.extend(['\\', letter]),
            '_' if !between_words => out.push_str("\\_"),
            '@' | '#' => out.extend(['\\', letter, NO_WIDTH]),
            ':' if next == '/' => out.push_str("\\:"),
            '.' if out.ends_with("www") => out.push_str("\\."),
            letter => out.push(letter),
        }
        before = letter;
    }
}

#[cfg(test)]
mod tests {
    use super::{escape, paragraph, prose};

    #[test]
    fn text_from_outside_stays_text() {
        for (text, want) in [
            ("plain text, 12.5 % (n = 3)", "plain text, 12.5 % (n = 3)"),
            ("a|b", "a\\|b"),
            ("a\\|b", "a\\\\\\|b"),
            ("`a`", "\\`a\\`"),
            ("<img src=x onerror=y>", "&lt;img src=x onerror=y&gt;"),
            ("</details>", "&lt;/details&gt;"),
            ("&lt;", "&amp;lt;"),
            ("**bold** _it_ snake_case", "\\*\\*bold\\*\\* \\_it\\_ snake_case"),
            ("[x](y)", "\\[x\\](y)"),
            ("![x](y)", "!\\[x\\](y)"),
            ("line\nline\n# head", "line line \\#\u{200b} head"),
            ("@team, see #12", "\\@\u{200b}team, see \\#\u{200b}12"),
            ("https://example.org", "https\\://example.org"),
            ("www.example.org", "www\\.example.org"),
            ("    code", "code"),
            ("a\x1b[31mb", "a\\\\u{1b}\\[31mb"),
            ("$x$ ~~y~~", "\\$x\\$ \\~\\~y\\~\\~"),
        ] {
            assert_eq!(escape(text), want, "{text:?}");
        }
    }

    #[test]
    fn names_stay_in_their_backticks() {
        for (text, want) in [
            ("`slo`: share", "`slo`: share"),
            ("`a|b`", "a\\|b"),
            ("`a\\`", "a\\\\"),
            ("`x` y` <b>", "`x` y\\` &lt;b&gt;"),
            ("`<b>`", "`<b>`"),
        ] {
            assert_eq!(prose(text), want, "{text:?}");
        }
    }

    #[test]
    fn paragraphs_are_no_lists() {
        for (text, want) in [
            ("12. list", "12\\. list"),
            ("2) list", "2\\) list"),
            ("  - list", "\\- list"),
            ("=== heading", "\\=== heading"),
            ("0.5 s", "0.5 s"),
            ("12 of 13", "12 of 13"),
        ] {
            assert_eq!(paragraph(text), want, "{text:?}");
        }
    }
}
