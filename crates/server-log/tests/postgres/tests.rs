//! What PostgreSQL must do as SQLite does, and what only it can do wrong.

use super::Database;
use super::cluster::PASSWORD;
use crate::support::{
    BEGAN_NS, id, look, look_for, problems, reason, row, rows_of, served, want, write,
};
use proofload_record::{Served, ServerRow};
use proofload_server_log::{Mapping, ReadError, Source, Wanted, Writer, check};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

type Test = fn(&Database);

pub(crate) const TESTS: [(&str, Test); 14] = [
    ("what is written is read", what_is_written_is_read),
    ("many rows are read in batches", many_rows_are_read_in_batches),
    ("a request sent again has two rows", a_request_sent_again_has_two_rows),
    ("rows that are late are waited for", rows_that_are_late_are_waited_for),
    ("the newer form has one table", the_newer_form_has_one_table),
    ("tables and columns may be missing", tables_and_columns_may_be_missing),
    ("another schema of all types", another_schema_of_all_types),
    ("the table of models", the_table_of_models),
    ("times without a zone", times_without_a_zone),
    ("a time is a moment in any zone", a_time_is_a_moment_in_any_zone),
    ("nothing can be changed", nothing_can_be_changed),
    ("who may not read is told", who_may_not_read_is_told),
    ("a password is refused and not shown", a_password_is_refused_and_not_shown),
    ("a server that is not there", a_server_that_is_not_there),
];

fn what_is_written_is_read(database: &Database) {
    write(&database.source(), (0..4).map(row));
    let side = look_for(&database.source(), 6);
    assert_eq!(rows_of(&side), [0, 1, 2, 3].map(served));
    assert_eq!((side.not_in_log.first, side.missing), (vec![id(4), id(5)], vec![]));
    let want = format!("postgres://127.0.0.1:{}/{}", database.port, database.name);
    assert_eq!(side.source, want);
    assert_eq!(side.problems.len(), 1, "{:?}", side.problems);
}

fn many_rows_are_read_in_batches(database: &Database) {
    let strangers = (0..300).map(|index| ServerRow { request_id: format!("x-{index}"), ..row(1) });
    write(&database.source(), strangers.chain((0..2_500).rev().map(row)));
    // A second simulator adds to the same tables.
    write(&database.source(), (2_500..2_600).map(row));
    let side = look_for(&database.source(), 2_590);
    assert_eq!(rows_of(&side), (0..2_590).map(served).collect::<Vec<_>>());
    // Ten of ours, and the strangers of the same time.
    assert_eq!(side.not_in_run.count, 310);
    assert_eq!(problems(&side), "");
}

fn a_request_sent_again_has_two_rows(database: &Database) {
    let first = ServerRow { arrived_wall_ns: row(0).arrived_wall_ns - 5_000_000, ..row(0) };
    write(&database.source(), [first, row(0), row(1), row(1)]);
    let twice = Wanted { attempts: 2, ..want(0) };
    let wanted = [Some(twice), Some(want(1))];
    let side = look(&database.source(), &Mapping::logos(), &wanted, Duration::ZERO).unwrap();
    assert_eq!(rows_of(&side), [served(0)]);
    assert_eq!(side.ambiguous.first, [id(1)]);
}

fn rows_that_are_late_are_waited_for(database: &Database) {
    write(&database.source(), (0..2).map(row));
    let source = database.source();
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        write(&source, (2..5).map(row));
    });
    let wanted: Vec<_> = (0..5).map(|index| Some(want(index))).collect();
    let patience = Duration::from_secs(60);
    let side = look(&database.source(), &Mapping::logos(), &wanted, patience).unwrap();
    late.join().unwrap();
    assert_eq!(rows_of(&side), [0, 1, 2, 3, 4].map(served));
}

fn the_newer_form_has_one_table(database: &Database) {
    write(&database.source(), (0..3).map(row));
    database.run(
        "ALTER TABLE log_entry ADD queue_depth_at_enqueue INTEGER, \
         ADD queue_depth_at_schedule INTEGER, ADD result_status result_status_enum; \
         UPDATE log_entry e SET queue_depth_at_enqueue = r.queue_depth_at_enqueue, \
         queue_depth_at_schedule = r.queue_depth_at_schedule, result_status = r.result_status \
         FROM request_events r WHERE r.request_id = e.request_id; DROP TABLE request_events",
    );
    let side = look_for(&database.source(), 3);
    assert_eq!(rows_of(&side), [0, 1, 2].map(served));
    assert_eq!((problems(&side).as_str(), &side.missing[..]), ("", &[][..]));
}

