//! Answers as a server writes them.

use super::Usage;
use serde::Serialize;

/// Writes the answer to one request, as JSON text without the framing of an event stream. Every
/// method appends to `out`.
#[derive(Clone, Debug)]
pub struct ChunkWriter {
    /// The answer's id, the same in every chunk.
    pub id: String,
    /// The model that answers.
    pub model: String,
    /// When the answer was begun, in seconds since the Unix epoch.
    pub created: u64,
}

impl ChunkWriter {
    /// The first chunk: who speaks, and no text.
    pub fn role(&self, out: &mut String) {
        let message = Message { role: Some("assistant"), content: Some("") };
        self.chunk(message, None, out);
    }

    /// A chunk of text.
    pub fn text(&self, text: &str, out: &mut String) {
        self.chunk(Message { role: None, content: Some(text) }, None, out);
    }

    /// The chunk that says why the answer ends: `stop`, `length`, and so on.
    pub fn finish(&self, reason: &str, out: &mut String) {
        self.chunk(Message { role: None, content: None }, Some(reason), out);
    }

    /// The chunk of token counts, which has no choice.
    pub fn usage(&self, usage: Usage, out: &mut String) {
        append(&self.answer("chat.completion.chunk", &[], Some(usage)), out);
    }

    /// A whole answer, unstreamed.
    pub fn completion(&self, text: &str, reason: &str, usage: Usage, out: &mut String) {
        let message = Message { role: Some("assistant"), content: Some(text) };
        let choice =
            Choice { index: 0, delta: None, message: Some(message), finish_reason: Some(reason) };
        append(&self.answer("chat.completion", &[choice], Some(usage)), out);
    }

    fn chunk(&self, delta: Message<'_>, finish_reason: Option<&str>, out: &mut String) {
        let choice = Choice { index: 0, delta: Some(delta), message: None, finish_reason };
        append(&self.answer("chat.completion.chunk", &[choice], None), out);
    }

    fn answer<'a>(
        &'a self,
        object: &'a str,
        choices: &'a [Choice<'a>],
        usage: Option<Usage>,
    ) -> Answer<'a> {
        let usage = usage.map(|usage| {
            let (prompt_tokens, completion_tokens) = (
                usage.prompt_tokens.unwrap_or_default(),
                usage.completion_tokens.unwrap_or_default(),
            );
            let total_tokens = u64::from(prompt_tokens) + u64::from(completion_tokens);
            Counts { prompt_tokens, completion_tokens, total_tokens }
        });
        Answer { id: &self.id, object, created: self.created, model: &self.model, choices, usage }
    }
}

/// Appends an error object, as a server sends it in place of an answer or in the middle of one.
pub fn error(message: &str, kind: &str, out: &mut String) {
    append(&Failure { error: Fault { message, kind } }, out);
}

fn append(value: &impl Serialize, out: &mut String) {
    let json = serde_json::to_string(value).expect("strings and numbers can always be written");
    out.push_str(&json);
}

#[derive(Serialize)]
struct Answer<'a> {
    id: &'a str,
    object: &'a str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Counts>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    finish_reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

#[derive(Serialize)]
struct Counts {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u64,
}

#[derive(Serialize)]
struct Failure<'a> {
    error: Fault<'a>,
}

#[derive(Serialize)]
struct Fault<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
}

#[cfg(test)]
mod tests {
    use super::{ChunkWriter, error};
    use crate::chat::Usage;

    fn written(write: impl FnOnce(&ChunkWriter, &mut String)) -> String {
        let writer = ChunkWriter { id: "c-1".into(), model: "a \"b\"".into(), created: 7 };
        let mut out = String::from("> ");
        write(&writer, &mut out);
        out
    }

    #[test]
    fn writes_what_the_api_reference_shows() {
        let usage = Usage { prompt_tokens: Some(3), completion_tokens: None };
        let chunk = r#"{"id":"c-1","object":"chat.completion.chunk","created":7,"model":"a \"b\"","choices":"#;
        let whole =
            r#"{"id":"c-1","object":"chat.completion","created":7,"model":"a \"b\"","choices":"#;
        let counts = r#""usage":{"prompt_tokens":3,"completion_tokens":0,"total_tokens":3}}"#;
        for (found, head, tail) in [
            (
                written(ChunkWriter::role),
                chunk,
                r#"[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            ),
            (
                written(|w, out| w.text("a\nb", out)),
                chunk,
                r#"[{"index":0,"delta":{"content":"a\nb"},"finish_reason":null}]}"#,
            ),
            (
                written(|w, out| w.finish("stop", out)),
                chunk,
                r#"[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            ),
            (written(|w, out| w.usage(usage, out)), chunk, &format!("[],{counts}")),
            (
                written(|w, out| w.completion("a", "length", usage, out)),
                whole,
                &format!(
                    r#"[{{"index":0,"message":{{"role":"assistant","content":"a"}},"finish_reason":"length"}}],{counts}"#
                ),
            ),
            (
                written(|_, out| error("busy", "overloaded", out)),
                r#"{"error":"#,
                r#"{"message":"busy","type":"overloaded"}}"#,
            ),
        ] {
            assert_eq!(found, format!("> {head}{tail}"));
        }
    }
}
