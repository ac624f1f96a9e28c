//! What answers say, where a run keeps it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use proofload_record::Outcome;
use proofload_run_dir::RunDir;
use rustix::process::Signal;

use crate::program::{LIMIT, Running, replay, run_well, simulator, until};
use crate::server::{Server, answer};
use crate::workload;

/// A whole answer that comes in these pieces.
fn saying(pieces: &[&str]) -> Vec<u8> {
    let delta = |piece: &&str| {
        let choice = serde_json::json!({ "choices": [{ "delta": { "content": piece } }] });
        format!("data: {choice}\n\n")
    };
    let mut body: String = pieces.iter().map(delta).collect();
    body += "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    answer("200 OK", "content-type: text/event-stream\r\n", &body)
}

/// Text and flag of each row of `detailed.csv`.
fn texts(dir: &Path) -> Vec<(String, String)> {
    let mut csv = csv::Reader::from_path(dir.join("run/detailed.csv")).unwrap();
    let rows = csv.deserialize().map(Result::<BTreeMap<String, String>, _>::unwrap);
    rows.map(|row| (row["response_text"].clone(), row["response_truncated"].clone())).collect()
}

#[test]
fn texts_are_kept_when_asked_for_and_harm_no_spreadsheet() {
    let pieces: [&[&str]; 3] = [&["two\nlines, ", "\"quoted\""], &["=cmd", "()"], &["é", "éé"]];
    for (flags, want) in [
        (&[] as &[&str], [("", ""); 3]),
        (
            &["--keep-responses"],
            [("two\nlines, \"quoted\"", "false"), ("'=cmd()", "false"), ("ééé", "false")],
        ),
        (&["--keep-responses=5"], [("two\nl", "true"), ("'=cmd(", "true"), ("éé", "true")]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(move |number, _| saying(pieces[number.clamp(1, 3) - 1]));
        let csv = workload::even(dir.path(), 3, 60);
        let base = server.base();
        let flags = [&["--workload", &csv, "--api-base", &base, "--threads", "1"], flags].concat();
        let (_, run) = run_well(dir.path(), &flags);
        let found = texts(dir.path());
        let found: Vec<_> = found.iter().map(|(text, cut)| (text.as_str(), cut.as_str())).collect();
        assert_eq!(found, want, "{flags:?}");
        let keeps = flags.len() > 6;
        assert_eq!(run.path().join("responses.bin").exists(), keeps);
        assert_eq!(run.manifest().files.contains_key("responses.bin"), keeps);
        let limit = &run.manifest().config["keep_responses_bytes"];
        assert_eq!(limit.is_null(), !keeps, "{limit}");
    }
}

/// The server spells the key in two chunks, once across the limit.
#[test]
fn a_key_that_comes_in_pieces_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(|_, _| saying(&["your key is sk-pl4", "nted-w1th-", "care"]));
    let csv = workload::even(dir.path(), 2, 40);
    let base = server.base();
    let flags = ["--workload", &csv, "--api-base", &base, "--keep-responses=20"];
    let flags = [&flags as &[_], &["--header", "X-Key: sk-pl4nted-w1th-care"]].concat();
    run_well(dir.path(), &flags);
    let kept = ("your key is [redacte".to_owned(), "true".to_owned());
    assert_eq!(texts(dir.path()), [kept.clone(), kept]);
    let bytes = fs::read(dir.path().join("run/responses.bin")).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("pl4"));
}

#[test]
fn a_kill_leaves_the_text_of_every_row() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 200, 15);
    let (_simulator, base) = simulator(&[]);
    let flags = ["--workload", &csv, "--api-base", &base, "--keep-responses", "--out", "run"];
    let running = Running::start(&mut replay(dir.path(), &flags));
    let out = dir.path().join("run");
    let rows = || RunDir::open(&out).ok().map_or(0, |run| run.rows().len());
    until("rows", || (rows() > 40).then_some(()));
    thread::sleep(Duration::from_millis(130));
    running.signal(Signal::KILL);
    running.end(LIMIT);
    let run = RunDir::open(&out).unwrap();
    assert!(!run.recovery().sealed);
    let texts = run.responses().unwrap().unwrap();
    for row in run.rows() {
        assert_eq!(row.end, proofload_record::End::Sent(Outcome::Ok));
        let text = texts.get(row.index).unwrap().map(|response| response.text);
        assert!(text.is_some_and(|text| !text.is_empty()), "{}", row.index);
    }
}