fn tables_and_columns_may_be_missing(database: &Database) {
    let error = check(&database.source(), &Mapping::logos()).unwrap_err();
    assert!(matches!(error, ReadError::NoRequestId { .. }), "{error}");
    assert!(error.to_string().contains("there is no table `log_entry`"), "{error}");
    write(&database.source(), (0..2).map(row));
    check(&database.source(), &Mapping::logos()).unwrap();
    database.run(
        "DROP TABLE usage_tokens; ALTER TABLE log_entry DROP COLUMN time_at_first_token; \
         ALTER TABLE log_entry ALTER COLUMN load_duration_ms TYPE TEXT",
    );
    let side = look_for(&database.source(), 2);
    assert_eq!(side.rows.len(), 2);
    assert_eq!(reason(&side, "prompt_tokens"), "there is no table `usage_tokens`");
    assert_eq!(reason(&side, "ttft"), "there is no column `log_entry.time_at_first_token`");
    let wrong = "`log_entry.load_duration_ms` is of type text, expected a number";
    assert_eq!(reason(&side, "load"), wrong);
    assert_eq!(problems(&side), "", "a form of the schema is no fault");
}

/// A mapping from a text.
fn mapping(text: &str) -> Mapping {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("map.toml");
    std::fs::write(&path, text).unwrap();
    Mapping::open(&path).unwrap()
}

fn another_schema_of_all_types(database: &Database) {
    let given = "6f1c2f5e-7f0d-4c57-9a3b-2f1d5a9f0a01";
    let began_ms = BEGAN_NS / 1_000_000;
    database.run(&format!(
        "CREATE SCHEMA \"my logs\"; CREATE TABLE \"my logs\".\"r\"\"1\" (\"the id\" UUID, \
         came BIGINT, went NUMERIC, wait INTERVAL, load DOUBLE PRECISION, tokens SMALLINT, \
         cold INTEGER, model VARCHAR(9), stats JSON); \
         INSERT INTO \"my logs\".\"r\"\"1\" VALUES ('{given}', {began_ms}, {began_ms} + 40.5, \
         '1 s', 0.25, 9, 1, 'm', '{{\"it''s\": 2, \"t\": \"no\"}}')"
    ));
    let mapping = mapping(
        "time_unit = \"ms\"\n[[table]]\nname = 'my logs.r\"1'\nrequest_id = \"the id\"\n\
         [table.metrics]\narrived = \"came\"\ntotal = { from = \"came\", to = \"went\" }\n\
         queue_wait = { column = \"wait\", unit = \"s\" }\n\
         load = { column = \"load\", unit = \"s\" }\ncompletion_tokens = \"tokens\"\n\
         prompt_tokens = { column = \"stats\", json = \"it's\" }\n\
         queue_depth = { column = \"stats\", json = \"t\" }\ncold_start = \"cold\"\n\
         model = \"model\"\nresult = \"came\"\n",
    );
    // A server may write it in its answer as it likes.
    let wanted = [Some(Wanted { id: given.to_uppercase(), ..want(0) }), Some(want(1))];
    let side = look(&database.source(), &mapping, &wanted, Duration::ZERO).unwrap();
    let expected = Served {
        index: 0,
        arrived_wall_ns: Some(BEGAN_NS),
        total_ns: Some(40_500_000),
        load_ns: Some(250_000_000),
        completion_tokens: Some(9),
        prompt_tokens: Some(2),
        cold_start: Some(true),
        model: Some("m".into()),
        result: Some(began_ms.to_string().into()),
        ..Served::default()
    };
    assert_eq!(rows_of(&side), [expected]);
    let wrong = "`my logs.r\"1.wait` is of type interval, expected a number";
    assert_eq!(reason(&side, "queue_wait"), wrong);
    assert!(problems(&side).contains(wrong), "{:?}", side.problems);
    let wrong = "`t` in `my logs.r\"1.stats` cannot be read in 1 rows, such as what is no number";
    assert!(problems(&side).contains(wrong), "{:?}", side.problems);
    assert_eq!(side.not_in_run.count, 0);
    assert_eq!(side.not_in_log.first, [id(1)]);
}

fn the_table_of_models(database: &Database) {
    let models = || proofload_server_log::models(&database.source(), &Mapping::logos()).unwrap();
    assert_eq!(models(), Vec::<String>::new(), "there is no such table");
    write(&database.source(), (0..3).map(row));
    let mut found = models();
    found.sort();
    let mut want: Vec<_> = (0..3).filter_map(|index| row(index).model).collect();
    want.sort();
    want.dedup();
    assert_eq!(found, want);
}

fn times_without_a_zone(database: &Database) {
    write(&database.source(), (0..3).map(row));
    // What a server on local time would have written: two hours ahead of UTC.
    database.run(
        "ALTER TABLE log_entry \
         ALTER timestamp_request TYPE TIMESTAMP USING timestamp_request AT TIME ZONE 'UTC-2', \
         ALTER time_at_first_token TYPE TIMESTAMP USING time_at_first_token AT TIME ZONE 'UTC-2', \
         ALTER timestamp_response TYPE TIMESTAMP USING timestamp_response AT TIME ZONE 'UTC-2'; \
         DROP TABLE request_events",
    );
    let side = look_for(&database.source(), 3);
    let found = problems(&side);
    assert!(found.contains("ahead of ours") && found.contains("look like +02:00"), "{found}");
    assert_eq!(side.rows[1].ttft_ns, served(1).ttft_ns);

    let logos = include_str!("../../src/logos.toml");
    database.run(&format!(
        "INSERT INTO log_entry (request_id, timestamp_request) SELECT name, timestamp_request + \
         later FROM log_entry, (VALUES ('now', INTERVAL '0'), ('later', INTERVAL '1 h')) AS \
         strangers (name, later) WHERE request_id = '{}'",
        id(1)
    ));
    let zoned = mapping(&format!("time_zone = \"+02:00\"\n{logos}"));
    let wanted = [0, 1, 2].map(|index| Some(want(index)));
    let side = look(&database.source(), &zoned, &wanted, Duration::ZERO).unwrap();
    assert_eq!(problems(&side), "");
    assert_eq!(side.not_in_run.first, ["now"]);
    assert_eq!(side.rows[1].arrived_wall_ns, served(1).arrived_wall_ns);
}

