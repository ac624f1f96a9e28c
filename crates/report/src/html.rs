//! A document as one HTML file: `report.html`.
//!
//! It loads nothing, holds no script, and its content policy forbids both, so it can be mailed, and
//! opened in ten years. Charts are drawn into it as SVG. Light or dark is the reader's setting;
//! paper is light.
//!
//! Whatever is written comes through [`Plain`], [`Inline`] or [`Number`], each of which escapes; the
//! template prints no text of a document by itself.

use crate::text::{Piece, clean, pieces};
use askama::Template;
use askama::filters::HtmlSafe;
use proofload_analysis::{Block, Document, Kind, Picture, Role, Row, Section, Standing, Table};
use proofload_verdict::Level;
use proofload_verdict::slo::Verdict;
use std::fmt::{self, Display, Write as _};

const STYLE: &str = include_str!("../templates/report.css");

/// The page of a document; the same document gives the same bytes.
///
/// # Errors
/// None that a document can bring about: those of formatting into a string.
pub fn html(document: &Document) -> Result<String, fmt::Error> {
    Page { document }.render().map_err(|_| fmt::Error)
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    document: &'a Document,
}

impl Page<'_> {
    fn style(&self) -> Markup {
        let mut style = format!("{STYLE}{}", proofload_charts::CSS);
        if self.document.simulated {
            style += PRINTED_SIMULATED;
        }
        Markup(style)
    }

    fn plain<'t>(&self, text: &'t str) -> Plain<'t> {
        Plain(text)
    }

    fn inline<'t>(&self, text: &'t str) -> Inline<'t> {
        Inline(text)
    }

    fn number<'t>(&self, text: &'t str) -> Number<'t> {
        Number(text)
    }

    fn count(&self, count: &u64) -> String {
        proofload_units::human_count(*count)
    }

    fn standing(&self) -> &'static str {
        match self.document.headline.standing {
            Standing::Good => "good",
            Standing::Plain => "plain",
            Standing::Open => "open",
            Standing::Bad => "bad",
        }
    }

    fn sign(&self) -> &'static str {
        match self.document.headline.standing {
            Standing::Good | Standing::Plain => "✓",
            Standing::Open => "?",
            Standing::Bad => "✗",
        }
    }

    fn level(&self, level: &Level) -> &'static str {
        match level {
            Level::Ok => "✓",
            Level::Note => "i",
            Level::Warn => "!",
            Level::Invalid => "✗",
        }
    }

    fn verdict(&self, verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Met => "✓",
            Verdict::Undecided => "?",
            Verdict::NotMet => "✗",
        }
    }

    fn verdict_class(&self, verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Met => "met",
            Verdict::Undecided => "undecided",
            Verdict::NotMet => "not-met",
        }
    }

    fn role(&self, row: &Row) -> Markup {
        let class = match row.role {
            Role::Plain => "",
            Role::Part => " class=\"part\"",
            Role::Failure => " class=\"failure\"",
            Role::Sum => " class=\"sum\"",
        };
        Markup(class.to_owned())
    }

    fn is_words(&self, table: &Table, place: &usize) -> bool {
        table.columns.get(*place).is_some_and(|column| column.words)
    }

    fn svg(&self, picture: &Picture) -> Markup {
        let mut svg = String::new();
        proofload_charts::svg(&picture.scene, &mut svg);
        Markup(svg)
    }

    fn anchor(&self, section: &Section) -> &'static str {
        names(section.kind).0
    }

    fn short(&self, section: &Section) -> &'static str {
        names(section.kind).1
    }
}

/// Printed above each page.
const PRINTED_SIMULATED: &str = "@media print{@page{@top-right{content:\"SIMULATED\";color:#865300;font:600 9pt sans-serif}}}\n";

/// A section's name in the address, and in the table of contents.
const fn names(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Imported => ("imported", "Imported"),
        Kind::Trust => ("trust", "Can I trust this?"),
        Kind::Objectives => ("objectives", "Objectives"),
        Kind::Limit => ("limit", "Limit and errors"),
        Kind::Run => ("run", "What was run"),
        Kind::Latency => ("latency", "Latency"),
        Kind::Server => ("server", "Server's side"),
        Kind::Groups => ("groups", "Groups"),
        Kind::Impacts => ("impacts", "Priority and mode"),
        Kind::Throughput => ("throughput", "Throughput"),
        Kind::Charts => ("charts", "Charts"),
        Kind::Errors => ("errors", "Errors"),
        Kind::Method => ("method", "Method"),
    }
}

/// Markup of our own.
struct Markup(String);

impl Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Markup {}

/// Text, escaped.
struct Plain<'a>(&'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(&clean(self.0), f)
    }
}

impl HtmlSafe for Plain<'_> {}

/// A sentence of ours with names in backticks, escaped. What comes from outside as a whole, such as
/// a cell, is [`Plain`]: its backticks are its own.
struct Inline<'a>(&'a str);

impl Display for Inline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in pieces(&clean(self.0)) {
            match piece {
                Piece::Words(words) => escape(words, f)?,
                Piece::Code(code) => {
                    f.write_str("<code>")?;
                    escape(code, f)?;
                    f.write_str("</code>")?;
                }
            }
        }
        Ok(())
    }
}

impl HtmlSafe for Inline<'_> {}

/// A number or an interval as print sets it, escaped. A star does not move the digits before it.
struct Number<'a>(&'a str);

impl Display for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = clean(self.0).replace(" .. ", " – ").replace(">= ", "≥ ").replace("<= ", "≤ ");
        match text.strip_suffix('*') {
            Some(number) => {
                escape(number, f)?;
                f.write_str("<span class=\"star\">*</span>")
            }
            None => escape(&text, f),
        }
    }
}

impl HtmlSafe for Number<'_> {}

fn escape(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for letter in text.chars() {
        match letter {
            '&' => f.write_str("&amp;")?,
            '<' => f.write_str("&lt;")?,
            '>' => f.write_str("&gt;")?,
            '"' => f.write_str("&quot;")?,
            '\'' => f.write_str("&#39;")?,
            letter => f.write_char(letter)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Inline, Number, Plain};

    #[test]
    fn text_from_outside_stays_text() {
        for (text, plain, inline) in [
            ("a & b", "a &amp; b", "a &amp; b"),
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;", ""),
            ("\" onload='x'", "&quot; onload=&#39;x&#39;", ""),
            ("a\nb\x1b[0m\0", "a b\\u{1b}[0m\\u{0}", ""),
            ("`<b>` x", "`&lt;b&gt;` x", "<code>&lt;b&gt;</code> x"),
            ("x `<b>", "x `&lt;b&gt;", ""),
            ("\u{202e}gpj.exe", "\\u{202e}gpj.exe", ""),
        ] {
            assert_eq!(Plain(text).to_string(), plain);
            let inline = if inline.is_empty() { plain } else { inline };
            assert_eq!(Inline(text).to_string(), inline);
        }
    }

    #[test]
    fn numbers_are_set_as_in_print() {
        for (text, want) in [
            ("671.5*", "671.5<span class=\"star\">*</span>"),
            ("12.88 .. 13.20", "12.88 – 13.20"),
            (">= 628.4", "≥ 628.4"),
            ("<img>", "&lt;img&gt;"),
        ] {
            assert_eq!(Number(text).to_string(), want);
        }
    }
}
