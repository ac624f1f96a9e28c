//! Which column of which table holds what.
//!
//! A mapping is TOML: tables that have a row a request, each with the column of the request id and
//! the columns, or pairs of columns, that give a metric. [`Mapping::logos`] is the one that is
//! built in, and the example to start another from.

mod form;

use form::{Problem, parse};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What a log can tell of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    Arrived,
    QueueWait,
    Processing,
    Ttft,
    Total,
    Classification,
    Load,
    ColdStart,
    QueueDepth,
    QueueDepthScheduled,
    PromptTokens,
    CompletionTokens,
    Provider,
    Model,
    Result,
}

/// As what a metric is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Moment,
    Duration,
    Count,
    Flag,
    Text,
}

impl Metric {
    pub(crate) const ALL: [Self; 15] = [
        Self::Arrived,
        Self::QueueWait,
        Self::Processing,
        Self::Ttft,
        Self::Total,
        Self::Classification,
        Self::Load,
        Self::ColdStart,
        Self::QueueDepth,
        Self::QueueDepthScheduled,
        Self::PromptTokens,
        Self::CompletionTokens,
        Self::Provider,
        Self::Model,
        Self::Result,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::QueueWait => "queue_wait",
            Self::Processing => "processing",
            Self::Ttft => "ttft",
            Self::Total => "total",
            Self::Classification => "classification",
            Self::Load => "load",
            Self::ColdStart => "cold_start",
            Self::QueueDepth => "queue_depth",
            Self::QueueDepthScheduled => "queue_depth_scheduled",
            Self::PromptTokens => "prompt_tokens",
            Self::CompletionTokens => "completion_tokens",
            Self::Provider => "provider",
            Self::Model => "model",
            Self::Result => "result",
        }
    }

    pub(crate) const fn shape(self) -> Shape {
        match self {
            Self::Arrived => Shape::Moment,
            Self::QueueWait
            | Self::Processing
            | Self::Ttft
            | Self::Total
            | Self::Classification
            | Self::Load => Shape::Duration,
            Self::ColdStart => Shape::Flag,
            Self::QueueDepth
            | Self::QueueDepthScheduled
            | Self::PromptTokens
            | Self::CompletionTokens => Shape::Count,
            Self::Provider | Self::Model | Self::Result => Shape::Text,
        }
    }
}

/// Unit of a number that is a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    Ns,
    #[default]
    Us,
    Ms,
    S,
}

impl Unit {
    pub(crate) const fn ns(self) -> u32 {
        match self {
            Self::Ns => 1,
            Self::Us => 1_000,
            Self::Ms => 1_000_000,
            Self::S => 1_000_000_000,
        }
    }
}

/// Where a metric stands in its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// In a column, with its unit where it is a duration, by its key where the column is JSON.
    Column { column: String, unit: Option<Unit>, json: Option<String> },
    /// Between two moments.
    Between { from: String, to: String },
    /// In another table, whose key the column holds.
    Named { column: String, lookup: Lookup },
}

/// A table of names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lookup {
    pub(crate) table: String,
    pub(crate) key: String,
    pub(crate) name: String,
}

/// Counts that have a row each in a table of their own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tokens {
    pub(crate) table: String,
    /// Its column that holds the `log_id` of the request's row.
    pub(crate) row: String,
    pub(crate) count: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(rename = "types")]
    pub(crate) kinds: Lookup,
    pub(crate) prompt: Vec<String>,
    pub(crate) completion: Vec<String>,
}

/// A table with a row a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) request_id: String,
    /// A number of the row.
    pub(crate) log_id: Option<String>,
    /// A column that is empty until the request has ended.
    pub(crate) finished: Option<String>,
    /// Each with the places where it may stand, the first that exists counts.
    pub(crate) metrics: BTreeMap<Metric, Vec<Field>>,
    pub(crate) tokens: Option<Tokens>,
}

/// Which column of which table holds what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub(crate) tables: Vec<Table>,
    /// Whether a column that does not exist is no fault.
    pub(crate) columns_optional: bool,
    /// Unit of moments that are numbers.
    pub(crate) time_unit: Unit,
    /// What a time without a zone is ahead of UTC, in seconds.
    pub(crate) zone_s: i32,
}

impl Mapping {
    /// The table of the models' names, where one is named.
    pub(crate) fn models(&self) -> Option<&Lookup> {
        let fields = self.tables.iter().filter_map(|table| table.metrics.get(&Metric::Model));
        fields.flatten().find_map(|field| match field {
            Field::Named { lookup, .. } => Some(lookup),
            _ => None,
        })
    }
}

/// Why a mapping cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The file cannot be read.
    #[error("cannot read the mapping {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no TOML, or has other keys.
    #[error("{}: not a mapping of a server's log", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where, and what was expected.
        source: Box<toml::de::Error>,
    },
    /// Something in it means nothing.
    #[error("{}: {place}: {problem}", path.display())]
    Meaning {
        /// The file.
        path: PathBuf,
        /// The table and the metric.
        place: String,
        /// What is wrong there, and what would do.
        problem: String,
    },
}

impl Mapping {
    /// That of a Logos server, in all forms that its schema has had.
    #[must_use]
    pub fn logos() -> Self {
        // A test reads it, so this is never empty.
        parse(include_str!("logos.toml")).unwrap_or_else(|_| Self {
            tables: Vec::new(),
            columns_optional: true,
            time_unit: Unit::Us,
            zone_s: 0,
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`MappingError`].
    pub fn open(path: &Path) -> Result<Self, MappingError> {
        let text = fs::read_to_string(path)
            .map_err(|source| MappingError::Read { path: path.to_owned(), source })?;
        let path = path.to_owned();
        parse(&text).map_err(|problem| match problem {
            Problem::Toml(source) => MappingError::Toml { path, source },
            Problem::Meaning { place, problem } => MappingError::Meaning { path, place, problem },
        })
    }
}
