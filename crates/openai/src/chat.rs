//! The JSON of chat completions: answers as a client reads them, requests and answers as a server
//! reads and writes them.
//!
//! Reading an answer is tolerant, since every server has a dialect: unknown fields are skipped,
//! `null` is the same as absent, several choices are taken together, and text is found under every
//! name that servers give it. It is also lazy: text is only asked whether it is empty, where it
//! lies. So half a surrogate pair, which some servers send when they cut an emoji, does no harm.
//!
//! Reading a request is strict, as a server is, so that a workload with a mistake shows it. What
//! nearly every parser of JSON bears is borne in both: of a field that comes twice the last counts.
//!
//! Format: OpenAI API reference, "Chat completions" and "Chat completion chunk object"; the
//! dialects are those of the samples in `fixtures/openai`.

mod answer;
mod fields;
mod message;
mod request;
mod text;
mod writer;

pub use answer::{Completion, Delta, Event, Reply, read_event, read_reply};
pub use request::{Request, read_request};
pub use text::append_text;
pub use writer::{ChunkWriter, error};

/// What a server says it has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: Option<u32>,
    /// Tokens written, reasoning among them.
    pub completion_tokens: Option<u32>,
}

/// The text is not what it should be. The message never repeats it: an answer may hold a secret.
/// Where the fault lies is in the source, which may quote a value.
#[derive(Debug, thiserror::Error)]
#[error("not a {expected}")]
pub struct Malformed {
    expected: &'static str,
    source: serde_json::Error,
}
