//! What the simulator refuses, and the routes beside the chat.

use crate::client::{body, connect, get, post, read_until, send, start, wait_for};
use proofload_openai::chat::{self, Reply};
use proofload_simulator::{Options, Simulator, is_simulator};
use std::io::Write;
use std::net::Shutdown;

#[test]
fn requests_that_are_wrong_get_an_error_object() {
    let simulator = start(&["strict-models=true", "model=known"]);
    for (name, request, status) in [
        ("not JSON", post("", "{\"messages\":"), 400),
        ("no messages", post("", "{}"), 400),
        ("unknown model", post("", &body(true, ",\"model\":\"other\"")), 404),
        ("known model", post("", &body(true, ",\"model\":\"known\"")), 200),
        ("no such path", "GET /v2/models HTTP/1.1\r\nhost: sim\r\n\r\n".to_owned(), 404),
        ("wrong method", "GET /v1/chat/completions HTTP/1.1\r\nhost: sim\r\n\r\n".to_owned(), 405),
    ] {
        let seen = send(&simulator, &request);
        assert_eq!(seen.status(), status, "{name}");
        assert!(seen.is_whole(), "{name}");
        assert_eq!(seen.text().contains("{\"error\":{\"message\":\""), status != 200, "{name}");
    }
}

#[test]
fn every_answer_says_whose_it_is() {
    let simulator = start(&["script=ok,ok,http-503,empty,redirect"]);
    let chat = |stream| post("", &body(stream, ""));
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: sim\r\n\r\n");
    let paths = ["/v1/models", "/health", "/nowhere", "/null"].map(get);
    let chats = [true, false, true, true, true].map(chat);
    for request in paths.iter().chain(&chats) {
        let server = send(&simulator, request).header("server");
        assert!(server.as_deref().is_some_and(is_simulator), "{request}: {server:?}");
    }
}

#[test]
fn a_key_is_asked_for_and_repeated_only_where_that_is_set() {
    for echo in [false, true] {
        let simulator = start(&["api-key=right", &format!("echo-key={echo}")]);
        for (header, status) in [
            ("", 401),
            ("authorization: Bearer wrong\r\n", 401),
            ("authorization: right\r\n", 401),
            ("authorization: Bearer right\r\n", 200),
            ("logos_key: right\r\n", 200),
            ("logos_key: wrong\r\n", 401),
        ] {
            let seen = send(&simulator, &post(header, &body(false, "")));
            assert_eq!(seen.status(), status, "{header}");
            assert_eq!(get(&simulator, "/v1/models", header).status(), status, "{header}");
            assert!(!seen.text().contains("right"), "never the one it should have been");
            let repeats = echo && header.ends_with("wrong\r\n");
            assert_eq!(seen.text().contains("wrong)"), repeats, "{header}");
        }
        assert_eq!(get(&simulator, "/health", "").status(), 200, "needs no key");
    }
}

#[test]
fn faults_repeat_the_key_where_that_is_set() {
    for fault in ["http-500", "bad-http", "in-band-error"] {
        let simulator = start(&["echo-key=true", &format!("fault={fault}:1")]);
        for stream in [false, true] {
            let request = post("logos_key: sk-planted\r\n", &body(stream, ""));
            assert!(send(&simulator, &request).text().contains("sk-planted"), "{fault}");
        }
    }
}

#[test]
fn models_are_listed() {
    let simulator = start(&["model=one", "model=two"]);
    for path in ["/v1/models", "/models"] {
        let text = get(&simulator, path, "").text();
        assert!(text.contains("\"id\":\"one\"") && text.contains("\"id\":\"two\""), "{text}");
        assert!(text.contains("\"object\":\"list\""), "{text}");
    }
}

