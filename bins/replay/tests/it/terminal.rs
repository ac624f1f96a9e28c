//! A terminal 80 columns wide, `NO_COLOR`, and none at all.

use std::process::Command;

use rustix::process::Signal;

use crate::program::{LIMIT, Running, replay, run, run_well, until};
use crate::screen::{Screen, Seen};
use crate::workload;

/// A small run whose stdout, or else stderr, is a terminal, and all that was written to it.
fn shown(columns: u16, stdout: bool, set: impl FnOnce(&mut Command)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 12, 50);
    let (theirs, screen) = Screen::new(columns);
    let mut command = replay(dir.path(), &["--workload", &csv, "--out", "run"]);
    command.env("TERM", "xterm");
    set(&mut command);
    let running =
        Running::start(if stdout { command.stdout(theirs) } else { command.stderr(theirs) });
    // It holds the program's side of the terminal.
    drop(command);
    let ended = running.end(LIMIT);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    screen.finish()
}

/// Without colours.
fn plain(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    plain
}

fn assert_fits(text: &str, columns: usize) {
    for line in text.lines() {
        assert!(line.chars().count() <= columns, "over {columns} columns: {line:?}");
    }
}

#[test]
fn the_summary_fits_its_terminal_and_has_colours_unless_refused() {
    for (columns, fits) in [(80, 80), (132, 100)] {
        let text = shown(columns, true, |_| {});
        assert!(text.contains("\x1b["), "{text}");
        assert!(text.contains("Can I trust this?"), "{text}");
        assert_fits(&plain(&text), fits);
    }
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let text = shown(80, true, |command| {
            command.env(name, value);
        });
        assert!(!text.contains('\x1b'), "{name}: {text:?}");
        assert_fits(&text, 80);
    }
}

/// Looks that six lines stood at the cursor each time they were drawn, and are gone in the end.
/// Gives the lines that were said meanwhile.
fn assert_six_lines(text: &str, columns: u16) -> Vec<String> {
    let (drawn, end) = Seen::of(text, columns.into());
    assert!(!drawn.is_empty(), "{text:?}");
    for seen in drawn {
        let (said, six) = seen.lines();
        let names = ["SIMULATED", "rate", "in flight", "TTFT", "errors", "our lateness"];
        assert_eq!(six.len(), names.len(), "{six:#?}");
        for (line, name) in six.iter().zip(names) {
            assert!(line.starts_with(name), "{six:#?}");
            assert!(line.chars().count() < columns.into(), "{line:?}");
        }
        assert!(said.iter().all(|line| !line.contains("our lateness")), "{said:#?}");
    }
    let (said, rest) = end.lines();
    assert!(rest.iter().all(String::is_empty), "{rest:?}");
    said
}

#[test]
fn a_terminal_shows_six_lines_and_takes_them_away() {
    for columns in [132, 80, 40] {
        let said = assert_six_lines(&shown(columns, false, |_| {}), columns);
        assert!(said.is_empty(), "{said:?}");
    }
    let quiet = shown(80, false, |command| {
        command.arg("--quiet");
    });
    assert_eq!(quiet, "");
}

#[test]
fn what_is_said_during_a_run_stands_whole_above_the_six_lines() {
    let text = shown(132, false, |command| {
        command.args(["--log", "proofload_http_load=debug"]);
    });
    let said = assert_six_lines(&text, 132).concat();
    assert_eq!(said.matches("ended outcome=").count(), 12, "{said}");
    // A message that takes more than a row must not leave the end of a line beside its last.
    for part in ["completed", "sent", "in flight", "so far", "our lateness"] {
        assert!(!said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_signal_leaves_nothing_of_the_six_lines() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 600, 100);
    let (theirs, screen) = Screen::new(80);
    let mut command = replay(dir.path(), &["--workload", &csv, "--out", "run"]);
    let running = Running::start(command.env("TERM", "xterm").stderr(theirs));
    drop(command);
    until("six lines", || screen.so_far().contains("our lateness").then_some(()));
    running.signal(Signal::INT);
    assert_eq!(running.end(LIMIT).code(), Some(130));
    let said = assert_six_lines(&screen.finish(), 80);
    assert_eq!(said, ["interrupted: ending in good order; once more ends at once"]);
}

#[test]
fn a_terminal_that_is_to_be_left_alone_has_plain_lines() {
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let text = shown(80, false, |command| {
            command.env(name, value).args(["--log", "proofload_http_load=debug"]);
        });
        assert!(!text.contains('\x1b') && text.contains("12/12 sent"), "{name}: {text:?}");
    }
}

#[test]
fn without_a_terminal_lines_are_plain_and_short() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 12, 10);
    let (ended, _) = run_well(dir.path(), &["--workload", &csv]);
    let described = run(dir.path(), &["--workload", "workload.csv", "--validate"]);
    for text in [&ended.stdout, &ended.stderr, &described.stdout] {
        assert!(!text.contains('\x1b') && !text.contains('\r'), "{text:?}");
        assert_fits(text, 80);
    }
    assert!(ended.stderr.contains("12/12 sent"), "{}", ended.stderr);
}
