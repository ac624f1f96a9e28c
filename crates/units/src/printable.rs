//! Texts from outside, where people read them.

use std::borrow::Cow;

/// The text with every control character but line feed and tab written out, as `\u{1b}`: a name
/// that a server sent must not move a cursor, change a colour or ring a bell when a file or an error
/// is shown.
///
/// ```
/// # use proofload_units::printable;
/// assert_eq!(printable("qwen3\u{1b}[31m"), "qwen3\\u{1b}[31m");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let acts = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
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
        ] {
            assert_eq!(printable(text), want, "{text:?}");
        }
        assert!(matches!(printable("plain"), Cow::Borrowed(_)), "nothing is copied for nothing");
    }
}
