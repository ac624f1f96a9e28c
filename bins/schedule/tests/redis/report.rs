//! A good run: what it prints and keeps, what it counts, and what it leaves on the server.

use std::fs;
use std::path::Path;

use proofload_redis_process::{Options, RedisProcess};
use serde_json::Value;

use super::{Test, ask, keys, server};
use crate::program::run;

pub(crate) const TESTS: &[Test] = &[
    ("a run prints the report and leaves no key", a_run_prints_the_report_and_leaves_no_key),
    ("each strategy costs what it should", each_strategy_costs_what_it_should),
    ("somebody else's commands are told apart", somebody_elses_commands_are_told_apart),
    ("a delay is stated as it came to be", a_delay_is_stated_as_it_came_to_be),
    ("keys are kept where that is asked", keys_are_kept_where_that_is_asked),
    ("the password is nowhere", the_password_is_nowhere),
    ("containers that come by and by are delivered", containers_that_come_by_and_by_are_delivered),
];

fn a_run_prints_the_report_and_leaves_no_key() {
    let server = server();
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--store", &server.url(), "--strategy", "ours", "--out", "run"];
    let ended = run(dir.path(), &flags);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for said in [
        "  - Store: redis://127.0.0.1:",
        "  - Run: ",
        " of 5\n",
        "  Total duration:  ",
        "  Lock acquisitions:       0 (0.0 per container)     ✅ one per worker\n",
        "  Round trips:             5 (0.1 per container)\n",
        "  Delivered to workers:    100 (fetched, acknowledged, given back)\n",
        "✓ No workers with negative capacity (no double-booking)\n",
        "=== Performance Test PASSED ===",
        "Runs of ours that meet every goal: 5 of 5\n",
        "counts as many commands as we do: 5 of 5\n",
        "  Delivered                   100 of 100\n",
    ] {
        assert!(ended.stdout.contains(said), "{said:?} is missing in {}", ended.stdout);
    }
    assert_eq!(keys(&server), Vec::<String>::new());
    let page = fs::read_to_string(dir.path().join("run/report.html")).unwrap();
    assert!(page.contains("Enqueued to delivered, p99") && page.contains("Round trips"));
}

fn strategies(dir: &Path) -> Vec<Value> {
    let json = fs::read_to_string(dir.join("run/results.json")).unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    json["strategies"].as_array().unwrap().clone()
}