fn a_time_is_a_moment_in_any_zone(database: &Database) {
    write(&database.source(), (0..2).map(row));
    database.run(&format!(
        "ALTER DATABASE \"{}\" SET timezone = 'America/St_Johns'; \
         UPDATE log_entry SET time_at_first_token = 'infinity' WHERE request_id LIKE '%-1'",
        database.name
    ));
    let side = look_for(&database.source(), 2);
    let expected = Served { ttft_ns: None, ..served(1) };
    assert_eq!(rows_of(&side), [served(0), expected]);
    assert_eq!(problems(&side), "");
}

fn nothing_can_be_changed(database: &Database) {
    database.run(
        "CREATE TABLE victim (a INTEGER); CREATE FUNCTION intrude() RETURNS TEXT AS \
         $$ BEGIN INSERT INTO victim VALUES (1); RETURN 'x'; END $$ LANGUAGE plpgsql; \
         CREATE VIEW log AS SELECT intrude() AS id, 1 AS n",
    );
    let mapping = mapping(
        "[[table]]\nname = \"log\"\nrequest_id = \"id\"\n[table.metrics]\ncold_start = \"n\"\n",
    );
    let side = look(&database.source(), &mapping, &[Some(want(0))], Duration::ZERO).unwrap();
    let found = problems(&side);
    assert!(found.contains("stopped answering, and 1 requests were not looked up"), "{found}");
    assert!(found.contains("in a read-only transaction"), "{found}");
    database.run("DO $$ BEGIN ASSERT (SELECT count(*) = 0 FROM victim); END $$");
}

fn who_may_not_read_is_told(database: &Database) {
    write(&database.source(), [row(0)]);
    database.run("CREATE ROLE guest LOGIN PASSWORD 'planted-guest'");
    let source: Source = database.url_of("guest", "planted-guest").parse().unwrap();
    let side = look(&source, &Mapping::logos(), &[Some(want(0))], Duration::ZERO).unwrap();
    assert!(problems(&side).contains("permission denied for"), "{side:?}");
    assert_eq!(side.not_in_log.count, 0, "nobody looked");
    assert_eq!(reason(&side, "ttft"), "the log cannot be read");
    let before = check(&source, &Mapping::logos()).unwrap_err().to_string();
    assert!(before.contains("permission denied for"), "{before}");
}

fn a_password_is_refused_and_not_shown(database: &Database) {
    for (url, want) in [
        (database.url_of("proofload", "planted-wrong"), "the user or the password is refused"),
        (database.url_of("nobody-here", "planted-wrong"), "the user or the password is refused"),
        (database.url().replace(&database.name, "nowhere"), "there is no database of that name"),
    ] {
        let source: Source = url.parse().unwrap();
        let error = look(&source, &Mapping::logos(), &[Some(want_first())], Duration::ZERO);
        let error = error.unwrap_err();
        let shown = format!("{error} {error:?} {source} {source:?}");
        assert!(shown.contains(want), "{shown}");
        for hidden in ["planted", "nobody-here", "proofload:"] {
            assert!(!shown.contains(hidden), "{hidden}: {shown}");
        }
        let (writer, mut log) = Writer::start(source).unwrap();
        log.log(row(0));
        drop(log);
        let error = writer.finish().unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(want) && !shown.contains("planted"), "{shown}");
    }
    let secrets = Source::secrets_of(&database.url());
    assert_eq!(secrets.redact(&format!("it is {PASSWORD}")), "it is [redacted]");
}

fn want_first() -> Wanted {
    want(0)
}

fn a_server_that_is_not_there(_: &Database) {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://bob:planted@127.0.0.1:{closed}/logos");
    let source: Source = url.parse().unwrap();
    let error = check(&source, &Mapping::logos()).unwrap_err();
    assert!(matches!(error, ReadError::Connect { .. }), "{error}");
    let want = format!("cannot open postgres://127.0.0.1:{closed}/logos: Connection refused");
    assert!(error.to_string().starts_with(&want), "{error}");
    // One that takes the connection and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let source: Source = format!("postgres://bob:planted@127.0.0.1:{port}/logos").parse().unwrap();
    let error = check(&source, &Mapping::logos()).unwrap_err().to_string();
    assert!(error.ends_with("no answer within 5 s"), "{error}");
}
