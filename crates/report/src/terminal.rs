//! A document on a terminal.

use crate::banner;
use crate::files::{PAGE, Written};
use crate::text::clean;
use comfy_table::{CellAlignment, ContentArrangement, Table as Grid, presets};
use proofload_analysis::{Block, Document, Kind, Role, Row, Section, Stated, Table};
use proofload_verdict::slo::Verdict;
use proofload_verdict::{Level, Trust};
use std::io::{self, Write};

/// Lines are not longer than this, however wide the terminal: a wider paragraph is hard to read.
const COLUMNS_MAX: usize = 100;
/// Nothing fits into less.
const COLUMNS_LEAST: usize = 40;

/// How a terminal wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Width in characters.
    pub columns: u16,
    /// Whether colours may be used.
    pub colour: bool,
}

/// Prints a document: what to think of the run first, then its tables, then where the files are.
///
/// # Errors
/// Those of `out`.
pub fn terminal(
    document: &Document,
    written: &Written,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let columns = usize::from(look.columns).clamp(COLUMNS_LEAST, COLUMNS_MAX);
    let mut page = Page { columns, colour: look.colour, out };
    if document.simulated {
        for line in banner::simulated(columns) {
            page.line(&page.styled(line, BOLD))?;
        }
        page.text("", "SIMULATED: these are figures of a simulator, not of a server.")?;
        page.line("")?;
    }
    page.text("", &document.title)?;
    // What it cannot draw, and what nobody looks up in a terminal, is in the page.
    let is_left_out =
        |section: &&Section| matches!(section.kind, Kind::Run | Kind::Charts | Kind::Method);
    for section in document.sections.iter().filter(|section| !is_left_out(section)) {
        page.section(section)?;
    }
    page.line("")?;
    page.line(&page.styled("Files", BOLD))?;
    for path in &written.files {
        page.line(&format!("  {}", clean(&path.display().to_string())))?;
    }
    if let Some(folder) = written.charts.first().and_then(|path| path.parent()) {
        let count = written.charts.len() / 2;
        let text = format!("  {}: {count} pictures, as SVG and PNG", folder.display());
        page.line(&clean(&text))?;
    }
    if written.files.iter().any(|path| path.ends_with(PAGE)) {
        page.text(
            "  ",
            "report.html, opened in a browser, has the charts, what was run, and what each figure \
             means.",
        )?;
    }
    if written.detailed_left_out > 0 {
        let left_out = written.detailed_left_out;
        page.text(
            "  ",
            &format!(
                "detailed.csv leaves out the last {left_out} requests; proofload-analyze \
                 --all-rows writes them all."
            ),
        )?;
    }
    Ok(())
}

const BOLD: &str = "1";

struct Page<'a> {
    columns: usize,
    colour: bool,
    out: &'a mut dyn Write,
}

