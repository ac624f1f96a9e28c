//! Starts `examples/scenario.rs` as a user would and looks at what comes back.

#![expect(clippy::unwrap_used, reason = "clippy takes only functions with #[test] for tests")]

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const KEY: &str = "sk-planted/1234";

/// The example, which `cargo test` builds beside this test.
fn scenario(arguments: &[&str]) -> Command {
    let test = env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples/scenario");
    assert!(program.exists(), "build it: cargo build -p proofload-launch --example scenario");
    let mut command = Command::new(program);
    command.args(arguments).env_remove("PROOFLOAD_LOG");
    command
}

fn run(arguments: &[&str]) -> Output {
    scenario(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder, and in it the file that the example keeps.
fn kept() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("kept");
    (dir, file)
}

#[test]
fn the_exit_code_says_how_it_ended() {
    let (_dir, file) = kept();
    let out = file.to_str().unwrap();
    for (arguments, code, said) in [
        (&["--help"] as &[_], 0, ""),
        (&["--version"], 0, ""),
        (&["list", "--out", out], 0, ""),
        (&["undecided", "--out", out], 4, ""),
        (&["undecided", "--out", out, "--allow-undecided"], 0, ""),
        (&["list", "--no-such-flag"], 2, "error: unexpected argument '--no-such-flag'"),
        (&["list", "--api-base", "h"], 2, "error: --api-base cannot be used\n  caused by: \"h\""),
        (
            &["list", "--log", "a=b=c"],
            2,
            "error: the value of --log is not a log filter: error pars",
        ),
        (&["fail"], 65, "error: refused\n  caused by: it says \n"),
        (&["fail-bare"], 70, "error: no code fits\n"),
        (&["undecided", "--out", "/dev/null/kept"], 74, "error: Not a directory"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).starts_with(said), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_wrong_filter_is_one_line() {
    for output in [
        run(&["list", "--log", "a=b=c"]),
        scenario(&["list"]).env("PROOFLOAD_LOG", "a=b=c").output().unwrap(),
    ] {
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("expected one of") && said.contains("write for example"), "{said}");
    }
}

#[test]
fn a_key_shows_in_no_message() {
    for (arguments, key_in) in [
        (&["fail", "--logos-key", KEY, "--log", "trace"] as &[_], None),
        (&["fail", "--api-key-env", "PLANTED", "--logos-key", KEY], Some("PLANTED")),
        (&["fail", "--header", "Authorization: Bearer sk-planted/1234"], None),
        (&["fail", "--api-base", "http://h", "--header", "X-Gate: sk-planted/1234"], None),
    ] {
        let mut command = scenario(arguments);
        if let Some(name) = key_in {
            command.env(name, KEY);
        }
        let output = command.output().unwrap();
        let said = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(65), "{said}");
        assert!(said.contains("[redacted]") && said.contains("sending a header"), "{said}");
        assert!(!said.contains("planted"), "{said}");
    }
    let output = run(&["fail", "--logos-key", KEY]);
    assert!(stderr(&output).starts_with("warning: the key after --logos-key"));
}

#[test]
fn a_reader_that_leaves_early_costs_nothing() {
    let (_dir, file) = kept();
    let mut child = scenario(&["list", "--out", file.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let first = first_line(&mut child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(first, "line 0\n");
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    assert_eq!(fs::read_to_string(file).unwrap(), "kept");
}

#[test]
fn a_full_disk_behind_stdout_is_an_error() {
    let (_dir, file) = kept();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output =
        scenario(&["list", "--out", file.to_str().unwrap()]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(74));
    assert!(stderr(&output).starts_with("error: cannot write to standard output: No space left"));
}

#[test]
fn the_first_ctrl_c_asks_and_the_second_ends_at_once() {
    for signal in [Signal::INT, Signal::TERM] {
        let (_dir, file) = kept();
        let mut asked = waiting(&["wait", "--out", file.to_str().unwrap()]);
        send(&asked.0, signal);
        assert_eq!(asked.0.wait().unwrap().code(), Some(130), "{signal:?}");
        assert_eq!(fs::read_to_string(file).unwrap(), "kept", "{signal:?}");

        let mut busy = waiting(&["hang"]);
        send(&busy.0, signal);
        let mut said = String::new();
        BufReader::new(busy.0.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert!(said.starts_with("interrupted: "), "{said}");
        assert_eq!(busy.0.try_wait().unwrap(), None, "the first one only asks");
        send(&busy.0, signal);
        assert_eq!(busy.0.wait().unwrap().code(), Some(130), "{signal:?}");
    }
}

#[test]
fn a_closed_terminal_asks_however_often_it_does() {
    let (_dir, file) = kept();
    let mut asked = waiting(&["wait", "--out", file.to_str().unwrap()]);
    send(&asked.0, Signal::HUP);
    assert_eq!(asked.0.wait().unwrap().code(), Some(130));
    assert_eq!(fs::read_to_string(file).unwrap(), "kept");

    let mut busy = waiting(&["hang"]);
    send(&busy.0, Signal::HUP);
    let mut said = String::new();
    BufReader::new(busy.0.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    assert!(said.starts_with("interrupted: "), "{said}");
    send(&busy.0, Signal::HUP);
    assert_eq!(busy.0.try_wait().unwrap(), None, "it only asks");
    send(&busy.0, Signal::TERM);
    assert_eq!(busy.0.wait().unwrap().code(), Some(130));
}

#[test]
fn nohup_is_heeded() {
    let program = scenario(&["wait", "--out", "/dev/null"]);
    for (before, heard) in [("", true), ("trap '' HUP; ", false)] {
        // What nohup does; its own redirections would take the pipes away.
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{before}exec \"$@\""), "sh"]).arg(program.get_program());
        command.args(program.get_args()).stdout(Stdio::piped());
        let mut child = Waiting(command.spawn().unwrap());
        assert_eq!(first_line(&mut child.0), "ready\n");
        let status = fs::read_to_string(format!("/proc/{}/status", child.0.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t")).unwrap();
        let caught = u64::from_str_radix(caught, 16).unwrap();
        assert_eq!(caught & 1 == 1, heard, "{before}");
    }
}

/// A child that does not outlive a test that fails.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        // Fails where it has ended already, as it should have.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The example, once it has said that it is ready.
fn waiting(arguments: &[&str]) -> Waiting {
    let child = scenario(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut waiting = Waiting(child.unwrap());
    assert_eq!(first_line(&mut waiting.0), "ready\n");
    waiting
}

/// The first line of its standard output, which is closed then, as `head -1` does.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}
