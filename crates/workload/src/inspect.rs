//! What a body says, as far as a plan or its description needs to know.

use crate::error::{excerpt, excerpt_around};
use crate::json::{elements, members, string, whole};
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::ops::Range;

/// The longest model name; it is kept in memory once per class.
const MODEL_MAX_BYTES: usize = 1024;

/// What is in a body.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    /// The model that it names; `None` for an absent, null or empty one.
    pub(crate) model: Option<Cow<'a, str>>,
    /// It has a `model` that is not text: sent as it is, and the server's to judge.
    pub(crate) odd_model: bool,
    /// Whether it asks for a stream; `None` if it does not say.
    pub(crate) stream: Option<bool>,
    /// It has a list of messages.
    pub(crate) messages: bool,
    /// Some message has content.
    pub(crate) prompt: bool,
}

/// What is wrong with a body.
#[derive(Debug)]
pub(crate) struct BodyFault {
    pub(crate) expected: String,
    pub(crate) found: String,
}

/// Checks that `body` is one JSON object and looks at its top level. Of a key that comes twice the
/// last counts, as in nearly every parser.
pub(crate) fn inspect(body: &str) -> Result<Seen<'_>, BodyFault> {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(body) {
        let lines_before = body.split_inclusive('\n').take(error.line().saturating_sub(1));
        let at = lines_before.map(str::len).sum::<usize>() + error.column();
        let found = excerpt_around(body, at);
        return Err(BodyFault { expected: format!("a JSON object ({error})"), found });
    }
    let object = whole(body);
    if !body[object.clone()].starts_with('{') {
        return Err(BodyFault { expected: "a JSON object".to_owned(), found: excerpt(body) });
    }
    let mut seen =
        Seen { model: None, odd_model: false, stream: None, messages: false, prompt: false };
    for member in members(body, object) {
        let value = &body[member.value.clone()];
        if member.is("model") {
            seen.model = string(value).filter(|model| !model.is_empty());
            seen.odd_model = seen.model.is_none() && value != "null" && value != "\"\"";
        } else if member.is("stream") {
            seen.stream = if value == "null" { None } else { Some(value == "true") };
        } else if member.is("messages") {
            seen.messages =
                value.starts_with('[') && elements(body, member.value.clone()).next().is_some();
            seen.prompt = seen.messages
                && elements(body, member.value).any(|message| has_content(body, message));
        }
    }
    if let Some(model) = seen.model.as_deref().filter(|model| model.len() > MODEL_MAX_BYTES) {
        let expected = format!("a `model` of at most {MODEL_MAX_BYTES} bytes");
        return Err(BodyFault { expected, found: excerpt(model) });
    }
    Ok(seen)
}

/// Whether a message says anything: text that is not blank, or at least one part.
fn has_content(body: &str, message: Range<usize>) -> bool {
    if !body[message.clone()].starts_with('{') {
        return false;
    }
    members(body, message).filter(|member| member.is("content")).any(|member| {
        match body[member.value.clone()].strip_prefix('"') {
            Some(text) => !text.trim_end_matches('"').trim().is_empty(),
            None => {
                body[member.value.clone()].starts_with('[')
                    && elements(body, member.value).next().is_some()
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::inspect;

    #[test]
    fn sees_what_matters() {
        for (body, model, stream, messages, prompt) in [
            ("{}", None, None, false, false),
            (
                r#" {"model":"a","messages":[{"role":"user","content":"hi"}]} "#,
                Some("a"),
                None,
                true,
                true,
            ),
            (r#"{"model":null,"stream":null}"#, None, None, false, false),
            (r#"{"model":"","stream":false}"#, None, Some(false), false, false),
            (r#"{"model":5,"stream":true}"#, None, Some(true), false, false),
            (
                r#"{"model":"a","model":"b","stream":true,"stream":false}"#,
                Some("b"),
                Some(false),
                false,
                false,
            ),
            (r#"{"mod\u0065l":"\u0061"}"#, Some("a"), None, false, false),
            (r#"{"messages":[]}"#, None, None, false, false),
            (r#"{"messages":"hi"}"#, None, None, false, false),
            (
                r#"{"messages":[{"content":" "},{"content":null},{"content":[]},3]}"#,
                None,
                None,
                true,
                false,
            ),
            (
                r#"{"messages":[{"content":""},{"content":[{"type":"text"}]}]}"#,
                None,
                None,
                true,
                true,
            ),
            (r#"{"nested":{"model":"a","stream":true}}"#, None, None, false, false),
        ] {
            let seen = inspect(body).unwrap();
            let found = (seen.model.as_deref(), seen.stream, seen.messages, seen.prompt);
            assert_eq!(found, (model, stream, messages, prompt), "{body}");
            assert_eq!(seen.odd_model, body.contains("\"model\":5"), "{body}");
        }
    }

    #[test]
    fn refuses_what_is_no_object() {
        for (body, expected, found) in [
            ("[1]", "a JSON object", "`[1]`"),
            ("\"{}\"", "a JSON object", "`\"{}\"`"),
            ("{\"a\":}", "a JSON object (expected value at line 1 column 6)", "`{\"a\":}`"),
            ("{} {}", "a JSON object (trailing characters at line 1 column 4)", "`{} {}`"),
            ("{\n\"a\" 1}", "a JSON object (expected `:` at line 2 column 5)", "`{\\n\"a\" 1}`"),
        ] {
            let fault = inspect(body).unwrap_err();
            assert_eq!(
                (fault.expected.as_str(), fault.found.as_str()),
                (expected, found),
                "{body}"
            );
        }
        let long = format!("{{\"model\":\"{}\"}}", "m".repeat(1_025));
        assert_eq!(inspect(&long).unwrap_err().expected, "a `model` of at most 1024 bytes");
    }

    #[test]
    fn bears_any_depth() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(inspect(&deep).is_ok());
    }
}
