//! Text from outside, such as the names of models and what a server says went wrong.

/// A text without what would move a cursor, change colours, break a line, or turn the direction of
/// writing: each such character becomes a space.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if is_unseen(c) { ' ' } else { c }).collect()
}

/// Controls, and the marks of U+200E to U+2069 that set the direction of writing or end a line.
const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\0'..='\x1f'
            | '\x7f'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}'
    )
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
    fn what_moves_cursors_or_turns_text_is_a_space() {
        for (text, want) in [
            ("plain µ …", "plain µ …"),
            ("a\x1b[31m\nb\r\t\0", "a [31m b   "),
            ("\u{9b}31m", " 31m"),
            ("abc\u{202e}txt.exe\u{2066}", "abc txt.exe "),
            ("line\u{2028}line", "line line"),
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
