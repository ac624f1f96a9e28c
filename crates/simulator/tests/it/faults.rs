//! Each fault as it looks on the wire.

use crate::client::{
    Seen, body, connect, get, post, read_event, read_until, send, start, wait_for,
};
use proofload_openai::chat::{self, Event, Reply};
use proofload_simulator::Fault;
use std::io::{ErrorKind, Write};

/// Asks for four tokens from a simulator whose every request goes wrong so.
fn serve(fault: &str, stream: bool) -> Seen {
    let simulator = start(&["fill=1", "slow=1us", &format!("fault={fault}:1")]);
    let seen = send(&simulator, &post("", &body(stream, ",\"max_tokens\":4")));
    let fault: Fault = fault.parse().unwrap();
    wait_for(&simulator, |counts| counts.faults.get(&fault) == Some(&1));
    assert_eq!(simulator.counts().ok, 0);
    seen
}

fn reads_as_error(seen: &Seen) -> bool {
    matches!(chat::read_reply(&seen.body().0), Ok(Reply::Error(_)))
}

#[test]
fn faults_that_stand_instead_of_an_answer() {
    for stream in [false, true] {
        for status in [400, 404, 429, 500, 503] {
            let seen = serve(&format!("http-{status}"), stream);
            assert_eq!(seen.status(), status);
            assert!(seen.is_whole() && reads_as_error(&seen), "{status}");
            assert_eq!(seen.header("retry-after").is_some(), [429, 503].contains(&status));
        }
        let seen = serve("redirect", stream);
        assert_eq!((seen.status(), seen.header("location")), (307, Some("/elsewhere".to_owned())));

        let seen = serve("empty", stream);
        assert_eq!((seen.status(), seen.is_whole(), seen.body().0.len()), (200, true, 0));

        let seen = serve("close", stream);
        assert_eq!((seen.bytes.len(), seen.error), (0, None));

        let seen = serve("reset", stream);
        assert_eq!((seen.bytes.len(), seen.error), (0, Some(ErrorKind::ConnectionReset)));

        let seen = serve("bad-http", stream);
        assert!(seen.text().starts_with("SSH-2.0-"), "{}", seen.text());
    }
}

#[test]
fn a_stream_that_goes_wrong_in_its_middle() {
    for (fault, chunks, error, whole) in [
        ("in-band-error", 2, None, true),
        ("malformed", 4, None, true),
        ("truncate", 2, None, false),
        ("reset-body", 2, Some(ErrorKind::ConnectionReset), false),
        ("wrong-length", 4, None, false),
        ("slow-body", 4, None, true),
        ("no-tokens", 0, None, true),
        ("no-finish", 4, None, true),
        ("no-done", 4, None, true),
    ] {
        let seen = serve(fault, true);
        assert_eq!(seen.status(), 200, "{fault}");
        assert_eq!(seen.error, error, "{fault}");
        assert_eq!(seen.is_whole(), whole, "{fault}");
        assert_eq!(seen.counted().0, chunks, "{fault}");
        let events = seen.events();
        let read: Vec<_> = events.iter().map(|data| read_event(data)).collect();
        let finished = read
            .iter()
            .flatten()
            .any(|event| matches!(event, Event::Delta(delta) if delta.finished));
        let reaches_end = !["in-band-error", "truncate", "reset-body"].contains(&fault);
        assert_eq!(finished, reaches_end && fault != "no-finish", "{fault}");
        let has_error = read.iter().any(|event| matches!(event, Ok(Event::Error(_))));
        assert_eq!(has_error, fault == "in-band-error");
        assert_eq!(read.iter().any(Result::is_err), fault == "malformed");
        let done = read.iter().any(|event| matches!(event, Ok(Event::Done)));
        let cut = ["truncate", "reset-body", "no-done"].contains(&fault);
        assert_eq!(done, !cut, "{fault}");
    }
}

