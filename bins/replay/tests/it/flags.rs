//! What flags do to a run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proofload_record::Flags;
use serde_json::Value;

use crate::program::{dead_address, run, run_well, simulator};
use crate::server::{Received, Server, good_stream};
use crate::workload;

fn results(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("run/results.json")).unwrap()).unwrap()
}

/// Rows of a table of the run, each by column.
fn table(dir: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut csv = csv::Reader::from_path(dir.join("run").join(name)).unwrap();
    csv.deserialize().map(Result::unwrap).collect()
}

#[test]
fn without_a_target_everything_says_that_it_is_simulated() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 3, 10);
    let (ended, run) = run_well(dir.path(), &["--workload", &csv]);
    assert!(ended.stdout.contains("####") && ended.stdout.contains("SIMULATED"));
    assert!(ended.stderr.contains("SIMULATED"), "{}", ended.stderr);
    assert!(run.manifest().target.simulated);
    assert_eq!(results(dir.path())["simulated"], true);
    let metrics = fs::read_to_string(dir.path().join("run/metrics.csv")).unwrap();
    assert!(metrics.to_uppercase().contains("SIMULATED"), "{metrics}");
    for name in ["summary.csv", "detailed.csv"] {
        assert!(table(dir.path(), name).iter().all(|row| row["run"].contains("simulated")));
    }
}

#[test]
fn a_simulator_elsewhere_is_no_server_either() {
    let dir = tempfile::tempdir().unwrap();
    let (_simulator, base) = simulator(&[]);
    let csv = workload::even(dir.path(), 3, 10);
    let (ended, run) = run_well(dir.path(), &["--workload", &csv, "--api-base", &base]);
    assert!(ended.stdout.contains("SIMULATED"), "{}", ended.stdout);
    assert!(ended.stderr.contains("SIMULATED"), "{}", ended.stderr);
    let manifest = run.manifest();
    assert_eq!((manifest.target.simulated, manifest.target.url.as_str()), (true, base.as_str()));
    assert_eq!(manifest.config["labels"], "headers", "sent as to any server");

    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(|_, _| good_stream());
    let csv = workload::even(dir.path(), 3, 10);
    let (ended, run) = run_well(dir.path(), &["--workload", &csv, "--api-base", &server.base()]);
    assert!(!run.manifest().target.simulated && !ended.stdout.contains("SIMULATED"));
}

#[test]
fn the_same_seed_gives_the_same_plan_and_the_same_answers() {
    let of = |seed: &str| {
        let dir = tempfile::tempdir().unwrap();
        let csv = workload::even(dir.path(), 8, 5);
        let (_, run) = run_well(dir.path(), &["--workload", &csv, "--seed", seed]);
        let tokens: Vec<_> = run.rows().iter().map(|row| row.completion_tokens).collect();
        (run.manifest().plan_hash.clone(), tokens)
    };
    let (first, again, other) = (of("7"), of("7"), of("8"));
    assert_eq!(first, again);
    assert_eq!(first.0, other.0, "the plan of a workload file has no chance in it");
    assert_ne!(first.1, other.1);
}

#[test]
fn json_is_the_file_and_quiet_is_quiet() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 4, 10);
    let (ended, _) = run_well(dir.path(), &["--workload", &csv, "--json", "--quiet"]);
    assert_eq!(ended.stdout, fs::read_to_string(dir.path().join("run/results.json")).unwrap());
    assert_eq!(ended.stderr, "");
    let results = results(dir.path());
    assert_eq!(
        (&results["program"], &results["state"]),
        (&"proofload-replay".into(), &"complete".into())
    );
}

