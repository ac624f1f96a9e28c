//! What a server's own log said, added to a run that is over.

use crate::support::{open, sealed};
use proofload_record::{Served, ServerSide, Unmatched};
use proofload_run_dir::{OpenError, RunDir, write_server_side};
use std::fs;
use std::process::Command;

fn side() -> ServerSide {
    let row = |index| Served { index, queue_wait_ns: Some(7), ..Served::default() };
    ServerSide {
        source: "sqlite:server.sqlite".to_owned(),
        rows: vec![row(0), row(2)],
        not_in_log: Unmatched { count: 1, first: vec!["id-1".to_owned()] },
        problems: vec!["one is missing".to_owned()],
        ..ServerSide::default()
    }
}

#[test]
fn it_is_attached_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = sealed(&dir.path().join("run"), 3, 3);
    let mut run = open(&path);
    assert_eq!(run.server(), None);
    run.attach_server(side()).unwrap();
    assert_eq!(run.server(), Some(&side()));
    let run = open(&path);
    assert_eq!(run.server(), Some(&side()));
    assert!(run.recovery().damage.is_empty(), "{:?}", run.recovery());
    let found = run.server().unwrap();
    assert_eq!((found.get(2), found.get(1)), (Some(&side().rows[1]), None));
    assert!(found.is_degraded());

    // A second join takes the place of the first.
    write_server_side(&path, &ServerSide::default()).unwrap();
    assert_eq!(open(&path).server(), Some(&ServerSide::default()));
}

#[test]
fn a_join_that_was_cut_off_or_altered_is_named_and_the_run_stays() {
    for (name, alter, kept, want) in [
        ("no json", "rm server.json", None, "server.csv is there without server.json"),
        ("no table", "rm server.csv", None, "server.csv is missing"),
        ("broken json", "echo { > server.json", None, "server.json: EOF"),
        ("cut table", "head -n 2 server.csv > x; mv x server.csv", Some(1), "expected 2 rows"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = sealed(&dir.path().join("run"), 3, 3);
        write_server_side(&path, &side()).unwrap();
        let altered = Command::new("sh").arg("-c").arg(alter).current_dir(&path).status();
        assert!(altered.unwrap().success(), "{name}");
        let run = open(&path);
        assert_eq!(run.rows().len(), 3, "{name}");
        assert_eq!(run.server().map(|side| side.rows.len()), kept, "{name}");
        let damage = run.recovery().damage.join("\n");
        assert!(damage.contains(want), "{name}: {damage}");
    }
}

#[test]
fn a_newer_form_is_refused_by_its_version() {
    let dir = tempfile::tempdir().unwrap();
    let path = sealed(&dir.path().join("run"), 3, 3);
    write_server_side(&path, &side()).unwrap();
    let json = fs::read_to_string(path.join("server.json")).unwrap();
    let newer = json.replace("\"schema_version\": 1", "\"schema_version\": 2");
    fs::write(path.join("server.json"), newer).unwrap();
    let refused = RunDir::open(&path).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { found: 2, known: 1, .. }), "{refused}");
}
