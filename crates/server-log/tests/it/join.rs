//! Which row belongs to which request.

use crate::file::File;
use crate::support::{
    BEGAN_NS, RUN, id, look, look_for, problems, reason, row, rows_of, served, want, write,
};
use proofload_record::ServerRow;
use proofload_server_log::{Late, Mapping, Run, Wanted, read};
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
    assert!(!problems(&look_for(&file.source(), 1)).contains("other ids"), "they are ours");
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
    assert_eq!((side.ambiguous.count, &side.ambiguous.first[..]), (2, &["always".to_owned()][..]));

    let wanted = [shared(0), shared(1)];
    let side = look(&file.source(), &Mapping::logos(), &wanted, Duration::ZERO).unwrap();
    let found = problems(&side);
    assert!(found.starts_with("2 requests have an id that the log"), "{found}");
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

/// Each table may be written later than the other, and the counts of tokens later than both.
#[test]
fn a_table_that_is_late_is_waited_for() {
    for (name, take_away, give_back) in [
        (
            "events",
            "CREATE TABLE away AS SELECT * FROM request_events; DELETE FROM request_events",
            "INSERT INTO request_events SELECT * FROM away",
        ),
        (
            "entries",
            "CREATE TABLE away AS SELECT * FROM log_entry; DELETE FROM log_entry",
            "INSERT INTO log_entry SELECT * FROM away",
        ),
        (
            "tokens",
            "CREATE TABLE away AS SELECT * FROM usage_tokens; DELETE FROM usage_tokens",
            "INSERT INTO usage_tokens SELECT * FROM away",
        ),
    ] {
        let file = File::new();
        write(&file.source(), (0..3).map(row));
        file.run(take_away);
        let (source, wanted) = (file.source(), [0, 1, 2].map(|index| Some(want(index))));
        let looking =
            thread::spawn(move || look(&source, &Mapping::logos(), &wanted, PATIENCE).unwrap());
        thread::sleep(Duration::from_millis(300));
        file.run(give_back);
        let side = looking.join().unwrap();
        assert_eq!(rows_of(&side), [0, 1, 2].map(served), "{name}");
        assert_eq!(problems(&side), "", "{name}");
    }
}

#[test]
fn what_one_table_never_gets_is_counted() {
    let file = File::new();
    write(&file.source(), (0..3).map(row));
    file.run(
        "DELETE FROM request_events WHERE request_id LIKE '%-1'; \
         DELETE FROM usage_tokens WHERE log_entry_id = \
         (SELECT id FROM log_entry WHERE request_id LIKE '%-2')",
    );
    let side = look_for(&file.source(), 3);
    assert_eq!(side.rows.len(), 3);
    let want = format!(
        "1 of 3 answered requests have no row in `request_events`, such as {}\n\
         the log counts no tokens for 1 of 3 answered requests",
        id(1)
    );
    assert_eq!(problems(&side), want);
    file.run("DELETE FROM request_events");
    let depth = "`request_events` has no row of this run";
    let found = look_for(&file.source(), 3);
    assert!(reason(&found, "queue_depth_scheduled").contains(depth), "{:?}", found.missing);
}

#[test]
fn a_wait_ends_when_somebody_wants_it_to() {
    let file = File::new();
    write(&file.source(), [row(0)]);
    let (waited_for, begun) = (std::cell::Cell::new(0), Instant::now());
    let wanted = |index: u32| Some(want(index));
    let run = Run { run_id: RUN, planned: 3, began_wall_ns: BEGAN_NS, wanted: &wanted };
    let late = Late {
        most: PATIENCE,
        hurry: &|| begun.elapsed() > Duration::from_millis(300),
        waiting: &|requests| waited_for.set(waited_for.get() + requests),
    };
    let side = read(&file.source(), &Mapping::logos(), &run, late).unwrap();
    assert!(begun.elapsed() < PATIENCE);
    assert_eq!((waited_for.get(), side.rows.len(), side.not_in_log.count), (2, 1, 2));
}

