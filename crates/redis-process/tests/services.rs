//! What is done to a server is what happens to it.
//!
//! Where `redis-server` is not installed the tests are shown and counted as ignored; with
//! `PROOFLOAD_REQUIRE_SERVICES=1` they fail there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]

use libtest_mimic::{Arguments, Trial};
use proofload_redis_process::{Fsync, Options, ProcessError, RedisProcess, available};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

type Test = fn();

const TESTS: [(&str, Test); 6] = [
    ("it answers and goes away with its folder", it_answers_and_goes_away_with_its_folder),
    ("what is on disk survives a kill", what_is_on_disk_survives_a_kill),
    ("a paused server keeps its connections", a_paused_server_keeps_its_connections),
    ("a password is asked for", a_password_is_asked_for),
    ("memory has its limit", memory_has_its_limit),
    ("what it cannot do is told with its log", what_it_cannot_do_is_told_with_its_log),
];

fn main() -> ExitCode {
    let required = std::env::var_os("PROOFLOAD_REQUIRE_SERVICES").is_some_and(|value| value == "1");
    let ignored = !available() && !required;
    let trial = |&(name, test): &(&str, Test)| {
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    };
    libtest_mimic::run(&Arguments::from_args(), TESTS.iter().map(trial).collect()).exit_code()
}

/// Sends a line and gives the first line of the answer.
fn ask(stream: &mut TcpStream, line: &str) -> String {
    stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    String::from_utf8(answer).unwrap().trim_end().to_owned()
}

fn connect(server: &RedisProcess) -> TcpStream {
    TcpStream::connect(server.address()).unwrap()
}

fn it_answers_and_goes_away_with_its_folder() {
    let server = RedisProcess::start(Options::default()).unwrap();
    assert_eq!(ask(&mut connect(&server), "PING"), "+PONG");
    assert_eq!(server.url(), format!("redis://{}", server.address()));
    let (address, folder, id) =
        (server.address(), server.folder().to_owned(), server.id().unwrap());
    drop(server);
    assert!(TcpStream::connect(address).is_err());
    assert!(!folder.exists() && !Path::new(&format!("/proc/{id}")).exists());
}

fn what_is_on_disk_survives_a_kill() {
    for (append_only, want) in [(None, "$-1"), (Some(Fsync::Always), "$2")] {
        let options = Options { append_only, ..Options::default() };
        let mut server = RedisProcess::start(options).unwrap();
        let (address, id) = (server.address(), server.id());
        assert_eq!(ask(&mut connect(&server), "SET key 42"), "+OK");
        server.kill().unwrap();
        assert!(TcpStream::connect(address).is_err());
        assert!(matches!(server.pause(), Err(ProcessError::NotRunning)));
        server.kill().unwrap();
        server.restart().unwrap();
        assert_eq!(server.address(), address);
        assert_ne!(server.id(), id);
        assert_eq!(ask(&mut connect(&server), "GET key"), want, "{append_only:?}");
        // One that is stopped has written all; one that runs is stopped first.
        assert_eq!(ask(&mut connect(&server), "SET key 4242"), "+OK");
        server.restart().unwrap();
        let want = if append_only.is_some() { "$4" } else { "$-1" };
        assert_eq!(ask(&mut connect(&server), "GET key"), want, "{append_only:?}");
    }
}

fn a_paused_server_keeps_its_connections() {
    let mut server = RedisProcess::start(Options::default()).unwrap();
    let mut stream = connect(&server);
    assert_eq!(ask(&mut stream, "SET key 42"), "+OK");
    server.pause().unwrap();
    stream.write_all(b"GET key\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let silent = stream.read(&mut [0]).unwrap_err().kind();
    assert!(matches!(silent, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silent}");
    server.resume().unwrap();
    stream.set_read_timeout(None).unwrap();
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"$2\r\n42\r\n");
    // To end it, it has to go on.
    server.pause().unwrap();
    server.stop().unwrap();
    assert_eq!(server.id(), None);
}

fn a_password_is_asked_for() {
    let password = Some("planted/p@ss: \"word\"".to_owned());
    let server = RedisProcess::start(Options { password, ..Options::default() }).unwrap();
    let mut stream = connect(&server);
    assert_eq!(ask(&mut stream, "PING"), "-NOAUTH Authentication required.");
    assert_eq!(ask(&mut stream, r#"AUTH "planted/p@ss: \"word\"""#), "+OK");
    assert!(!format!("{server:?}").contains("planted"));
    let want = format!("redis://:planted%2Fp%40ss%3A%20%22word%22@{}", server.address());
    assert_eq!(server.url(), want);
}

fn memory_has_its_limit() {
    let options = Options { memory_max_bytes: Some(1), ..Options::default() };
    let server = RedisProcess::start(options).unwrap();
    let answer = ask(&mut connect(&server), "SET key 42");
    assert!(answer.starts_with("-OOM"), "{answer}");
}

fn what_it_cannot_do_is_told_with_its_log() {
    let arguments = vec!["--appendfsync".to_owned(), "sometimes".to_owned()];
    let error = RedisProcess::start(Options { arguments, ..Options::default() }).unwrap_err();
    assert!(error.to_string().contains("sometimes"), "{error}");
    // Somebody else has its port by now.
    let mut server = RedisProcess::start(Options::default()).unwrap();
    server.kill().unwrap();
    let _other = TcpListener::bind(server.address()).unwrap();
    let error = server.restart().unwrap_err();
    assert!(error.to_string().contains("Address already in use"), "{error}");
    assert_eq!(server.id(), None);
}
