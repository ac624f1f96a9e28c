//! The program as a user runs it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "shared with other tests, which use the rest of it")]
#[path = "../../../../crates/analysis/tests/it/run.rs"]
mod run;

use run::{Run, answers};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn analyze(args: &[&str], dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_proofload-analyze")).args(args).arg(dir).output().unwrap()
}

#[test]
fn a_run_is_analysed_again_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    Run::of(answers(5)).write(&dir);
    let output = analyze(&[], &dir);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Can I trust this?"), "{text}");
    assert!(!text.contains('\x1b'), "no colours into a pipe");
    let results = fs::read(dir.join("results.json")).unwrap();
    let page = fs::read(dir.join("report.html")).unwrap();
    for name in ["report.html", "summary.csv", "metrics.csv", "detailed.csv"] {
        assert!(text.contains(name), "{text}");
        fs::remove_file(dir.join(name)).unwrap();
    }
    let output = analyze(&["--json"], &dir);
    assert_eq!(output.stdout, results);
    assert_eq!(fs::read(dir.join("results.json")).unwrap(), results);
    assert_eq!(fs::read(dir.join("report.html")).unwrap(), page);
    assert!(dir.join("detailed.csv").exists());
}

#[test]
fn a_summary_can_be_a_comment_on_a_pull_request() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    Run::of(answers(5)).write(&dir);
    let output = analyze(&["--format", "markdown"], &dir);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("### ") && text.contains("| ttft p50 |"), "{text}");
    let output = analyze(&["--format", "markdown", "--explain"], &dir);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no form in Markdown"), "{output:?}");
}

#[test]
fn what_is_missing_decides_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let killed = folder.path().join("killed");
    let mut run = Run::of(answers(5));
    run.planned = 9;
    run.write_killed(&killed);
    let output = analyze(&[], &killed);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("killed"), "{output:?}");

    let nothing = folder.path().join("nothing");
    let output = analyze(&[], &nothing);
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("run.json"), "{output:?}");
}

#[test]
fn several_runs_are_named_and_the_gravest_decides() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (good, killed, nothing) = (path("good"), path("killed"), path("nothing"));
    Run::of(answers(5)).write(good.as_ref());
    let mut run = Run::of(answers(5));
    run.planned = 9;
    run.write_killed(killed.as_ref());
    for (dirs, code) in [
        (&[&good, &good] as &[&String], 0),
        (&[&killed, &good], 3),
        (&[&nothing, &killed, &good], 65),
    ] {
        let args: Vec<&str> = dirs.iter().map(|dir| dir.as_str()).collect();
        let output = program(&args);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let named: Vec<&str> = text.lines().filter(|line| line.starts_with("==> ")).collect();
        let want: Vec<String> = dirs.iter().map(|dir| format!("==> {dir} <==")).collect();
        assert_eq!(named, want, "{text}");
        assert!(text.contains("5 sent, 5 ok."), "the last is analysed all the same: {text}");
    }
    let output = program(&["--json", &nothing, &killed, &good]);
    assert_eq!(output.status.code(), Some(65));
    let objects = serde_json::Deserializer::from_slice(&output.stdout);
    let states: Vec<String> = objects
        .into_iter::<serde_json::Value>()
        .map(|object| object.unwrap()["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["killed", "complete"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing"), "{output:?}");
}

#[test]
fn a_run_that_is_still_going_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let running = Run::of(answers(5)).write_rows(&dir);
    let output = analyze(&["--json"], &dir);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(65), 0), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("the run is still going"), "{text}");
    assert!(!dir.join("results.json").exists() && !dir.join("summary.csv").exists());

    drop(running);
    let output = analyze(&["--json"], &dir);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("\"state\": \"killed\""), "{text}");
}

#[test]
fn objectives_decide_the_exit_code_and_can_be_others_than_the_runs() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let mut run = Run::of(answers(80));
    run.manifest.slos = vec!["*: ttft p95 < 200ms".into()];
    run.write(&dir);
    let (met, open) = ("*: ttft p95 < 9s", "*: errors < 1%");
    for (args, code, anew) in [
        (&[] as &[&str], 1, false),
        (&["--slo", met], 0, true),
        (&["--slo", open, "--slo", met], 4, true),
        (&["--slo", open, "--allow-undecided"], 0, true),
        (&["--slo", "*: ttft p95 < 200ms", "--allow-undecided"], 1, true),
        (&["--slo", "*: ttft p95"], 2, false),
    ] {
        let output = analyze(args, &dir);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
        let said = String::from_utf8_lossy(&output.stdout).contains("Judged anew");
        assert_eq!(said, anew, "{args:?}: {output:?}");
    }
    // What is missing comes before what is undecided, and after what is not met.
    let killed = folder.path().join("killed");
    run.planned = 90;
    run.write_killed(&killed);
    assert_eq!(analyze(&[], &killed).status.code(), Some(1));
    assert_eq!(analyze(&["--slo", open], &killed).status.code(), Some(3));
}

