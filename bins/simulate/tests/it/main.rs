//! The program as a user meets it.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

fn simulate(flags: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_proofload-simulate"))
        .args(flags)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start the program: {error}"))
}

#[test]
fn it_says_where_it_listens_serves_and_ends_well_on_ctrl_c() {
    let mut child = simulate(&["--listen", "127.0.0.1:0", "--set", "model=only"]);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let addr = line.trim_end().strip_prefix("http://").unwrap();
    let mut client = TcpStream::connect(addr).unwrap();
    client.write_all(b"GET /v1/models HTTP/1.1\r\nhost: s\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"id\":\"only\""), "{answer}");

    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    line.clear();
    assert_eq!(out.read_line(&mut line).unwrap(), 0, "one line on stdout, found {line:?}");
}

#[test]
fn what_is_wrong_with_a_flag_is_said_and_is_exit_code_2() {
    for (flags, want) in [
        (&["--set", "sped=1"] as &[_], "no setting \"sped\""),
        (&["--set", "slots"], "expected KEY=VALUE"),
        (&["--server-log", "mysql:planted"], "--server-log: expected sqlite:PATH or postgres://"),
        (&["--listen", "nowhere"], "--listen"),
        (&["--listen", "192.0.2.1:80"], "cannot listen on 192.0.2.1:80"),
    ] {
        let output = simulate(flags).wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {said}");
        assert!(said.contains(want), "{flags:?}: {said}");
        assert!(!said.contains("planted"), "{flags:?}: {said}");
    }
}

#[test]
fn its_log_is_there_when_it_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.sqlite");
    let url = format!("sqlite:{}", path.display());
    let mut child = simulate(&["--listen", "127.0.0.1:0", "--server-log", &url]);
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut client = TcpStream::connect(line.trim_end().strip_prefix("http://").unwrap()).unwrap();
    let body = "{\"messages\":[],\"model\":\"m\",\"max_tokens\":1}";
    write!(
        client,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: s\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let log = std::fs::read(path).unwrap();
    assert!(log.windows(5).any(|bytes| bytes == b"sim-0"), "the request's id is in it");
}

#[test]
fn its_log_is_there_before_it_listens_or_it_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.sqlite");
    let url = format!("sqlite:{}", path.display());
    let mut child = simulate(&["--listen", "127.0.0.1:0", "--server-log", &url]);
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let log = std::fs::read(path).unwrap();
    assert!(log.windows(9).any(|bytes| bytes == b"log_entry"), "the tables are made");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let url = format!("sqlite:{}", dir.path().join("missing/log.sqlite").display());
    let refused = simulate(&["--server-log", &url]).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(74), "{said}");
    assert!(said.contains("cannot write the log sqlite:"), "{said}");
    assert!(refused.stdout.is_empty(), "{refused:?}");
}
