//! Wrong flags, bad workloads, results that cannot be written.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use proofload_record::Outcome;
use proofload_run_dir::{RunDir, State};
use proofload_simulator::Counts;

use crate::program::{LIMIT, Running, replay, run, simulator, until};
use crate::workload;

#[test]
fn a_wrong_flag_is_named_and_ends_with_2() {
    let dir = tempfile::tempdir().unwrap();
    for (flags, said) in [
        (&["--no-such-flag"] as &[_], "--no-such-flag"),
        (&["workload.csv"], "unexpected argument 'workload.csv'"),
        (&["--speed", "0"], "'--speed <FACTOR>': expected a factor from 0.01"),
        (&["--speed", "-1"], "'--speed <FACTOR>': expected a factor from 0.01 to 1000000, such"),
        (&["--limit", "0"], "'--limit <N>': expected a whole number from 1 to 4294967295, such"),
        (&["--limit", "1.5"], "'--limit <N>': expected a whole number from 1 to 4294967295, such"),
        (&["--limit", "99999999999999"], "expected a whole number from 1 to 4294967295, such"),
        (&["--warmup", "some"], "'--warmup <N>': expected a whole number from 0 to 4294967295"),
        (&["--warmup", "-1"], "'--warmup <N>': expected a whole number from 0 to 4294967295"),
        (&["--max-in-flight", "0"], "'--max-in-flight <N>': expected a whole number from 1 to"),
        (&["--wait-ready", "-1"], "'--wait-ready <SECONDS>': expected a whole number from 0 to"),
        (&["--seed", "-1"], "'--seed <N>': expected a whole number from 0 to"),
        (&["--timeout", "total=5"], "unit"),
        (&["--timeout", "idle=5s,idle=6s"], "idle is named twice"),
        (&["--timeout", "whole=5s"], "expected connect, first-byte, idle or total"),
        (&["--stream", "never"], "expected `force` or `as-written`"),
        (&["--labels", "cookie"], "--labels"),
        (&["--pacing", "hasty"], "--pacing"),
        (&["--latency-slo-ms", "fast"], "expected milliseconds from 0.001 to 1000000000, such as"),
        (&["--latency-slo-ms", "-5"], "expected milliseconds from 0.001 to 1000000000, such as"),
        (&["--threads", "0"], "'--threads <N>': expected a whole number from 1 to 256, such as 2"),
        (&["--threads", "257"], "expected a whole number from 1 to 256, such as 2"),
        (&["--log", "a=b=c"], "the value of --log is not a log filter"),
        (&["--sim", "sped=1"], "error: --sim: no setting \"sped\""),
        (&["--sim", "x"], "error: --sim: expected KEY=VALUE, found \"x\"\n"),
        (&["--header", "X-Team: proof"], "--header is for a server"),
        (&["--wait-ready", "5"], "--wait-ready is for a server"),
        (&["--insecure"], "--insecure is for a server"),
        (&["--ca-file", "x.pem"], "--ca-file is for a server"),
        (&["--insecure", "--api-base", "http://h"], "--insecure is about certificates"),
        (&["--sim", "slots=1", "--api-base", "http://h"], "--sim is for the embedded simulator"),
        (&["--api-base", "localhost:8080"], "it has to begin with http://"),
        (&["--api-base", "ftp://h"], "its scheme has to be http or https"),
        (&["--api-key-env", "PROOFLOAD_NO_SUCH_KEY"], "PROOFLOAD_NO_SUCH_KEY is not set"),
        (&["--api-key-file", "nowhere"], "cannot read nowhere"),
        (&["--auth-header", "X-Key"], "--auth-header needs a key"),
        (&["--insecure", "--ca-file", "x.pem"], "cannot be used with"),
        (
            &["--api-base", "https://127.0.0.1:9", "--ca-file", "x.pem"],
            "cannot read certificates from x.pem",
        ),
    ] {
        let ended = run(dir.path(), flags);
        assert_eq!(ended.code(), Some(2), "{flags:?}: {ended:?}");
        assert!(ended.stderr.starts_with("error: "), "{flags:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{flags:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{flags:?}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was written");
}

#[test]
fn a_bad_workload_is_explained_and_nothing_is_sent() {
    let head = "request_id,arrival_offset,mode,priority,body_json\n";
    let good = "a,0,batch,low,\"{\"\"messages\"\":[]}\"\n";
    for (name, text, said) in [
        ("empty file", String::new(), &["the file is empty", "`arrival_offset`"] as &[_]),
        ("no rows", head.to_owned(), &["no rows after the header"]),
        ("no due times", "request_id,body_json\na,{}\n".to_owned(), &["`arrival_offset`"]),
        ("no bodies", "arrival_offset\n1\n".to_owned(), &["`body_json`"]),
        (
            "due time",
            format!("{head}{good}b,soon,batch,low,{{}}\n"),
            &[":3: column `arrival_offset`: expected ", "found `soon`"],
        ),
        (
            "negative",
            format!("{head}b,-1,batch,low,{{}}\n"),
            &[":2: column `arrival_offset`", "-1"],
        ),
        ("endless", format!("{head}b,inf,batch,low,{{}}\n"), &["column `arrival_offset`", "inf"]),
        ("mode", format!("{head}b,0,fast,low,{{}}\n"), &["column `mode`", "`batch`", "`fast`"]),
        ("empty mode", format!("{head}b,0,,low,{{}}\n"), &["column `mode`", "found an empty cell"]),
        ("priority", format!("{head}b,0,batch,7,{{}}\n"), &["column `priority`", "`high`", "`7`"]),
        ("body", format!("{head}b,0,batch,low,[1]\n"), &[":2: column `body_json`", "object"]),
        ("body cut off", format!("{head}b,0,batch,low,{{\n"), &["column `body_json`"]),
        ("id twice", format!("{head}{good}{good}"), &[":3: column `request_id`", "`a`"]),
    ] {
        refused(&text, said, name);
    }
}

#[test]
fn help_says_the_ranges_the_exit_codes_and_where_settings_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let help = run(dir.path(), &["--help"]).stdout;
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "as fast as recorded, 0.01 to 1000000",
        "in milliseconds, 0.001 to 1000000000",
        "`proofload-simulate --help` lists them",
        "Exit codes: 0 the run was finished",
        "130 interrupted",
        "Example: ",
    ] {
        assert!(words.contains(said), "{said}: {help}");
    }
    let short = run(dir.path(), &["-h"]).stdout;
    assert!(!short.contains("Exit codes"), "{short}");
}