#[test]
fn the_null_route_answers_whatever_it_is_sent() {
    let simulator = start(&["api-key=k"]);
    let mut stream = connect(&simulator);
    let large = "x".repeat(1 << 20);
    for (request, body) in [
        ("GET /null", ""),
        ("POST /v1/null", large.as_str()),
        ("POST /null/v1/chat/completions", "y"),
        ("GET /null/models", ""),
    ] {
        let length = body.len();
        write!(stream, "{request} HTTP/1.1\r\nhost: sim\r\ncontent-length: {length}\r\n\r\n")
            .unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let seen = read_until(&mut stream, |bytes| bytes.ends_with(b"}}"));
        assert_eq!((seen.status(), seen.is_whole()), (200, true), "{request}");
        let body = seen.body().0;
        let Ok(Reply::Completion(reply)) = chat::read_reply(&body) else { panic!("{request}") };
        assert!(reply.has_text && reply.finished, "{request}");
        assert_eq!(reply.usage.unwrap().completion_tokens, Some(1));
    }
    let counts = simulator.counts();
    assert_eq!((counts.null_requests, counts.requests), (4, 0));
}

#[test]
fn a_body_over_the_limit_gets_413_however_it_is_sent() {
    let simulator = start(&[]);
    let (pieces, piece) = (65, "x".repeat(1 << 20));
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: sim\r\n";
    for chunked in [true, false] {
        let mut stream = connect(&simulator);
        if chunked {
            write!(stream, "{head}transfer-encoding: chunked\r\n\r\n").unwrap();
        } else {
            write!(stream, "{head}content-length: {}\r\n\r\n", pieces * piece.len()).unwrap();
        }
        for _ in 0..pieces {
            if chunked {
                write!(stream, "{:x}\r\n{piece}\r\n", piece.len()).unwrap();
            } else {
                stream.write_all(piece.as_bytes()).unwrap();
            }
        }
        if chunked {
            stream.write_all(b"0\r\n\r\n").unwrap();
        }
        let seen = read_until(&mut stream, |bytes| bytes.ends_with(b"}}"));
        assert_eq!(seen.status(), 413, "chunked: {chunked}");
    }
}

#[test]
fn a_full_queue_refuses_and_a_client_that_leaves_makes_room() {
    let simulator = start(&["model=m,slots=1,queue=1", "script=stall,ok,truncate"]);
    let request = post("", &body(true, ",\"model\":\"m\""));
    let mut holder = connect(&simulator);
    holder.write_all(request.as_bytes()).unwrap();
    read_until(&mut holder, |bytes| bytes.ends_with(b"\n\n\r\n"));
    let mut waiting = connect(&simulator);
    waiting.write_all(request.as_bytes()).unwrap();
    assert_eq!(get(&simulator, "/health", "").status(), 200);

    let refused = send(&simulator, &request);
    assert_eq!((refused.status(), refused.header("retry-after").as_deref()), (429, Some("1")));
    assert!(simulator.counts().faults.is_empty(), "it was not truncated");

    waiting.shutdown(Shutdown::Both).unwrap();
    wait_for(&simulator, |counts| counts.left == 1);
    drop(holder);
    assert_eq!(send(&simulator, &request).status(), 200);
}

#[test]
fn the_answer_has_the_clients_id_or_the_servers() {
    for (setting, want) in [("own-id=false", Some("mine")), ("own-id=true", None)] {
        let simulator = start(&[setting]);
        let id = "x-request-id: mine\r\n";
        for request in [post(id, &body(true, "")), post(id, "{")] {
            let found = send(&simulator, &request).header("x-request-id").unwrap();
            assert_eq!(found == "mine", want.is_some(), "{setting}: {found}");
        }
    }
}

#[test]
fn what_cannot_start_says_why() {
    let simulator = start(&[]);
    let taken = Simulator::start(Options::default(), simulator.addr(), None).err().unwrap();
    assert!(taken.to_string().starts_with(&format!("cannot listen on {}", simulator.addr())));
    let mut options = Options::default();
    options.set("truth=/proc/no/such/folder").unwrap();
    let error = Simulator::start(options, "127.0.0.1:0".parse().unwrap(), None).err().unwrap();
    assert!(error.to_string().contains("truth file /proc/no/such/folder"), "{error}");
}

#[test]
fn bytes_that_are_no_request_end_the_connection_and_nothing_else() {
    let simulator = start(&[]);
    for bytes in
        ["\0\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "POST / HTTP/1.1\r\n"]
    {
        let mut stream = connect(&simulator);
        stream.write_all(bytes.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        read_until(&mut stream, |_| false);
    }
    assert_eq!(get(&simulator, "/health", "").status(), 200);
}
