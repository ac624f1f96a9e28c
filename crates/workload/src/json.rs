//! Where things lie in a JSON text, without building anything.
//!
//! The text was checked by `serde_json` before, so this only has to find its way: what is inside a
//! string, where a value ends. On a text that is not JSON the spans mean nothing, but nothing
//! panics.

use std::borrow::Cow;
use std::ops::Range;

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    /// The key as written, quotes and escapes included.
    key: &'a str,
    /// Where its value lies in the text.
    pub(crate) value: Range<usize>,
}

impl Member<'_> {
    /// Whether the key, escapes undone, is `name`.
    pub(crate) fn is(&self, name: &str) -> bool {
        string(self.key).is_some_and(|key| key == name)
    }
}

/// The value of a JSON string as written, quotes included; `None` if it is no string, or if it
/// escapes half a surrogate pair.
pub(crate) fn string(written: &str) -> Option<Cow<'_, str>> {
    let inner = written.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str::<String>(written).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// The members of the object at `object`, in order; a key may come twice.
pub(crate) fn members(text: &str, object: Range<usize>) -> impl Iterator<Item = Member<'_>> {
    let mut scan = Scan { bytes: &text.as_bytes()[..object.end], at: object.start + 1 };
    std::iter::from_fn(move || {
        if !scan.at_item() {
            return None;
        }
        let key = scan.value();
        scan.space();
        scan.at += 1; // the colon
        scan.space();
        let value = scan.value();
        Some(Member { key: text.get(key)?, value })
    })
}

/// Where the elements of the array at `array` lie, in order.
pub(crate) fn elements(text: &str, array: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut scan = Scan { bytes: &text.as_bytes()[..array.end], at: array.start + 1 };
    std::iter::from_fn(move || {
        if !scan.at_item() {
            return None;
        }
        // Empty only where the text is not JSON.
        Some(scan.value()).filter(|value| !value.is_empty())
    })
}

/// The span of the whole value in `text`, without the white space around it.
pub(crate) fn whole(text: &str) -> Range<usize> {
    let start = text.len() - text.trim_ascii_start().len();
    start..text.trim_ascii_end().len().max(start)
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Moves to the next member or element; false at the closing bracket.
    fn at_item(&mut self) -> bool {
        self.space();
        if self.bytes.get(self.at) == Some(&b',') {
            self.at += 1;
            self.space();
        }
        !matches!(self.bytes.get(self.at), None | Some(b'}' | b']'))
    }

    /// Skips a value and says where it was.
    fn value(&mut self) -> Range<usize> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => self.string(),
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(_) if depth > 0 => self.at += 1,
                Some(_) => {
                    let rest = &self.bytes[self.at..];
                    let end = rest.iter().position(|byte| b",:}] \t\r\n".contains(byte));
                    self.at += end.unwrap_or(rest.len());
                }
                None => break,
            }
            if depth == 0 {
                break;
            }
        }
        start..self.at
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(rest) = self.bytes.get(self.at..) {
            match memchr::memchr2(b'"', b'\\', rest) {
                Some(found) if rest[found] == b'\\' => self.at += found + 2,
                Some(found) => {
                    self.at += found + 1;
                    return;
                }
                None => break,
            }
        }
        self.at = self.bytes.len();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{elements, members, string, whole};
    use proptest::prelude::*;
    use serde_json::Value;

    /// JSON text with white space, escapes, large numbers and repeated keys, as text and not through
    /// a serialiser, which would tidy it up.
    pub(crate) fn any_object() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("false".to_owned()),
            "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][-+]?[0-9])?",
            Just("123456789012345678901234567890".to_owned()),
            string_text(),
        ];
        let value = scalar.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec((space(), inner.clone(), space()), 0..4).prop_map(|items| {
                    let items: Vec<_> =
                        items.iter().map(|(a, value, b)| format!("{a}{value}{b}")).collect();
                    format!("[{}]", items.join(","))
                }),
                object(inner),
            ]
        });
        (space(), object(value), space()).prop_map(|(a, object, b)| format!("{a}{object}{b}"))
    }

    fn object(value: impl Strategy<Value = String> + Clone) -> impl Strategy<Value = String> {
        let key = prop_oneof![
            Just(r#""stream""#.to_owned()),
            Just(r#""str\u0065am""#.to_owned()),
            Just(r#""stream_options""#.to_owned()),
            Just(r#""include_usage""#.to_owned()),
            Just(r#""mode""#.to_owned()),
            Just(r#""priority""#.to_owned()),
            Just(r#""model""#.to_owned()),
            string_text(),
        ];
        let member = (space(), key, space(), value, space());
        prop::collection::vec(member, 0..5).prop_map(|members| {
            let members: Vec<_> = members
                .iter()
                .map(|(a, key, b, value, c)| format!("{a}{key}{b}:{b}{value}{c}"))
                .collect();
            format!("{{{}}}", members.join(","))
        })
    }

    fn space() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["", "", "", " ", "\n", "\r\n\t"])
    }

    fn string_text() -> impl Strategy<Value = String> {
        r#"([a-z{}\[\],: é]|\\"|\\\\|\\n|\\u00e9|\\ud83d\\ude00){0,6}"#
            .prop_map(|inner| format!("\"{inner}\""))
    }

    #[test]
    fn undoes_escapes() {
        for (written, want) in [
            (r#""stream""#, Some("stream")),
            (r#""str\u0065am""#, Some("stream")),
            (r#""""#, Some("")),
            (r#""\ud800""#, None),
            ("5", None),
            ("\"", None),
        ] {
            assert_eq!(string(written).as_deref(), want, "{written}");
        }
    }

    proptest! {
        /// The spans, parsed one by one, make the same object as the whole.
        #[test]
        fn spans_are_the_members(text in any_object()) {
            let mut built = serde_json::Map::new();
            for member in members(&text, whole(&text)) {
                let key = string(member.key).unwrap().into_owned();
                let value: Value = serde_json::from_str(&text[member.value.clone()]).unwrap();
                if let Value::Array(want) = &value {
                    let found: Vec<Value> = elements(&text, member.value)
                        .map(|element| serde_json::from_str(&text[element]).unwrap())
                        .collect();
                    prop_assert_eq!(want, &found);
                }
                built.insert(key, value);
            }
            prop_assert_eq!(Value::Object(built), serde_json::from_str::<Value>(&text).unwrap());
        }

        #[test]
        fn never_panics(text in "[{}\\[\\],:\"\\\\ a1é]{1,20}") {
            let span = whole(&text);
            if !span.is_empty() {
                members(&text, span.clone()).for_each(|_| ());
                elements(&text, span).for_each(|_| ());
            }
        }
    }
}
