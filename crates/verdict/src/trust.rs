//! How far a run can be trusted.

use std::fmt;

/// How bad a finding is, from harmless to fatal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Looked at, and nothing is wrong.
    Ok,
    /// Worth knowing; no figure is in doubt.
    Note,
    /// Some figures must be read with care.
    Warn,
    /// The figures say nothing about the server.
    Invalid,
}

impl Level {
    /// Every level, harmless first.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Note, Self::Warn, Self::Invalid];

    /// The name in every output.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Invalid => "invalid",
        }
    }
}

/// What one guard-rail found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The guard-rail: `G01`, `G02`, …
    pub id: &'static str,
    /// What it looks at, in a few words.
    pub title: &'static str,
    /// How bad it is.
    pub level: Level,
    /// The figures it rests on, in one line.
    pub evidence: String,
    /// What to do about it; none where nothing is to be done.
    pub remedy: Option<&'static str>,
}

impl Trust {
    /// The same guard-rail where nobody looked, for the reason `why`. That is no approval, so it
    /// is at least a note.
    #[must_use]
    pub fn not_measured(self, level: Level, why: &str) -> Self {
        let evidence = format!("not measured: {why}");
        Self { level: level.max(Level::Note), evidence, remedy: None, ..self }
    }
}

/// Guard-rails that make a run invalid and in which words, gravest first.
const REASONS: [(&str, &str); 4] = [
    ("G01", "generator limited"),
    ("G02", "generator limited"),
    ("G09", "the records do not add up"),
    ("G35", "no request succeeded"),
];

/// Whether a run can be used at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It can, with the care that the guard-rails ask for.
    Valid,
    /// Nobody measured what would decide it, for this reason.
    NotJudged(&'static str),
    /// It cannot, for this reason.
    Invalid(&'static str),
}

impl Validity {
    /// The gravest reason among what the guard-rails found. A generator that was too slow comes
    /// before everything else, since it makes every other figure meaningless. Of `offered` requests
    /// the analysis knows; without one nothing can have succeeded, and that is nobody's failure.
    #[must_use]
    pub fn of(trust: &[Trust], offered: u64) -> Self {
        let broken = |id| trust.iter().any(|item| item.id == id && item.level == Level::Invalid);
        match REASONS.into_iter().find(|(id, _)| broken(*id)) {
            None => Self::Valid,
            Some(("G35", _)) if offered == 0 => Self::Invalid("nothing to analyse"),
            Some((_, reason)) => Self::Invalid(reason),
        }
    }

    /// `valid`, `not judged` or `invalid`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::NotJudged(_) => "not judged",
            Self::Invalid(_) => "invalid",
        }
    }

    /// Why it is not valid.
    #[must_use]
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Valid => None,
            Self::NotJudged(reason) | Self::Invalid(reason) => Some(reason),
        }
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid => f.write_str("valid"),
            Self::NotJudged(reason) => write!(f, "not judged: {reason}"),
            Self::Invalid(reason) => write!(f, "invalid: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, Trust, Validity};

    fn found(id: &'static str, level: Level) -> Trust {
        Trust { id, title: "", level, evidence: String::new(), remedy: None }
    }

    #[test]
    fn the_gravest_reason_names_an_invalid_run() {
        use Level::{Invalid, Ok, Warn};
        for (name, trust, want) in [
            ("nothing looked at", vec![], "valid"),
            ("a late generator", vec![found("G01", Invalid)], "invalid: generator limited"),
            ("a late generator that is only warned of", vec![found("G01", Warn)], "valid"),
            (
                "too slow, so that nothing succeeded",
                vec![found("G01", Ok), found("G35", Invalid), found("G02", Invalid)],
                "invalid: generator limited",
            ),
            ("nothing succeeded", vec![found("G35", Invalid)], "invalid: no request succeeded"),
            ("books", vec![found("G09", Invalid)], "invalid: the records do not add up"),
        ] {
            assert_eq!(Validity::of(&trust, 20).to_string(), want, "{name}");
        }
    }

    #[test]
    fn what_nobody_measured_is_not_well() {
        let trust = found("G01", Level::Ok).not_measured(Level::Ok, "it ran elsewhere");
        assert_eq!((trust.id, trust.level), ("G01", Level::Note));
        assert_eq!(trust.evidence, "not measured: it ran elsewhere");
        assert_eq!(found("G01", Level::Ok).not_measured(Level::Warn, "").level, Level::Warn);
        assert_eq!(Validity::NotJudged("imported").to_string(), "not judged: imported");
    }

    #[test]
    fn a_run_without_a_request_has_nothing_to_analyse() {
        let trust = [found("G35", Level::Invalid)];
        assert_eq!(Validity::of(&trust, 0), Validity::Invalid("nothing to analyse"));
    }

    #[test]
    fn levels_are_ordered_by_gravity() {
        assert!(Level::ALL.is_sorted());
    }
}
