//! What is no flag, and what is said of it.

use crate::program::run;

#[test]
fn what_is_wrong_with_a_flag_is_said() {
    for (flags, said) in [
        (&["--workers", "0"] as &[_], "expected a whole number from 1 to 1000000, such as 20"),
        (&["--containers", "-1"], "expected a whole number from 1 to 1000000, such as 100"),
        (&["--worker-cpu", "4194304"], "expected a whole number from 1 to 4194303"),
        (&["--container-memory", "0"], "expected a whole number from 1 to 16777215"),
        (&["--gpu-workers", "21"], "gpu-workers is 21, of 20 workers"),
        (&["--mix", "gpus"], "expected `cpu`, `gpu` or `mixed`; the nearest is `gpu`"),
        (&["--policy", "bestfit"], "the nearest is `best-fit`"),
        (&["--preset", "100/30"], "the nearest is `100/20`"),
        (&["--strategy", "our"], "the nearest is `ours`"),
        (&["--store", "redis"], "expected `memory`"),
        (&["--op-delay", "5"], "write 5s or 5ms"),
        (&["--op-delay", "2s"], "expected at most 1s"),
        (&["--op-delay", "-1ms"], "\"-1ms\" is not a duration; write a number and a unit"),
        (&["--target-time", "0s"], "expected more than nothing"),
        (&["--target-time", "-1s"], "\"-1s\" is not a duration; write a number and a unit"),
        (&["--policy", "random"], "expected `spread`, `best-fit` or `affinity`\n"),
        (&["--arrival-rate", "0"], "expected a number from 0.001 to 10000000"),
        (&["--repeat", "1e3"], "expected a whole number from 1 to 10000"),
        (&["--replicas", "65"], "expected a whole number from 1 to 64"),
        (&["--worker", "3"], "--worker"),
        (&["--go-bench", "--gate"], "'--go-bench' cannot be used with '--gate'"),
        (&["--go-bench", "--json"], "'--go-bench' cannot be used with '--json'"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let ended = run(dir.path(), flags);
        assert_eq!(ended.code, Some(2), "{flags:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{flags:?}: {}", ended.stderr);
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            0,
            "{flags:?}: nothing is written"
        );
    }
}

#[test]
fn a_gate_needs_59_runs() {
    for (flags, code) in [
        (&["--repeat", "58"] as &[_], 0),
        (&["--repeat", "58", "--gate"], 4),
        (&["--repeat", "58", "--gate", "--allow-undecided"], 0),
        (&["--repeat", "59", "--gate"], 0),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let ended = run(dir.path(), &[flags, &["--strategy", "ours", "--out", "run"]].concat());
        assert_eq!(ended.code, Some(code), "{flags:?}: {ended:?}");
        assert!(ended.stdout.contains("95% of runs are under 2s: "), "{}", ended.stdout);
    }
}

#[test]
fn the_window_stands_on_a_line_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--strategy", "ours", "--containers", "50", "--repeat", "1", "--out", "run"];
    let ended = run(dir.path(), &flags);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let line = ended.stdout.lines().find(|line| line.contains("Waiting for the window:")).unwrap();
    let ms: f64 = line.split_whitespace().nth(4).unwrap().parse().unwrap();
    assert!(
        line.contains(" ms (") && (40.0..2_000.0).contains(&ms),
        "50 are no full batch: {line}"
    );
}

#[test]
fn containers_that_come_by_and_by_and_several_replicas_are_all_placed() {
    for flags in [
        &["--arrival-rate", "5000"] as &[_],
        &["--replicas", "4", "--containers", "1000", "--workers", "40"],
        &["--op-delay", "200us", "--strategy", "ours"],
        &["--adaptive", "--strategy", "ours", "--containers", "7"],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let ended =
            run(dir.path(), &[flags, &["--repeat", "2", "--out", "run", "--json"]].concat());
        let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        let counts = &json["counts"];
        assert_eq!(counts["planned"], counts["placed"], "{flags:?}: {counts}");
        let books = json["verdicts"].as_array().unwrap().iter().find(|v| v["name"] == "books");
        assert_eq!(books.unwrap()["verdict"], "met", "{flags:?}: {ended:?}");
    }
}