#[test]
fn results_go_to_a_new_folder_and_tables_beside_the_output() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 3, 10);
    let ended = run(dir.path(), &["--workload", &csv, "--output", "mine.csv"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let folders: Vec<_> = fs::read_dir(dir.path().join("results")).unwrap().collect();
    assert_eq!(folders.len(), 1);
    let folder = folders[0].as_ref().unwrap().path();
    let name = folder.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("replay-2") && name.ends_with('Z'), "{name}");
    assert!(ended.stdout.contains(&format!("results/{name}/results.json")), "{}", ended.stdout);
    for table in ["summary.csv", "metrics.csv", "detailed.csv"] {
        let beside = format!("mine_{table}");
        assert!(ended.stdout.contains(&beside), "{}", ended.stdout);
        let read = |path: &Path| fs::read(path).unwrap();
        assert_eq!(read(&dir.path().join(beside)), read(&folder.join(table)), "{table}");
    }
    for picture in ["mine.png", "mine_client_duration.png"] {
        assert!(ended.stdout.contains(picture), "{}", ended.stdout);
        assert!(dir.path().join(picture).is_file(), "{picture}");
    }
    assert!(ended.stdout.contains(&format!("results/{name}/charts: ")), "{}", ended.stdout);
    assert!(folder.join("charts/latency.svg").is_file());
}

#[test]
fn the_warm_up_is_sent_and_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 10, 10);
    let (ended, run) = run_well(dir.path(), &["--workload", &csv, "--warmup", "4"]);
    assert_eq!((run.rows().len(), run.manifest().warmup_requests), (10, 4));
    let results = results(dir.path());
    let counts = ["planned", "sent", "ok", "warmup"].map(|name| results["counts"][name].clone());
    assert_eq!(counts, [10, 10, 10, 4].map(Value::from));
    let samples = ["latency_ms", "ttft_ms"].map(|name| results["metrics"][name]["n"].clone());
    assert_eq!(samples, [6, 6].map(Value::from));
    let warm: Vec<_> =
        table(dir.path(), "summary.csv").iter().map(|row| row["warmup"] == "true").collect();
    assert_eq!(warm, [[true; 4].as_slice(), &[false; 6]].concat());
    assert!(ended.stdout.contains("Warm-up: the first 4 of the plan"), "{}", ended.stdout);
}

#[test]
fn limit_and_speed_shape_the_plan() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 10, 1_000);
    let (_, run) = run_well(dir.path(), &["--workload", &csv, "--limit", "5", "--speed", "100"]);
    let due: Vec<_> = run.plan().iter().map(|row| row.due_ns).collect();
    assert_eq!(due, [0, 10_000_000, 20_000_000, 30_000_000, 40_000_000]);
    assert_eq!(run.rows().len(), 5);
}

#[test]
fn one_in_flight_waits_and_keeps_its_due_time() {
    let dir = tempfile::tempdir().unwrap();
    let (_simulator, base) = simulator(&["decode=10ms", "fill=1"]);
    let csv = workload::write(dir.path(), (0..8).map(|at| (at * 5, workload::streamed(4))));
    let flags = ["--workload", &csv, "--api-base", &base, "--max-in-flight", "1", "--threads", "2"];
    let (_, run) = run_well(dir.path(), &flags);
    let mut rows = run.rows().to_vec();
    rows.sort_by_key(|row| row.written.get());
    for pair in rows.windows(2) {
        assert!(pair[0].done.get() <= pair[1].written.get(), "{pair:?}");
    }
    for row in run.rows() {
        assert_eq!(row.due.get(), Some(u64::from(row.index) * 5_000_000));
        assert!(row.started.get() >= row.due.get() && row.started.get() <= row.connected.get());
    }
    // Those before it take 30 ms each, and it is due 5 ms after the one before.
    let last = run.rows().last().unwrap();
    assert!(
        last.permit_wait_ns > 100_000_000 && last.ttft_ns() > last.ttft_service_ns(),
        "{last:?}"
    );
}

#[test]
fn chunks_are_kept_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 4, 10);
    let (_, run) = run_well(dir.path(), &["--workload", &csv, "--chunks"]);
    let kept: Vec<_> = run.chunks().unwrap().unwrap().map(Result::unwrap).collect();
    assert_eq!(kept.len(), 4);
    for chunks in kept {
        let row = run.rows()[chunks.index as usize];
        assert_eq!(chunks.arrivals_ns.len(), row.chunks as usize);
        assert!(chunks.arrivals_ns.is_sorted());
    }
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 4, 10);
    let (_, run) = run_well(dir.path(), &["--workload", &csv]);
    assert!(run.chunks().unwrap().is_none());
}