#[test]
fn a_description_is_json_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 4, 250);
    let ended = run(dir.path(), &["--validate", "--json", "--workload", &csv, "--limit", "3"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let described: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let workload = &described["workload"];
    assert_eq!((&workload["rows"], &workload["span_ns"]), (&4.into(), &750_000_000.into()));
    assert_eq!(workload["path"], csv);
    assert_eq!(described["plan"]["requests"], 3);
    let text = run(dir.path(), &["--validate", "--workload", &csv, "--limit", "3"]).stdout;
    let hash = described["plan"]["sha256"].as_str().unwrap();
    assert!(text.contains(&format!("sha256      {hash}")), "{text}");
}

#[test]
fn the_first_ten_faults_are_told() {
    let mut text = "arrival_offset,priority,body_json\n".to_owned();
    for row in 2..=13 {
        text.push_str(&format!("{row},odd-{row},{{}}\n"));
    }
    let stderr = refused(&text, &["the first 10 faults", ":2: column `priority`"], "twelve");
    assert_eq!(stderr.matches("column `priority`").count(), 10, "{stderr}");
    assert!(stderr.contains("workload.csv:11: ") && !stderr.contains(":12: "), "{stderr}");
}

/// Runs a workload that is to be refused with every text of `said`.
fn refused(text: &str, said: &[&str], name: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("workload.csv"), text).unwrap();
    let (simulator, base) = simulator(&[]);
    let target = ["--api-base", &base, "--out", "run"];
    for flags in [&target as &[_], &["--validate"]] {
        let flags = [&["--workload", "workload.csv"], flags].concat();
        let ended = run(dir.path(), &flags);
        assert_eq!(ended.code(), Some(65), "{name} {flags:?}: {ended:?}");
        for part in said.iter().chain(&["workload.csv"]) {
            assert!(ended.stderr.contains(part), "{name}: {part}: {}", ended.stderr);
        }
        if flags.contains(&"--out") {
            assert!(!dir.path().join("run").exists(), "{name}");
            assert_eq!(simulator.counts(), Counts::default(), "{name}");
        } else {
            return ended.stderr;
        }
    }
    unreachable!("the last of the two has returned")
}

