//! Answers when all is well.

use crate::client::{body, connect, get, post, read_event, read_until, send, start, start_logged};
use proofload_openai::chat::{self, Event, Reply};
use proofload_record::ServerResult::{Error, Success};
use std::io::Write;
use std::sync::mpsc;

#[test]
fn a_stream_has_role_text_finish_usage_and_done() {
    let simulator = start(&["fill=1"]);
    let request = post("x-request-id: run-1\r\n", &body(true, ",\"model\":\"m\",\"max_tokens\":5"));
    let seen = send(&simulator, &request);
    assert_eq!(seen.status(), 200);
    assert_eq!(seen.header("content-type").as_deref(), Some("text/event-stream"));
    assert_eq!(seen.header("x-request-id").as_deref(), Some("run-1"));
    assert!(seen.is_whole());
    let events = seen.events();
    let read: Vec<_> = events.iter().map(|data| read_event(data).unwrap()).collect();
    assert_eq!(read.len(), 1 + 5 + 3);
    assert!(events[0].contains("\"role\":\"assistant\""), "{}", events[0]);
    let Event::Delta(role) = read[0] else { panic!("{read:?}") };
    assert!(!role.has_text);
    for text in &read[1..6] {
        assert!(matches!(text, Event::Delta(delta) if delta.has_text && !delta.finished));
    }
    assert!(events[6].contains("\"finish_reason\":\"length\""), "{}", events[6]);
    assert!(events[7].contains("\"choices\":[]"), "{}", events[7]);
    assert_eq!(seen.counted(), (5, Some(5)));
    assert_eq!(read[8], Event::Done);
    let counts = simulator.counts();
    assert_eq!((counts.requests, counts.ok, counts.tokens), (1, 1, 5));
}

#[test]
fn usage_is_sent_only_where_it_was_asked_for() {
    let simulator = start(&[]);
    let asked = "{\"model\":\"m\",\"messages\":[],\"stream\":true}";
    let seen = send(&simulator, &post("", asked));
    assert!(seen.is_whole());
    assert_eq!(seen.counted().1, None);
    assert_eq!(seen.events().last().unwrap(), "[DONE]");
}

#[test]
fn an_unstreamed_answer_is_one_object() {
    let simulator = start(&["fill=1"]);
    let seen = send(&simulator, &post("", &body(false, ",\"max_tokens\":7")));
    assert_eq!(seen.status(), 200);
    assert!(seen.is_whole());
    let body = seen.body().0;
    let Reply::Completion(reply) = chat::read_reply(&body).unwrap() else { panic!() };
    assert!(reply.has_text && reply.finished);
    assert_eq!(reply.usage.unwrap().completion_tokens, Some(7));
}

#[test]
fn tokens_share_chunks_and_chunks_share_writes() {
    let simulator = start(&["fill=1", "tokens-per-chunk=3", "chunks-per-write=2"]);
    let seen = send(&simulator, &post("", &body(true, ",\"max_tokens\":14")));
    // Two halves of 7 tokens, each in chunks of 3, 3 and 1.
    assert_eq!(seen.counted(), (6, Some(14)));
    // A piece is a chunk of the transfer coding: role, two writes a half, the end.
    let pieces = seen.text().matches("\r\ndata: ").count();
    assert_eq!(pieces, 1 + 4 + 1);
}

#[test]
fn lengths_follow_the_seed_and_not_the_order_or_the_run() {
    let lengths = |settings: &[&str], run: &str, order: &[u32]| {
        let simulator = start(settings);
        let mut lengths: Vec<_> = order
            .iter()
            .map(|index| {
                let id = format!("x-request-id: {run}-{index}\r\n");
                let seen = send(&simulator, &post(&id, &body(true, ",\"max_tokens\":40")));
                (*index, seen.counted().0)
            })
            .collect();
        lengths.sort_unstable();
        lengths
    };
    let first = lengths(&["seed=5"], "a", &[0, 1, 2, 3, 4]);
    assert_eq!(lengths(&["seed=5", "fault=no-done:0.5"], "b", &[4, 2, 0, 3, 1]), first);
    assert_ne!(lengths(&["seed=6"], "a", &[0, 1, 2, 3, 4]), first);
    assert!(first.iter().all(|(_, tokens)| (20..=40).contains(tokens)), "{first:?}");
}

#[test]
fn a_request_without_a_model_is_classified() {
    let (log, rows) = mpsc::channel();
    let simulator = start_logged(&["model=one", "model=two"], Some(log));
    for (index, named) in ["", ",\"model\":\"two\""].into_iter().enumerate() {
        let id = format!("x-request-id: r-{index}\r\n");
        assert!(send(&simulator, &post(&id, &body(true, named))).is_whole());
    }
    let row = rows.recv().unwrap();
    assert!(["one", "two"].contains(&row.model.as_deref().unwrap()));
    assert!(row.classification_ns.unwrap() > 0);
    let row = rows.recv().unwrap();
    assert_eq!((row.model.as_deref(), row.classification_ns), (Some("two"), None));
}