#[test]
fn a_count_that_stands_under_two_names_is_taken_once_and_never_wraps() {
    let file = File::new();
    write(&file.source(), (0..4).map(row));
    let again = |name: &str| {
        format!(
            "INSERT INTO token_types (name) VALUES ('{name}_tokens'); \
             INSERT INTO usage_tokens (type_id, log_entry_id, token_count) \
             SELECT (SELECT id FROM token_types WHERE name = '{name}_tokens'), id, 3 FROM log_entry;"
        )
    };
    file.run(&(again("input") + &again("output")));
    assert_eq!(rows_of(&look_for(&file.source(), 4)), [0, 1, 2, 3].map(served));
    // Too many for any request, as a sum and alone, and fewer than none.
    let set = |index: u32, count: i64| {
        format!(
            "UPDATE usage_tokens SET token_count = {count} WHERE type_id = (SELECT id FROM \
             token_types WHERE name = 'prompt_tokens') AND log_entry_id = \
             (SELECT id FROM log_entry WHERE request_id = '{}');",
            id(index)
        )
    };
    file.run(&(set(0, 3_000_000_000) + &set(1, 9_000_000_000_000_000_000) + &set(2, -5)));
    file.run(
        "INSERT INTO usage_tokens (type_id, log_entry_id, token_count) \
         SELECT type_id, log_entry_id, token_count FROM usage_tokens",
    );
    let side = look_for(&file.source(), 4);
    let prompts: Vec<_> = side.rows.iter().map(|row| row.prompt_tokens).collect();
    assert_eq!(prompts, [None, None, None, Some(206)]);
    let want =
        "the count of prompt tokens of `log_entry` cannot be read in 3 rows, such as 6000000000";
    assert!(problems(&side).starts_with(want), "{}", problems(&side));
}

#[test]
fn rows_of_the_time_of_the_run_that_match_nothing_are_counted() {
    let file = File::new();
    let stranger = |name: &str, index| ServerRow { request_id: name.to_owned(), ..row(index) };
    let before = |index: u32| row(index).arrived_wall_ns - 3_600_000_000_000;
    let earlier = ServerRow { arrived_wall_ns: before(0), ..stranger("earlier", 0) };
    let others = [stranger("in-both", 3), stranger("in-entries", 4), stranger("in-events", 5)];
    write(&file.source(), (0..10).map(row).chain(others).chain([earlier]));
    file.run(
        "DELETE FROM request_events WHERE request_id = 'in-entries'; \
         DELETE FROM log_entry WHERE request_id = 'in-events'; \
         INSERT INTO log_entry (timestamp_request) SELECT timestamp_request FROM log_entry \
         WHERE request_id = 'in-both'",
    );
    let side = look_for(&file.source(), 10);
    let mut first = side.not_in_run.first.clone();
    first.sort();
    assert_eq!(
        (side.not_in_run.count, first),
        (4, ["in-both", "in-entries", "in-events"].map(str::to_owned).to_vec())
    );
    assert_eq!(problems(&side), "", "others may use a server, too");

    // A server with ids of its own, of whose answers some were lost.
    let file = File::new();
    let given = |index| format!("own-{index}");
    // Its clock is three minutes ahead.
    let ahead = |index| row(index).arrived_wall_ns + 180_000_000_000;
    let own =
        |index| ServerRow { request_id: given(index), arrived_wall_ns: ahead(index), ..row(index) };
    write(&file.source(), (0..10).map(own));
    let lost = |index| Wanted { answered: false, ..want(index) };
    let known = |index| Wanted { id: given(index), ..want(index) };
    let wanted: Vec<_> = (0..10)
        .map(|index| Some(if index % 4 == 2 { lost(index) } else { known(index) }))
        .collect();
    let side = look(&file.source(), &Mapping::logos(), &wanted, Duration::ZERO).unwrap();
    assert_eq!((side.rows.len(), side.not_in_log.count), (8, 2));
    assert_eq!((side.not_in_run.count, &side.not_in_run.first[..]), (2, &[given(2), given(6)][..]));
}
