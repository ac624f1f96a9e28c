//! Setting members of a JSON object in its text, leaving every other byte alone.

use crate::json::{members, whole};
use proofload_record::{Mode, Priority};
use std::ops::Range;

/// What a body must say when it is sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted<'a> {
    /// Ask for a stream, and for its usage at the end.
    pub(crate) stream: bool,
    /// Carry these at the top level.
    pub(crate) labels: Option<(Mode, Priority)>,
    /// Name this model, as JSON text, where one is named.
    pub(crate) model: Option<&'a str>,
}

/// A body ready to send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spliced {
    pub(crate) body: Vec<u8>,
    /// It asks for a stream.
    pub(crate) stream: bool,
    /// Asking for the stream needed a change.
    pub(crate) stream_changed: bool,
    /// Naming the model needed one.
    pub(crate) model_changed: bool,
}

/// What a change is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Stream,
    Labels,
    Model,
}

/// A member to be set.
struct Field<'a> {
    name: &'static str,
    /// Its value as JSON text.
    value: &'a str,
    /// Where the value found is an object, what to set inside instead of replacing it.
    inside: &'static [Field<'static>],
    purpose: Purpose,
}

const STREAM: Field<'_> = Field::new("stream", "true", Purpose::Stream);
const OPTIONS: Field<'_> = Field {
    inside: &[Field::new("include_usage", "true", Purpose::Stream)],
    ..Field::new("stream_options", "{\"include_usage\":true}", Purpose::Stream)
};

impl<'a> Field<'a> {
    const fn new(name: &'static str, value: &'a str, purpose: Purpose) -> Self {
        Self { name, value, inside: &[], purpose }
    }

    /// Whether it is added where it is missing: a body without a model leaves the choice to the
    /// server.
    fn is_added(&self) -> bool {
        self.purpose != Purpose::Model
    }
}

/// One change to the text.
struct Edit<'a> {
    at: Range<usize>,
    /// The name of a member that is added, after a comma if it is not the first.
    added: Option<(&'static str, bool)>,
    value: &'a str,
    purpose: Purpose,
}

/// Sets what is `wanted` in `body`, a JSON object.
///
/// A member that is there is given the value, every time it comes (some parsers take the first of
/// a repeated key, some the last); one that is missing is added at the end, but for the model. A body
/// that already says so is returned as it is.
pub(crate) fn splice(body: &str, wanted: Wanted<'_>) -> Spliced {
    let mut fields = Vec::with_capacity(5);
    fields.extend(wanted.model.map(|model| Field::new("model", model, Purpose::Model)));
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
            fields.push(Field::new(name, value, Purpose::Labels));
        }
    }
    let mut edits = Vec::new();
    set(body, whole(body), &fields, &mut edits);
    // Stable: members added at one place keep their order.
    edits.sort_by_key(|edit| edit.at.start);
    let changed = |purpose| edits.iter().any(|edit| edit.purpose == purpose);
    Spliced {
        body: apply(body, &edits),
        stream: wanted.stream || asks_stream(body),
        stream_changed: changed(Purpose::Stream),
        model_changed: changed(Purpose::Model),
    }
}

fn asks_stream(body: &str) -> bool {
    let last = members(body, whole(body)).filter(|member| member.is("stream")).last();
    last.is_some_and(|member| &body[member.value] == "true")
}

fn set<'a>(text: &str, object: Range<usize>, fields: &[Field<'a>], edits: &mut Vec<Edit<'a>>) {
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
            let (value, purpose) = (field.value, field.purpose);
            edits.push(Edit { at: member.value, added: None, value, purpose });
        }
    }
    let mut comma = end.is_some();
    let end = end.unwrap_or(object.start + 1);
    let missing = fields.iter().zip(found).filter(|(field, found)| !found && field.is_added());
    for (&Field { name, value, purpose, .. }, _) in missing {
        edits.push(Edit { at: end..end, added: Some((name, comma)), value, purpose });
        comma = true;
    }
}

fn apply(text: &str, edits: &[Edit<'_>]) -> Vec<u8> {
    /// A comma, a name in quotes and a colon.
    const NAME_MAX_BYTES: usize = 24;
    let values: usize = edits.iter().map(|edit| NAME_MAX_BYTES + edit.value.len()).sum();
    let mut out = Vec::with_capacity(text.len() + values);
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

    const STREAM: Wanted<'_> = Wanted { stream: true, labels: None, model: None };
    const LABELS: Wanted<'_> =
        Wanted { stream: false, labels: Some((Mode::Batch, Priority::High)), model: None };
    const BOTH: Wanted<'_> = Wanted { stream: true, ..LABELS };
    const MODEL: Wanted<'_> = Wanted { stream: false, labels: None, model: Some("\"new\"") };

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
            ("model", MODEL, r#"{"model": "old" ,"n":1}"#, r#"{"model": "new" ,"n":1}"#),
            ("model there", MODEL, r#"{"model":"new"}"#, r#"{"model":"new"}"#),
            ("no model", MODEL, r#"{"n":{"model":"old"}}"#, r#"{"n":{"model":"old"}}"#),
            (
                "models",
                MODEL,
                r#"{"model":1,"mod\u0065l":""}"#,
                r#"{"model":"new","mod\u0065l":"new"}"#,
            ),
        ] {
            let found = splice(body, wanted);
            assert_eq!(String::from_utf8(found.body).unwrap(), want, "{name}");
            assert_eq!(found.stream_changed, wanted.stream && body != want, "{name}");
            assert_eq!(found.model_changed, wanted.model.is_some() && body != want, "{name}");
        }
    }

    /// What a parser that takes the last of a repeated key should see.
    fn with_fields(body: &str, wanted: Wanted<'_>) -> Value {
        let mut value: Value = serde_json::from_str(body).unwrap();
        if let (Some(model), Some(found)) = (wanted.model, value.get_mut("model")) {
            *found = serde_json::from_str(model).unwrap();
        }
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
        fn means_the_same_with_the_fields_set(
            body in any_object(),
            stream: bool,
            labels: bool,
            model: bool,
        ) {
            let labels = if labels { LABELS.labels } else { None };
            let model = if model { MODEL.model } else { None };
            let wanted = Wanted { stream, labels, model };
            let once = String::from_utf8(splice(&body, wanted).body).unwrap();
            let parsed: Value = serde_json::from_str(&once).unwrap();
            prop_assert_eq!(parsed, with_fields(&body, wanted));
            let twice = splice(&once, wanted);
            prop_assert!(!twice.stream_changed && !twice.model_changed);
            prop_assert_eq!(String::from_utf8(twice.body).unwrap(), once);
        }
    }
}
