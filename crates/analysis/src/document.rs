//! What a report says, before it is known in which form: text, tables and findings in order.
//!
//! A document holds words and numbers that are already written out, and no layout: the terminal
//! wraps and aligns it, a page would give it style.

use crate::pictures::Picture;
use proofload_verdict::Trust;
use proofload_verdict::slo::Verdict;

/// A whole report.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it is about, in one line.
    pub title: String,
    /// Whether the target was simulated; every form of the report must say so in large letters.
    pub simulated: bool,
    /// Its parts, most important first.
    pub sections: Vec<Section>,
}

/// A part of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Its heading.
    pub heading: String,
    /// What it holds, in order.
    pub blocks: Vec<Block>,
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
    /// Terms and what they mean.
    Terms(Vec<(String, String)>),
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
}

/// A table whose first column names the row; the others hold numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Headings of the columns.
    pub columns: Vec<String>,
    /// The rows, each as long as `columns`; an empty cell has nothing to say.
    pub rows: Vec<Vec<String>>,
}
