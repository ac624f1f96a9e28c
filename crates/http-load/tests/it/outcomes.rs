//! Every outcome that a server can cause, each by the bytes that cause it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proofload_http_load::{Ask, Config, MakeHttp, Stop, Timeouts};
use proofload_record::{End, Flags, Outcome, Secrets};

use crate::rows::{config, http_config, plan, plan_of, run_http, run_with};
use crate::server::{
    Act, CHUNKED_HEAD, DONE, STREAM_HEAD, Server, answer, chunk, event, finish, good, role, text,
};

fn stream(events: &[String]) -> Act {
    Act::SendAndClose(format!("{STREAM_HEAD}{}", events.concat()).into_bytes())
}

fn done() -> String {
    DONE.to_owned()
}

#[test]
fn what_answers_say_is_kept_where_that_is_asked_for() {
    let reply = r#"{"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}]}"#;
    let cut = stream(&[text("ab"), text("cd")]);
    for (name, act, limit_bytes, want) in [
        ("not asked for", stream(&[text("ab"), finish(), done()]), None, None),
        (
            "a stream",
            stream(&[role(), text("ab"), text("cd"), finish(), done()]),
            Some(9),
            Some(("abcd", false)),
        ),
        (
            "as much as is kept",
            stream(&[text("ab"), text("cd"), finish(), done()]),
            Some(4),
            Some(("abcd", false)),
        ),
        (
            "a long one",
            stream(&[text("ab"), text("cd"), text("e"), finish(), done()]),
            Some(3),
            Some(("abc", true)),
        ),
        ("no stream", json(reply), Some(9), Some(("whole", false))),
        ("half an answer", cut, Some(9), Some(("abcd", false))),
        ("no text", stream(&[role(), finish(), done()]), Some(9), None),
        ("an error", Act::Send(answer("500 No", "text")), Some(9), None),
    ] {
        let server = Server::start(vec![act]);
        let plan = plan(&[0]);
        let make = MakeHttp::new(http_config(server.port), plan.classes()).unwrap();
        let config = Config { keep_responses: limit_bytes, ..config() };
        let (_, kept) = run_with(&plan, &make, &config, &Stop::default());
        let found: Vec<_> = kept.responses.iter().map(|(_, text, cut)| (&**text, *cut)).collect();
        assert_eq!(found, want.into_iter().collect::<Vec<_>>(), "{name}");
    }
}