/// The figures of a hundred on twenty, as the strategies' sequences of calls give them. Of ours the calls
/// are given, and how many commands their scripts may take.
fn each_strategy_costs_what_it_should() {
    let server = server();
    let dir = tempfile::tempdir().unwrap();
    // On a machine that is busy a run may take longer than a cached worker is good for by default.
    let flags = ["--store", &server.url(), "--repeat", "2", "--cache-ttl-ms", "3600000"];
    let ended = run(dir.path(), &[&flags[..], &["--out", "run"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for (strategy, (trips, commands, locks)) in strategies(dir.path()).iter().zip([
        (6_900.0, 11_100.0, 2_100.0),
        (500.0, 700.0, 100.0),
        (442.0, 522.0, 40.0),
        (5.0, 70.0, 0.0),
    ]) {
        let is_ours = strategy["name"] == "ours";
        let of = |metric: &str, limit: &str| strategy["metrics"][metric][limit].as_f64().unwrap();
        for limit in ["min", "max"] {
            assert_eq!(of("round_trips", limit), trips, "{strategy}");
            let counted = of("server_commands", limit);
            assert!(counted == commands || (is_ours && counted < commands), "{strategy}");
            assert_eq!(of("lock_acquisitions", limit), locks, "{strategy}");
            assert!(of("server_cpu_us", limit) > 0.0, "{strategy}");
            assert!(of("bytes_sent", limit) > of("round_trips", limit), "{strategy}");
            assert!(of("bytes_received", limit) > 0.0, "{strategy}");
        }
        for info in strategy["info"].as_array().unwrap() {
            assert_eq!((&info["equal"], &info["delivered"]), (&true.into(), &100.into()), "{info}");
            let of = |name: &str| info[name].as_u64().unwrap();
            assert_eq!(of("server_commands"), of("strategy_commands") + of("beside_commands"));
        }
    }
    let table = fs::read_to_string(dir.path().join("run/summary.csv")).unwrap();
    let mut table = csv::Reader::from_reader(table.as_bytes());
    let head = table.headers().unwrap().clone();
    let place = head.iter().position(|column| column == "server_commands").unwrap();
    let rows: Vec<_> = table.records().map(|row| row.unwrap()[place].to_owned()).collect();
    let ours = rows[3].clone();
    assert_eq!(rows, ["11100", "700", "522", &ours, &ours, "522", "700", "11100"]);
    assert_eq!(keys(&server), Vec::<String>::new());
}

/// Somebody uses the same server all the while: the difference is there, and is theirs.
fn somebody_elses_commands_are_told_apart() {
    let server = server();
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--store", &server.url(), "--strategy", "old", "--repeat", "1", "--out", "run"];
    let ended = std::thread::scope(|scope| {
        let program = scope.spawn(|| run(dir.path(), &flags));
        while !program.is_finished() {
            ask(&server, &["ECHO", "somebody"]);
        }
        program.join().unwrap()
    });
    assert!(ended.stdout.contains(" of others who used the server meanwhile"), "{ended:?}");
    assert!(ended.stdout.contains("counts as many commands as we do: 0 of 1"), "{ended:?}");
    let info = &strategies(dir.path())[0]["info"][0];
    assert_eq!((&info["equal"], &info["strategy_commands"]), (&false.into(), &11_100.into()));
}

fn a_delay_is_stated_as_it_came_to_be() {
    let server = server();
    let dir = tempfile::tempdir().unwrap();
    let url = server.url();
    let flags =
        ["--store", &url, "--rtt-ms", "20", "--strategy", "ours", "--repeat", "1", "--json"];
    let ended = run(dir.path(), &[&flags[..], &["--containers", "10", "--adaptive"]].concat());
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    let delay = &json["store"]["delay"];
    let of = |name: &str| delay[name].as_f64().unwrap();
    assert_eq!(of("asked_us"), 20_000.0);
    let off = 100.0 * (of("added_us") - 20_000.0).abs() / 20_000.0;
    assert!((of("off_percent") - off).abs() < 1e-6, "{delay}");
    assert_eq!(ended.stderr.contains("not what was asked for"), off > 10.0, "{ended:?}");
    // At least the join, the load, the claim, the commit and its answer: a delay each.
    let metrics = &json["strategies"][0]["metrics"];
    let of = |metric: &str| metrics[metric]["median"].as_f64().unwrap();
    assert!(of("total_us") >= 4.0 * 18_000.0, "{metrics}");
    assert!(of("round_trips") >= 5.0, "{metrics}");
}

fn keys_are_kept_where_that_is_asked() {
    let server = server();
    let dir = tempfile::tempdir().unwrap();
    let url = server.url();
    let flags = ["--store", &url, "--prefix", "mine", "--strategy", "ours", "--repeat", "2"];
    let ended = run(dir.path(), &[&flags[..], &["--keep-keys", "--out", "run"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let kept = keys(&server);
    assert!(kept.contains(&"{mine:ours-1}:meta".to_owned()), "{kept:?}");
    assert!(kept.contains(&"{mine:ours-2}:fleet".to_owned()), "{kept:?}");
    let of_runs =
        |key: &String| key.starts_with("{mine:ours-1}:") || key.starts_with("{mine:ours-2}:");
    assert!(kept.iter().all(of_runs), "nothing else is kept: {kept:?}");
    // The next one does not write over them.
    let again = run(dir.path(), &[&flags[..], &["--out", "again"]].concat());
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("was run with --keep-keys"), "{again:?}");
    assert_eq!(keys(&server), kept);
    assert!(!dir.path().join("again").exists());
}

fn the_password_is_nowhere() {
    let password = "planted word%";
    let server =
        RedisProcess::start(Options { password: Some(password.to_owned()), ..Options::default() });
    let server = server.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let address = format!("redis://{}", server.address());
    let common = ["--strategy", "lock", "--repeat", "1", "--replicas", "2"];
    let visible = server.url();
    let ended = run(dir.path(), &[&["--store", &visible, "--out", "run"], &common[..]].concat());
    assert_eq!(ended.code, Some(1), "one lock a container is no batching: {ended:?}");
    assert!(ended.stderr.contains("warning: the password in --store can be seen"), "{ended:?}");
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains("planted"), "{text}");
    }
    for entry in fs::read_dir(dir.path().join("run")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains("planted"), "{}", path.display());
        }
    }
    let record = fs::read_to_string(dir.path().join("run/run.json")).unwrap();
    assert!(record.contains(&format!("redis://:***@{}", server.address())), "{record}");
    // By the environment, which nobody else sees.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_proofload-schedule"));
    command.current_dir(dir.path()).args(common).env("REDIS_PASSWORD", password);
    command.args(["--store", &address, "--password-env", "REDIS_PASSWORD", "--out", "second"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(!String::from_utf8(output.stderr).unwrap().contains("warning: the password"));
}

fn containers_that_come_by_and_by_are_delivered() {
    let server = server();
    let url = server.url();
    for flags in [
        &["--strategy", "all", "--arrival-rate", "500"] as &[_],
        &["--strategy", "all", "--arrival-rate", "500", "--replicas", "2"],
        &["--strategy", "ours", "--preset", "mixed"],
        &["--strategy", "ours", "--containers", "30", "--workers", "7", "--batch", "4"],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let common = ["--store", &url, "--repeat", "1", "--out", "run", "--json", "--adaptive"];
        let ended = run(dir.path(), &[&common[..], flags].concat());
        let json: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(json["counts"]["planned"], json["counts"]["placed"], "{flags:?}: {ended:?}");
        for strategy in json["strategies"].as_array().unwrap() {
            assert_eq!(strategy["info"][0]["equal"], true, "{flags:?}: {strategy}");
        }
        for delivery in json["deliveries"].as_array().unwrap() {
            assert_eq!(delivery["delivered"], delivery["placed"], "{flags:?}: {delivery}");
            assert_eq!(delivery["faults"], Value::Array(Vec::new()), "{flags:?}");
            let of = |name: &str| delivery[name].as_f64().unwrap();
            assert!(of("p50_us") > 0.0 && of("p50_us") <= of("p99_us"), "{flags:?}: {delivery}");
        }
        let books = json["verdicts"].as_array().unwrap().iter().find(|v| v["name"] == "books");
        assert_eq!(books.unwrap()["verdict"], "met", "{flags:?}: {ended:?}");
        assert_eq!(keys(&server), Vec::<String>::new(), "{flags:?}");
    }
}
