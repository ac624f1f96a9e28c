//! Which row belongs to which request.

use crate::file::File;
use crate::support::{
    RUN, id, look, look_for, problems, reason, row, rows_of, served, want, write,
};
use proofload_record::ServerRow;
use proofload_server_log::{Mapping, Wanted};
use std::thread;
use std::time::{Duration, Instant};

/// Nothing here takes long; this only ends a test that would wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn what_is_written_is_read() {
    let file = File::new();
    write(&file.source(), (0..4).map(row));
    let side = look_for(&file.source(), 4);
    assert_eq!(rows_of(&side), [0, 1, 2, 3].map(served));
    assert!(side.rows.iter().all(|row| row.log_id.is_some()));
    assert_eq!((problems(&side).as_str(), &side.missing[..]), ("", &[][..]));
    assert_eq!((side.not_in_log.count, side.not_in_run.count, side.ambiguous.count), (0, 0, 0));
    assert_eq!(side.source, format!("sqlite:{}", file.path().display()));
}

#[test]
fn rows_are_matched_by_id_whatever_their_order_and_number() {
    let file = File::new();
    let strangers =
        (0..2_500).map(|index| ServerRow { request_id: format!("x-{index}"), ..row(1) });
    write(&file.source(), strangers.chain((0..2_500).rev().map(row)));
    let side = look_for(&file.source(), 2_500);
    assert_eq!(rows_of(&side), (0..2_500).map(served).collect::<Vec<_>>());
    assert_eq!(problems(&side), "");
}

#[test]
fn a_server_s_own_id_is_looked_for_in_place_of_ours() {
    let file = File::new();
    let given = |index| format!("it's-{index}");
    write(&file.source(), (0..3).map(|index| ServerRow { request_id: given(index), ..row(index) }));
    let wanted: Vec<_> =
        (0..3).map(|index| Some(Wanted { id: given(index), ..want(index) })).collect();
    let side = look(&file.source(), &Mapping::logos(), &wanted, Duration::ZERO).unwrap();
    assert_eq!(rows_of(&side), [0, 1, 2].map(served));
}

#[test]
fn what_has_no_counterpart_is_counted_and_the_first_ten_are_named() {
    let file = File::new();
    // Of twenty rows eight are of requests that are not looked for.
    write(&file.source(), (0..20).map(row));
    let wanted: Vec<_> = (0..40).map(|index| (index >= 8).then(|| want(index))).collect();
    let side = look(&file.source(), &Mapping::logos(), &wanted, Duration::ZERO).unwrap();
    assert_eq!(rows_of(&side), (8..20).map(served).collect::<Vec<_>>());
    assert_eq!(side.not_in_run.count, 8);
    assert_eq!(side.not_in_run.first.len(), 8);
    assert_eq!(side.not_in_log.count, 20);
    assert_eq!(side.not_in_log.first, (20..30).map(id).collect::<Vec<_>>());
    let want = format!("20 of 32 requests were answered and are not in the log, such as {RUN}-20");
    assert!(problems(&side).starts_with(&want), "{}", problems(&side));
}

#[test]
fn a_request_that_failed_need_not_be_in_the_log() {
    let file = File::new();
    write(&file.source(), [row(0)]);
    let failed = Wanted { answered: false, ..want(1) };
    let wanted = [Some(want(0)), Some(failed)];
    let side = look(&file.source(), &Mapping::logos(), &wanted, Duration::ZERO).unwrap();
    assert_eq!((side.not_in_log.count, problems(&side).as_str()), (1, ""));
}

#[test]
fn of_a_request_that_was_sent_twice_the_later_row_counts() {
    let file = File::new();
    let first = ServerRow { arrived_wall_ns: row(0).arrived_wall_ns - 5_000_000, ..row(0) };
    write(&file.source(), [first, row(0)]);
    let twice = Wanted { attempts: 2, ..want(0) };
    let side = look(&file.source(), &Mapping::logos(), &[Some(twice)], Duration::ZERO).unwrap();
    assert_eq!(rows_of(&side), [served(0)]);
    assert_eq!(problems(&side), "");
}