fn json(body: &str) -> Act {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    Act::Send(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

fn raw(bytes: &str) -> Act {
    Act::SendAndClose(bytes.as_bytes().to_vec())
}

fn cases() -> Vec<(&'static str, Act, Outcome)> {
    use Outcome as O;
    let error = r#"data: {"error":{"message":"out of memory","code":500}}"#;
    let long = "x".repeat(2 << 20);
    let cut = &good()[..good().len() - 5];
    let half_chunk = format!("{CHUNKED_HEAD}{}", "40\r\ndata: {");
    vec![
        ("a whole stream", Act::Send(good()), O::Ok),
        ("no [DONE]", stream(&[role(), text("a"), finish()]), O::Ok),
        (
            "no blank line after [DONE]",
            stream(&[text("a"), finish(), "data: [DONE]\n".to_owned()]),
            O::Ok,
        ),
        (
            "anything after [DONE]",
            stream(&[text("a"), finish(), done(), "data: junk\n\n: bye".to_owned()]),
            O::Ok,
        ),
        (
            "reasoning only",
            stream(&[event(r#""delta":{"reasoning_content":"hm"}"#), finish()]),
            O::Ok,
        ),
        (
            "unstreamed",
            json(r#"{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}"#),
            O::Ok,
        ),
        ("400", Act::Send(answer("400 Bad Request", "{}")), O::Http4xx),
        ("429 in a stream", Act::Send(answer("429 Too Many Requests", "")), O::Http4xx),
        ("503", Act::Send(answer("503 Service Unavailable", "busy")), O::Http5xx),
        ("500, then cut", raw("HTTP/1.1 500 Oops\r\ncontent-length: 99\r\n\r\nx"), O::Http5xx),
        ("redirect", Act::Send(answer("307 Temporary Redirect", "")), O::HttpOther),
        ("not HTTP", raw("SSH-2.0-OpenSSH_9.2\r\n\r\n"), O::BadHttp),
        ("a bad chunk size", raw(&format!("{CHUNKED_HEAD}zz\r\n")), O::BadHttp),
        ("no body", Act::Send(answer("200 OK", "")), O::Empty),
        ("no events", stream(&[]), O::Empty),
        ("no token", stream(&[role(), finish(), done()]), O::Empty),
        (
            "unstreamed without text",
            json(r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#),
            O::Empty,
        ),
        ("no finish reason", stream(&[role(), text("a")]), O::Truncated),
        ("[DONE] alone", stream(&[text("a"), done()]), O::Truncated),
        ("no last chunk", Act::SendAndClose(cut.to_vec()), O::Truncated),
        ("half a chunk", raw(&half_chunk), O::Truncated),
        ("half an event", stream(&[text("a"), finish(), "data: {".to_owned()]), O::Truncated),
        ("short body", raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"), O::Truncated),
        (
            "error in the stream",
            stream(&[text("a"), format!("{error}\n\n"), done()]),
            O::InBandError,
        ),
        (
            "error, then cut",
            raw(&format!("{CHUNKED_HEAD}{}", chunk(&format!("{error}\n\n")))),
            O::InBandError,
        ),
        ("error in the body", json(r#"{"error":{"message":"no"}}"#), O::InBandError),
        (
            "not JSON in an event",
            stream(&["data: hello\n\n".to_owned(), done()]),
            O::MalformedStream,
        ),
        ("not JSON", json("<html>"), O::MalformedStream),
        ("an endless line", raw(&format!("{STREAM_HEAD}data: {long}")), O::TooLarge),
        ("an endless header", raw(&format!("HTTP/1.1 200 OK\r\nx-long: {long}")), O::TooLarge),
        ("closed without a word", raw(""), O::Reset),
        ("half a head", raw("HTTP/1.1 200 OK\r\ncont"), O::Reset),
        (
            "reset in the body",
            Act::SendAndReset(format!("{CHUNKED_HEAD}{}", chunk(&text("a"))).into_bytes()),
            O::Reset,
        ),
        ("silence", Act::SendAndStall(Vec::new()), O::TimeoutFirstByte),
        (
            "silence in the body",
            Act::SendAndStall(format!("{STREAM_HEAD}{}", text("a")).into_bytes()),
            O::TimeoutIdle,
        ),
        ("silence in the head", Act::SendAndStall(b"HTTP/1.1 200".to_vec()), O::TimeoutIdle),
        (
            "never ends",
            Act::Pieces(
                vec![(Duration::from_millis(100), STREAM_HEAD.into()); 1]
                    .into_iter()
                    .chain((0..40).map(|_| (Duration::from_millis(100), text("a").into_bytes())))
                    .collect(),
            ),
            O::TimeoutTotal,
        ),
    ]
}

/// Each case alone, so that a failing one names itself.
#[test]
fn what_the_server_sends_decides_the_outcome() {
    for (name, act, want) in cases() {
        let server = Server::start(vec![act]);
        let mut http = http_config(server.port);
        http.timeouts = Timeouts {
            first_byte: Duration::from_millis(900),
            idle: Duration::from_millis(700),
            total: Duration::from_millis(1_500),
            ..Timeouts::default()
        };
        let kept = run_http(&plan(&[0]), http);
        let (row, note) = &kept.rows[0];
        assert_eq!(row.end, End::Sent(want), "{name}: {note:?}");
        assert_eq!(note.error.is_some(), want != Outcome::Ok, "{name}: says why");
        assert_eq!(row.attempts, 1, "{name}");
    }
}

/// All of them in one run: the counts are exactly those of what was served.
#[test]
fn one_run_counts_every_outcome_exactly() {
    let cases = cases();
    let mut want = BTreeMap::new();
    for (_, _, outcome) in &cases {
        *want.entry(End::Sent(*outcome)).or_insert(0) += 1;
    }
    let offsets: Vec<u64> = (0..cases.len() as u64).map(|i| i * 60).collect();
    let server = Server::start(cases.into_iter().map(|(_, act, _)| act).collect());
    let mut http = http_config(server.port);
    http.timeouts = Timeouts {
        first_byte: Duration::from_millis(900),
        idle: Duration::from_millis(700),
        total: Duration::from_millis(1_500),
        ..Timeouts::default()
    };
    let mut found = BTreeMap::new();
    for (row, _) in run_http(&plan(&offsets), http).rows {
        *found.entry(row.end).or_insert(0) += 1;
    }
    assert_eq!(found, want);
}

#[test]
fn the_first_token_is_the_first_chunk_with_text() {
    let pause = Duration::from_millis(60);
    let server = Server::start(vec![Act::Pieces(vec![
        (Duration::ZERO, format!("{CHUNKED_HEAD}{}", chunk(&role())).into_bytes()),
        (pause, chunk(&text("")).into_bytes()),
        (pause, chunk(&text("a")).into_bytes()),
        (pause, chunk(&(text("b") + &text("c"))).into_bytes()),
        (pause, format!("{}0\r\n\r\n", chunk(&finish())).into_bytes()),
    ])]);
    let kept = run_http(&plan(&[0]), http_config(server.port));
    let (row, _) = &kept.rows[0];
    assert_eq!(row.end, End::Sent(Outcome::Ok));
    let after = |stamp: proofload_record::Stamp| stamp.since(row.first_byte).unwrap() / 1_000_000;
    // Two pauses lie before the first token, one more before the last, one more before the end.
    assert!((115..1_000).contains(&after(row.first_token)), "{}", after(row.first_token));
    assert!(after(row.last_token) >= 175, "{}", after(row.last_token));
    assert!(after(row.done) >= 235, "{}", after(row.done));
    assert_eq!((row.chunks, row.coalesced, row.itl.count), (3, 1, 2));
    assert_eq!(kept.gaps_ns.len(), 2);
    assert_eq!(row.completion_tokens, Some(3), "counted from chunks");
    assert!(!row.flags.has(Flags::USAGE));
}

#[test]
fn the_request_carries_its_ids_and_labels() {
    let mut head = good();
    let at = head.windows(2).position(|pair| pair == b"\r\n").unwrap() + 2;
    head.splice(at..at, b"X-Request-ID: theirs-1\r\n".iter().copied());
    let server = Server::start(vec![Act::Send(head)]);
    let kept = run_http(&plan(&[0, 30]), http_config(server.port));
    let requests = server.requests();
    for wanted in [
        "post /v1/chat/completions http/1.1\r\n",
        "x-request-id: 0123456789ab-1\r\n",
        "traceparent: 00-000000000123456789ab000000000001-0000000000000002-01\r\n",
        "x-proofload-mode: interactive\r\n",
        "x-proofload-priority: mid\r\n",
        "\"stream\":true",
    ] {
        assert!(requests[1].contains(wanted), "{wanted:?} in {}", requests[1]);
    }
    assert_eq!(kept.rows[0].1.server_request_id.as_deref(), Some("theirs-1"));
    assert!(kept.rows[1].0.flags.has(Flags::REUSED), "the second went over the same connection");
}

#[test]
fn a_key_that_the_server_repeats_is_taken_out() {
    let body = r#"{"error":{"message":"Incorrect key sk-planted\/secret provided"}}"#;
    let server = Server::start(vec![Act::Send(answer("401 Unauthorized", body))]);
    let mut http = http_config(server.port);
    http.headers = vec![("authorization".to_owned(), "Bearer sk-planted/secret".to_owned())];
    http.secrets = Arc::new(Secrets::new(["sk-planted/secret"]));
    let kept = run_http(&plan(&[0]), http);
    assert!(server.requests()[0].contains("authorization: bearer sk-planted/secret"));
    let error = kept.rows[0].1.error.as_deref().unwrap();
    assert!(error.starts_with("status 401: Incorrect key "), "{error}");
    assert!(!error.contains("planted"), "{error}");
}

#[test]
fn a_connection_that_died_while_idle_is_tried_once_more() {
    // The first answer claims to keep its connection, and closes it when the next request is there.
    let server = Server::start(vec![
        Act::Send(good()),
        Act::SendAndClose(Vec::new()),
        Act::Send(good()),
        Act::Send(good()),
    ]);
    let kept = run_http(&plan(&[0, 100, 200]), http_config(server.port));
    let rows: Vec<_> = kept.rows.iter().map(|(row, _)| (row.end, row.attempts)).collect();
    let ok = End::Sent(Outcome::Ok);
    assert_eq!(rows, [(ok, 1), (ok, 2), (ok, 1)]);
    let second = &kept.rows[1].0;
    assert!(second.written.get() < second.first_byte.get());
    assert_eq!(second.chunks, 2);
}

#[test]
fn a_fresh_connection_that_dies_is_not_tried_again() {
    let server = Server::start(vec![Act::SendAndClose(Vec::new())]);
    let kept = run_http(&plan(&[0]), http_config(server.port));
    assert_eq!(kept.rows[0].0.end, End::Sent(Outcome::Reset));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_usage_of_nothing_beside_text_is_not_believed() {
    let usage = r#"data: {"choices":[],"usage":{"completion_tokens":0,"prompt_tokens":3}}"#;
    let body = [text("a"), text("b"), finish(), format!("{usage}\n\n"), done()].concat();
    let server = Server::start(vec![Act::SendAndClose(format!("{STREAM_HEAD}{body}").into())]);
    let kept = run_http(&plan(&[0]), http_config(server.port));
    let (row, _) = &kept.rows[0];
    assert_eq!((row.end, row.completion_tokens), (End::Sent(Outcome::Ok), Some(2)));
    assert_eq!(row.prompt_tokens, Some(3));
    assert!(!row.flags.has(Flags::USAGE));
}

#[test]
fn a_fetch_is_ok_when_the_answer_is_whole_whatever_it_holds() {
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}".to_vec();
    let server = Server::start(vec![
        Act::Send(answer("200 OK", "not a completion")),
        Act::Send(answer("404 Not Found", "")),
        Act::SendAndClose(short),
    ]);
    let mut http = http_config(server.port);
    http.ask = Ask::Fetch { path: "/file".to_owned() };
    let kept = run_http(&plan(&[0, 50, 100]), http);
    let ends: Vec<_> = kept.rows.iter().map(|(row, _)| row.end).collect();
    assert_eq!(ends, [Outcome::Ok, Outcome::Http4xx, Outcome::Truncated].map(End::Sent));
    assert!(server.requests()[0].starts_with("get /file http/1.1\r\n"), "{:?}", server.requests());
}

#[test]
fn an_answer_that_came_before_the_body_was_read_leaves_nothing_behind() {
    // The server reads only the head, refuses, and never reads the rest of a body that is larger
    // than the socket's buffers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&accepted);
    let (sender, gone) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let (mut socket, sender) = (socket.unwrap(), sender.clone());
            std::thread::spawn(move || {
                let mut head = [0; 4096];
                let _ = std::io::Read::read(&mut socket, &mut head);
                let refusal = answer("413 Content Too Large", "");
                let _ = std::io::Write::write_all(&mut socket, &refusal);
                // Without reading on: a write fails once the client has closed.
                while std::io::Write::write(&mut socket, b"").is_ok()
                    && socket.take_error().unwrap().is_none()
                {
                    std::thread::sleep(Duration::from_millis(20));
                    let mut byte = [0];
                    socket.set_nonblocking(true).unwrap();
                    if let Ok(0) = socket.peek(&mut byte) {
                        break;
                    }
                    if std::io::Write::write(&mut socket, b"x").is_err() {
                        break;
                    }
                }
                let _ = sender.send(());
            });
        }
    });
    let kept = run_http(&plan_of(&[0, 300, 600], 16 << 20), http_config(port));
    for (row, note) in &kept.rows {
        assert_eq!(row.end, End::Sent(Outcome::Http4xx), "{note:?}");
        assert_eq!(row.attempts, 1);
    }
    assert_eq!(accepted.load(std::sync::atomic::Ordering::SeqCst), 3, "none can serve again");
    for _ in 0..3 {
        gone.recv_timeout(Duration::from_secs(20)).expect("every connection was closed");
    }
}

#[test]
fn the_idle_limit_holds_from_the_first_byte_of_the_head() {
    let server = Server::start(vec![Act::SendAndStall(b"HTTP/1.1 200".to_vec())]);
    let mut http = http_config(server.port);
    http.timeouts = Timeouts {
        first_byte: Duration::from_secs(20),
        idle: Duration::from_millis(300),
        ..Timeouts::default()
    };
    let kept = run_http(&plan(&[0]), http);
    let (row, note) = &kept.rows[0];
    assert_eq!(row.end, End::Sent(Outcome::TimeoutIdle), "{note:?}");
    assert!(
        row.latency_ns().unwrap() < 10_000_000_000,
        "long before the first-byte limit: {row:?}"
    );
}

#[test]
fn an_unasked_encoding_is_named() {
    let coded = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f\x8b";
    let server = Server::start(vec![Act::Send(coded.to_vec())]);
    let kept = run_http(&plan(&[0]), http_config(server.port));
    let (row, note) = &kept.rows[0];
    assert_eq!(row.end, End::Sent(Outcome::MalformedStream));
    assert!(note.error.as_deref().unwrap().contains("gzip"), "{note:?}");
}
