//! What decoding adds to a token: cutting the stream into events, and reading the JSON inside.
//!
//! The body is an answer of 128 tokens as the simulator writes it, in pieces of about a quarter of
//! an event, one TCP segment, and one TLS record. Nanoseconds an event are the inverse of the
//! events/s that stand beside the bytes/s.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use proofload_openai::chat::{ChunkWriter, Usage, read_event};
use proofload_openai::sse::{Decoder, Event, encode};
use std::hint::black_box;

const TOKENS: u32 = 128;
const PIECES_BYTES: [usize; 3] = [48, 1_460, 16_384];

/// The data of every event but `[DONE]`.
fn chunks() -> Vec<String> {
    let writer = ChunkWriter {
        id: "chatcmpl-c9c0RbAtpcLYs2Fn925uHtDgi48N5vJK".to_owned(),
        model: "tiny".to_owned(),
        created: 1_795_308_809,
    };
    let usage = Usage { prompt_tokens: Some(22), completion_tokens: Some(TOKENS) };
    let mut chunks = vec![String::new(); TOKENS as usize + 3];
    if let [role, text @ .., finish, counts] = &mut chunks[..] {
        writer.role(role);
        for (token, out) in text.iter_mut().enumerate() {
            writer.text(&format!(" w{token}"), out);
        }
        writer.finish("stop", finish);
        writer.usage(usage, counts);
    }
    chunks
}

fn body(chunks: &[String]) -> Vec<u8> {
    let mut body = Vec::new();
    for data in chunks {
        encode(data, &mut body);
    }
    encode("[DONE]", &mut body);
    body
}

fn decode(
    decoder: &mut Decoder,
    body: &[u8],
    piece_bytes: usize,
    mut on_event: impl FnMut(Event<'_>),
) {
    for piece in body.chunks(piece_bytes) {
        let fed = decoder.feed(piece, &mut on_event);
        assert!(fed.is_ok());
    }
}

fn streams(c: &mut Criterion) {
    let chunks = chunks();
    let body = body(&chunks);
    let throughput = Throughput::ElementsAndBytes {
        elements: chunks.len() as u64 + 1,
        bytes: body.len() as u64,
    };

    let mut group = c.benchmark_group("sse/feed");
    group.throughput(throughput.clone());
    for piece_bytes in PIECES_BYTES {
        group.bench_function(BenchmarkId::from_parameter(piece_bytes), |b| {
            let feed = |decoder: &mut Decoder| {
                let mut data_bytes = 0;
                decode(decoder, &body, piece_bytes, |event| data_bytes += event.data.len());
                data_bytes
            };
            b.iter_batched_ref(Decoder::default, feed, BatchSize::SmallInput);
        });
    }
    group.finish();

    let mut group = c.benchmark_group("sse/feed_and_read");
    group.throughput(throughput);
    for piece_bytes in PIECES_BYTES {
        group.bench_function(BenchmarkId::from_parameter(piece_bytes), |b| {
            let feed = |decoder: &mut Decoder| {
                decode(decoder, &body, piece_bytes, |event| {
                    assert!(black_box(read_event(event)).is_ok());
                });
            };
            b.iter_batched_ref(Decoder::default, feed, BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, streams);
criterion_main!(benches);
