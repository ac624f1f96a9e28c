//! Requests as a server reads them.

use super::Malformed;
use super::fields::read_fields;
use memchr::memchr;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// What a server needs to know of a chat request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The model that is asked for; none leaves the choice to the server.
    pub model: Option<String>,
    /// Whether the answer is to be an event stream.
    pub stream: bool,
    /// Whether the stream is to end with a chunk of token counts.
    pub include_usage: bool,
    /// Most tokens to write: `max_completion_tokens`, or `max_tokens` where that is absent.
    pub max_tokens: Option<u32>,
    /// Characters of text over all messages.
    pub prompt_chars: usize,
    /// `mode` as the request has it.
    pub mode: Option<String>,
    /// `priority` as the request has it.
    pub priority: Option<u8>,
}

/// Reads the body of a chat request. Fields that no [`Request`] has are skipped; of a message only
/// the text is counted, be it a string or in parts. Half a surrogate pair, which is left where an
/// emoji was cut, is one character.
///
/// # Errors
/// [`Malformed`] if it is not a JSON object, has no `messages`, or a field has another type.
pub fn read_request(body: &[u8]) -> Result<Request, Malformed> {
    let malformed = |source| Malformed { expected: "chat completion request", source };
    let read = |body: &[u8]| serde_json::from_slice::<Wire>(body);
    let wire = read(body).or_else(|error| match mend_surrogates(body) {
        Some(mended) => read(&mended),
        None => Err(error),
    });
    let wire = wire.map_err(malformed)?;
    let no_messages = || malformed(serde_json::Error::missing_field("messages"));
    Ok(Request {
        model: wire.model,
        stream: wire.stream.unwrap_or(false),
        include_usage: wire.stream_options.and_then(|o| o.include_usage).unwrap_or(false),
        max_tokens: wire.max_completion_tokens.or(wire.max_tokens),
        prompt_chars: wire.messages.ok_or_else(no_messages)?.0,
        mode: wire.mode,
        priority: wire.priority,
    })
}

#[derive(Default)]
struct Wire {
    messages: Option<Chars>,
    model: Option<String>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    mode: Option<String>,
    priority: Option<u8>,
}

read_fields!(
    Wire,
    "an object",
    messages,
    model,
    stream,
    stream_options,
    max_tokens,
    max_completion_tokens,
    mode,
    priority
);

#[derive(Default)]
struct StreamOptions {
    include_usage: Option<bool>,
}

read_fields!(StreamOptions, "an object", include_usage);

/// A message or a part of one.
#[derive(Default)]
struct Texts {
    content: Chars,
    text: Chars,
}

read_fields!(Texts, "a message or a part", content, text);

/// Characters of the text in messages: of a string itself, of a list its members, of an object (a
/// message or a part) its `content` and `text`.
#[derive(Default)]
struct Chars(usize);

impl<'de> Deserialize<'de> for Chars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CharsVisitor)
    }
}

struct CharsVisitor;

