//! A terminal 80 columns wide, `NO_COLOR`, and none at all.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Command;
use std::thread::{self, JoinHandle};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::program::{LIMIT, Running, replay, run, run_well};
use crate::workload;

/// A terminal: what a program gets as its output, and all that it has shown in the end.
fn terminal(columns: u16) -> (File, JoinHandle<String>) {
    let ours: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let path = PathBuf::from(ptsname(&ours, Vec::new()).unwrap().to_str().unwrap());
    let theirs = File::options().read(true).write(true).open(path).unwrap();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&theirs, size).unwrap();
    let shown = thread::spawn(move || {
        let mut bytes = Vec::new();
        // Ends with an error when the last program has closed its side.
        let _ = File::from(ours).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    (theirs, shown)
}

/// A small run whose stdout, or else stderr, is a terminal.
fn shown(columns: u16, stdout: bool, set: impl FnOnce(&mut Command)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 12, 50);
    let (theirs, shown) = terminal(columns);
    let mut command = replay(dir.path(), &["--workload", &csv, "--out", "run"]);
    command.env("TERM", "xterm");
    set(&mut command);
    let running =
        Running::start(if stdout { command.stdout(theirs) } else { command.stderr(theirs) });
    // It holds the program's side of the terminal.
    drop(command);
    let ended = running.end(LIMIT);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    shown.join().unwrap()
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

#[test]
fn a_terminal_shows_how_far_the_run_is() {
    let text = shown(80, false, |_| {});
    assert!(text.contains("SIMULATED") && text.contains("12"), "{text:?}");
    let text = shown(80, false, |command| {
        command.arg("--quiet");
    });
    assert_eq!(text, "");
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
