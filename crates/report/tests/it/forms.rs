//! What the forms look like, held by snapshots.

use crate::run::{Run, answers, failure, not_sent};
use proofload_analysis::{Analysis, analyze};
use proofload_record::{Flags, Outcome, Row, Stamp};
use proofload_report::{Look, Rows, Written, terminal, write_run_dir};
use proofload_run_dir::{Finish, RunDir, State};
use std::fs;
use std::path::PathBuf;

const PLAIN: Look = Look { columns: 80, colour: false };

/// Analyses `run` in a folder of its own.
pub(crate) fn with<T>(run: &Run, look: impl FnOnce(&Analysis<'_>, &std::path::Path) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    run.write(&path);
    let run_dir = RunDir::open(&path).unwrap();
    look(&analyze(&run_dir), &path)
}

/// The terminal's text, with files that are not there.
fn shown(run: &Run, look: Look) -> String {
    with(run, |analysis, _| {
        let files = vec![PathBuf::from("results/run/results.json")];
        let written = Written { files, ..Written::default() };
        let mut out = Vec::new();
        terminal(&analysis.document, &written, look, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    })
}

/// Answers, an unstreamed one and one that a chunk count stands for, and five ways to fail.
pub(crate) fn mixed() -> Run {
    let mut rows = answers(20);
    unstreamed(&mut rows[6]);
    rows[9].flags.0 &= !Flags::USAGE.0;
    for (index, outcome, status, after_ms) in [
        (3, Outcome::Http5xx, 503, 4),
        (8, Outcome::ConnectRefused, 0, 1),
        (13, Outcome::Http5xx, 500, 6),
        (17, Outcome::TimeoutFirstByte, 0, 300_000),
    ] {
        rows[index as usize] = failure(index, u64::from(index) * 1_000, outcome, status, after_ms);
    }
    rows[19] = not_sent(19, 19_000);
    let mut run = Run::of(rows);
    run.rows[3].1.error = Some("=overloaded, says the \"server\"".into());
    run.rows[3].1.server_request_id = Some("srv-3".into());
    run.manifest.target.simulated = true;
    run.manifest.latency_slo_ns = 500_000_000;
    run.manifest.warmup_requests = 1;
    run.manifest.slos = vec!["*: ttft p95 < 300ms".into(), "*/high: errors < 1%".into()];
    run
}

fn unstreamed(row: &mut Row) {
    row.class = 1;
    row.flags = Flags::USAGE;
    row.first_token = Stamp::NONE;
    row.last_token = Stamp::NONE;
    row.chunks = 0;
    row.itl = proofload_record::Itl::default();
}

#[test]
fn the_terminal_shows_trust_first_and_fits_80_columns() {
    let text = shown(&mixed(), PLAIN);
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line:?}");
        assert!(!line.ends_with(' '), "{line:?}");
    }
    assert!(!text.contains('\x1b'), "no colours");
    insta::assert_snapshot!("terminal", text);
}

#[test]
fn an_interrupted_run_says_so() {
    let mut run = Run::of(answers(3));
    run.planned = 5;
    run.finish = Finish { state: State::Interrupted, end_reason: Some("Ctrl-C".into()) };
    let text = shown(&run, PLAIN);
    assert!(!text.contains("SIMULATED:"), "{text}");
    insta::assert_snapshot!("terminal_interrupted", text);
}

#[test]
fn a_run_without_a_request_is_shown_too() {
    let text = shown(&Run::of(Vec::new()), PLAIN);
    assert!(text.contains("no request to analyse"), "{text}");
}

#[test]
fn colours_are_used_where_allowed_and_change_no_word() {
    let colourful = shown(&mixed(), Look { columns: 80, colour: true });
    assert!(colourful.contains("\x1b[33m"), "a warning is yellow");
    let mut plain = String::new();
    let mut rest = colourful.as_str();
    while let Some((before, escaped)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = escaped.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, shown(&mixed(), PLAIN));
}

#[test]
fn a_narrow_terminal_says_simulated_too() {
    let text = shown(&mixed(), Look { columns: 50, colour: false });
    assert!(text.contains("S I M U L A T E D"), "{text}");
}

#[test]
fn the_files_are_as_documented() {
    with(&mixed(), |analysis, path| {
        write_run_dir(analysis, path, Rows::First).unwrap();
        for name in ["results.json", "summary.csv", "metrics.csv", "detailed.csv"] {
            insta::assert_snapshot!(name, fs::read_to_string(path.join(name)).unwrap());
        }
    });
}
