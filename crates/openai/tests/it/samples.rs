//! What is read from `fixtures/openai`, in short, event by event.

use proofload_openai::chat::{self, Completion, Event, Reply, Usage};
use proofload_openai::sse::{self, Decoder};
use std::path::PathBuf;

fn sample(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/openai");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// The body of a section of `sse-sample.txt`, which follows its HTTP head.
fn captured(section: &str) -> String {
    let sample = sample("sse-sample.txt");
    let (_, rest) = sample.split_once(&format!("##### {section}. ")).unwrap();
    let (section, _) = rest.split_once("##### ").unwrap_or((rest, ""));
    let body = section.find("\ndata: ").or_else(|| section.find("\n{")).unwrap();
    section[body + 1..].to_owned()
}

fn describe(event: sse::Event<'_>) -> String {
    match chat::read_event(event).unwrap() {
        Event::Done => "done".to_owned(),
        Event::Error(message) => format!("error `{message}`"),
        Event::Delta(delta) => {
            let usage = delta.usage.map(|usage| {
                let tokens = |count: Option<u32>| count.map_or("?".to_owned(), |n| n.to_string());
                format!("{}>{}", tokens(usage.prompt_tokens), tokens(usage.completion_tokens))
            });
            let text = delta.has_text.then(|| "text".to_owned());
            let finish = delta.finished.then(|| "finish".to_owned());
            let said: Vec<String> = [text, finish, usage].into_iter().flatten().collect();
            if said.is_empty() { "nothing".to_owned() } else { said.join("+") }
        }
    }
}

/// Every event in short, equal neighbours counted together.
fn summary(body: &str, piece_bytes: usize) -> String {
    let (mut decoder, mut events) = (Decoder::default(), Vec::<(String, usize)>::new());
    for piece in body.as_bytes().chunks(piece_bytes) {
        let on_event = |event: sse::Event<'_>| match (describe(event), events.last_mut()) {
            (event, Some((last, count))) if event == *last => *count += 1,
            (event, _) => events.push((event, 1)),
        };
        decoder.feed(piece, on_event).unwrap();
    }
    assert!(!decoder.has_partial());
    let short = events.iter().map(|(event, count)| match count {
        1 => event.clone(),
        _ => format!("{event} x{count}"),
    });
    short.collect::<Vec<_>>().join(", ")
}

#[test]
fn streams_of_real_servers_are_understood_however_they_are_cut() {
    for (name, body, want) in [
        ("A", captured("A"), "nothing, text x8, finish, 22>8, done"),
        ("B", captured("B"), "nothing, text x3, finish, done"),
        ("reasoning", sample("reasoning.sse"), "nothing, text x3, finish, 11>4, done"),
        ("tool calls", sample("tool-calls.sse"), "text x4, finish, done"),
        ("function call", sample("function-call.sse"), "text x3, finish, done"),
        ("refusal", sample("refusal.sse"), "nothing, text x2, finish, done"),
        ("azure", sample("azure.sse"), "nothing x2, text x2, finish, nothing, done"),
        ("parts", sample("parts.sse"), "nothing, text x2, nothing, text+finish+5>3, done"),
        (
            "two choices",
            sample("two-choices.sse"),
            "nothing, text x2, finish, text+finish+3>3, done",
        ),
        ("multi-line", sample("multi-line.sse"), "text, nothing, finish"),
        (
            "vllm error",
            sample("error-vllm.sse"),
            "nothing, text, error `EngineCore encountered an issue. See stack trace (above) for \
             the root cause.`, done",
        ),
        (
            "old vllm error",
            sample("error-vllm-old.sse"),
            "nothing, error `This model's maximum context length is 2048 tokens.`, done",
        ),
        ("router error", sample("error-router.sse"), "text, error `Provider disconnected`"),
        (
            "tgi error",
            sample("error-tgi.sse"),
            "text, error `Request failed during generation: Server error`",
        ),
    ] {
        for piece_bytes in [1, 7, 48, 1_460, body.len()] {
            assert_eq!(summary(&body, piece_bytes), want, "{name}, {piece_bytes} bytes a piece");
        }
    }
}

#[test]
fn unstreamed_answers_of_a_real_server_are_understood() {
    let usage = Usage { prompt_tokens: Some(5), completion_tokens: Some(3) };
    let want = Completion { has_text: true, finished: true, usage: Some(usage) };
    let body = captured("C");
    assert_eq!(chat::read_reply(body.as_bytes()).unwrap(), Reply::Completion(want));
    let body = captured("D");
    let message = "request (9003 tokens) exceeds the available context size (2048 tokens), try \
                   increasing it";
    assert_eq!(chat::read_reply(body.as_bytes()).unwrap(), Reply::Error(message.into()));
}
