//! Texts from outside, where people read them.

use std::borrow::Cow;

/// The text with every control character but line feed and tab written out, as `\u{1b}`, and with
/// every mark that turns the direction of writing: a name that a server sent must not move a cursor,
/// change a colour, ring a bell or read as another name when a file or an error is shown.
///
/// ```
/// # use proofload_units::printable;
/// assert_eq!(printable("qwen3\u{1b}[31m"), "qwen3\\u{1b}[31m");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let turns = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let acts = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || turns(c);
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if acts(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::printable;
    use std::borrow::Cow;

    #[test]
    fn what_acts_on_a_terminal_is_written_out_and_all_else_stays() {
        for (text, want) in [
            ("", ""),
            ("a\tb\nc", "a\tb\nc"),
            ("ünïcödé \u{202f}✓", "ünïcödé \u{202f}✓"),
            ("\u{7}bell\r", "\\u{7}bell\\u{d}"),
            ("\u{1b}]0;title\u{7f}", "\\u{1b}]0;title\\u{7f}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("nul\0", "nul\\u{0}"),
            ("a\u{202e}gpj.exe\u{2066}", "a\\u{202e}gpj.exe\\u{2066}"),
        ] {
            assert_eq!(printable(text), want, "{text:?}");
        }
        assert!(matches!(printable("plain"), Cow::Borrowed(_)), "nothing is copied for nothing");
    }
}
