//! Answers as a client reads them: chunks of a stream, and whole completions.

use super::fields::{Text, read_fields};
use super::message::{Message, list};
use super::{Malformed, Usage};
use crate::sse;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What one event of a stream says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// `[DONE]`: the server has said everything. What follows is no part of the answer, and it is
    /// for the reader of the stream to ignore it: nothing here remembers what came before.
    Done,
    /// A chunk of the answer.
    Delta(Delta),
    /// The server failed in mid-stream: an error object, or an event named `error`. Its message, or
    /// the error as it stands if it has none.
    Error(Cow<'a, str>),
}

/// What one chunk adds to an answer; nothing of it may be true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// It holds text that the model wrote: content, reasoning, refusal, or the name or arguments of
    /// a tool call. A chunk with the role alone holds none.
    pub has_text: bool,
    /// A choice has its finish reason.
    pub finished: bool,
    /// Token counts so far, if at least one is given.
    pub usage: Option<Usage>,
}

/// What an unstreamed answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// An answer.
    Completion(Completion),
    /// An error object; its message, or the error as it stands if it has none.
    Error(Cow<'a, str>),
}

/// An unstreamed answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// It holds text that the model wrote, as in [`Delta::has_text`].
    pub has_text: bool,
    /// A choice has its finish reason.
    pub finished: bool,
    /// Token counts, if at least one is given.
    pub usage: Option<Usage>,
}

/// Reads one event. Empty data, which some proxies send to keep a connection open, is a chunk that
/// adds nothing. An event named `error` is an error whatever its data.
///
/// Does not allocate but for what only rare chunks have: an error, content in parts, or unknown
/// fields that nest (log probabilities).
///
/// # Errors
/// [`Malformed`] if it is neither `[DONE]` nor a JSON object with the shape of a chunk.
pub fn read_event(event: sse::Event<'_>) -> Result<Event<'_>, Malformed> {
    let sse::Event { data, is_error } = event;
    if is_error {
        return Ok(Event::Error(words_of_named_error(data)));
    }
    match data.trim_ascii() {
        "[DONE]" => return Ok(Event::Done),
        "" => return Ok(Event::Delta(Delta::default())),
        _ => {}
    }
    let malformed = |source| Malformed { expected: "chat completion chunk", source };
    let answer: Answer<'_> = serde_json::from_str(data).map_err(malformed)?;
    if let Some(message) = answer.error_message() {
        return Ok(Event::Error(message));
    }
    Ok(Event::Delta(Delta {
        has_text: answer.choices.delta_text,
        finished: answer.choices.finished,
        usage: answer.usage(),
    }))
}

/// Reads an unstreamed answer, be it a success or an error.
///
/// # Errors
/// [`Malformed`] if it is not a JSON object with the shape of a completion.
pub fn read_reply(body: &[u8]) -> Result<Reply<'_>, Malformed> {
    let malformed = |source| Malformed { expected: "chat completion", source };
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(malformed)?;
    if let Some(message) = answer.error_message() {
        return Ok(Reply::Error(message));
    }
    Ok(Reply::Completion(Completion {
        has_text: answer.choices.message_text,
        finished: answer.choices.finished,
        usage: answer.usage(),
    }))
}

/// A chunk or a completion: the two differ in where a choice has its text.
#[derive(Default)]
struct Answer<'a> {
    choices: Choices<'a>,
    usage: Option<Counts<'a>>,
    error: Option<&'a RawValue>,
    object: Option<&'a RawValue>,
    message: Option<&'a RawValue>,
}

read_fields!(Answer<'de>, "an object", choices, usage, error, object, message);

impl<'a> Answer<'a> {
    /// `{"error": …}` at the top or in a choice, or vLLM's `{"object": "error", "message": …}`.
    fn error_message(&self) -> Option<Cow<'a, str>> {
        let errors = [self.error, self.choices.error];
        if let Some(error) = errors.into_iter().flatten().find(|error| is_error(error)) {
            return Some(words_of_error(error));
        }
        let is_error = self.object.is_some_and(|object| object.get() == "\"error\"");
        self.message.filter(|_| is_error).map(words)
    }

    fn usage(&self) -> Option<Usage> {
        let counts = self.usage.as_ref()?;
        let count = |number: Option<&RawValue>| number?.get().parse().ok();
        let usage = Usage {
            prompt_tokens: count(counts.prompt_tokens),
            completion_tokens: count(counts.completion_tokens),
        };
        (usage != Usage::default()).then_some(usage)
    }
}

#[derive(Default)]
struct Counts<'a> {
    prompt_tokens: Option<&'a RawValue>,
    completion_tokens: Option<&'a RawValue>,
}