#[test]
fn an_id_with_more_rows_than_were_sent_is_not_joined() {
    let file = File::new();
    write(&file.source(), [row(0), row(0), row(1)]);
    let side = look_for(&file.source(), 2);
    assert_eq!(rows_of(&side), [served(1)]);
    assert_eq!((side.ambiguous.count, &side.ambiguous.first[..]), (1, &[id(0)][..]));
    assert!(problems(&side).starts_with("1 requests have an id that the log"), "{side:?}");
    assert_eq!(side.not_in_log.count, 0);
}

#[test]
fn an_id_that_the_server_gave_twice_is_not_joined() {
    let file = File::new();
    let same = |index: u32| ServerRow { request_id: "always".to_owned(), ..row(index) };
    write(&file.source(), [same(0), row(2)]);
    let shared = |index| Some(Wanted { id: "always".to_owned(), ..want(index) });
    let wanted = [shared(0), shared(1), Some(want(2))];
    let side = look(&file.source(), &Mapping::logos(), &wanted, Duration::ZERO).unwrap();
    assert_eq!(rows_of(&side), [served(2)]);
    assert_eq!(side.ambiguous.count, 2);
}

#[test]
fn rows_that_are_late_are_waited_for() {
    let file = File::new();
    write(&file.source(), (0..2).map(row));
    let source = file.source();
    let begun = Instant::now();
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        write(&source, (2..5).map(row));
    });
    let wanted: Vec<_> = (0..5).map(|index| Some(want(index))).collect();
    let side = look(&file.source(), &Mapping::logos(), &wanted, PATIENCE).unwrap();
    late.join().unwrap();
    assert!(begun.elapsed() < PATIENCE, "it ends as soon as all are there");
    assert_eq!(rows_of(&side), [0, 1, 2, 3, 4].map(served));
}

#[test]
fn a_row_without_its_end_is_waited_for_and_then_taken_as_it_is() {
    let file = File::new();
    write(&file.source(), (0..2).map(row));
    let unfinished = "UPDATE log_entry SET timestamp_response = NULL WHERE request_id LIKE '%-1'";
    file.run(unfinished);
    let side = look_for(&file.source(), 2);
    assert_eq!((side.rows.len(), side.rows[1].total_ns), (2, None));
    assert_eq!(problems(&side), "1 rows of answered requests had no end yet when they were read");

    let (source, wanted) = (file.source(), [Some(want(0)), Some(want(1))]);
    let looking =
        thread::spawn(move || look(&source, &Mapping::logos(), &wanted, PATIENCE).unwrap());
    thread::sleep(Duration::from_millis(300));
    file.run(&format!(
        "UPDATE log_entry SET timestamp_response = {} WHERE timestamp_response IS NULL",
        (row(1).arrived_wall_ns + row(1).total_ns) / 1_000
    ));
    let side = looking.join().unwrap();
    assert_eq!((rows_of(&side), problems(&side).as_str()), ([0, 1].map(served).to_vec(), ""));
}

#[test]
fn a_metric_that_no_row_has_is_missing_with_its_reason() {
    let file = File::new();
    let plain = |index| ServerRow {
        classification_ns: None,
        load_ns: None,
        prompt_tokens: None,
        completion_tokens: 0,
        ..row(index)
    };
    write(&file.source(), (0..2).map(plain));
    let side = look_for(&file.source(), 2);
    let names: Vec<_> = side.missing.iter().map(|missing| missing.metric.as_str()).collect();
    assert_eq!(names, ["classification", "load", "prompt_tokens", "completion_tokens"]);
    let empty = "`log_entry.load_duration_ms` is empty in every row of this run";
    assert_eq!(reason(&side, "load"), empty);
    assert_eq!(reason(&side, "prompt_tokens"), "the log counts no tokens for these requests");
    assert_eq!(problems(&side), "", "it may be that there was nothing to classify or to load");
    file.run("UPDATE request_events SET cold_start = 0");
    assert_eq!(reason(&look_for(&file.source(), 2), "load"), "", "nothing was loaded");
}
