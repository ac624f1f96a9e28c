//! What kind of request it is: by mode, priority and model.

use std::fmt;
use std::str::FromStr;

/// Whether somebody waits for the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// A person waits.
    #[default]
    Interactive,
    /// Nobody waits.
    Batch,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 2] = [Self::Interactive, Self::Batch];

    /// The name in a workload and in every output.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Batch => "batch",
        }
    }
}

/// How urgent a request is to the scheduler under test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// 1 on the wire.
    Low,
    /// 5 on the wire.
    #[default]
    Mid,
    /// 10 on the wire.
    High,
}

impl Priority {
    /// Every priority, lowest first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Mid, Self::High];

    /// The name in a workload and in every output.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Mid => "mid",
            Self::High => "high",
        }
    }

    /// The number that is sent: 1, 5 or 10.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Low => 1,
            Self::Mid => 5,
            Self::High => 10,
        }
    }
}

/// The text is none of the names of a mode or priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseLabelError {
    /// The names that would have done, for a message.
    pub expected: &'static str,
}

impl fmt::Display for ParseLabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)
    }
}

impl std::error::Error for ParseLabelError {}

impl FromStr for Mode {
    type Err = ParseLabelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|mode| mode.label() == text);
        named.ok_or(ParseLabelError { expected: "`interactive` or `batch`" })
    }
}

impl FromStr for Priority {
    type Err = ParseLabelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|priority| priority.label() == text);
        named.ok_or(ParseLabelError { expected: "`low`, `mid` or `high`" })
    }
}

/// A kind of request. Rows carry its number in the run's list of classes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Class {
    /// Whether somebody waits.
    pub mode: Mode,
    /// How urgent.
    pub priority: Priority,
    /// The model that the request names; `None` leaves the choice to the server (classification).
    pub model: Option<Box<str>>,
}

impl Class {
    /// `direct` where the request names its model, `classified` where the server chooses.
    #[must_use]
    pub const fn selection(&self) -> &'static str {
        if self.model.is_some() { "direct" } else { "classified" }
    }
}
