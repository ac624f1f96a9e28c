//! Keys that must never be written down.

use std::borrow::Cow;
use std::fmt;

/// The keys of a run, and how to take them out of a text.
///
/// A server may repeat the key it was given, in whatever form its own errors take, so a key is found
/// as it is, with JSON escapes (`\/`, `\u0041`, also escaped more than once) and percent-encoded,
/// in any mixture. A key that the end of the text cuts off is found from its eighth character on.
/// Redact first and shorten afterwards: a piece cut out of the middle of a key is not recognised.
///
/// ```
/// # use proofload_record::Secrets;
/// let secrets = Secrets::new(["sk-a/b"]);
/// assert_eq!(secrets.redact(r#"{"error": "bad key sk-a\/b"}"#), r#"{"error": "bad key [redacted]"}"#);
/// assert_eq!(format!("{secrets:?}"), "Secrets(1)");
/// ```
/// Left out: other encodings (base64, HTML entities), which no error text of a model server that we
/// know of uses.
#[derive(Clone, Default)]
pub struct Secrets {
    keys: Vec<Box<str>>,
}

impl Secrets {
    /// What stands in the place of a key.
    pub const REDACTED: &str = "[redacted]";
    /// Keys shorter than this many characters are not looked for: they protect nothing, and taking
    /// out every `a` would leave no message to read.
    pub const CHARS_MIN: usize = 4;
    /// A key that the text's end cuts off is recognised by this many characters.
    const CUT_CHARS_MIN: usize = 8;

    /// Blanks around a key do not count. An empty list redacts nothing.
    pub fn new(keys: impl IntoIterator<Item: AsRef<str>>) -> Self {
        let mut secrets = Self::default();
        for key in keys {
            secrets.add(key.as_ref());
        }
        secrets
    }

    /// One key more.
    pub fn add(&mut self, key: &str) {
        let key = key.trim();
        if key.chars().count() >= Self::CHARS_MIN && !self.keys.iter().any(|known| **known == *key)
        {
            self.keys.push(key.into());
        }
    }

    /// All keys of `other` too.
    pub fn extend(&mut self, other: &Self) {
        for key in &other.keys {
            self.add(key);
        }
    }

    /// `text` with [`Self::REDACTED`] in place of every key; borrowed where none occurs.
    ///
    /// Takes time in proportion to the length of the text times the number of keys.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.keys.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut redacted = String::new();
        let (mut kept, mut at) = (0, 0);
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(len) = self.longest(rest) else {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            };
            redacted.push_str(&text[kept..at]);
            redacted.push_str(Self::REDACTED);
            // A longer key may begin within this one.
            let inner = text[at..at + len].char_indices().map(|(place, _)| at + place);
            let ends = inner.filter_map(|place| Some(place + self.longest(&text[place..])?));
            kept = ends.max().unwrap_or(at + len);
            at = kept;
        }
        if kept == 0 {
            return Cow::Borrowed(text);
        }
        redacted.push_str(&text[kept..]);
        Cow::Owned(redacted)
    }

    /// Length in bytes of the longest key that `text` begins with.
    fn longest(&self, text: &str) -> Option<usize> {
        self.keys.iter().filter_map(|key| match_len(text, key)).max()
    }
}

/// Prints how many keys there are, and nothing of them.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.keys.len())
    }
}

/// Length in bytes of the longest form of `key` that `text` begins with.
///
/// A backslash of the text may stand for itself or begin an escape, so every way to read the text
/// is followed at once.
fn match_len(text: &str, key: &str) -> Option<usize> {
    // Nearly every place of a text ends here.
    let first = key.chars().next()?;
    if !text.starts_with([first, '\\', '%']) {
        return None;
    }
    let mut ends = vec![0];
    for (place, wanted) in key.chars().enumerate() {
        if place >= Secrets::CUT_CHARS_MIN && ends.contains(&text.len()) {
            return Some(text.len());
        }
        let mut next = Vec::new();
        for end in ends {
            for len in forms(&text[end..], wanted) {
                if !next.contains(&(end + len)) {
                    next.push(end + len);
                }
            }
        }
        if next.is_empty() {
            return None;
        }
        ends = next;
    }
    ends.into_iter().max()
}