#[test]
fn an_unstreamed_answer_that_goes_wrong() {
    for (fault, error, whole) in [
        ("in-band-error", None, true),
        ("malformed", None, true),
        ("truncate", None, false),
        ("reset-body", Some(ErrorKind::ConnectionReset), false),
        ("wrong-length", None, false),
        ("slow-body", None, true),
        ("no-tokens", None, true),
        ("no-finish", None, true),
        ("no-done", None, true),
    ] {
        let seen = serve(fault, false);
        assert_eq!(seen.status(), 200, "{fault}");
        assert_eq!(seen.error, error, "{fault}");
        assert_eq!(seen.is_whole(), whole, "{fault}");
        let body = seen.body().0;
        let read = chat::read_reply(&body);
        match fault {
            "in-band-error" => assert!(matches!(read, Ok(Reply::Error(_))), "{fault}"),
            "malformed" | "truncate" | "reset-body" => assert!(read.is_err(), "{fault}"),
            _ => {
                let Ok(Reply::Completion(reply)) = read else { panic!("{fault}") };
                assert_eq!(reply.has_text, fault != "no-tokens", "{fault}");
                assert_eq!(reply.finished, fault != "no-finish", "{fault}");
            }
        }
    }
}

/// These go on until the client has had enough.
#[test]
fn faults_without_an_end_last_until_the_client_leaves() {
    let enough = 1 << 20;
    for (fault, stream, least) in [
        ("silence", true, 0),
        ("stall", true, 500),
        ("stall", false, 150),
        ("endless-header", true, enough),
        ("endless-line", true, enough),
        ("endless-line", false, enough),
    ] {
        let simulator = start(&["fill=1", &format!("fault={fault}:1")]);
        let mut client = connect(&simulator);
        let request = post("", &body(stream, ",\"max_tokens\":4"));
        client.write_all(request.as_bytes()).unwrap();
        let seen = read_until(&mut client, |bytes| bytes.len() >= least);
        // Who leaves before the server has read the request was never there.
        assert_eq!(get(&simulator, "/health", "").status(), 200);
        assert!(seen.bytes.len() >= least, "{fault}: ended with {:?}", seen.error);
        match fault {
            "stall" if stream => assert!(seen.counted().0 <= 2, "{fault}"),
            "endless-header" => assert!(seen.text()[17..].starts_with("x-endless: aaa")),
            "endless-line" => {
                let body = seen.body().0;
                let line = body.split(|&byte| byte == b'\n').map(<[u8]>::len).max();
                assert!(line > Some(enough / 2), "{fault}");
            }
            _ => {}
        }
        // Of an answer that is no HTTP the account is closed when it begins.
        if fault != "endless-header" {
            assert_eq!(simulator.counts().requests, 0, "{fault}: has not ended");
        }
        drop(client);
        let fault: Fault = fault.parse().unwrap();
        wait_for(&simulator, |counts| counts.faults.get(&fault) == Some(&1));
    }
}

#[test]
fn a_script_is_counted_exactly() {
    let script = "script=ok,http-503,truncate,ok,reset,empty,http-503,in-band-error";
    let mut simulator = start(&[script, "slots=1"]);
    for _ in 0..10 {
        send(&simulator, &post("", &body(true, "")));
    }
    // What passes no check is no part of the script.
    send(&simulator, &post("", "{"));
    simulator.stop().unwrap();
    let counts = simulator.counts();
    assert_eq!((counts.requests, counts.ok, counts.left), (11, 4, 0));
    let faults = [
        (Fault::Status(503), 2),
        (Fault::Empty, 1),
        (Fault::Reset, 1),
        (Fault::InBandError, 1),
        (Fault::Truncate, 1),
    ];
    assert_eq!(counts.faults, faults.into());
    assert_eq!(counts.statuses, [(200, 7), (400, 1), (503, 2)].into());
}

#[test]
fn the_same_requests_go_wrong_in_every_run() {
    let fates = || -> Vec<_> {
        let simulator = start(&["fault=http-500:0.5"]);
        let request = |index| post(&format!("x-request-id: r-{index}\r\n"), &body(false, ""));
        (0..12).map(|index| send(&simulator, &request(index)).status()).collect()
    };
    let first = fates();
    assert_eq!(fates(), first);
    assert!(first.contains(&200) && first.contains(&500), "{first:?}");
}
