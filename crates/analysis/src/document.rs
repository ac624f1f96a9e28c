//! What a report says, before it is known in which form: text, tables and findings in order.
//!
//! A document holds words and numbers that are already written out, and no layout: the terminal
//! wraps and aligns it, a page gives it style. Each part says what kind of part it is, so that a
//! form can leave out what does not suit it.

use crate::pictures::Picture;
use proofload_verdict::Trust;
use proofload_verdict::slo::Verdict;

/// A whole report.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// How the run went, in one line.
    pub title: String,
    /// What was run against what.
    pub subject: String,
    /// When; empty where that is not known.
    pub when: String,
    /// What to think of it.
    pub headline: Headline,
    /// The figures that most people ask for first.
    pub key_figures: Vec<KeyFigure>,
    /// Whether the target was simulated; every form of the report must say so in large letters.
    pub simulated: bool,
    /// Whether `proofload-analyze` makes the report again from its run directory.
    pub can_be_made_again: bool,
    /// Its parts, most important first.
    pub sections: Vec<Section>,
}

/// What to think of a run, in few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// How it stands.
    pub standing: Standing,
    /// The verdict in a word or two.
    pub verdict: String,
    /// What it is about, in one sentence.
    pub reason: String,
    /// The figures of what decided it, where one thing did.
    pub evidence: Option<String>,
    /// What happened, in one sentence.
    pub happened: String,
    /// What to do next, where something is to be done.
    pub next: Option<String>,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It shows what was asked of it.
    Good,
    /// Its figures can be used, and nothing was asked of it.
    Plain,
    /// It leaves open what was asked of it, or whether it can be used.
    Open,
    /// It shows that something was not kept to, or cannot be used.
    Bad,
}

/// A figure that stands alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFigure {
    /// What it is.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// Its unit; empty where it has none.
    pub unit: &'static str,
    /// What belongs to it, such as its interval; may be empty.
    pub note: String,
}

/// A part of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// What kind of part it is.
    pub kind: Kind,
    /// Its heading.
    pub heading: String,
    /// What it holds, in order.
    pub blocks: Vec<Block>,
}

/// A kind of part. A report has each at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What is known of an imported file.
    Imported,
    /// What the guard-rails found.
    Trust,
    /// What was asked for, and whether the run shows it.
    Objectives,
    /// How many kept to the latency limit, and how many failed.
    Limit,
    /// What was run, against what, and where.
    Run,
    /// Times as the client saw them.
    Latency,
    /// Times by the server's own log.
    Server,
    /// Requests that have something in common.
    Groups,
    /// What a difference between requests does.
    Impacts,
    /// Rates.
    Throughput,
    /// Pictures.
    Charts,
    /// What failed.
    Errors,
    /// How everything was computed.
    Method,
}

/// A piece of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// What the guard-rails found.
    Trust(Vec<Trust>),
    /// Verdicts on what was asked for.
    Verdicts(Vec<Stated>),
    /// A table.
    Table(Table),
    /// A picture, for the forms of a report that can show one.
    Chart(Picture),
    /// Names, and what each is or means.
    Terms(Terms),
}

/// Names, and what each is or means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What they are about; empty where the section's heading says it.
    pub heading: &'static str,
    /// The names and what is said of them.
    pub pairs: Vec<(String, String)>,
}

/// A verdict and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// The verdict.
    pub verdict: Verdict,
    /// The objective.
    pub name: String,
    /// The figures, in one line.
    pub evidence: String,
    /// The figure that it is about, with its unit; empty where there is none.
    pub value: String,
    /// Its 95 % interval; empty where there is none.
    pub interval: String,
    /// Requests that it is about.
    pub n: u64,
    /// Requests that would decide it, where a number would.
    pub least_n: Option<u64>,
    /// The rule in words; empty where the objective could not be read.
    pub rule: String,
}

/// A table whose first column names the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each as long as `columns`.
    pub rows: Vec<Row>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What its neighbours of the same kind are about, too; empty where it stands alone.
    pub of: &'static str,
    /// Its heading.
    pub name: String,
    /// The unit of its numbers; empty where they have none, or each its own.
    pub unit: &'static str,
    /// Whether it holds words and not numbers.
    pub words: bool,
}

impl Column {
    /// A column of names and other words.
    pub fn words(name: impl Into<String>) -> Self {
        Self { of: "", name: name.into(), unit: "", words: true }
    }

    /// A column of numbers.
    pub fn numbers(name: impl Into<String>, unit: &'static str) -> Self {
        Self { of: "", name: name.into(), unit, words: false }
    }
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// How it belongs to the others.
    pub role: Role,
    /// Its cells; an empty one has nothing to say.
    pub cells: Vec<String>,
}

impl Row {
    /// A row like any other.
    pub fn plain(cells: impl IntoIterator<Item = String>) -> Self {
        Self { role: Role::Plain, cells: cells.into_iter().collect() }
    }
}

/// How a row belongs to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It stands for itself.
    Plain,
    /// It tells more of the row above it.
    Part,
    /// It is about requests that failed.
    Failure,
    /// It is the sum of those above it.
    Sum,
}