read_fields!(Counts<'de>, "an object of token counts", prompt_tokens, completion_tokens);

#[derive(Default)]
struct Choice<'a> {
    delta: Option<Message>,
    message: Option<Message>,
    finish_reason: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
}

read_fields!(Choice<'de>, "a choice", delta, message, finish_reason, error);

/// All choices taken together.
#[derive(Default)]
struct Choices<'a> {
    delta_text: bool,
    /// Apart from `delta_text`, since there are servers whose chunks hold the delta and, as a
    /// message, everything so far.
    message_text: bool,
    finished: bool,
    error: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Choices<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        list::<Self, Choice<'de>, D>(deserializer)
    }
}

impl<'a> Extend<Choice<'a>> for Choices<'a> {
    fn extend<I: IntoIterator<Item = Choice<'a>>>(&mut self, choices: I) {
        for choice in choices {
            self.delta_text |= choice.delta.is_some_and(|delta| delta.has_text());
            self.message_text |= choice.message.is_some_and(|message| message.has_text());
            // Some servers say "not yet" with an empty string.
            self.finished |= choice.finish_reason.is_some_and(|reason| reason.get() != "\"\"");
            self.error = self.error.or(choice.error);
        }
    }
}

/// Not the `null`, `false` or empty string that some servers put into every chunk.
fn is_error(error: &RawValue) -> bool {
    !matches!(error.get(), "false" | "\"\"")
}

/// What an event named `error` says: the message in any of the dialects, with or without an `error`
/// around it; otherwise the data as it stands, which need not be JSON.
fn words_of_named_error(data: &str) -> Cow<'_, str> {
    let data = data.trim_ascii();
    if data.is_empty() {
        return Cow::Borrowed("an event named `error` without data");
    }
    let answer = serde_json::from_str::<Answer<'_>>(data).ok();
    answer
        .and_then(|answer| answer.error_message())
        .unwrap_or_else(|| serde_json::from_str(data).map_or(Cow::Borrowed(data), words_of_error))
}

/// The message of an error object; without one the error as it stands, for its code or type says
/// something too.
fn words_of_error(error: &RawValue) -> Cow<'_, str> {
    #[derive(Default)]
    struct Object<'a> {
        message: Option<&'a RawValue>,
    }

    read_fields!(Object<'de>, "an object", message);

    let object = serde_json::from_str::<Object<'_>>(error.get());
    let message = object.ok().and_then(|object| object.message);
    words(message.filter(|message| is_error(message)).unwrap_or(error))
}

/// The text of a string; anything else as it stands.
fn words(value: &RawValue) -> Cow<'_, str> {
    serde_json::from_str(value.get()).map_or(Cow::Borrowed(value.get()), |Text(text)| text)
}

#[cfg(test)]
mod tests {
    use super::{Completion, Delta, Event, Reply, read_event, read_reply};
    use crate::chat::{Malformed, Usage};
    use crate::sse;

    const NOTHING: Delta = Delta { has_text: false, finished: false, usage: None };
    const TEXT: Delta = Delta { has_text: true, ..NOTHING };
    const FINISHED: Delta = Delta { finished: true, ..NOTHING };

