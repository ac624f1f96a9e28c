//! Setting members of a JSON object in its text, leaving every other byte alone.

use crate::json::{members, whole};
use proofload_record::{Mode, Priority};
use std::ops::Range;

/// What a body must say when it is sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// Ask for a stream, and for its usage at the end.
    pub(crate) stream: bool,
    /// Carry these at the top level.
    pub(crate) labels: Option<(Mode, Priority)>,
}

/// A body ready to send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spliced {
    pub(crate) body: Vec<u8>,
    /// It asks for a stream.
    pub(crate) stream: bool,
    /// Asking for the stream needed a change.
    pub(crate) stream_changed: bool,
}

/// A member to be set.
struct Field {
    name: &'static str,
    /// Its value as JSON text.
    value: &'static str,
    /// Where the value found is an object, what to set inside instead of replacing it.
    inside: &'static [Field],
    /// It belongs to the stream, not to the labels.
    stream: bool,
}

const STREAM: Field = Field { name: "stream", value: "true", inside: &[], stream: true };
const OPTIONS: Field = Field {
    name: "stream_options",
    value: "{\"include_usage\":true}",
    inside: &[Field { name: "include_usage", value: "true", inside: &[], stream: true }],
    stream: true,
};

/// One change to the text.
struct Edit {
    at: Range<usize>,
    /// The name of a member that is added, after a comma if it is not the first.
    added: Option<(&'static str, bool)>,
    value: &'static str,
    stream: bool,
}

/// Sets what is `wanted` in `body`, a JSON object.
///
/// A member that is there is given the value, every time it comes (some parsers take the first of
/// a repeated key, some the last); one that is missing is added at the end. A body that already says
/// so is returned as it is.
pub(crate) fn splice(body: &str, wanted: Wanted) -> Spliced {
    let mut fields = Vec::with_capacity(4);
    if wanted.stream {
        fields.extend([STREAM, OPTIONS]);
    }
    if let Some((mode, priority)) = wanted.labels {
        let mode = match mode {
            Mode::Interactive => "\"interactive\"",
            Mode::Batch => "\"batch\"",
        };
        let priority = match priority {
            Priority::Low => "1",
            Priority::Mid => "5",
            Priority::High => "10",
        };
        for (name, value) in [("mode", mode), ("priority", priority)] {
            fields.push(Field { name, value, inside: &[], stream: false });
        }
    }
    let mut edits = Vec::new();
    set(body, whole(body), &fields, &mut edits);
    // Stable: members added at one place keep their order.
    edits.sort_by_key(|edit| edit.at.start);
    let stream_changed = edits.iter().any(|edit| edit.stream);
    let stream = wanted.stream || asks_stream(body);
    Spliced { body: apply(body, &edits), stream, stream_changed }
}

fn asks_stream(body: &str) -> bool {
    let last = members(body, whole(body)).filter(|member| member.is("stream")).last();
    last.is_some_and(|member| &body[member.value] == "true")
}

fn set(text: &str, object: Range<usize>, fields: &[Field], edits: &mut Vec<Edit>) {
    let mut found = vec![false; fields.len()];
    let mut end = None;
    for member in members(text, object.clone()) {
        end = Some(member.value.end);
        let Some(which) = fields.iter().position(|field| member.is(field.name)) else { continue };
        let (field, value) = (&fields[which], &text[member.value.clone()]);
        found[which] = true;
        if !field.inside.is_empty() && value.starts_with('{') {
            set(text, member.value, field.inside, edits);
        } else if value != field.value {
            edits.push(Edit {
                at: member.value,
                added: None,
                value: field.value,
                stream: field.stream,
            });
        }
    }
    let mut comma = end.is_some();
    let end = end.unwrap_or(object.start + 1);
    for field in fields.iter().zip(found).filter(|(_, found)| !found).map(|(field, _)| field) {
        let added = Some((field.name, comma));
        edits.push(Edit { at: end..end, added, value: field.value, stream: field.stream });
        comma = true;
    }
}

fn apply(text: &str, edits: &[Edit]) -> Vec<u8> {
    const ADDED_MAX_BYTES: usize = 48;
    let mut out = Vec::with_capacity(text.len() + edits.len() * ADDED_MAX_BYTES);
    let mut copied = 0;
    for edit in edits {
        out.extend_from_slice(&text.as_bytes()[copied..edit.at.start]);
        if let Some((name, comma)) = edit.added {
            out.extend_from_slice(if comma { b",\"" } else { b"\"" });
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
        }
        out.extend_from_slice(edit.value.as_bytes());
        copied = edit.at.end;
    }
    out.extend_from_slice(&text.as_bytes()[copied..]);
    out
}

#[cfg(test)]
mod tests {
    use super::{Wanted, splice};
    use crate::json::tests::any_object;
    use proofload_record::{Mode, Priority};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const STREAM: Wanted = Wanted { stream: true, labels: None };
    const LABELS: Wanted = Wanted { stream: false, labels: Some((Mode::Batch, Priority::High)) };
    const BOTH: Wanted = Wanted { stream: true, ..LABELS };

