//! No connection: nobody there, no name, no answer to a SYN, and the look before a run.

use std::net::TcpListener;
use std::time::Duration;

use proofload_http_load::{Found, MakeHttp, Stop, Timeouts, preflight};
use proofload_record::{End, Outcome, Stamp};

use crate::rows::{http_config, plan, run_http};
use crate::server::{Act, Server, answer};

/// A port on which nobody listens.
fn dead_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn nobody_listens() {
    let kept = run_http(&plan(&[0]), http_config(dead_port()));
    let (row, note) = &kept.rows[0];
    assert_eq!(row.end, End::Sent(Outcome::ConnectRefused), "{note:?}");
    assert_eq!((row.connected, row.written, row.attempts), (Stamp::NONE, Stamp::NONE, 0));
}

#[test]
fn the_name_does_not_resolve() {
    let mut http = http_config(1);
    // A label of more than 63 characters is refused by the resolver itself, without a network.
    http.endpoint.host = format!("{}.invalid", "x".repeat(64));
    let kept = run_http(&plan(&[0]), http);
    assert_eq!(kept.rows[0].0.end, End::Sent(Outcome::Dns), "{:?}", kept.rows[0].1);
}

#[test]
fn no_answer_to_the_handshake() {
    // A queue of one that is full: the kernel drops every further SYN.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let brief = Duration::from_millis(200);
    let fill: Vec<_> =
        (0..4).map(|_| std::net::TcpStream::connect_timeout(&address, brief)).collect();
    assert!(fill.iter().any(Result::is_err), "the queue is full");
    let (short, long) = (Duration::from_millis(300), Duration::from_secs(60));
    for (connect, total, want) in
        [(short, long, Outcome::ConnectTimeout), (long, short, Outcome::TimeoutTotal)]
    {
        let mut http = http_config(address.port());
        http.timeouts = Timeouts { connect, total, ..Timeouts::default() };
        let kept = run_http(&plan(&[0]), http);
        let (row, note) = &kept.rows[0];
        assert_eq!(row.end, End::Sent(want), "{note:?}");
        assert!(row.latency_ns().unwrap() >= 300_000_000);
    }
}

#[test]
fn preflight_takes_any_answer_and_names_a_dead_port() {
    let look = |port| {
        let make = MakeHttp::new(http_config(port), &[]).unwrap();
        preflight(&make, Duration::ZERO, &Stop::default(), |_| unreachable!("nobody waits"))
    };
    let server = Server::start(vec![Act::Send(answer("404 Not Found", ""))]);
    let models = Err("status 404".to_owned());
    assert_eq!(look(server.port).unwrap(), Found { server: None, models });
    let named = b"HTTP/1.1 200 OK\r\nserver: some/1.0\r\ncontent-length: 0\r\n\r\n".to_vec();
    let server = Server::start(vec![Act::Send(named)]);
    assert_eq!(look(server.port).unwrap().server.as_deref(), Some("some/1.0"));
    let port = dead_port();
    let unreachable = look(port).unwrap_err();
    assert_eq!(unreachable.tried, format!("http://127.0.0.1:{port}/v1/models"));
    assert!(unreachable.reason.contains("refused"), "{unreachable}");
}

#[test]
fn the_models_that_are_listed_are_read_and_a_missing_list_has_its_reason() {
    let listed = |ids: &[&str]| Ok(ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"data\":[".to_vec();
    for (name, sent, want) in [
        ("a list", answer("200 OK", r#"{"data":[{"id":"a"},{"id":"b"}]}"#), listed(&["a", "b"])),
        ("nothing in it", answer("200 OK", r#"{"data":[]}"#), Err("the list is empty")),
        ("a web page", answer("200 OK", "<html></html>"), Err("not a list of models")),
        (
            "a key is asked for",
            answer("401 Unauthorized", "{}"),
            Err("status 401; is the key right?"),
        ),
        ("cut", cut, Err("connection")),
        ("too long", answer("200 OK", &" ".repeat(5 << 20)), Err("longer than 4194304 bytes")),
    ] {
        let server = Server::start(vec![Act::SendAndClose(sent)]);
        let make = MakeHttp::new(http_config(server.port), &[]).unwrap();
        let found = preflight(&make, Duration::ZERO, &Stop::default(), |_| ()).unwrap().models;
        match want {
            Ok(want) => assert_eq!(found, Ok(want), "{name}"),
            Err(want) => assert!(found.as_ref().unwrap_err().contains(want), "{name}: {found:?}"),
        }
    }
}

#[test]
fn preflight_keeps_the_limits_of_a_request() {
    // Takes a connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut http = http_config(silent.local_addr().unwrap().port());
    http.timeouts.first_byte = Duration::from_millis(200);
    let make = MakeHttp::new(http, &[]).unwrap();
    let unreachable = preflight(&make, Duration::ZERO, &Stop::default(), |_| ()).unwrap_err();
    assert_eq!(unreachable.reason, "no answer within 200ms");
}

#[test]
fn preflight_waits_for_a_target_that_is_starting() {
    let port = dead_port();
    let starting = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(600));
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let (socket, _) = listener.accept().unwrap();
        crate::server::read_request(&socket).unwrap();
        std::io::Write::write_all(&mut &socket, &answer("200 OK", "{}")).unwrap();
    });
    let make = MakeHttp::new(http_config(port), &[]).unwrap();
    let mut told = 0;
    preflight(&make, Duration::from_secs(20), &Stop::default(), |_| told += 1).unwrap();
    assert_eq!(told, 1, "says once that it waits");
    starting.join().unwrap();
}
