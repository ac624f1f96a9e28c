//! What an answer says, for those who keep it: read apart from everything else, since most runs do
//! not.

use super::fields::{Text, read_fields};
use super::message::list;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Appends the text of the first choice in a chunk of a stream, or in a whole completion: content,
/// refusal, and of each tool call the name, a space and the arguments, on a line of its own.
/// Reasoning is left out, for it is not the answer; so is what is no JSON of that shape.
pub fn append_text(json: &str, out: &mut String) {
    let Ok(answer) = serde_json::from_str::<Answer<'_>>(json) else { return };
    let First(Some(message)) = answer.choices else { return };
    message.append(out);
}

#[derive(Default)]
struct Answer<'a> {
    choices: First<'a>,
}

read_fields!(Answer<'de>, "an object", choices);

/// The message or delta of the first choice.
#[derive(Default)]
struct First<'a>(Option<Message<'a>>);

impl<'de> Deserialize<'de> for First<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        list::<Self, Choice<'de>, D>(deserializer)
    }
}

impl<'a> Extend<Choice<'a>> for First<'a> {
    fn extend<I: IntoIterator<Item = Choice<'a>>>(&mut self, choices: I) {
        for choice in choices {
            if choice.index.is_none_or(|index| index.get() == "0") {
                // A chunk may hold everything so far as a message beside its delta.
                self.0 = self.0.take().or(choice.delta).or(choice.message);
            }
        }
    }
}

#[derive(Default)]
struct Choice<'a> {
    index: Option<&'a RawValue>,
    delta: Option<Message<'a>>,
    message: Option<Message<'a>>,
}

read_fields!(Choice<'de>, "a choice", index, delta, message);

#[derive(Default)]
struct Message<'a> {
    content: Option<&'a RawValue>,
    refusal: Option<&'a RawValue>,
    tool_calls: Calls<'a>,
    function_call: Option<Call<'a>>,
}

read_fields!(Message<'de>, "a message", content, refusal, tool_calls, function_call);

impl Message<'_> {
    fn append(&self, out: &mut String) {
        for text in [self.content, self.refusal].into_iter().flatten() {
            append_content(text, out);
        }
        let called = self
            .tool_calls
            .0
            .iter()
            .filter_map(|call| call.function.as_ref().or(call.custom.as_ref()));
        for call in called.chain(&self.function_call) {
            call.append(out);
        }
    }
}

/// A string, or a list of parts.
fn append_content(json: &RawValue, out: &mut String) {
    #[derive(Default)]
    struct Part<'a> {
        text: Option<&'a RawValue>,
        refusal: Option<&'a RawValue>,
    }

    read_fields!(Part<'de>, "a part of a content", text, refusal);

    if let Ok(Text(text)) = serde_json::from_str(json.get()) {
        out.push_str(&text);
    } else if let Ok(parts) = serde_json::from_str::<Vec<Part<'_>>>(json.get()) {
        for text in parts.iter().flat_map(|part| [part.text, part.refusal]).flatten() {
            append_string(text, out);
        }
    }
}

fn append_string(json: &RawValue, out: &mut String) {
    if let Ok(Text(text)) = serde_json::from_str(json.get()) {
        out.push_str(&text);
    }
}

#[derive(Default)]
struct Calls<'a>(Vec<ToolCall<'a>>);

impl<'de> Deserialize<'de> for Calls<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        list::<Self, ToolCall<'de>, D>(deserializer)
    }
}

impl<'a> Extend<ToolCall<'a>> for Calls<'a> {
    fn extend<I: IntoIterator<Item = ToolCall<'a>>>(&mut self, calls: I) {
        self.0.extend(calls);
    }
}

#[derive(Default)]
struct ToolCall<'a> {
    function: Option<Call<'a>>,
    custom: Option<Call<'a>>,
}

read_fields!(ToolCall<'de>, "a tool call", function, custom);

#[derive(Default)]
struct Call<'a> {
    name: Option<&'a RawValue>,
    arguments: Option<&'a RawValue>,
    input: Option<&'a RawValue>,
}

read_fields!(Call<'de>, "a call", name, arguments, input);

impl Call<'_> {
    /// A stream brings the name first and the arguments in pieces after it.
    fn append(&self, out: &mut String) {
        let mut name = String::new();
        self.name.inspect(|json| append_string(json, &mut name));
        if !name.is_empty() {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(&name);
            out.push(' ');
        }
        for json in [self.arguments, self.input].into_iter().flatten() {
            // Some servers give them as an object.
            match json.get() {
                object if object.starts_with(['{', '[']) => out.push_str(object),
                _ => append_string(json, out),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::append_text;

    fn text(chunks: &[&str]) -> String {
        let mut out = String::new();
        chunks.iter().for_each(|chunk| append_text(chunk, &mut out));
        out
    }

    #[test]
    fn the_answer_is_kept_and_nothing_else() {
        for (name, chunks, want) in [
            ("no choice", &[r#"{"choices":[],"usage":{}}"#, "{}", "[DONE]", "[1]"] as &[_], ""),
            (
                "a stream",
                &[
                    r#"{"choices":[{"delta":{"role":"assistant","content":null}}]}"#,
                    r#"{"choices":[{"index":0,"delta":{"content":"caf\u00e9 "}}]}"#,
                    r#"{"choices":[{"index":0,"delta":{"content":"\"au\"\nlait"}}]}"#,
                    r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
                ],
                "café \"au\"\nlait",
            ),
            (
                "reasoning is not the answer",
                &[
                    r#"{"choices":[{"delta":{"reasoning_content":"hm","reasoning":"hm"}}]}"#,
                    r#"{"choices":[{"delta":{"content":"a","reasoning":null}}]}"#,
                ],
                "a",
            ),
            (
                "the first of two choices",
                &[
                    r#"{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}"#,
                ],
                "a",
            ),
            (
                "everything so far beside the delta",
                &[r#"{"choices":[{"delta":{"content":"b"},"message":{"content":"ab"}}]}"#],
                "b",
            ),
            ("a refusal", &[r#"{"choices":[{"message":{"content":null,"refusal":"no"}}]}"#], "no"),
            (
                "parts",
                &[
                    r#"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"thinking":"t"},{"text":"b"}]}}]}"#,
                ],
                "ab",
            ),
            (
                "tool calls",
                &[
                    r#"{"choices":[{"delta":{"content":"Look:"}}]}"#,
                    r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}}]}"#,
                    r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\"a\":"}}]}}]}"#,
                    r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"1}"}}]}}]}"#,
                    r#"{"choices":[{"delta":{"tool_calls":[{"custom":{"name":"g","input":"x"}}]}}]}"#,
                ],
                "Look:\nf {\"a\":1}\ng x",
            ),
            (
                "an object of arguments",
                &[
                    r#"{"choices":[{"message":{"function_call":{"name":"f","arguments":{"a":1}}}}]}"#,
                ],
                "f {\"a\":1}",
            ),
            ("half a surrogate pair", &[r#"{"choices":[{"delta":{"content":"\ud83d"}}]}"#], ""),
        ] {
            assert_eq!(text(chunks), want, "{name}");
        }
    }
}
