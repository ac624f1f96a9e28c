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
        ("workers = 2\ngpu-workers = 3", "--gpu-workers 3 of 2 workers"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("mine.toml"), text).unwrap();
        let ended = run(dir.path(), &["--scenario", "mine.toml", "--out", "run"]);
        assert_eq!(ended.code, Some(if said.contains(".toml") { 65 } else { 2 }), "{ended:?}");
        assert!(ended.stderr.contains(said), "{text:?}: {}", ended.stderr);
    }
    let dir = tempfile::tempdir().unwrap();
    let ended = run(dir.path(), &["--scenario", "none.toml"]);
    assert_eq!(ended.code, Some(65), "{ended:?}");
    assert!(ended.stderr.contains("cannot read scenario none.toml"), "{}", ended.stderr);
}
