//! The server's own log beside what the client saw.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proofload_run_dir::RunDir;
use proofload_server_log::{Source, Writer};
use proofload_simulator::Simulator;

use rustix::process::Signal;

use crate::program::{
    ANY_PORT, Ended, Running, dead_address, options, replay, run, run_well, until,
};
use crate::server::{Server, answer, good_stream};
use crate::workload;

/// A simulator in this process that logs into `log.sqlite` in `dir`.
fn logging(dir: &Path, settings: &[&str]) -> (Simulator, Writer, String) {
    let (writer, rows) = Writer::start(Source::sqlite(&dir.join("log.sqlite"))).unwrap();
    let simulator = Simulator::start(options(settings), ANY_PORT, Some(rows)).unwrap();
    let base = format!("http://{}", simulator.addr());
    (simulator, writer, base)
}

#[test]
fn the_embedded_simulator_s_log_is_joined_without_a_flag() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 30, 5);
    let (ended, run) = run_well(dir.path(), &["--workload", &csv, "--sim", "slots=1"]);
    assert!(!ended.stderr.contains("server log"), "{}", ended.stderr);
    let side = run.server().unwrap();
    assert_eq!((side.source.as_str(), &side.problems[..]), ("sqlite:server.sqlite", &[][..]));
    assert_eq!(side.rows.len(), 30);
    for (served, row) in side.rows.iter().zip(run.rows()) {
        assert_eq!(served.index, row.index);
        let (queued_ns, ttft_ns) = (served.queue_wait_ns.unwrap(), served.ttft_ns.unwrap());
        assert!(queued_ns <= ttft_ns && ttft_ns <= row.ttft_service_ns().unwrap(), "{served:?}");
        assert_eq!(served.completion_tokens, row.completion_tokens);
        assert_eq!(served.result.as_deref(), Some("success"));
    }
    assert!(side.rows.iter().any(|served| served.queue_wait_ns > Some(1_000_000)), "one slot");
    assert!(run.path().join("server.sqlite").exists());
}

#[test]
fn a_run_that_fails_in_every_way_is_joined_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 40, 5);
    let script = "script=ok,close,http-503,reset,empty,truncate,in-band-error,bad-http,no-tokens";
    let (_, run) =
        run_well(dir.path(), &["--workload", &csv, "--sim", script, "--sim", "script-repeat=true"]);
    let side = run.server().unwrap();
    // A connection that was in use may die before the request has been read.
    assert_eq!(side.rows.len() as u64 + side.not_in_log.count, 40);
    assert_eq!((side.ambiguous.count, side.not_in_run.count), (0, 0), "{side:?}");
    assert_eq!(side.problems, Vec::<String>::new());
}

#[test]
fn a_log_elsewhere_is_joined_by_our_ids_and_by_the_server_s() {
    for own in ["own-id=false", "own-id=true"] {
        let dir = tempfile::tempdir().unwrap();
        let csv = workload::even(dir.path(), 20, 5);
        let (simulator, _writer, base) = logging(dir.path(), &[own]);
        let flags = ["--workload", &csv, "--api-base", &base, "--server-log", "sqlite:log.sqlite"];
        let (_, run) = run_well(dir.path(), &flags);
        let side = run.server().unwrap();
        assert_eq!((side.rows.len(), &side.problems[..]), (20, &[][..]), "{own}");
        let config = &run.manifest().config["server_log"];
        assert_eq!(config["url"], "sqlite:log.sqlite", "{own}");
        drop(simulator);
    }
}

/// Runs against a simulator that logs nowhere, with a log that cannot be joined; the run is kept.
fn degraded(dir: &Path, flags: &[&str]) -> (Ended, RunDir) {
    let csv = workload::even(dir, 8, 5);
    let (_simulator, base) = crate::program::simulator(&[]);
    let flags = [&["--workload", &csv, "--api-base", &base, "--out", "run"], flags].concat();
    let ended = run(dir, &flags);
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    let run = RunDir::open(&dir.join("run")).unwrap();
    assert_eq!((run.rows().len(), run.books().sent), (8, 8));
    (ended, run)
}

/// Where the server does not list its models, its log may.
#[test]
fn a_model_that_the_log_s_table_does_not_have_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 3, 5);
    let (simulator, writer, base) = logging(dir.path(), &[]);
    run_well(dir.path(), &["--workload", &csv, "--api-base", &base]);
    drop(simulator);
    writer.finish().unwrap();
    let server = Server::start(|_, request| match request.is_preflight() {
        true => answer("404 Not Found", "", ""),
        false => good_stream(),
    });
    let base = server.base();
    let flags = ["--api-base", &base, "--server-log", "sqlite:log.sqlite", "--out", "other"];
    let other =
        workload::write(dir.path(), [(0, serde_json::json!({ "model": "n", "messages": [] }))]);
    let ended = run(dir.path(), &[&["--workload", &other] as &[_], &flags].concat());
    assert_eq!(ended.code(), Some(65), "{ended:?}");
    let said = "the table of models in the server log does not list the model that is asked for\n  \
                `n`, 1 request; --model-map n=m\n  listed: `m`";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert!(server.requests().is_empty());
}

