//! What cannot be used, and is refused by name with nothing written.

use std::net::TcpListener;

use proofload_redis_process::{Options, RedisProcess};

use super::{Test, ask, keys, server};
use crate::program::run;

pub(crate) const TESTS: &[Test] = &[
    ("flags that make no sense are refused", flags_that_make_no_sense_are_refused),
    ("a server that cannot be used is named", a_server_that_cannot_be_used_is_named),
    ("keys of others are left alone", keys_of_others_are_left_alone),
];

fn flags_that_make_no_sense_are_refused() {
    let at = "redis://127.0.0.1:1";
    for (flags, said) in [
        (&["--store", "redis"] as &[_], "expected `memory` or an address such as redis://"),
        (&["--store", "rediss://u:planted@h"], "TLS is not built yet"),
        (
            &["--store", "redis://u:planted@h:99999"],
            "the port, after the host's colon, is no number",
        ),
        (&["--store", "redis://u:planted@"], "the address names no host"),
        (&["--prefix", "p"], "--prefix is of a Redis server"),
        (&["--keep-keys"], "--keep-keys is of a Redis server"),
        (&["--rtt-ms", "1"], "--rtt-ms is of a Redis server"),
        (&["--password-env", "HOME"], "--password-env is of a Redis server"),
        (&["--store", at, "--rtt-ms", "1001"], "expected a number from 0 to 1000, such as 0.5"),
        (&["--store", at, "--rtt-ms", "-1"], "expected a number from 0 to 1000, such as 0.5"),
        (&["--store", at, "--rtt-ms", "NaN"], "expected a number from 0 to 1000, such as 0.5"),
        (&["--store", at, "--prefix", "a{b}"], "--prefix: prefix \"a{b}\": expected 1 to"),
        (&["--store", at, "--prefix", ""], "--prefix: prefix \"\": expected 1 to"),
        (&["--store", at, "--op-delay", "1ms"], "further away by --rtt-ms"),
        (&["--store", at, "--go-bench"], "--go-bench is of the store in memory"),
        (&["--store", at, "--password-env", "PLANTED_NOT_SET"], "PLANTED_NOT_SET is not set"),
        (&["--store", at, "--password-env", "sk-x"], "of that name is not set"),
        (&["--store", "redis://:planted@h", "--password-env", "HOME"], "leave it out there"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let ended = run(dir.path(), flags);
        assert_eq!(ended.code, Some(2), "{flags:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{flags:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("planted"), "{flags:?}: {}", ended.stderr);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{flags:?}");
    }
}

fn a_server_that_cannot_be_used_is_named() {
    let secured =
        RedisProcess::start(Options { password: Some("planted".to_owned()), ..Options::default() });
    let secured = secured.unwrap();
    let copied = server();
    let (host, port) = ("127.0.0.1", copied.address().port().to_string());
    let arguments = ["--replicaof", host, &port].map(str::to_owned).to_vec();
    let replica = RedisProcess::start(Options { arguments, ..Options::default() }).unwrap();
    // Nothing listens where somebody has just stopped to.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let secured_at = secured.address();
    for (url, said) in [
        (format!("redis://{free}"), format!("cannot reach redis://{free}; is a server running")),
        (format!("redis://{secured_at}"), format!("redis://{secured_at} asks for a password")),
        (format!("redis://:wrong@{secured_at}"), "does not know this user and password".to_owned()),
        (replica.url(), format!("is a replica of {host}:{port}, and takes no writes")),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let ended = run(dir.path(), &["--store", &url, "--out", "run"]);
        assert_eq!(ended.code, Some(69), "{url}: {ended:?}");
        assert!(ended.stderr.contains(&said), "{said:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("wrong@"), "{}", ended.stderr);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{url}");
    }
}

fn keys_of_others_are_left_alone() {
    let server = server();
    let url = server.url();
    for (command, said) in [
        (&["SET", "{p}:note", "1"] as &[_], "`{p}:note` is there and is not ours"),
        (&["HSET", "{p:x}:meta", "schema", "proofload-scheduler/0"], "\"proofload-scheduler/0\""),
        (&["HSET", "{p:ours-1}:steps", "schema", "theirs"], "of the schema \"theirs\""),
        (&["SET", "{p:ours-1}:meta", "1"], "holds a string, expected a hash"),
        (&["SET", "{p:", "1"], "`{p:` is there and is not ours"),
    ] {
        assert_eq!(ask(&server, &["FLUSHALL"]), ["+OK"]);
        ask(&server, command);
        let before = keys(&server);
        let dump = ask(&server, &["DEBUG", "DIGEST"]);
        let dir = tempfile::tempdir().unwrap();
        let flags = ["--store", &url, "--prefix", "p", "--strategy", "ours", "--out", "run"];
        let ended = run(dir.path(), &flags);
        assert_eq!(ended.code, Some(2), "{command:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{command:?}: {}", ended.stderr);
        assert_eq!(keys(&server), before, "{command:?}");
        assert_eq!(ask(&server, &["DEBUG", "DIGEST"]), dump, "{command:?}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{command:?}");
    }
    // Another prefix is another matter, and its end takes nothing else with it.
    assert_eq!(ask(&server, &["FLUSHALL"]), ["+OK"]);
    ask(&server, &["SET", "{pp}:note", "1"]);
    ask(&server, &["SET", "p:note", "1"]);
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--store", &url, "--prefix", "p", "--strategy", "batch", "--repeat", "1"];
    let ended = run(dir.path(), &flags);
    assert!(ended.stdout.contains("Files in"), "{ended:?}");
    assert_eq!(keys(&server), ["p:note", "{pp}:note"]);
}