#[test]
fn a_workload_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    for (path, said) in [("nowhere.csv", "No such file"), (".", "not a regular file")] {
        let ended = run(dir.path(), &["--workload", path, "--out", "run"]);
        assert_eq!(ended.code(), Some(65), "{path}: {ended:?}");
        let stderr = ended.stderr;
        assert!(stderr.contains(&format!("cannot read workload {path}")), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
    assert!(!dir.path().join("run").exists());
}

#[test]
fn a_workload_that_is_changed_in_mid_run_ends_it_and_keeps_the_rows() {
    let dir = tempfile::tempdir().unwrap();
    let (simulator, base) = simulator(&[]);
    let near = (0..10).map(|number| (number * 20, workload::streamed(3)));
    // Longer than what the reader takes at once: what it holds it sends, whatever becomes of the file.
    let mut long = workload::streamed(3);
    long["messages"][0]["content"] = "x".repeat(300_000).into();
    let far = [(6_000, long), (6_001, workload::streamed(3))];
    let csv = workload::write(dir.path(), near.chain(far));
    let flags = ["--workload", &csv, "--api-base", &base, "--out", "run"];
    let running = Running::start(&mut replay(dir.path(), &flags));
    until("all that are near", || (simulator.counts().requests == 10).then_some(()));
    alter(Path::new(&csv), "Name three rivers");

    let ended = running.end(LIMIT);
    assert_eq!(ended.code(), Some(65), "{ended:?}");
    let said = "workload.csv:13: the row was changed after the workload was checked";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let run = RunDir::open(&dir.path().join("run")).unwrap();
    assert_eq!(run.manifest().state, State::Failed);
    let books = run.books();
    assert_eq!(books.check(), Ok(()));
    assert_eq!((books.outcome(Outcome::Ok), run.rows().len() >= 10), (10, true), "{books:?}");
    assert_eq!(simulator.counts().requests, 10, "the changed row was not sent");
    assert!(dir.path().join("run/results.json").exists(), "the summary follows all the same");
}

/// Overwrites the last occurrence of `text` in a file with as many other letters.
fn alter(path: &Path, text: &str) {
    let at = fs::read_to_string(path).unwrap().rfind(text).unwrap();
    let mut file = fs::File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all("x".repeat(text.len()).as_bytes()).unwrap();
}

#[test]
fn a_folder_with_results_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (simulator, base) = simulator(&[]);
    let csv = workload::even(dir.path(), 3, 10);
    fs::create_dir(dir.path().join("run")).unwrap();
    let flags = ["--workload", &csv, "--api-base", &base, "--out", "run"];
    assert_eq!(run(dir.path(), &flags).code(), Some(0), "an empty folder will do");
    let before = fs::read(dir.path().join("run/run.json")).unwrap();

    let ended = run(dir.path(), &flags);
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("error: run is not empty; name a folder"), "{}", ended.stderr);
    assert_eq!(fs::read(dir.path().join("run/run.json")).unwrap(), before);
    assert_eq!(simulator.counts().requests, 3, "the second run sent nothing");
}

#[test]
fn results_that_cannot_be_written_end_with_74() {
    let dir = tempfile::tempdir().unwrap();
    let (simulator, base) = simulator(&[]);
    let csv = workload::even(dir.path(), 3, 10);
    fs::write(dir.path().join("file"), "").unwrap();
    for out in ["file", "file/run", "/dev/null/run", "/proc/no-such-folder"] {
        let flags = ["--workload", &csv, "--api-base", &base, "--out", out];
        let ended = run(dir.path(), &flags);
        assert_eq!(ended.code(), Some(74), "{out}: {ended:?}");
        assert!(ended.stderr.contains(&format!("error: cannot write {out}")), "{}", ended.stderr);
        assert_eq!(simulator.counts(), Counts::default(), "{out}");
    }
    let flags = ["--workload", &csv, "--out", "run", "--output", "/dev/null/x.csv"];
    let ended = run(dir.path(), &flags);
    assert_eq!(ended.code(), Some(74), "{ended:?}");
    assert!(
        ended.stderr.contains("--output: cannot make the folder /dev/null"),
        "{}",
        ended.stderr
    );
    assert!(!dir.path().join("run").exists(), "known before anything was sent");
}