#[test]
fn books_that_do_not_balance_are_refused_unless_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    Run::of(answers(5)).write(&dir);
    let manifest = fs::read_to_string(dir.join("run.json")).unwrap();
    let altered = manifest.replace("\"planned\": 5", "\"planned\": 6");
    assert_ne!(manifest, altered);
    fs::write(dir.join("run.json"), altered).unwrap();

    assert_eq!(analyze(&[], &dir).status.code(), Some(65));
    assert!(!dir.join("results.json").exists());

    let output = analyze(&["--accept-unbalanced"], &dir);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("UNBALANCED"), "{output:?}");
    for name in ["results.json", "summary.csv", "metrics.csv", "detailed.csv"] {
        let text = fs::read_to_string(dir.join(name)).unwrap();
        assert!(text.to_lowercase().contains("balanced"), "{name}: {text}");
    }
}

#[test]
fn results_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    Run::of(answers(2)).write(&dir);
    fs::create_dir(dir.join("metrics.csv")).unwrap();
    let output = analyze(&[], &dir);
    assert_eq!(output.status.code(), Some(74), "{output:?}");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("cannot write") && message.contains("metrics.csv"), "{message}");
    assert!(message.contains("caused by"), "{message}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    Run::of(answers(2)).write(&dir);
    let mut child = Command::new(env!("CARGO_BIN_EXE_proofload-analyze"))
        .arg(&dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    assert!(dir.join("detailed.csv").exists());
}

#[test]
fn a_wrong_flag_and_no_directory_are_wrong_usage() {
    let program = env!("CARGO_BIN_EXE_proofload-analyze");
    for args in [&[] as &[&str], &["--no-such-flag", "x"]] {
        let output = Command::new(program).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
    }
}

fn program(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_proofload-analyze")).args(args).output().unwrap()
}

fn fixture(name: &str) -> String {
    format!("{}/../../fixtures/logos/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn an_imported_run_is_analysed_again_to_the_same_bytes_and_names_what_is_not_known() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let out = dir.to_str().unwrap();
    let file = fixture("direct_benchmark_detailed.csv");
    let first = program(&["--from-logos-csv", &file, "--out", out]);
    assert_eq!(first.status.code(), Some(0), "{first:?}");
    assert!(String::from_utf8_lossy(&first.stderr).starts_with("imported "), "{first:?}");
    let text = String::from_utf8(first.stdout.clone()).unwrap();
    for part in [
        "1 of 20 requests within 10000 ms: 5.00 %. ",
        "13 of 20 requests failed, 8 of them with timeout_total.",
        "judged: nobody measured whether its client kept up",
        "1 of 20 requests had a client duration of 10000 ms or less: 5.00 %",
        "G01 generator on time: not measured",
        "G02 offered rate: not measured",
        "G39 rows against histograms: not measured",
        "the order of arrival is not known",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    // The client saw no first token: the one that is drawn is called whose it is.
    let page = fs::read_to_string(dir.join("report.html")).unwrap();
    assert!(page.contains(">server&#39;s log: time to the first token"));
    assert!(!page.contains(">time to the first token") && !page.contains(">time since sent"));
    let names = ["results.json", "summary.csv", "metrics.csv", "detailed.csv"];
    let bytes = || names.map(|name| fs::read(dir.join(name)).unwrap());
    let written = bytes();
    for name in names {
        fs::remove_file(dir.join(name)).unwrap();
    }
    let again = program(&[out]);
    assert_eq!(again.stdout, first.stdout);
    assert_eq!(bytes(), written);

    let detailed = String::from_utf8(written[3].clone()).unwrap();
    let row: Vec<&str> = detailed.lines().nth(1).unwrap().split(',').collect();
    let header: Vec<&str> = detailed.lines().next().unwrap().split(',').collect();
    let cell = |name: &str| row[header.iter().position(|column| *column == name).unwrap()];
    assert_eq!((cell("request_id"), cell("client_duration_ms")), ("req-1", "7128.07"));
    assert_eq!((cell("outcome"), cell("run")), ("ok", "imported"));
    for blank in ["due_ms", "started_ms", "done_ms", "ttft_ms", "dns_ms", "attempts", "chunks"] {
        assert_eq!(cell(blank), "", "{blank}");
    }
}

/// A failure is known to be one; that must not make failures look like all there is.
#[test]
fn an_import_is_judged_on_what_its_file_tells_and_without_an_order() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let file = fixture("direct_benchmark_detailed.csv");
    let slos = [
        ("*: errors < 5%", "65.0 % failed; 5.00 % allowed; n = 20; withheld"),
        ("*: goodput > 5%", "5.00 % good; 95.0 % not good, 95.0 % allowed; n = 20; withheld"),
        ("interactive: client_duration p50 < 10s", "no such request was due"),
    ];
    let others = [
        ("*: latency p95 < 9s", "latency counts from when a request was due"),
        ("*: total_latency p95 < 9s", "total_latency counts from when a request was due"),
        ("*: ttft p50 < 9s", "ttft is what a client sees of the tokens"),
        ("*: itl p50 < 9s", "itl is what a client sees of the tokens"),
        ("*: client_duration p50 < 9s", "client_duration p50 a failure; "),
    ];
    let out = out.to_str().unwrap();
    let from_file = ["--from-logos-csv", &file, "--out", out];
    for (slos, place) in [(&slos as &[(&str, &str)], &from_file as &[&str]), (&others, &[out])] {
        let mut args = [&["--json"], place].concat();
        args.extend(slos.iter().flat_map(|(slo, _)| ["--slo", slo]));
        let output = program(&args);
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        let results: Value = serde_json::from_slice(&output.stdout).unwrap();
        for (judged, (slo, evidence)) in results["verdicts"].as_array().unwrap().iter().zip(slos) {
            let found = judged["evidence"].as_str().unwrap();
            assert!(found.starts_with(evidence), "{slo}: {judged:#}");
            assert_eq!((&judged["lo"], &judged["hi"]), (&Value::Null, &Value::Null), "{slo}");
            assert_eq!(judged["over"]["at_least"], Value::Null, "{slo}");
        }
    }
    // A limit that cannot be looked at leaves nothing to say of what is good.
    let limit = ["--slo", "*: ttft p50 < 9s", "--slo", "*: goodput > 5%"];
    let output = program(&[&["--json", out] as &[&str], &limit].concat());
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    let good = &results["verdicts"][1];
    let evidence = good["evidence"].as_str().unwrap();
    assert!(evidence.starts_with("what is good depends on it: ttft is"), "{good:#}");
}

#[test]
fn an_explanation_shows_every_row_and_both_figures() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let out = dir.to_str().unwrap();
    let file = fixture("direct_benchmark_detailed.csv");
    let shown = program(&["--quiet", "--explain", "--from-logos-csv", &file, "--out", out]);
    assert_eq!((shown.status.code(), shown.stderr.len()), (Some(0), 0), "{shown:?}");
    let text = String::from_utf8(shown.stdout.clone()).unwrap();
    insta::assert_snapshot!("explanation", text);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert_eq!(program(&["--explain", out]).stdout, shown.stdout, "of the directory");

    let object = program(&["--explain", "--json", out]);
    let json: serde_json::Value = serde_json::from_slice(&object.stdout).unwrap();
    assert_eq!(json["published"]["in_time"], 6);
    assert_eq!(json["ours"]["in_time"], 1);
    assert_eq!(json["rows"].as_array().unwrap().len(), 20);
    assert_eq!(json["rows"][4]["outcome"], "empty");
}

#[test]
fn an_import_that_cannot_be_is_refused_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let header = "request_id,mode,priority,http_status,client_duration_ms,tokens,gpu\n";
    let (bad, good, own) = (path("bad.csv"), path("good.csv"), path("own"));
    fs::write(&bad, format!("{header}a,batch,low,200,soon,1,x\n")).unwrap();
    fs::write(&good, format!("{header}a,batch,low,200,5,1,x\n")).unwrap();
    let twice = path("twice.csv");
    let row = |id: &str| format!("{id},batch,low,200,5,1,x\n");
    fs::write(&twice, [header.to_owned(), row("a"), row("b"), row("a")].concat()).unwrap();
    Run::of(answers(2)).write(own.as_ref());
    for (name, args, code, want) in [
        (
            "a bad cell",
            &["--from-logos-csv", &bad, "--out", &path("x")] as &[&str],
            65,
            "row 2 (line 2): column `client_duration_ms`: expected milliseconds, found \"soon\"",
        ),
        (
            "an id twice",
            &["--from-logos-csv", &twice, "--out", &path("x")],
            65,
            "row 4 (line 4): request_id \"a\" stands in row 2 too",
        ),
        ("no file", &["--from-logos-csv", "no/such.csv"], 65, "cannot read no/such.csv"),
        ("a full folder", &["--from-logos-csv", &good, "--out", &own], 2, "is not empty"),
        ("nothing published", &["--explain", &own], 2, "was not imported"),
        ("a run beside it", &["--from-logos-csv", &good, &own], 2, "cannot be used with"),
        ("--out for a run", &["--out", "x", &own], 2, "cannot be used with"),
        ("--out for nothing", &["--out", "x"], 2, "--from-logos-csv"),
        (
            "no limit",
            &["--from-logos-csv", &good, "--latency-slo-ms", "0"],
            2,
            "expected a whole number from 1",
        ),
    ] {
        let output = program(args);
        assert_eq!(output.status.code(), Some(code), "{name}: {output:?}");
        let message = String::from_utf8_lossy(&output.stderr).replace('\n', " ");
        assert!(message.contains(want), "{name}: {message}");
    }
    assert!(!Path::new(&path("x")).exists(), "nothing is left of what was refused");
    let output = program(&["--from-logos-csv", &good, "--out", &path("y"), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("ignored columns: `gpu`"));
    let results: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(results["imported"]["ignored_columns"][0], "gpu");
}
