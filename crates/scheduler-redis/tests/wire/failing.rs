//! A connection that is lost under a call, and what is then known of the call.

use std::time::{Duration, Instant};

use proofload_scheduler_redis::wire::{Options, Script, Value, WireError, cmd, pipe};

use super::{Test, Wired, address, server};

pub(crate) const TESTS: &[Test] = &[
    ("a server killed under calls leaves it open whether they were done", killed_under_calls),
    ("a reply that is late leaves it open, and the call was done", a_late_reply),
    ("what was not sent to its end is not done", not_sent),
    ("a connection that was closed meanwhile is not written to", closed_meanwhile),
    ("a call that may be done twice outlives a server", a_retried_call),
    ("a call for a server that was started anew since is not sent", meant_for_another_run),
];

const IMPATIENT: Duration = Duration::from_millis(200);

fn impatient() -> Options {
    Options { response_timeout: IMPATIENT, ..Options::default() }
}

fn assert_open(error: &WireError, of: &str, why: &str) {
    let text = error.to_string();
    assert!(matches!(error, WireError::NoAnswer { call, .. } if call == of), "{text}");
    assert!(error.is_ambiguous() && error.is_passing() && text.contains(why), "{text}");
}

fn assert_not_sent(error: &WireError, of: &str) {
    let named = matches!(error, WireError::NotSent { call, .. } if call == of);
    assert!(named && !error.is_ambiguous() && error.is_passing(), "{error}");
}

fn killed_under_calls() {
    let mut server = server();
    let wired = Wired::to(&server);
    let before = wired.wire.server();
    server.pause().unwrap();
    let one = wired.wire.submit(cmd("INCR").arg("a")).unwrap();
    let two = wired.wire.submit(cmd("INCR").arg("b")).unwrap();
    server.kill().unwrap();
    let closed = "the connection was closed";
    assert_open(&wired.wire.receive::<Value>(one).unwrap_err(), "INCR", closed);
    // From then on it is known that nothing goes out.
    assert_not_sent(&wired.wire.call::<Value>(&cmd("PING")).unwrap_err(), "PING");
    assert_not_sent(&wired.wire.info().unwrap_err(), "INFO");
    let unsent = wired.wire.call_all(pipe().cmd("PING")).unwrap_err();
    assert_not_sent(&unsent, "a pipeline");

    server.restart().unwrap();
    let after = wired.wire.reconnect().unwrap();
    assert_ne!(before.run_id, after.run_id);
    assert_eq!(wired.wire.server(), after);
    // What was lost with the old connection does not end the new one.
    assert_open(&wired.wire.receive::<Value>(two).unwrap_err(), "INCR", closed);
    assert_eq!(wired.wire.call::<u64>(cmd("EXISTS").arg(&["a", "b"])).unwrap(), 0);
}

fn a_late_reply() {
    let server = server();
    let wired = Wired::with(&address(&server), impatient()).unwrap();
    server.pause().unwrap();
    let began = Instant::now();
    let late = wired.wire.call::<u64>(cmd("INCR").arg("a")).unwrap_err();
    assert!(began.elapsed() >= IMPATIENT);
    assert_open(&late, "INCR", "no reply within 200 ms");
    assert_not_sent(&wired.wire.call::<Value>(&cmd("PING")).unwrap_err(), "PING");
    server.resume().unwrap();
    wired.wire.reconnect().unwrap();
    // It was with the server, which got to it in the end.
    let until = Instant::now() + Duration::from_secs(10);
    while wired.wire.call::<Option<u64>>(cmd("GET").arg("a")).unwrap() != Some(1) {
        assert!(Instant::now() < until, "it was sent");
    }

    server.pause().unwrap();
    let mut several = pipe();
    several.cmd("INCR").arg("a").cmd("INCR").arg("a");
    let late = wired.wire.call_all(&several).unwrap_err();
    assert_open(&late, "a pipeline", "no reply within 200 ms");
    server.resume().unwrap();
}

fn not_sent() {
    let server = server();
    let wired = Wired::with(&address(&server), impatient()).unwrap();
    server.pause().unwrap();
    let before = wired.counted();
    // More than the buffers of both ends of a socket take.
    let large = vec![b'*'; 64 << 20];
    let error = wired.wire.call::<Value>(cmd("SET").arg("large").arg(&large)).unwrap_err();
    assert_not_sent(&error, "SET");
    let after = wired.counted();
    assert!(after.bytes_sent > before.bytes_sent, "it began");
    let ended = (after.commands - before.commands, after.round_trips - before.round_trips);
    assert_eq!(ended, (0, 0), "but was no command, and waited for nothing");
    server.resume().unwrap();
    wired.wire.reconnect().unwrap();
    assert_eq!(wired.wire.call::<u64>(cmd("EXISTS").arg("large")).unwrap(), 0);
}

/// So that after a restart the first call is known not to have been carried out.
fn closed_meanwhile() {
    let mut server = server();
    for call in ["INCR", "a pipeline"] {
        let wired = Wired::to(&server);
        server.kill().unwrap();
        server.restart().unwrap();
        let before = wired.counted();
        let error = match call {
            "INCR" => wired.wire.call::<Value>(cmd("INCR").arg("a")).unwrap_err(),
            _ => wired.wire.call_all(pipe().cmd("INCR").arg("a")).unwrap_err(),
        };
        assert_not_sent(&error, call);
        assert_eq!(wired.counted(), before);
    }
}

fn a_retried_call() {
    let mut server = server();
    let wired = Wired::to(&server);
    server.kill().unwrap();
    server.restart().unwrap();
    let mut attempts = 0;
    let set = wired.wire.retry(|| {
        attempts += 1;
        wired.wire.call::<()>(cmd("SET").arg("a").arg(1))
    });
    assert!(set.is_ok() && attempts == 2, "{set:?} after {attempts}");
    let mut attempts = 0;
    let failed = wired.wire.retry(|| {
        attempts += 1;
        wired.wire.call::<Value>(cmd("LPUSH").arg("a").arg(1))
    });
    assert!(matches!(failed, Err(WireError::WrongType { .. })), "{failed:?}");
    assert_eq!(attempts, 1, "what stays wrong is not tried again");
}

/// As when another thread connects anew between putting a call together and sending it.
fn meant_for_another_run() {
    let mut server = server();
    let wired = Wired::to(&server);
    let push = Script::new("push", "return call('RPUSH', KEYS[1], ARGV[1])");
    let of = |run_id: &str| push.on(&["list"]).run_id(run_id).clone();
    let before = of(&wired.wire.server().run_id);
    assert_eq!(wired.wire.eval::<u64>(&before).unwrap(), 1);
    server.kill().unwrap();
    server.restart().unwrap();
    let now = wired.wire.reconnect().unwrap();
    assert_not_sent(&wired.wire.eval::<Value>(&before).unwrap_err(), "push");
    assert_eq!(wired.wire.call::<u64>(cmd("LLEN").arg("list")).unwrap(), 0);
    assert_eq!(wired.wire.eval::<u64>(&of(&now.run_id)).unwrap(), 1);
}