#[test]
fn labels_travel_where_they_are_told() {
    for (flags, in_body, in_headers) in [
        (&[] as &[&str], false, true),
        (&["--labels", "headers"], false, true),
        (&["--labels", "body"], true, false),
        (&["--labels", "none"], false, false),
        (&["--logos-key", "sk-1234"], true, false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(|_, _| good_stream());
        let base = server.base();
        let csv = workload::even(dir.path(), 3, 10);
        let flags = [flags, &["--workload", &csv, "--api-base", &base, "--threads", "1"]].concat();
        run_well(dir.path(), &flags);
        let mut sent: Vec<_> = server.requests().iter().map(labels).collect();
        sent.sort();
        let mut wanted =
            [("interactive", "low", 1), ("batch", "mid", 5), ("interactive", "high", 10)].map(
                |(mode, name, number)| {
                    let body = (in_body).then(|| (mode.to_owned(), number));
                    (body, in_headers.then(|| (mode.to_owned(), name.to_owned())))
                },
            );
        wanted.sort();
        assert_eq!(sent, wanted, "{flags:?}");
    }
}

type Labels = (Option<(String, u64)>, Option<(String, String)>);

/// Mode and priority as the body and as the headers have them.
fn labels(request: &Received) -> Labels {
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let header = |name| request.header(name).map(str::to_owned);
    let of_body = body["mode"].as_str().map(str::to_owned).zip(body["priority"].as_u64());
    (of_body, header("x-proofload-mode").zip(header("x-proofload-priority")))
}

#[test]
fn a_request_carries_its_headers_and_an_id_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(|_, _| good_stream());
    let base = server.base() + "/llm/v1";
    let csv = workload::even(dir.path(), 3, 10);
    let flags = ["--workload", &csv, "--api-base", &base, "--header", "X-Team: proof"];
    let (_, run) = run_well(dir.path(), &flags);
    let mut ids: Vec<_> = server
        .requests()
        .iter()
        .map(|request| {
            assert!(request.head.starts_with("POST /llm/v1/chat/completions HTTP/1.1"));
            assert_eq!(request.header("x-team"), Some("proof"));
            assert_eq!(request.header("content-type"), Some("application/json"));
            request.header("x-request-id").unwrap().to_owned()
        })
        .collect();
    ids.sort();
    let run_id = &run.manifest().run_id;
    assert_eq!(ids, [0, 1, 2].map(|index| format!("{run_id}-{index}")));
}

