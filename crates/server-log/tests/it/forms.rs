//! Older and newer forms of the schema, and others altogether.

use crate::file::File;
use crate::support::{
    BEGAN_NS, id, look, look_for, problems, reason, row, rows_of, served, want, write,
};
use proofload_record::Served;
use proofload_server_log::{Mapping, ReadError, check};
use std::fs;
use std::time::Duration;

#[test]
fn without_any_request_id_the_join_is_refused() {
    let file = File::new();
    write(&file.source(), [row(0)]);
    file.run(
        "DROP TABLE request_events; DROP INDEX log_entry_by_request; \
         ALTER TABLE log_entry DROP COLUMN request_id",
    );
    let error = look(&file.source(), &Mapping::logos(), &[Some(want(0))], Duration::ZERO);
    let error = error.unwrap_err();
    assert!(matches!(error, ReadError::NoRequestId { .. }), "{error}");
    let text = error.to_string();
    for part in [
        "there is no table `request_events`",
        "there is no column `log_entry.request_id`",
        "never by their place",
        "--server-log-map",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(check(&file.source(), &Mapping::logos()).unwrap_err().to_string(), text);
}

#[test]
fn where_only_the_events_have_ids_they_are_enough() {
    let file = File::new();
    write(&file.source(), (0..3).map(row));
    file.run("DROP INDEX log_entry_by_request; ALTER TABLE log_entry DROP COLUMN request_id");
    let side = look_for(&file.source(), 3);
    let of_events = |index| Served {
        // The moment it came to the queue is the earliest that this form knows.
        arrived_wall_ns: served(index).arrived_wall_ns.map(|ns| ns + 2_000_000),
        ttft_ns: None,
        total_ns: None,
        classification_ns: None,
        load_ns: None,
        prompt_tokens: None,
        completion_tokens: None,
        ..served(index)
    };
    assert_eq!(rows_of(&side), [0, 1, 2].map(of_events));
    assert_eq!(reason(&side, "ttft"), "there is no column `log_entry.request_id`");
    assert_eq!(reason(&side, "queue_wait"), "");
    assert_eq!(problems(&side), "", "an older form is no fault");
}

#[test]
fn the_newer_form_has_everything_in_one_table() {
    let file = File::new();
    write(&file.source(), (0..3).map(row));
    file.run(
        "ALTER TABLE log_entry ADD COLUMN queue_depth_at_enqueue INTEGER; \
         ALTER TABLE log_entry ADD COLUMN queue_depth_at_schedule INTEGER; \
         ALTER TABLE log_entry ADD COLUMN result_status TEXT; \
         UPDATE log_entry SET (queue_depth_at_enqueue, queue_depth_at_schedule, result_status) = \
         (SELECT queue_depth_at_enqueue, queue_depth_at_schedule, result_status \
         FROM request_events e WHERE e.request_id = log_entry.request_id); \
         UPDATE log_entry SET queue_depth_at_arrival = NULL; DROP TABLE request_events",
    );
    let side = look_for(&file.source(), 3);
    assert_eq!(rows_of(&side), [0, 1, 2].map(served));
    assert_eq!((problems(&side).as_str(), &side.missing[..]), ("", &[][..]));
}

#[test]
fn a_table_that_is_not_there_costs_its_metrics_alone() {
    let file = File::new();
    write(&file.source(), (0..2).map(row));
    file.run("DROP TABLE usage_tokens; DROP TABLE models");
    let side = look_for(&file.source(), 2);
    let without = |index| Served {
        prompt_tokens: None,
        completion_tokens: None,
        model: None,
        ..served(index)
    };
    assert_eq!(rows_of(&side), [0, 1].map(without));
    assert_eq!(reason(&side, "prompt_tokens"), "there is no table `usage_tokens`");
    assert!(reason(&side, "model").contains("there is no table `models`"));
}

/// A log of quite another kind.
fn other(file: &File, columns: &str, map: &str) -> Mapping {
    file.run(&format!("CREATE TABLE \"all \"\"my\"\" requests\" (\"the id\" TEXT, {columns})"));
    let path = file.dir().join("map.toml");
    fs::write(&path, map).unwrap();
    Mapping::open(&path).unwrap()
}

const TABLE: &str = "[[table]]\nname = 'all \"my\" requests'\nrequest_id = \"the id\"\n";

#[test]
fn another_schema_is_read_by_its_mapping() {
    let file = File::new();
    let mapping = other(
        &file,
        "came INTEGER, went INTEGER, wait REAL, stats TEXT, \"x\"\"; DROP TABLE y; --\" INTEGER, m TEXT",
        &format!(
            "time_unit = \"ms\"\n{TABLE}[table.metrics]\narrived = \"came\"\n\
             total = {{ from = \"came\", to = \"went\" }}\n\
             queue_wait = {{ column = \"wait\", unit = \"s\" }}\n\
             load = {{ column = \"stats\", json = \"it's load\", unit = \"ms\" }}\n\
             completion_tokens = 'x\"; DROP TABLE y; --'\nmodel = \"m\"\n"
        ),
    );
    let came_ms = BEGAN_NS / 1_000_000;
    for (index, stats) in
        [(0, "'{\"it''s load\": 1.5}'"), (1, "'{\"it''s load\": \"long\"}'"), (2, "'no'")]
    {
        let went_ms = came_ms + 40;
        file.run(&format!(
            "INSERT INTO \"all \"\"my\"\" requests\" VALUES \
             ('{}', {came_ms}, {went_ms}, 0.25, {stats}, 9, 'm')",
            id(index)
        ));
    }
    let wanted = [0, 1, 2].map(|index| Some(want(index)));
    let side = look(&file.source(), &mapping, &wanted, Duration::ZERO).unwrap();
    let expected = |index, load_ns| Served {
        index,
        arrived_wall_ns: Some(BEGAN_NS),
        total_ns: Some(40_000_000),
        queue_wait_ns: Some(250_000_000),
        load_ns,
        completion_tokens: Some(9),
        model: Some("m".into()),
        ..Served::default()
    };
    assert_eq!(
        rows_of(&side),
        [expected(0, Some(1_500_000)), expected(1, None), expected(2, None)]
    );
    assert_eq!(
        problems(&side),
        "`it's load` in `all \"my\" requests.stats` cannot be read in 2 rows, such as \"long\"; left out"
    );
    assert_eq!(reason(&side, "ttft"), "the mapping does not name it");
}

#[test]
fn a_column_that_a_mapping_names_must_be_there() {
    let file = File::new();
    let map = format!("{TABLE}[table.metrics]\narrived = \"came\"\nmodel = \"modell\"\n");
    let mapping = other(&file, "came INTEGER, model TEXT", &map);
    let came_us = BEGAN_NS / 1_000;
    file.run(&format!(
        "INSERT INTO \"all \"\"my\"\" requests\" VALUES ('{}', {came_us}, 'm')",
        id(0)
    ));
    let side = look(&file.source(), &mapping, &[Some(want(0))], Duration::ZERO).unwrap();
    let gone = "there is no column `all \"my\" requests.modell`";
    assert_eq!((side.rows.len(), problems(&side).as_str()), (1, gone));
    assert_eq!(reason(&side, "model"), gone);
}