impl Page<'_> {
    fn section(&mut self, section: &Section) -> io::Result<()> {
        self.line("")?;
        self.line(&self.styled(&section.heading, BOLD))?;
        for block in &section.blocks {
            match block {
                Block::Text(text) => self.text("  ", text)?,
                Block::Trust(items) => {
                    for item in items {
                        self.trust(item)?;
                    }
                }
                Block::Verdicts(stated) => {
                    for stated in stated {
                        self.verdict(stated)?;
                    }
                }
                Block::Table(table) => self.table(table)?,
                Block::Terms(terms) => {
                    for (term, meaning) in &terms.pairs {
                        self.hanging(&format!("  {:<25}", clean(term)), meaning)?;
                    }
                }
                Block::Chart(_) => {}
            }
        }
        Ok(())
    }

    fn trust(&mut self, item: &Trust) -> io::Result<()> {
        let (level, Trust { id, title, evidence, .. }) = (item.level, item);
        let label = format!("  {:<7} {id} ", level.label());
        for (place, line) in wrap(&format!("{title}: {evidence}"), self.columns - label.len())
            .into_iter()
            .enumerate()
        {
            if place == 0 {
                let label = self.styled(&label, colour_of(level));
                self.line(&format!("{label}{line}"))?;
            } else {
                self.line(&format!("{:1$}{line}", "", label.len()))?;
            }
        }
        match item.remedy {
            Some(remedy) => self.hanging(&format!("{:1$}-> ", "", label.len()), remedy),
            None => Ok(()),
        }
    }

    fn verdict(&mut self, stated: &Stated) -> io::Result<()> {
        let label = format!("  {:<9} ", stated.verdict.label());
        let colour = match stated.verdict {
            Verdict::Met => colour_of(Level::Ok),
            Verdict::Undecided => colour_of(Level::Warn),
            Verdict::NotMet => colour_of(Level::Invalid),
        };
        let mut lines = wrap(&stated.name, self.columns - label.len()).into_iter();
        let styled = self.styled(&label, colour);
        self.line(&format!("{styled}{}", lines.next().unwrap_or_default()))?;
        let indent = " ".repeat(label.len());
        for line in lines {
            self.line(&format!("{indent}{line}"))?;
        }
        self.text(&format!("{indent}  "), &stated.evidence)
    }

    /// A table; where it is too wide, the names of its rows are shortened in their middle.
    fn table(&mut self, table: &Table) -> io::Result<()> {
        if let Some(place) = table.columns.iter().skip(1).position(|column| column.words) {
            return self.table_with_words(table, place + 1);
        }
        let names = || table.rows.iter().map(name);
        let longest = names().map(|name| name.chars().count()).max().unwrap_or(0);
        let lines = grid(table, longest);
        let widest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        let over = widest.saturating_sub(self.columns);
        let lines = if over > 0 {
            let (table, dropped) = without_common_provider(table);
            let longest = longest.saturating_sub(dropped);
            grid(&table, longest.min((longest + dropped).saturating_sub(over)))
        } else {
            lines
        };
        for line in lines {
            self.line(&line)?;
        }
        self.line("")
    }

    /// A table of which the column `place` holds words: those stand below, with the names of their
    /// rows.
    fn table_with_words(&mut self, table: &Table, place: usize) -> io::Result<()> {
        let mut numbers = table.clone();
        numbers.columns.remove(place);
        for row in &mut numbers.rows {
            row.cells.remove(place);
        }
        self.table(&numbers)?;
        for row in table.rows.iter().filter(|row| !row.cells[place].is_empty()) {
            self.hanging(&format!("  {}: ", name(row)), &row.cells[place])?;
        }
        Ok(())
    }

    /// A paragraph, each line after `indent`.
    fn text(&mut self, indent: &str, text: &str) -> io::Result<()> {
        for line in wrap(text, self.columns - indent.len()) {
            self.line(&format!("{indent}{line}"))?;
        }
        Ok(())
    }

    /// A paragraph whose lines begin where `label` ends.
    fn hanging(&mut self, label: &str, text: &str) -> io::Result<()> {
        for (place, line) in wrap(text, self.columns - label.len()).into_iter().enumerate() {
            let indent = " ".repeat(label.len());
            self.line(&format!("{}{line}", if place == 0 { label } else { &indent }))?;
        }
        Ok(())
    }

    fn styled(&self, text: &str, code: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }
}

/// The lines of a table whose row names have at most `name_most` characters.
fn grid(table: &Table, name_most: usize) -> Vec<String> {
    let mut grid = Grid::new();
    grid.load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(heads(table));
    for row in &table.rows {
        let name = shortened(&name(row), name_most);
        grid.add_row(std::iter::once(name).chain(row.cells.iter().skip(1).map(|cell| clean(cell))));
    }
    let columns = grid.column_iter_mut().zip(&table.columns);
    for (column, _) in columns.filter(|(_, column)| !column.words) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    // The widest table of numbers that there is then still fits 80 columns.
    for column in grid.column_iter_mut() {
        column.set_padding((1, 0));
    }
    grid.lines().map(|line| format!(" {}", line.trim_end())).collect()
}