impl<'de> Visitor<'de> for CharsVisitor {
    type Value = Chars;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, or a list of messages or parts")
    }

    fn visit_unit<E>(self) -> Result<Chars, E> {
        Ok(Chars(0))
    }

    fn visit_str<E>(self, text: &str) -> Result<Chars, E> {
        Ok(Chars(text.chars().count()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Chars, A::Error> {
        let mut sum = 0;
        while let Some(Chars(chars)) = members.next_element()? {
            sum += chars;
        }
        Ok(Chars(sum))
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Chars, A::Error> {
        let texts = Texts::deserialize(MapAccessDeserializer::new(fields))?;
        Ok(Chars(texts.content.0 + texts.text.0))
    }
}

/// `json` with every half of a surrogate pair replaced by U+FFFD, as long as before, so that a place
/// in it stays one; none if there is no half. No Rust string can hold one, so `serde_json` refuses
/// it; other parsers bear it.
fn mend_surrogates(json: &[u8]) -> Option<Vec<u8>> {
    const ESCAPE_BYTES: usize = 6;
    let unit = |at: usize| -> Option<u16> {
        let digits = json.get(at..at + ESCAPE_BYTES)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut mended = None;
    let mut at = 0;
    while let Some(ahead) = json.get(at..).and_then(|rest| memchr(b'\\', rest)) {
        at += ahead;
        at += match (unit(at), unit(at + ESCAPE_BYTES)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 2 * ESCAPE_BYTES,
            (Some(0xd800..=0xdfff), _) => {
                let mended = mended.get_or_insert_with(|| json.to_vec());
                mended[at..at + ESCAPE_BYTES].copy_from_slice(b"\\ufffd");
                ESCAPE_BYTES
            }
            // With what it escapes, which may be a backslash itself.
            _ => 2,
        };
    }
    mended
}

#[cfg(test)]
mod tests {
    use super::{Request, read_request};
    use std::error::Error as _;

    #[test]
    fn reads_what_a_server_needs() {
        let plain = Request { prompt_chars: 2, ..Request::default() };
        for (name, body, want) in [
            ("least", r#"{"messages":[{"content":"hi"}]}"#, plain.clone()),
            (
                "everything",
                r#"{"model":"m","stream":true,"stream_options":{"include_usage":true},
                    "max_tokens":9,"mode":"batch","priority":10,"temperature":0.5,
                    "messages":[{"role":"user","content":"hi"}]}"#,
                Request {
                    model: Some("m".into()),
                    stream: true,
                    include_usage: true,
                    max_tokens: Some(9),
                    prompt_chars: 2,
                    mode: Some("batch".into()),
                    priority: Some(10),
                },
            ),
            (
                "the newer name of the limit wins",
                r#"{"messages":"hi","max_completion_tokens":3,"max_tokens":9}"#,
                Request { max_tokens: Some(3), ..plain.clone() },
            ),
            (
                "null is absent",
                r#"{"messages":[{"content":"hi"}],"model":null,"stream":null,
                    "stream_options":null,"max_tokens":null,"mode":null,"priority":null}"#,
                plain,
            ),
            (
                "characters, not bytes, over messages and parts",
                r#"{"messages":[
                    {"role":"system","content":"é\n"},
                    {"role":"user","content":[
                        {"type":"text","text":"ab"},
                        {"type":"image_url","image_url":{"url":"data:xxxx"}}]},
                    {"role":"assistant","content":null,"tool_calls":[{"function":{}}]}]}"#,
                Request { prompt_chars: 4, ..Request::default() },
            ),
            (
                "of a field twice the last counts",
                r#"{"stream":true,"stream":false,"model":"a","model":"m","messages":["long"],
                    "messages":[{"content":"long","content":"hi"}]}"#,
                Request { model: Some("m".into()), prompt_chars: 2, ..Request::default() },
            ),
            (
                "half a surrogate pair is a character",
                r#"{"messages":["\ud83d","\ude00\ud83d","\ud83d\ude00","\\ud83d"],"model":"\uD83D"}"#,
                Request {
                    model: Some("\u{fffd}".into()),
                    prompt_chars: 1 + 2 + 1 + 6,
                    ..Request::default()
                },
            ),
        ] {
            assert_eq!(read_request(body.as_bytes()).unwrap(), want, "{name}: {body}");
        }
    }

    #[test]
    fn a_fault_is_refused_with_its_place() {
        for (name, body, want) in [
            ("not JSON", "hi", "expected value at line 1 column 1"),
            ("cut after half a pair", r#"{"messages":["\ud83d"#, "line 1 column 20"),
            ("a list", "[[]]", "expected an object"),
            ("no messages", "{}", "missing field `messages`"),
            ("wrong type", r#"{"messages":[],"stream":"yes"}"#, "expected a boolean"),
            ("messages a number", r#"{"messages":1}"#, "expected text, or a list of messages"),
            ("priority too large", r#"{"messages":[],"priority":300}"#, "expected u8"),
        ] {
            let malformed = read_request(body.as_bytes()).unwrap_err();
            assert_eq!(malformed.to_string(), "not a chat completion request", "{name}");
            let source = malformed.source().unwrap().to_string();
            assert!(source.contains(want), "{name}: {source}");
        }
        let deep = format!("{{\"messages\":{}", "[".repeat(200_000));
        assert!(read_request(deep.as_bytes()).is_err(), "deep nesting is no deep recursion");
    }
}
