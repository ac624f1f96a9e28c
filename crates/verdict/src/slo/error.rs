//! Why a text is no objective.

use std::fmt;

/// A text that is no objective, where it stops being one, and the word that was perhaps meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseSloError {
    /// The whole text.
    pub text: String,
    /// Where the fault begins, in characters from 1.
    pub column: usize,
    /// What is wrong there, as a fragment.
    pub problem: String,
    /// The valid word that is nearest to what was found, where a word was expected.
    pub nearest: Option<String>,
}

impl fmt::Display for ParseSloError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, column, problem, nearest } = self;
        write!(f, "`{text}`, column {column}: {problem}")?;
        match nearest {
            Some(word) => write!(f, "; the nearest valid word is `{word}`"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ParseSloError {}

/// The word of `valid` that takes the fewest edits to come from `word`; the first of equals.
pub fn nearest<'a>(word: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    valid.into_iter().min_by_key(|candidate| edits(&word.to_lowercase(), candidate))
}

/// The [`nearest`] of `valid`, if it is near: if it takes at most an edit for every three characters, or
/// one for fewer, or if one begins with the other. A word that is far from all of them is not misspelt.
pub fn near<'a>(word: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    nearest(&word, valid).filter(|found| {
        let characters = word.chars().count().max(found.chars().count());
        let is_part = !word.is_empty() && (found.starts_with(&word) || word.starts_with(found));
        is_part || edits(&word, found) <= (characters / 3).max(1)
    })
}

/// Characters to insert, leave out or change.
///
/// Source: V. I. Levenshtein, "Binary codes capable of correcting deletions, insertions, and
/// reversals", Soviet Physics Doklady 10 (1966), 707–710.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (place, have) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = place + 1;
        for (column, want) in to.iter().enumerate() {
            let changed = diagonal + usize::from(have != *want);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::{edits, near, nearest};

    #[test]
    fn only_what_is_near_is_named() {
        for (word, want) in [
            ("seed", None),
            ("worker-cpus", Some("worker-cpu")),
            ("container", Some("containers")),
            ("mixx", Some("mix")),
            ("MIX", Some("mix")),
            ("target", Some("target-time")),
            ("windowms", Some("window-ms")),
            ("gpus", None),
            ("", None),
        ] {
            let valid = ["worker-cpu", "containers", "mix", "target-time", "window-ms"];
            assert_eq!(near(word, valid), want, "{word}");
        }
        assert_eq!(near("x", []), None);
    }

    #[test]
    fn edits_are_counted() {
        for (from, to, want) in [
            ("", "", 0),
            ("", "abc", 3),
            ("ttft", "ttft", 0),
            ("tfft", "ttft", 1),
            ("kitten", "sitting", 3),
            ("latecny", "latency", 2),
        ] {
            assert_eq!(edits(from, to), want, "{from} {to}");
            assert_eq!(edits(to, from), want, "{to} {from}");
        }
    }

    #[test]
    fn the_nearest_word_is_found_whatever_its_case() {
        assert_eq!(nearest("BATH", ["interactive", "batch"]), Some("batch"));
        assert_eq!(nearest("x", []), None);
    }
}
