//! Chat completions on the wire, both directions: what a client reads and what a server writes.
//!
//! Two layers, and beside them the list of [`models`]. [`sse`] cuts a `text/event-stream` body into events and frames them, whatever they
//! hold; [`chat`] reads and writes the JSON inside. Neither does I/O nor reads a clock,
//! so the load path stamps bytes when they arrive and decodes them afterwards, and every odd stream
//! that a real server sends is a table row in a test.
//!
//! What a load generator must know of an answer is little: does this chunk hold text, is the answer
//! finished, how many tokens does the server claim, did it fail in mid-stream. [`chat`] reads that
//! and leaves the rest where it lies: no string is unescaped, no ordinary chunk allocates.
//!
//! ```
//! use proofload_openai::{chat, sse};
//!
//! let writer = chat::ChunkWriter { id: "1".into(), model: "tiny".into(), created: 0 };
//! let (mut json, mut body) = (String::new(), Vec::new());
//! writer.text("hello", &mut json);
//! sse::encode(&json, &mut body);
//!
//! let mut chunks_with_text = 0;
//! sse::Decoder::default().feed(&body, |event| {
//!     if let Ok(chat::Event::Delta(delta)) = chat::read_event(event) {
//!         chunks_with_text += usize::from(delta.has_text);
//!     }
//! })?;
//! assert_eq!(chunks_with_text, 1);
//! # Ok::<(), sse::FeedError>(())
//! ```
//!
//! The text itself is read apart, by [`chat::append_text`], for a run that keeps it.
//!
//! Left out: audio, log probabilities, and the
//! completions, embeddings and responses APIs.

pub mod chat;
pub mod models;
pub mod sse;
