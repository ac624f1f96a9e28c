//! Allocations on the receive path, counted on the thread of the test.

use allocation_counter::measure;
use proofload_openai::chat::{self, ChunkWriter, Event, Usage};
use proofload_openai::sse::{self, Decoder};
use std::hint::black_box;

const EVENTS: usize = 131;

/// A streamed answer of 128 tokens as our own server sends it.
fn body() -> Vec<u8> {
    let writer = ChunkWriter { id: "chatcmpl-1".into(), model: "tiny".into(), created: 1 };
    let (mut json, mut body) = (String::new(), Vec::new());
    let mut event = |write: &dyn Fn(&mut String)| {
        json.clear();
        write(&mut json);
        sse::encode(&json, &mut body);
    };
    event(&|out| writer.role(out));
    for token in 0..128 {
        event(&|out| writer.text(&format!(" é\n\"{token}\""), out));
    }
    event(&|out| writer.finish("stop", out));
    event(&|out| {
        let usage = Usage { prompt_tokens: Some(9), completion_tokens: Some(128) };
        writer.usage(usage, out);
    });
    body
}

fn read(decoder: &mut Decoder, body: &[u8], piece_bytes: usize) -> usize {
    let mut events = 0;
    for piece in body.chunks(piece_bytes) {
        let on_event = |event: sse::Event<'_>| {
            assert!(matches!(chat::read_event(event), Ok(Event::Delta(_))));
            events += 1;
        };
        assert_eq!(decoder.feed(piece, on_event), Ok(()));
    }
    events
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(black_box(Box::new(1)))).count_total, 1);
}

#[test]
fn whole_events_never_allocate() {
    let body = body();
    let mut decoder = Decoder::default();
    let seen = measure(|| assert_eq!(read(&mut decoder, &body, body.len()), EVENTS));
    assert_eq!(seen.count_total, 0, "{seen:?}");
}

#[test]
fn cut_events_use_the_same_buffers_again() {
    let body = body();
    for piece_bytes in [1, 48, 200, 1_460, 16_384] {
        let mut decoder = Decoder::default();
        let first = measure(|| assert_eq!(read(&mut decoder, &body, piece_bytes), EVENTS));
        assert!(first.bytes_max < 2_048, "{piece_bytes} bytes a piece: {first:?}");
        let again = measure(|| assert_eq!(read(&mut decoder, &body, piece_bytes), EVENTS));
        assert_eq!(again.count_total, 0, "{piece_bytes} bytes a piece: {again:?}");
    }
}

#[test]
fn ordinary_chunks_of_every_dialect_do_not_allocate() {
    for data in [
        r#"{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":1,"id":"c","model":"tiny","system_fingerprint":"b0","object":"chat.completion.chunk"}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{"reasoning":"a\u00e9\n","reasoning_content":"a\u00e9\n"},"logprobs":null,"finish_reason":null}],"usage":null}"#,
        r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"x","type":"function","function":{"name":"f","arguments":"{\"a\":\"b\"}"}}]}},{"index":1,"delta":{"content":"b"}}]}"#,
        r#"{"choices":[],"usage":{"completion_tokens":8,"prompt_tokens":22,"prompt_tokens_details":{"cached_tokens":21}},"timings":{"cache_n":21,"prompt_ms":0.584}}"#,
        "[DONE]",
    ] {
        let event = sse::Event { data, is_error: false };
        let seen = measure(|| assert!(chat::read_event(event).is_ok()));
        assert_eq!(seen.count_total, 0, "{data}: {seen:?}");
    }
}

#[test]
fn a_line_without_end_is_refused_with_bounded_memory() {
    const LIMIT_BYTES: usize = 64 * 1024;
    let line = "x".repeat(10 * LIMIT_BYTES);
    for piece in ["x".repeat(1_000), "\ndata: x".repeat(125), format!("{line}\n"), line] {
        let seen = measure(|| {
            let mut decoder = Decoder::with_limit(LIMIT_BYTES);
            assert_eq!(decoder.feed(b"data: x", |_| panic!("event")), Ok(()));
            let refused =
                (0..1_000).any(|_| decoder.feed(piece.as_bytes(), |_| panic!("event")).is_err());
            assert!(refused);
        });
        // A growing vector at most doubles, and both sizes live while it is copied.
        assert!(seen.bytes_max <= 4 * LIMIT_BYTES as u64, "{seen:?}");
    }
}
