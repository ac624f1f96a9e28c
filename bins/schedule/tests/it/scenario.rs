//! Scenario files.

use crate::program::run;

#[test]
fn a_file_is_a_scenario_and_flags_override_it() {
    let dir = tempfile::tempdir().unwrap();
    let file =
        "workers = 8\ncontainers = 16\nrepeat = 1\ntarget-time = '1s'\npolicy = 'affinity'\n";
    std::fs::write(dir.path().join("mine.toml"), file).unwrap();
    let flags = [
        "--scenario",
        "mine.toml",
        "--containers",
        "24",
        "--strategy",
        "ours",
        "--json",
        "--out",
        "run",
    ];
    let ended = run(dir.path(), &flags);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let scenario = &json["scenario"];
    assert_eq!((&scenario["workers"], &scenario["containers"]), (&8.into(), &24.into()));
    assert_eq!(
        (&scenario["policy"], &scenario["target_time_s"]),
        (&"affinity".into(), &1.0.into())
    );
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    for (text, said) in [
        (
            "workers = 20\n\ncontainer = 5\n",
            "mine.toml:3:1: unknown key `container`; the nearest is `containers`",
        ),
        ("workers = 0", "mine.toml:1:11: `workers`: expected a whole number from 1 to 1000000"),
        ("workers = \n", "mine.toml:1:"),
        (
            "workers = 2\n  gpu-workers = 3",
            "mine.toml:2:3: gpu-workers is 3, of 2 workers; leave some out, or raise workers",
        ),
        ("gpu-workers = 21", "mine.toml:1:1: gpu-workers is 21, of 20 workers"),
        ("workers = 2\nseed = 3", "mine.toml:2:1: unknown key `seed`; known are workers, "),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("mine.toml"), text).unwrap();
        let ended = run(dir.path(), &["--scenario", "mine.toml", "--out", "run"]);
        assert_eq!(ended.code, Some(65), "{ended:?}");
        assert!(ended.stderr.contains(said), "{text:?}: {}", ended.stderr);
    }
    let dir = tempfile::tempdir().unwrap();
    let ended = run(dir.path(), &["--scenario", "none.toml"]);
    assert_eq!(ended.code, Some(65), "{ended:?}");
    assert!(ended.stderr.contains("cannot read scenario none.toml"), "{}", ended.stderr);
}

#[test]
fn a_file_that_is_no_text_is_said_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mine.toml"), b"workers = 20\npolicy = '\xe9'\n").unwrap();
    let ended = run(dir.path(), &["--scenario", "mine.toml", "--out", "run"]);
    assert_eq!(ended.code, Some(65), "{ended:?}");
    assert!(ended.stderr.contains("mine.toml:2:11: expected UTF-8"), "{}", ended.stderr);
}

/// Then it is the flag that contradicts, though the file has the other half.
#[test]
fn a_flag_that_contradicts_a_file_is_a_wrong_flag() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mine.toml"), "gpu-workers = 10").unwrap();
    let flags = ["--scenario", "mine.toml", "--workers", "4"];
    let ended = run(dir.path(), &flags);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("gpu-workers is 10, of 4 workers"), "{}", ended.stderr);
}