#[test]
fn bodies_are_made_to_stream_unless_left_as_written() {
    let bodies = || [workload::streamed(3), workload::plain(3), workload::plain(3)];
    for (flags, changed, streamed) in [
        (&[] as &[&str], 2, [true, true, true]),
        (&["--stream", "as-written"], 0, [true, false, false]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let csv = workload::write(dir.path(), [0, 20, 40].into_iter().zip(bodies()));
        let (ended, run) = run_well(dir.path(), &[flags, &["--workload", &csv]].concat());
        assert_eq!(run.manifest().stream_changed, changed, "{flags:?}");
        let rows: Vec<_> = run.rows().iter().map(|row| row.flags.has(Flags::STREAMED)).collect();
        assert_eq!(rows, streamed, "{flags:?}");
        for (row, streamed) in table(dir.path(), "summary.csv").iter().zip(streamed) {
            for column in ["ttft_ms", "tpot_ms"] {
                assert_eq!(row[column].is_empty(), !streamed, "{flags:?} {column}: {row:?}");
            }
            assert!(!row["total_latency_ms"].is_empty() && !row["tokens"].is_empty(), "{row:?}");
        }
        let ttft = &results(dir.path())["metrics"]["ttft_ms"]["n"];
        assert_eq!(ttft, &Value::from(streamed.iter().filter(|on| **on).count()), "{flags:?}");
        let says = ended.stdout.contains("2 bodies were changed to ask for a stream");
        assert_eq!(says, changed > 0, "how many were changed: {}", ended.stdout);
    }
}

#[test]
fn either_pacing_and_any_threads_send_everything() {
    for flags in
        [["--pacing", "precise", "--threads", "1"], ["--pacing", "balanced", "--threads", "3"]]
    {
        let dir = tempfile::tempdir().unwrap();
        let csv = workload::even(dir.path(), 10, 10);
        let (_, run) = run_well(dir.path(), &[&flags, &["--workload", &csv] as &[_]].concat());
        let workers = run.manifest().workers;
        assert_eq!(workers.to_string(), flags[3]);
        for row in run.rows() {
            assert_eq!(u32::from(row.worker), row.index % u32::from(workers), "{flags:?}");
            assert!(row.end.is_ok() && row.started.get() >= row.due.get(), "{flags:?}: {row:?}");
        }
    }
}

#[test]
fn an_unchecked_certificate_is_warned_of() {
    let dir = tempfile::tempdir().unwrap();
    let base = format!("https://{}", dead_address());
    for (flags, warns) in [(&[] as &[&str], false), (&["--insecure"], true)] {
        let ended = run(dir.path(), &[flags, &["--api-base", &base]].concat());
        assert_eq!(ended.code(), Some(69), "{ended:?}");
        assert_eq!(ended.stderr.contains("warning: --insecure"), warns, "{}", ended.stderr);
    }
}

#[test]
fn the_latency_objective_counts_failures() {
    let dir = tempfile::tempdir().unwrap();
    let (_simulator, base) = simulator(&["script=ok,http-500,ok,http-500"]);
    let csv = workload::even(dir.path(), 4, 20);
    let flags = ["--workload", &csv, "--api-base", &base, "--latency-slo-ms", "60000"];
    run_well(dir.path(), &flags);
    let results = results(dir.path());
    let slo = ["met", "n", "share", "limit_ms"].map(|name| results["slo"][name].as_f64().unwrap());
    assert_eq!(slo, [2.0, 4.0, 0.5, 60_000.0]);
}

#[test]
fn a_verdict_decides_the_exit_code_and_the_objective_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let csv = workload::even(dir.path(), 10, 20);
    let slo = "*: latency max < 1us";
    for (out, flags, undecided) in [
        ("missed", &["--slo", slo] as &[&str], 4),
        ("both", &["--slo", "*: errors < 1%", "--slo", slo], 4),
        ("open", &["--slo", "*: errors < 1%"], 4),
        ("allowed", &["--slo", "*: errors < 1%", "--allow-undecided"], 0),
    ] {
        let ended = run(dir.path(), &[flags, &["--workload", &csv, "--out", out]].concat());
        let run = dir.path().join(out);
        let results: Value =
            serde_json::from_slice(&fs::read(run.join("results.json")).unwrap()).unwrap();
        // On a machine that was too slow nothing is concluded.
        let judged = flags.contains(&slo) && results["validity"]["verdict"] == "valid";
        assert_eq!(ended.code(), Some(if judged { 1 } else { undecided }), "{out}: {ended:?}");
        assert!(ended.stdout.contains("Objectives: "), "{}", ended.stdout);
        let run = proofload_run_dir::RunDir::open(&run).unwrap();
        let asked: Vec<_> = flags.iter().copied().filter(|flag| flag.contains(':')).collect();
        assert_eq!(run.manifest().slos, asked);
    }
    let ended = run(dir.path(), &["--slo", "*: latency p95 < 5", "--out", "never"]);
    assert_eq!(ended.code(), Some(2));
    assert!(ended.stderr.contains("column 18: a unit is missing"), "{}", ended.stderr);
    assert!(!dir.path().join("never").exists());
}
