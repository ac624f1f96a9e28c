//! Text from outside, such as the names of models and what a server says went wrong.

use proofload_units::printable;

/// A text on one line, in which nothing acts on what shows it.
pub(crate) fn clean(text: &str) -> String {
    printable(text).replace(['\n', '\t'], " ")
}

/// A piece of a text: our own texts set names in backticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Words.
    Words(&'a str),
    /// A name, without its backticks.
    Code(&'a str),
}

/// The pieces of a text; a backtick without another is a word like any other.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((words, after)) = rest.split_once('`') {
        let Some((code, after)) = after.split_once('`') else { break };
        if code.is_empty() {
            break;
        }
        if !words.is_empty() {
            pieces.push(Piece::Words(words));
        }
        pieces.push(Piece::Code(code));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Words(rest));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::Piece::{Code, Words};
    use super::{clean, pieces};

    #[test]
    fn a_text_stays_on_its_line() {
        for (text, want) in [
            ("plain µ …", "plain µ …"),
            ("a\x1b[31m\nb\tc", "a\\u{1b}[31m b c"),
            ("abc\u{202e}txt", "abc\\u{202e}txt"),
        ] {
            assert_eq!(clean(text), want, "{text:?}");
        }
    }

    #[test]
    fn names_stand_in_backticks() {
        for (text, want) in [
            ("", &[] as &[_]),
            ("no name", &[Words("no name")]),
            ("`a` and `b`.", &[Code("a"), Words(" and "), Code("b"), Words(".")]),
            ("one ` alone", &[Words("one ` alone")]),
            ("`` empty", &[Words("`` empty")]),
        ] {
            assert_eq!(pieces(text), want, "{text:?}");
        }
    }
}