/// The columns' headings; what several are about stands over the first of them only.
fn heads(table: &Table) -> impl Iterator<Item = String> {
    let befores = std::iter::once("").chain(table.columns.iter().map(|column| column.of));
    table.columns.iter().zip(befores).map(|(column, before)| {
        let name = clean(&column.name);
        if column.of == before { name } else { format!("{} {name}", column.of) }
    })
}

/// The same table without the provider that all of its rows name, `provider / model`, and how many
/// characters that was: it tells nobody apart.
fn without_common_provider(table: &Table) -> (Table, usize) {
    const SEPARATOR: &str = " / ";
    let mut table = table.clone();
    let first = table.rows.first().and_then(|row| row.cells.first());
    let provider = first.and_then(|cell| cell.split_once(SEPARATOR)).map(|(name, _)| name);
    let Some(common) = provider.map(|name| format!("{name}{SEPARATOR}")) else { return (table, 0) };
    let rest = |row: &Row| Some(row.cells.first()?.strip_prefix(&common)?.to_owned());
    let Some(rest) = table.rows.iter().map(rest).collect::<Option<Vec<_>>>() else {
        return (table, 0);
    };
    for (row, rest) in table.rows.iter_mut().zip(rest) {
        row.cells[0] = rest;
    }
    (table, clean(&common).chars().count())
}

/// A row's name, with what tells its role.
fn name(row: &Row) -> String {
    let name = clean(row.cells.first().map_or("", String::as_str));
    match row.role {
        Role::Plain | Role::Sum => name,
        Role::Part => format!("  {name}"),
        Role::Failure => format!("! {name}"),
    }
}

/// A name without its middle, where it is longer than `most`; its end tells more than its middle.
fn shortened(name: &str, most: usize) -> String {
    let length = name.chars().count();
    if length <= most {
        return name.to_owned();
    }
    let kept = most.saturating_sub(1);
    let start: String = name.chars().take(kept / 3).collect();
    let end: String = name.chars().skip(length - (kept - kept / 3)).collect();
    format!("{start}…{end}")
}

const fn colour_of(level: Level) -> &'static str {
    match level {
        Level::Ok => "32",
        Level::Note => "36",
        Level::Warn => "33",
        Level::Invalid => "1;31",
    }
}

