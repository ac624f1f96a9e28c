//! Reads a recorded event stream of a model server as a client does, piece by piece:
//! `cargo run -p proofload-openai --example stream`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use proofload_openai::chat::{self, Event, Usage};
use proofload_openai::sse;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let body = include_bytes!("../../../fixtures/openai/reasoning.sse");
    let (mut events, mut with_text, mut finished) = (0, 0, false);
    let mut usage = None::<Usage>;
    let mut failure = None;
    let mut decoder = sse::Decoder::default();
    // TCP cuts a stream anywhere; the decoder does not care where.
    for piece in body.chunks(100) {
        decoder.feed(piece, |event| {
            events += 1;
            match chat::read_event(event) {
                Ok(Event::Delta(delta)) => {
                    with_text += u32::from(delta.has_text);
                    finished |= delta.finished;
                    usage = delta.usage.or(usage);
                }
                Ok(Event::Done) => println!("the server says that it is done"),
                Ok(Event::Error(message)) => failure = Some(message.into_owned()),
                Err(malformed) => failure = Some(malformed.to_string()),
            }
        })?;
    }
    println!("{events} events, {with_text} of them with text; finish reason given: {finished}");
    println!("usage: {usage:?}; failure: {failure:?}; cut off: {}", decoder.has_partial());
    Ok(())
}