#[test]
fn the_log_has_what_the_server_knows() {
    let (log, rows) = mpsc::channel();
    let simulator = start_logged(&["fill=1"], Some(log));
    let labels = "x-request-id: r-1\r\nx-proofload-mode: batch\r\nx-proofload-priority: high\r\n";
    send(&simulator, &post(labels, &body(true, ",\"model\":\"m\",\"max_tokens\":3")));
    let row = rows.recv().unwrap();
    let named = (row.request_id.as_str(), row.model.as_deref(), row.status);
    assert_eq!(named, ("r-1", Some("m"), 200));
    assert_eq!((row.result, row.cold_start, row.load_ns), (Success, Some(false), None));
    assert_eq!((row.mode.as_deref(), row.priority), (Some("batch"), Some(10)));
    assert_eq!((row.prompt_tokens, row.completion_tokens), (Some(4), 3));
    let steps = [row.enqueued_ns, row.scheduled_ns, row.ttft_ns, Some(row.total_ns)];
    assert!(steps.is_sorted() && steps[0].is_some(), "{steps:?}");
    // The body wins over the headers.
    let in_body = ",\"model\":\"m\",\"mode\":\"interactive\",\"priority\":1";
    send(&simulator, &post(labels, &body(false, in_body)));
    let row = rows.recv().unwrap();
    assert_eq!((row.mode.as_deref(), row.priority), (Some("interactive"), Some(1)));
}

#[test]
fn the_log_tells_what_a_server_can_know_of_a_failure() {
    for (fault, status, result, scheduled) in [
        ("ok", 200, Success, true),
        ("in-band-error", 200, Error, true),
        ("truncate", 200, Error, true),
        ("http-503", 503, Error, false),
        // An empty answer was handed over as it was meant: the server sees nothing wrong in it.
        ("empty", 200, Success, false),
    ] {
        let (log, rows) = mpsc::channel();
        let simulator = start_logged(&[&format!("script={fault}")], Some(log));
        send(&simulator, &post("", &body(true, ",\"model\":\"m\",\"max_tokens\":4")));
        let row = rows.recv().unwrap();
        assert_eq!((row.status, row.result), (status, result), "{fault}");
        assert_eq!(row.scheduled_ns.is_some(), scheduled, "{fault}");
    }
}

#[test]
fn the_first_request_of_a_model_waits_until_it_is_loaded() {
    let (log, rows) = mpsc::channel();
    let simulator = start_logged(&["load=30ms"], Some(log));
    for (model, cold) in [("a", true), ("a", false), ("b", true)] {
        let fields = format!(",\"model\":\"{model}\",\"max_tokens\":1");
        send(&simulator, &post("", &body(true, &fields)));
        let row = rows.recv().unwrap();
        assert_eq!(row.cold_start, Some(cold), "{model}");
        assert_eq!(row.load_ns.is_some_and(|ns| ns >= 29_000_000), cold, "{:?}", row.load_ns);
        assert!(!cold || row.ttft_ns >= row.load_ns, "{row:?}");
    }
}

#[test]
fn the_urgent_get_the_slot_first() {
    let (log, rows) = mpsc::channel();
    let simulator = start_logged(&["model=m,slots=1", "script=stall"], Some(log));
    let mut holder = connect(&simulator);
    let request = post("x-request-id: holder\r\n", &body(true, ",\"model\":\"m\""));
    holder.write_all(request.as_bytes()).unwrap();
    read_until(&mut holder, |bytes| bytes.ends_with(b"\n\n\r\n"));
    let waiting: Vec<_> = [("low", 1), ("mid-1", 5), ("high", 10), ("mid-2", 5)]
        .into_iter()
        .map(|(name, priority)| {
            let mut stream = connect(&simulator);
            let fields = format!(",\"model\":\"m\",\"priority\":{priority},\"max_tokens\":2");
            let request = post(&format!("x-request-id: {name}\r\n"), &body(true, &fields));
            stream.write_all(request.as_bytes()).unwrap();
            // Once this later connection is served, the request before it stands in the queue.
            assert_eq!(get(&simulator, "/health", "").status(), 200);
            stream
        })
        .collect();
    drop(holder);
    let ended: Vec<_> = (0..5).map(|_| rows.recv().unwrap()).collect();
    let order: Vec<_> = ended.iter().map(|row| row.request_id.as_str()).collect();
    assert_eq!(order, ["holder", "high", "mid-1", "mid-2", "low"]);
    let depths: Vec<_> = ended.iter().map(|row| row.queue_depth).collect();
    assert_eq!(depths, [0, 2, 1, 3, 0].map(Some));
    let left: Vec<_> = ended.iter().map(|row| row.queue_depth_scheduled).collect();
    assert_eq!(left, [0, 3, 2, 1, 0].map(Some));
    drop(waiting);
}

#[test]
fn a_connection_serves_one_request_after_another() {
    let simulator = start(&[]);
    let mut stream = connect(&simulator);
    for path in ["/v1/chat/completions", "/chat/completions"] {
        let request = post("", &body(true, "")).replace("/v1/chat/completions", path);
        stream.write_all(request.as_bytes()).unwrap();
        let seen = read_until(&mut stream, |bytes| bytes.ends_with(b"0\r\n\r\n"));
        assert!(seen.is_whole(), "{path}");
    }
    assert_eq!(simulator.counts().ok, 2);
}