/// Breaks a text into lines of at most `columns` characters; a longer word stands alone.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let text = clean(text);
    let mut lines = vec![String::new()];
    let mut width = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > columns {
            lines.push(String::new());
            width = 0;
        }
        if let Some(line) = lines.last_mut() {
            if width > 0 {
                line.push(' ');
                width += 1;
            }
            line.push_str(word);
            width += length;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Look, shortened, terminal, wrap};
    use crate::files::Written;
    use proofload_analysis::{
        Block, Column, Document, Headline, Kind, Role, Row, Section, Standing, Table,
    };

    fn shown(table: Table) -> String {
        let headline = Headline {
            standing: Standing::Plain,
            verdict: String::new(),
            reason: String::new(),
            evidence: None,
            happened: String::new(),
            next: None,
        };
        let document = Document {
            can_be_made_again: true,
            title: "t".to_owned(),
            subject: String::new(),
            when: String::new(),
            headline,
            key_figures: Vec::new(),
            simulated: false,
            sections: vec![Section {
                kind: Kind::Latency,
                heading: String::new(),
                blocks: vec![Block::Table(table)],
            }],
        };
        let mut out = Vec::new();
        let look = Look { columns: 80, colour: false };
        terminal(&document, &Written::default(), look, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn columns(count: usize) -> Vec<Column> {
        let numbers = std::iter::repeat_with(|| Column::numbers("c", ""));
        [Column::words("")].into_iter().chain(numbers).take(count).collect()
    }

    #[test]
    fn the_widest_table_fits_80_columns() {
        let mut cells = vec!["timeout_first_byte".to_owned(), "100,000".to_owned()];
        cells.extend(
            ["300000", "300000*", "300000*", "300000*", "300000*", "300000"].map(Into::into),
        );
        let row = Row { role: Role::Failure, cells };
        let text = shown(Table { columns: columns(8), rows: vec![row] });
        assert!(text.contains("! timeout_first_byte"), "{text}");
        assert!(text.contains("300000*"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }

    #[test]
    fn names_that_are_too_long_lose_their_middle() {
        for (name, most, want) in [
            ("short", 5, "short"),
            ("Qwen/Qwen2.5-14B-Instruct-AWQ", 13, "Qwen…ruct-AWQ"),
            ("µµµµ", 3, "…µµ"),
            ("anything", 0, "…"),
        ] {
            assert_eq!(shortened(name, most), want);
        }
        let name = "casperhansen/deepseek-r1-distill-llama-8b-awq".repeat(2);
        let mut row = vec![name];
        row.extend(["100,000", "300000", "300000", "100.0 %"].map(Into::into));
        let text = shown(Table { columns: columns(5), rows: vec![Row::plain(row)] });
        assert!(text.contains("100.0 %") && text.contains("llama-8b-awq"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }

    #[test]
    fn a_provider_that_all_have_is_dropped_before_a_name_is_cut() {
        let row = |name: &str| {
            let mut row = vec![name.to_owned()];
            row.extend(["100,000", "300000", "300000", "100.0 %"].map(Into::into));
            Row::plain(row)
        };
        let provider = "p".repeat(40);
        let models = ["a-model-of-thirty-characters-1", "a-model-of-thirty-characters-2"];
        let names = models.map(|model| format!("{provider} / {model}"));
        let rows = names.iter().map(|name| row(name)).collect();
        let text = shown(Table { columns: columns(5), rows });
        assert!(models.iter().all(|model| text.contains(model)), "{text}");
        assert!(!text.contains("pp") && !text.contains('…'), "{text}");
        let rows = vec![row(&names[0]), row(&format!("other / {}", models[1]))];
        let text = shown(Table { columns: columns(5), rows });
        assert!(text.contains("pp") && text.contains("other"), "they tell them apart: {text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }

    #[test]
    fn words_stand_below_their_table_and_hold_no_control_characters() {
        let mut table = Table { columns: columns(2), rows: Vec::new() };
        table.columns.push(Column::words("example"));
        let words = ["reset", "3", "peer said\x1b[2J \u{202e}no"].map(str::to_owned);
        table.rows = vec![Row { role: Role::Failure, cells: words.to_vec() }];
        let text = shown(table);
        assert!(text.contains("\n  ! reset: peer said\\u{1b}[2J \\u{202e}no\n"), "{text:?}");
        assert!(!text.contains("example"), "{text}");
    }

    #[test]
    fn what_two_columns_are_about_is_said_once() {
        let mut table = Table { columns: columns(5), rows: Vec::new() };
        for (column, of) in table.columns.iter_mut().zip(["", "a", "a", "b", "b"]) {
            column.of = of;
        }
        table.rows = vec![Row::plain(["r", "1", "2", "3", "4"].map(str::to_owned))];
        let text = shown(table);
        assert!(text.contains("a c c b c c"), "{text}");
    }

    #[test]
    fn lines_are_broken_between_words_and_hold_no_control_characters() {
        for (text, want) in [
            ("", &[""] as &[_]),
            ("one two three", &["one two", "three"]),
            ("uncommonly long", &["uncommonly", "long"]),
            ("µµµµ µµµ µ", &["µµµµ µµµ", "µ"]),
            ("a\x1b[m\nb", &["a\\u{1b}[m", "b"]),
        ] {
            assert_eq!(wrap(text, 8), want, "{text:?}");
        }
    }
}
