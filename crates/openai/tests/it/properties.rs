//! What holds for every stream.

use proofload_openai::chat::{self, ChunkWriter, Completion, Delta, Event, Reply, Usage};
use proofload_openai::sse::{self, Decoder, FeedError};
use proptest::prelude::*;

const LIMIT_BYTES: usize = 64;

const fn unnamed(data: &str) -> sse::Event<'_> {
    sse::Event { data, is_error: false }
}

fn decode<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limit_bytes: usize,
) -> (Vec<String>, Result<bool, FeedError>) {
    let (mut decoder, mut events) = (Decoder::with_limit(limit_bytes), Vec::new());
    for piece in pieces {
        if let Err(error) = decoder.feed(piece, |event| events.push(event.data.to_owned())) {
            return (events, Err(error));
        }
    }
    (events, Ok(decoder.has_partial()))
}

/// The format as its standard tells it, over a whole body at once.
fn by_the_standard(body: &str) -> Vec<String> {
    let body = body.strip_prefix('\u{feff}').unwrap_or(body);
    let body = body.replace("\r\n", "\n").replace('\r', "\n");
    let (whole_lines, _) = body.rsplit_once('\n').unwrap_or(("", ""));
    let (mut events, mut data) = (Vec::new(), String::new());
    for line in whole_lines.split('\n') {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        if field == "data" {
            data.push_str(value.strip_prefix(' ').unwrap_or(value));
            data.push('\n');
        } else if line.is_empty() && data.pop().is_some() {
            events.push(std::mem::take(&mut data));
        }
    }
    events
}

/// Bodies made of what matters to the format.
fn body() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        4 => Just("data"), 3 => Just(":"), 3 => Just(" "), 5 => Just("\n"), 3 => Just("\r"),
        3 => Just("\r\n"), 2 => Just("data: a\n\n"), 1 => Just("\u{feff}"), 1 => Just("é🚀"),
        1 => Just("event: x"), 1 => Just("0123456789"),
    ];
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

/// `body` in pieces, cut at these places.
fn pieces<'a>(body: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    at.extend([0, body.len()]);
    at.sort_unstable();
    at.windows(2).map(|ends| &body[ends[0]..ends[1]]).collect()
}

proptest! {
    #[test]
    fn decodes_what_the_standard_says(body in body()) {
        prop_assert_eq!(decode([body.as_bytes()], 1 << 20).0, by_the_standard(&body));
    }

    /// Where TCP cuts the body changes nothing: not the events, not whether it is refused.
    #[test]
    fn cuts_change_nothing(body in body(), cuts: [prop::sample::Index; 4]) {
        let body = body.as_bytes();
        prop_assert_eq!(decode(pieces(body, &cuts), LIMIT_BYTES), decode([body], LIMIT_BYTES));
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(
        noise in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..20), body()), 0..8),
        cuts: [prop::sample::Index; 4],
    ) {
        let body: Vec<u8> = noise.into_iter()
            .flat_map(|(bytes, text)| [bytes, text.into_bytes()].concat())
            .collect();
        let (events, end) = decode(pieces(&body, &cuts), LIMIT_BYTES);
        prop_assert!(events.iter().all(|data| data.len() <= LIMIT_BYTES));
        prop_assert_eq!((events, end), decode([&body[..]], LIMIT_BYTES));
    }

    /// Encoding loses nothing but which line end it was.
    #[test]
    fn decoding_undoes_encoding(
        events in prop::collection::vec("(\\PC|\n|\r|data: |: ){0,12}", 0..4),
        cuts: [prop::sample::Index; 4],
    ) {
        let mut body = Vec::new();
        for data in &events {
            sse::encode(data, &mut body);
        }
        let want: Vec<String> =
            events.iter().map(|data| data.replace("\r\n", "\n").replace('\r', "\n")).collect();
        prop_assert_eq!(decode(pieces(&body, &cuts), 1 << 20), (want, Ok(false)));
    }

    /// What our server writes our client understands, whatever the text.
    #[test]
    fn reading_undoes_writing(
        text: String,
        reason in "\\PC{1,8}",
        usage: (u32, u32),
        names: (String, String),
    ) {
        let writer = ChunkWriter { id: names.0, model: names.1, created: 1 };
        let usage = Usage { prompt_tokens: Some(usage.0), completion_tokens: Some(usage.1) };
        let has_text = !text.is_empty();
        let written = |write: &dyn Fn(&mut String)| {
            let mut json = String::new();
            write(&mut json);
            // On one line, so an event has one data line and is read where it lies.
            assert!(!json.contains(['\n', '\r']), "{json}");
            json
        };
        let nothing = Delta::default();
        let counted = Delta { usage: Some(usage), ..nothing };
        for (json, want) in [
            (written(&|out| writer.role(out)), nothing),
            (written(&|out| writer.text(&text, out)), Delta { has_text, ..nothing }),
            (written(&|out| writer.finish(&reason, out)), Delta { finished: true, ..nothing }),
            (written(&|out| writer.usage(usage, out)), counted),
        ] {
            prop_assert_eq!(chat::read_event(unnamed(&json)).unwrap(), Event::Delta(want));
        }
        let json = written(&|out| writer.completion(&text, &reason, usage, out));
        let want = Completion { has_text, finished: true, usage: Some(usage) };
        prop_assert_eq!(chat::read_reply(json.as_bytes()).unwrap(), Reply::Completion(want));
        if has_text {
            let json = written(&|out| chat::error(&text, "kind", out));
            prop_assert_eq!(chat::read_event(unnamed(&json)).unwrap(), Event::Error(text.into()));
        }
    }

    /// A chunk with any one place overwritten is read or refused.
    #[test]
    fn damaged_json_never_panics(at: prop::sample::Index, with in "[\\[\\]{}\",:0-9a-z\\\\]{0,3}") {
        let whole = r#"{"choices":[{"index":0,"delta":{"content":[{"text":"a"}],"tool_calls":[{"function":{"arguments":"{"}}]},"message":{"content":"a"},"finish_reason":null}],"usage":{"prompt_tokens":1},"error":{"message":"m"},"messages":[{"content":"a"}],"stream":true}"#;
        let (head, tail) = whole.split_at(at.index(whole.len()));
        for tail in [tail, &tail[1..], ""] {
            let damaged = format!("{head}{with}{tail}");
            let _ = chat::read_event(unnamed(&damaged));
            let _ = chat::read_event(sse::Event { data: &damaged, is_error: true });
            let _ = chat::read_reply(damaged.as_bytes());
            let _ = chat::read_request(damaged.as_bytes());
        }
    }
}