/// Lengths of the forms of one character that `text` begins with: as it is, escaped, encoded. Each
/// further layer of JSON around an escape only adds backslashes.
fn forms(text: &str, wanted: char) -> impl Iterator<Item = usize> {
    let plain = text.starts_with(wanted).then(|| wanted.len_utf8());
    let slashes = text.len() - text.trim_start_matches('\\').len();
    let short = slashes > 0 && matches!(wanted, '/' | '"') && text[slashes..].starts_with(wanted);
    let doubled = [2, 4].into_iter().filter(move |&len| wanted == '\\' && len <= slashes);
    [plain, short.then_some(slashes + 1), unicode_len(text, wanted), percent_len(text, wanted)]
        .into_iter()
        .flatten()
        .chain(doubled)
}

/// `\u0041`, two of them beyond the basic plane.
fn unicode_len(text: &str, wanted: char) -> Option<usize> {
    let mut rest = text;
    for unit in wanted.encode_utf16(&mut [0; 2]) {
        let hex = rest.strip_prefix('\\')?.trim_start_matches('\\').strip_prefix('u')?;
        if u16::from_str_radix(hex.get(..4)?, 16) != Ok(*unit) {
            return None;
        }
        rest = &hex[4..];
    }
    Some(text.len() - rest.len())
}

/// `%41`, a byte of UTF-8 each.
fn percent_len(text: &str, wanted: char) -> Option<usize> {
    let mut rest = text;
    for byte in wanted.encode_utf8(&mut [0; 4]).bytes() {
        let hex = rest.strip_prefix('%')?;
        if u8::from_str_radix(hex.get(..2)?, 16) != Ok(byte) {
            return None;
        }
        rest = &hex[2..];
    }
    Some(text.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::Secrets;
    use std::borrow::Cow;

    #[test]
    fn a_key_is_found_in_every_form() {
        let secrets = Secrets::new([r#"sk-a/"\é😀+z"#]);
        for (name, text) in [
            ("as it is", r#"sk-a/"\é😀+z"#),
            ("JSON string", r#"sk-a/\"\\é😀+z"#),
            ("escaped slash", r#"sk-a\/\"\\é😀+z"#),
            ("ASCII JSON", r#"sk-a/\"\\\u00e9\ud83d\ude00+z"#),
            ("capital hex", r#"sk-a/\"\\\u00E9\uD83D\uDE00\u002B\u007A"#),
            (
                "all escaped",
                r"\u0073\u006b\u002d\u0061\u002f\u0022\u005c\u00e9\ud83d\ude00\u002b\u007a",
            ),
            ("JSON in JSON", r#"sk-a\\\/\\\"\\\\\\u00e9😀+z"#),
            ("percent", "sk-a%2F%22%5C%C3%A9%F0%9F%98%80%2Bz"),
            ("lower-case percent", "%73k-a%2f%22%5c%c3%a9%f0%9f%98%80%2bz"),
            ("mixture", r#"sk-\u0061%2F\"\\é%F0%9F%98%80+z"#),
        ] {
            assert_eq!(secrets.redact(text), "[redacted]", "{name}: {text}");
            let within = format!("key {text}, \\and% more");
            assert_eq!(secrets.redact(&within), "key [redacted], \\and% more", "{name}");
        }
    }

    #[test]
    fn what_is_no_key_stays_and_is_not_copied() {
        let secrets = Secrets::new(["sk-planted", "abc", "  ", ""]);
        for text in
            ["", "abc", "sk-plante", "sk-plant at the end", "sk-planteD", "%73k", r"\u0073", "é\\%"]
        {
            let expected = if text == "sk-plante" { "[redacted]" } else { text };
            assert_eq!(secrets.redact(text), expected, "{text:?}");
        }
        assert!(matches!(secrets.redact("nothing here"), Cow::Borrowed(_)));
        assert!(matches!(Secrets::default().redact("sk-planted"), Cow::Borrowed(_)));
    }

    #[test]
    fn every_occurrence_of_every_key_goes_and_the_longest_wins() {
        let secrets = Secrets::new(["Bearer tok-1234", "tok-1234", "tok-1234-long"]);
        for (text, want) in [
            ("a tok-1234tok-1234 b tok-1234", "a [redacted][redacted] b [redacted]"),
            ("authorization: Bearer tok-1234", "authorization: [redacted]"),
            ("tok-1234-long", "[redacted]"),
            ("Bearer tok-1234-long", "[redacted]"),
            ("cut by the limit: tok-1234-", "cut by the limit: [redacted]"),
            ("tok-123 is not whole", "tok-123 is not whole"),
        ] {
            assert_eq!(secrets.redact(text), want, "{text}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_a_key() {
        let shown =
            format!("{:?} {:#?}", Secrets::new(["sk-planted"]), Secrets::new(["sk-planted"]));
        assert_eq!(shown, "Secrets(1) Secrets(1)");
    }
}