    #[test]
    fn changes_what_it_must_and_no_other_byte() {
        for (name, wanted, body, want) in [
            ("empty", STREAM, "{}", r#"{"stream":true,"stream_options":{"include_usage":true}}"#),
            ("empty with space", LABELS, "{ }", r#"{"mode":"batch","priority":10 }"#),
            ("nothing wanted", Wanted::default(), r#"{"stream":false}"#, r#"{"stream":false}"#),
            (
                "added at the end",
                STREAM,
                "{ \"n\": 1e400 }\n",
                "{ \"n\": 1e400,\"stream\":true,\"stream_options\":{\"include_usage\":true} }\n",
            ),
            (
                "both there",
                STREAM,
                r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
            ),
            (
                "replaced",
                STREAM,
                r#"{"stream": false ,"stream_options":null}"#,
                r#"{"stream": true ,"stream_options":{"include_usage":true}}"#,
            ),
            (
                "options kept",
                STREAM,
                r#"{"stream":true,"stream_options":{"x":1.50}}"#,
                r#"{"stream":true,"stream_options":{"x":1.50,"include_usage":true}}"#,
            ),
            (
                "options empty",
                STREAM,
                r#"{"stream":true,"stream_options":{}}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
            ),
            (
                "usage refused",
                STREAM,
                r#"{"stream_options":{"include_usage":false},"stream":1}"#,
                r#"{"stream_options":{"include_usage":true},"stream":true}"#,
            ),
            (
                "repeated",
                STREAM,
                r#"{"stream":0,"stream":true,"stream_options":{},"stream_options":1}"#,
                r#"{"stream":true,"stream":true,"stream_options":{"include_usage":true},"stream_options":{"include_usage":true}}"#,
            ),
            (
                "escaped key",
                STREAM,
                r#"{"str\u0065am":false,"stream_options":{"include_usage":true}}"#,
                r#"{"str\u0065am":true,"stream_options":{"include_usage":true}}"#,
            ),
            (
                "only the top level",
                LABELS,
                r#"{"a":{"mode":1}}"#,
                r#"{"a":{"mode":1},"mode":"batch","priority":10}"#,
            ),
            (
                "labels replaced",
                LABELS,
                r#"{"priority":10.0,"mode":"interactive"}"#,
                r#"{"priority":10,"mode":"batch"}"#,
            ),
            (
                "all",
                BOTH,
                r#"{"id":12345678901234567890123}"#,
                r#"{"id":12345678901234567890123,"stream":true,"stream_options":{"include_usage":true},"mode":"batch","priority":10}"#,
            ),
        ] {
            let found = splice(body, wanted);
            assert_eq!(String::from_utf8(found.body).unwrap(), want, "{name}");
            assert_eq!(found.stream_changed, wanted.stream && body != want, "{name}");
        }
    }

    /// What a parser that takes the last of a repeated key should see.
    fn with_fields(body: &str, wanted: Wanted) -> Value {
        let mut value: Value = serde_json::from_str(body).unwrap();
        if wanted.stream {
            value["stream"] = json!(true);
            match value.get_mut("stream_options") {
                Some(Value::Object(options)) => {
                    options.insert("include_usage".to_owned(), json!(true));
                }
                _ => value["stream_options"] = json!({ "include_usage": true }),
            }
        }
        if let Some((mode, priority)) = wanted.labels {
            value["mode"] = json!(mode.label());
            value["priority"] = json!(priority.number());
        }
        value
    }

    proptest! {
        #[test]
        fn means_the_same_with_the_fields_set(body in any_object(), stream: bool, labels: bool) {
            let labels = if labels { LABELS.labels } else { None };
            let wanted = Wanted { stream, labels };
            let once = String::from_utf8(splice(&body, wanted).body).unwrap();
            let parsed: Value = serde_json::from_str(&once).unwrap();
            prop_assert_eq!(parsed, with_fields(&body, wanted));
            let twice = splice(&once, wanted);
            prop_assert!(!twice.stream_changed);
            prop_assert_eq!(String::from_utf8(twice.body).unwrap(), once);
        }
    }
}
