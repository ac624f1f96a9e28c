//! Logs that cannot be read, that hold nothing, or whose clock is wrong.

use crate::file::File;
use crate::support::{
    BEGAN_NS, look, look_for, problems, reason, row, rows_of, served, want, write,
};
use proofload_record::ServerRow;
use proofload_server_log::{Mapping, ReadError, Source, WriteError, Writer};
use std::fs;
use std::time::Duration;

fn refusal(source: &Source) -> String {
    let found = look(source, &Mapping::logos(), &[Some(want(0))], Duration::ZERO);
    found.unwrap_err().to_string()
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_none_is_made() {
    let file = File::new();
    let refused = refusal(&file.source());
    assert!(refused.starts_with("cannot open sqlite:"), "{refused}");
    assert!(refused.ends_with("the file is missing or cannot be read"), "{refused}");
    assert!(!file.path().exists());
    let refused = refusal(&Source::sqlite(file.dir()));
    assert!(refused.ends_with("is a directory"), "{refused}");
    fs::write(file.path(), "this is no database, and long enough to be taken for one".repeat(99))
        .unwrap();
    let refused = refusal(&file.source());
    assert!(refused.ends_with("the file is not a SQLite database"), "{refused}");
}

#[test]
fn reading_changes_nothing() {
    let file = File::new();
    write(&file.source(), (0..3).map(row));
    let before = fs::read(file.path()).unwrap();
    look_for(&file.source(), 5);
    assert_eq!(fs::read(file.path()).unwrap(), before);
    let names: Vec<_> = fs::read_dir(file.dir()).unwrap().collect();
    assert_eq!(names.len(), 1, "no journal is left: {names:?}");
}

#[test]
fn a_log_without_a_row_of_the_run_says_why() {
    let before_ns = BEGAN_NS - 3_600_000_000_000;
    let old = ServerRow { request_id: "old".to_owned(), arrived_wall_ns: before_ns, ..row(0) };
    let other = ServerRow { request_id: "other".to_owned(), ..row(0) };
    for (name, rows, sql, want) in [
        (
            "empty",
            vec![old.clone()],
            "DELETE FROM request_events; DELETE FROM log_entry",
            "`log_entry` is empty",
        ),
        (
            "old",
            vec![old.clone()],
            "",
            "the newest row of `log_entry` is of 2025-11-25T09:00:00Z, before the run",
        ),
        (
            "other ids",
            vec![old.clone(), other.clone()],
            "",
            "rows of the time of the run with other ids, such as \"other\"",
        ),
        (
            "no ids",
            vec![other],
            "UPDATE log_entry SET request_id = NULL",
            "of the time of the run without a request id",
        ),
        (
            "no times",
            vec![old],
            "DROP TABLE log_entry; UPDATE request_events SET enqueue_ts = NULL",
            "has rows and none with these ids",
        ),
    ] {
        let file = File::new();
        write(&file.source(), rows);
        if !sql.is_empty() {
            file.run(sql);
        }
        let side = look_for(&file.source(), 2);
        let found = problems(&side);
        assert!(found.starts_with("no row of the log is of this run: "), "{name}: {found}");
        assert!(found.contains(want), "{name}: {found}");
        assert_eq!(side.not_in_log.count, 2, "{name}");
        assert_eq!(side.missing.len(), 15, "{name}");
        assert_eq!(reason(&side, "ttft"), "no row of the log is of this run", "{name}");
    }
}

#[test]
fn a_clock_that_is_off_by_minutes_is_named_and_durations_stay() {
    let file = File::new();
    let off = |index| {
        let arrived_wall_ns = row(index).arrived_wall_ns + 180_000_000_000;
        ServerRow { arrived_wall_ns, ..row(index) }
    };
    write(&file.source(), (0..3).map(off));
    let side = look_for(&file.source(), 3);
    let found = problems(&side);
    let want = "the log's clock is 3 min 00 s ahead of ours, so only times within the log";
    assert!(found.starts_with(want), "{found}");
    assert_eq!(side.rows[1].queue_wait_ns, served(1).queue_wait_ns);
    assert_eq!(side.rows[1].ttft_ns, served(1).ttft_ns);
}

#[test]
fn cells_that_mean_nothing_are_left_out_and_named() {
    let file = File::new();
    write(&file.source(), (0..3).map(row));
    file.run(
        "UPDATE log_entry SET time_at_first_token = '2025-11-25 10:00:00' \
         WHERE request_id LIKE '%-1'; \
         UPDATE request_events SET scheduled_ts = enqueue_ts - 1 WHERE request_id LIKE '%-2'; \
         UPDATE log_entry SET queue_wait_ms = NULL WHERE request_id LIKE '%-2'",
    );
    let side = look_for(&file.source(), 3);
    assert_eq!(rows_of(&side)[0], served(0));
    assert_eq!((side.rows[1].ttft_ns, side.rows[2].queue_wait_ns), (None, None));
    let found = problems(&side);
    let text = "cannot be read in 1 rows, such as \"2025-11-25 10:00:00\"";
    assert!(found.contains(text), "{found}");
    let between = "in 1 rows the time between `request_events.enqueue_ts` and \
                   `request_events.scheduled_ts` is less than nothing";
    assert!(found.contains(between), "{found}");
}

#[test]
fn numbers_that_no_metric_can_be_are_counted_and_not_called_empty() {
    let file = File::new();
    write(&file.source(), (0..3).map(row));
    file.run(
        "UPDATE log_entry SET queue_wait_ms = -5.5, classification_statistics = '{broken', \
         load_duration_ms = 1e300; \
         UPDATE request_events SET queue_depth_at_schedule = -1, enqueue_ts = NULL; \
         UPDATE log_entry SET timestamp_request = -7 WHERE request_id LIKE '%-2'",
    );
    let side = look_for(&file.source(), 3);
    assert_eq!(side.rows.len(), 3);
    let found = problems(&side);
    for (column, count, cell) in [
        ("`log_entry.queue_wait_ms`", 3, "-5.5"),
        ("`classification_time` in `log_entry.classification_statistics`", 3, "\"{broken\""),
        ("`log_entry.load_duration_ms`", 3, "1e300"),
        ("`request_events.queue_depth_at_schedule`", 3, "-1"),
        ("`log_entry.timestamp_request`", 1, "-7"),
    ] {
        let want = format!("{column} cannot be read in {count} rows, such as {cell}; left out");
        assert!(found.contains(&want), "{want}: {found}");
    }
    for metric in ["queue_wait", "classification", "load"] {
        let reason = reason(&side, metric);
        assert!(reason.contains("cannot be read in any row of this run"), "{metric}: {reason}");
    }
}

#[test]
fn a_log_that_cannot_be_opened_leaves_every_metric_missing() {
    let file = File::new();
    let found = look(&file.source(), &Mapping::logos(), &[Some(want(0))], Duration::ZERO);
    let side = found.unwrap_err().into_side();
    assert_eq!((side.missing.len(), side.problems.len()), (15, 1));
    assert_eq!(reason(&side, "queue_wait"), "the log cannot be read");
}

#[test]
fn a_log_that_cannot_be_written_is_named_at_the_end() {
    let file = File::new();
    let source = Source::sqlite(&file.dir().join("no folder/log.sqlite"));
    let (writer, mut log) = Writer::start(source).unwrap();
    log.log(row(0));
    log.log(row(1));
    drop(log);
    let error = writer.finish().unwrap_err();
    assert!(matches!(error, WriteError::Database { .. }), "{error}");
    assert!(error.to_string().contains("no folder/log.sqlite: the file is missing"), "{error}");
    let (writer, log) = Writer::start(file.source()).unwrap();
    drop(log);
    assert_eq!(writer.finish().unwrap(), 0);
    assert!(!file.path().exists(), "nothing was asked, so nothing was made");
    assert!(matches!(
        look(&file.source(), &Mapping::logos(), &[], Duration::ZERO),
        Err(ReadError::Connect { .. })
    ));
}