    fn read(data: &str) -> Result<Event<'_>, Malformed> {
        read_event(sse::Event { data, is_error: false })
    }

    #[test]
    fn finds_text_in_a_delta_wherever_servers_put_it() {
        for (name, delta, want) in [
            ("no field", "{}", NOTHING),
            ("delta null", "null", NOTHING),
            ("role alone", r#"{"role":"assistant"}"#, NOTHING),
            ("content null", r#"{"role":"assistant","content":null}"#, NOTHING),
            ("content empty", r#"{"content":""}"#, NOTHING),
            ("content", r#"{"content":"a"}"#, TEXT),
            ("a space is text", r#"{"content":" "}"#, TEXT),
            ("escaped", r#"{"content":"\n"}"#, TEXT),
            ("half a surrogate pair", r#"{"content":"\ud83d"}"#, TEXT),
            ("reasoning", r#"{"content":null,"reasoning":"a"}"#, TEXT),
            ("both reasonings", r#"{"reasoning":"a","reasoning_content":"a"}"#, TEXT),
            ("reasoning empty", r#"{"reasoning_content":"","reasoning":null}"#, NOTHING),
            ("refusal", r#"{"refusal":"no"}"#, TEXT),
            ("tool calls null", r#"{"tool_calls":null}"#, NOTHING),
            ("tool calls empty", r#"{"tool_calls":[]}"#, NOTHING),
            ("a tool call null", r#"{"tool_calls":[null]}"#, NOTHING),
            ("tool id alone", r#"{"tool_calls":[{"id":"x","function":{"name":null}}]}"#, NOTHING),
            ("tool name", r#"{"tool_calls":[{"function":{"name":"f","arguments":""}}]}"#, TEXT),
            ("tool text", r#"{"tool_calls":[{},{"function":{"arguments":"{"}}]}"#, TEXT),
            ("tool object", r#"{"tool_calls":[{"function":{"arguments":{"a":1}}}]}"#, TEXT),
            ("custom tool", r#"{"tool_calls":[{"custom":{"input":"x"}}]}"#, TEXT),
            ("old call", r#"{"function_call":{"arguments":"{"}}"#, TEXT),
            ("no parts", r#"{"content":[]}"#, NOTHING),
            ("empty part", r#"{"content":[{"type":"text","text":""}]}"#, NOTHING),
            ("part", r#"{"content":[{"text":""},{"type":"text","text":"a"}]}"#, TEXT),
            ("refusal as a part", r#"{"content":[{"type":"refusal","refusal":"no"}]}"#, TEXT),
            ("unknown fields", r#"{"a":[{"b":[1,2.5e3,true]}],"content":"a","c":{}}"#, TEXT),
        ] {
            let data = format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#);
            assert_eq!(read(&data).unwrap(), Event::Delta(want), "{name}: {data}");
        }
    }

    #[test]
    fn reads_what_else_a_chunk_says() {
        let usage = |prompt_tokens, completion_tokens| Delta {
            usage: Some(Usage { prompt_tokens, completion_tokens }),
            ..NOTHING
        };
        for (name, data, want) in [
            ("empty data", "", NOTHING),
            ("a ping", r#"{"type":"ping"}"#, NOTHING),
            ("no choices", r#"{"choices":[]}"#, NOTHING),
            ("choices null", r#"{"choices":null}"#, NOTHING),
            ("delta missing", r#"{"choices":[{"index":0}]}"#, NOTHING),
            ("not finished", r#"{"choices":[{"finish_reason":null}]}"#, NOTHING),
            ("not finished, as text", r#"{"choices":[{"finish_reason":""}]}"#, NOTHING),
            ("finished", r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, FINISHED),
            (
                "one of three choices finished",
                r#"{"choices":[{"delta":{}},{"finish_reason":"length"},{"delta":null}]}"#,
                FINISHED,
            ),
            (
                "the message so far is not what the chunk adds",
                r#"{"choices":[{"delta":{"content":""},"message":{"content":"all"}}]}"#,
                NOTHING,
            ),
            ("usage null", r#"{"choices":[],"usage":null}"#, NOTHING),
            ("usage empty", r#"{"choices":[],"usage":{}}"#, NOTHING),
            (
                "usage",
                r#"{"usage":{"prompt_tokens":3,"completion_tokens":5,"x":{"y":{}}}}"#,
                usage(Some(3), Some(5)),
            ),
            ("half of it", r#"{"usage":{"completion_tokens":5}}"#, usage(None, Some(5))),
            (
                "counts that are none",
                r#"{"usage":{"prompt_tokens":-1,"completion_tokens":99999999999}}"#,
                NOTHING,
            ),
            (
                "of a field twice the last counts",
                r#"{"usage":{"prompt_tokens":1},"usage":{"prompt_tokens":2,"prompt_tokens":3}}"#,
                usage(Some(3), None),
            ),
            (
                "choices twice",
                r#"{"choices":[{"finish_reason":"x"}],"choices":[{"delta":null,"delta":{"content":"a"}}]}"#,
                TEXT,
            ),
            ("an escaped name", r#"{"us\u0061ge":{"prompt_tokens":1}}"#, usage(Some(1), None)),
            ("no error", r#"{"error":null,"choices":[]}"#, NOTHING),
            ("no error, as text", r#"{"error":"","choices":[]}"#, NOTHING),
            ("no error, as a flag", r#"{"error":false,"choices":[]}"#, NOTHING),
            ("a message without error", r#"{"object":"x","message":"hi"}"#, NOTHING),
        ] {
            assert_eq!(read(data).unwrap(), Event::Delta(want), "{name}: {data}");
        }
        for data in ["[DONE]", " [DONE]\t"] {
            assert_eq!(read(data).unwrap(), Event::Done);
        }
    }

    #[test]
    fn finds_the_error_in_every_dialect() {
        for (name, data, want) in [
            ("object", r#"{"error":{"message":"busy","code":503}}"#, "busy"),
            (
                "code as text",
                r#"{"error":{"code":"rate","message":"slow \"down\""}}"#,
                "slow \"down\"",
            ),
            ("text", r#"{"error":"overloaded","error_type":"x"}"#, "overloaded"),
            ("flat", r#"{"object":"error","message":"too long","code":400}"#, "too long"),
            ("beside a choice", r#"{"choices":[{"delta":{}}],"error":{"message":"gone"}}"#, "gone"),
            ("in a choice", r#"{"choices":[{"error":{"code":502,"message":"gone"}}]}"#, "gone"),
            ("without a message", r#"{"error":{"code":500}}"#, r#"{"code":500}"#),
            ("message null", r#"{"error":{"message":null}}"#, r#"{"message":null}"#),
            ("message an object", r#"{"error":{"message":{"a":1}}}"#, r#"{"a":1}"#),
            ("a number", r#"{"error":500}"#, "500"),
            ("a list", r#"{"error":[]}"#, "[]"),
        ] {
            assert_eq!(read(data).unwrap(), Event::Error(want.into()), "{name}: {data}");
            let reply = read_reply(data.as_bytes()).unwrap();
            assert_eq!(reply, Reply::Error(want.into()), "{name}: {data}");
        }
    }

    #[test]
    fn an_event_named_error_is_an_error_whatever_its_data() {
        for (name, data, want) in [
            ("a message", r#"{"message":"boom"}"#, "boom"),
            ("a message twice", r#"{"message":"a","message":"boom"}"#, "boom"),
            ("in an error", r#"{"error":{"message":"boom"},"message":"b"}"#, "boom"),
            ("text", " boom\nbang", "boom\nbang"),
            ("a JSON string", r#""boom \"bang\" ""#, "boom \"bang\" "),
            ("another object", r#"{"detail":"boom"}"#, r#"{"detail":"boom"}"#),
            ("not even a chunk", r#"{"choices":1,"message":"boom"}"#, "boom"),
            ("a list", "[1]", "[1]"),
            ("nothing", "", "an event named `error` without data"),
        ] {
            let event = read_event(sse::Event { data, is_error: true }).unwrap();
            assert_eq!(event, Event::Error(want.into()), "{name}: {data}");
        }
    }

    #[test]
    fn reads_an_unstreamed_answer() {
        let usage = Some(Usage { prompt_tokens: Some(1), completion_tokens: Some(2) });
        let nothing = Completion::default();
        for (name, body, want) in [
            (
                "whole",
                r#"{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],
                    "usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
                Completion { has_text: true, finished: true, usage },
            ),
            (
                "a call alone",
                r#"{"choices":[{"message":{"content":null,"tool_calls":[{"function":{"name":"f"}}]}}]}"#,
                Completion { has_text: true, ..nothing },
            ),
            ("no choice", r#"{"choices":[]}"#, nothing),
            ("empty", r#"{"choices":[{"message":{"content":""}}]}"#, nothing),
            ("a chunk is no message", r#"{"choices":[{"delta":{"content":"a"}}]}"#, nothing),
        ] {
            let reply = read_reply(body.as_bytes()).unwrap();
            assert_eq!(reply, Reply::Completion(want), "{name}: {body}");
        }
    }

    #[test]
    fn what_is_no_object_of_that_shape_is_malformed_and_not_repeated() {
        for data in [
            "secret",
            "\"secret\"",
            "{",
            "[]",
            "[[{\"delta\":{\"content\":\"secret\"}}]]",
            "1",
            "null",
            "{\"choices\":\"secret\"}",
            "{\"choices\":[{\"delta\":\"secret\"}]}",
            "{\"choices\":[]}{}",
            "{\"choices\":[{\"delta\":{\"content\":\"cut",
            "[DONE] secret",
        ] {
            let malformed = read(data).unwrap_err();
            assert_eq!(malformed.to_string(), "not a chat completion chunk", "{data}");
            assert!(read_reply(data.as_bytes()).is_err(), "{data}");
        }
        assert!(read_reply(b"{\"error\":\"\xff\"}").is_err(), "not UTF-8");
    }

    #[test]
    fn deep_nesting_is_no_deep_recursion() {
        let deep = "[".repeat(200_000);
        for data in [
            format!(r#"{{"choices":[{{"delta":{{"content":{deep}"#),
            format!(r#"{{"choices":[{{"delta":{{"reasoning":{deep}"#),
            format!(r#"{{"choices":{deep}"#),
            format!(r#"{{"unknown":{deep}"#),
            format!(r#"{{"error":{deep}"#),
        ] {
            assert!(read(&data).is_err());
        }
        let closed = format!(r#"{{"error":{deep}{}}}"#, "]".repeat(200_000));
        assert!(matches!(read(&closed), Ok(Event::Error(_))));
    }
}