#[test]
fn a_log_that_cannot_be_joined_costs_nothing_but_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (ended, run) = degraded(dir.path(), &["--server-log", "sqlite:none.sqlite"]);
    let missing = "cannot open sqlite:none.sqlite: the file is missing or cannot be read";
    let before = format!("warning: --server-log: {missing}. The run goes on");
    assert!(ended.stderr.contains(&before), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches(missing).count(), 1, "said once: {}", ended.stderr);
    let side = run.server().unwrap();
    assert_eq!((&side.problems[..], side.missing.len()), (&[missing.to_owned()][..], 15));
    let one_line = "What the log does not tell: arrived, queue wait,";
    let shown = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(shown.matches("the log cannot be read.").count(), 1, "{}", ended.stdout);
    assert!(shown.contains(one_line), "{}", ended.stdout);
    assert!(!dir.path().join("none.sqlite").exists());
}

#[test]
fn a_wait_for_late_rows_is_said_and_can_be_cut_short() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 3, 5);
    // A log of tables without rows.
    let source = Source::sqlite(&dir.path().join("empty.sqlite"));
    proofload_server_log::make_tables(&source).unwrap();
    let (_simulator, base) = crate::program::simulator(&[]);
    let flags = ["--workload", &csv, "--api-base", &base, "--server-log", "sqlite:empty.sqlite"];
    let running =
        Running::start(&mut replay(dir.path(), &[&flags as &[_], &["--out", "run"]].concat()));
    let sealed = || RunDir::open(&dir.path().join("run")).ok().filter(|run| run.recovery().sealed);
    until("the run to be over", sealed);
    let begun = Instant::now();
    std::thread::sleep(Duration::from_millis(1_500));
    running.signal(Signal::INT);
    let ended = running.end(Duration::from_secs(10));
    // It would have waited for five seconds.
    assert!(begun.elapsed() < Duration::from_millis(4_500), "{:?}", begun.elapsed());
    let said = "waiting 5 s at most for rows of 3 requests that the server may log late";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert!(ended.stderr.contains("`log_entry` is empty"), "{}", ended.stderr);
}

#[test]
fn a_password_stands_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("postgres://somebody:pl4nted%2Fword@{}/logos", dead_address());
    let (ended, run) = degraded(dir.path(), &["--server-log", &url, "--log", "trace"]);
    assert!(ended.stderr.contains("PGPASSWORD"), "{}", ended.stderr);
    let problem = &run.server().unwrap().problems[0];
    assert!(problem.starts_with("cannot open postgres://127.0.0.1:"), "{problem}");
    let mut texts = vec![ended.stdout, ended.stderr];
    for entry in fs::read_dir(run.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            texts.push(String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
        }
    }
    for text in texts {
        assert!(!text.contains("pl4nted") && !text.contains("somebody"), "{text}");
    }
}

#[test]
fn a_password_that_cuts_its_url_in_two_is_refused_and_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    for cut in ["/", "?", "#", "?user="] {
        let url = format!("postgres://bob:4711{cut}pl4nted@{}/logos", dead_address());
        let ended = run(dir.path(), &["--server-log", &url, "--log", "trace", "--out", "run"]);
        assert_eq!(ended.code(), Some(2), "{url}: {ended:?}");
        assert!(ended.stderr.contains("an @ stands after the host"), "{}", ended.stderr);
        assert!(!format!("{ended:?}").contains("pl4nted"), "{url}: {ended:?}");
        assert!(!dir.path().join("run").exists());
    }
}

#[test]
fn the_simulator_writes_into_no_log_that_has_rows() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 5, 5);
    let flags = ["--workload", &csv, "--server-log", "sqlite:named.sqlite", "--out"];
    let first = run(dir.path(), &[&flags as &[_], &["first"]].concat());
    assert_eq!(first.code(), Some(0), "{first:?}");
    let said = "the embedded simulator writes its log into sqlite:named.sqlite";
    assert!(first.stderr.contains(said), "{}", first.stderr);
    let joined = RunDir::open(&dir.path().join("first")).unwrap();
    assert_eq!(joined.server().unwrap().rows.len(), 5);

    let before = fs::read(dir.path().join("named.sqlite")).unwrap();
    let second = run(dir.path(), &[&flags as &[_], &["second"]].concat());
    assert_eq!(second.code(), Some(2), "{second:?}");
    assert!(second.stderr.contains("`log_entry` of sqlite:named.sqlite has rows already"));
    assert_eq!(fs::read(dir.path().join("named.sqlite")).unwrap(), before);
    assert!(!dir.path().join("second").exists());
}

#[test]
fn wrong_flags_are_refused_before_anything_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("map.toml"), "table = 1\n").unwrap();
    for (flags, code, want) in [
        (&["--server-log", "oracle:pl4nted"] as &[_], 2, "--server-log: expected sqlite:PATH"),
        (&["--server-log-map", "map.toml"], 2, "--server-log"),
        (
            &["--server-log", "sqlite:a", "--server-log-map", "map.toml"],
            65,
            "map.toml: not a mapping of a server's log",
        ),
    ] {
        let ended = run(dir.path(), &[flags, &["--out", "run"]].concat());
        assert_eq!(ended.code(), Some(code), "{flags:?}: {ended:?}");
        assert!(ended.stderr.contains(want), "{flags:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("pl4nted"), "{flags:?}: {}", ended.stderr);
        assert!(!dir.path().join("run").exists(), "{flags:?}");
    }
}
