//! Runs that go well.

use crate::support::{class_of, complete, open, planned, row, send_ok, start, wait_until};
use proofload_record::{End, Load, NotSent, Note, Outcome, Sink};
use proofload_run_dir::{Chunks, Fate, Finish, PlanRow, RunDir, State, Sum};

#[test]
fn everything_that_was_recorded_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("results/run");
    let mut writer = planned(&out, 10, true);
    writer.manifest_mut().plan_hash = "ab".repeat(32);
    let (mut running, mut recorders) = start(writer, 2);
    let mut rows = Vec::new();
    for (index, end) in [
        (0, End::Sent(Outcome::Ok)),
        (1, End::Sent(Outcome::Ok)),
        (2, End::NotSent(NotSent::NoPort)),
        (3, End::Sent(Outcome::Http5xx)),
        (4, End::Sent(Outcome::Ok)),
    ] {
        let recorder = &mut recorders[index as usize % 2];
        recorder.released(10_000 * u64::from(index + 1));
        let row = row(index, 2, end);
        let note = if end.is_ok() {
            Note::default()
        } else {
            Note { error: Some("refused,\n\"twice\"".into()), server_request_id: None }
        };
        recorder.chunks(index, &[u64::from(index), 100]);
        recorder.gap(index, class_of(index), 1_000_000);
        recorder.finished(&row, note);
        rows.push(row);
    }
    recorders[1].tick(Load { in_flight: 3, queued: 1, spin_ns: 0 });
    let progress = running.progress();
    assert_eq!((progress.planned, progress.released, progress.finished), (10, 5, 5));
    assert_eq!((progress.in_flight, progress.queued, progress.rows_dropped), (0, 1, 0));
    assert_eq!(progress.outcomes[usize::from(Outcome::Ok.code())], 3);
    assert_eq!(progress.not_sent[usize::from(NotSent::NoPort.code())], 1);
    drop(recorders);
    running.manifest_mut().stream_changed = 7;
    let reason = Some("ended by Ctrl-C".to_owned());
    let path = running.finish(Finish { state: State::Interrupted, end_reason: reason.clone() });
    let run = open(&path.unwrap());

    assert_eq!(run.rows(), rows);
    let planned = PlanRow { id: "id-3", due_ns: 3_000_000, class: 1, offset: 0, len: 2, crc: 0 };
    assert_eq!((run.plan().len(), run.plan().get(3)), (10, Some(planned)));
    assert_eq!(run.classes()[1].model.as_deref(), Some("m"));
    assert_eq!(run.notes().keys().copied().collect::<Vec<_>>(), [2, 3]);
    assert_eq!(run.notes()[&2].error.as_deref(), Some("refused,\n\"twice\""));
    let chunks: Vec<Chunks> = run.chunks().unwrap().unwrap().map(Result::unwrap).collect();
    assert_eq!(chunks.len(), 5);
    assert!(chunks.contains(&Chunks { index: 4, arrivals_ns: [4, 100].into() }));

    let books = run.books();
    assert_eq!((books.sent, books.not_sent, books.not_reached), (4, [0, 1, 0], 5));
    assert_eq!((books.outcome(Outcome::Ok), books.unknown, books.rows_dropped), (3, 0, 0));
    assert_eq!(run.fate(3), Fate::Row(&rows[3]));
    assert_eq!((run.fate(9), run.fate(10)), (Fate::NotReached, Fate::Unknown));
    assert!(!run.recovery().is_degraded(), "{:?}", run.recovery());

    let manifest = run.manifest();
    assert_eq!((manifest.state, &manifest.end_reason), (State::Interrupted, &reason));
    assert_eq!((manifest.workers, manifest.stream_changed), (2, 7));
    assert_eq!(manifest.plan_hash, "ab".repeat(32));
    assert_eq!(manifest.counts.outcomes["http_5xx"], 1);
    assert!(manifest.started <= *manifest.ended.as_ref().unwrap(), "{manifest:?}");
    for (name, sum) in &manifest.files {
        let bytes = std::fs::read(dir.path().join("results/run").join(name)).unwrap();
        let found = Sum { bytes: bytes.len() as u64, crc32c: crc32c::crc32c(&bytes) };
        assert_eq!(*sum, found, "{name}");
    }
    let names: Vec<&str> = manifest.files.keys().map(String::as_str).collect();
    assert_eq!(names, ["chunks.bin", "generator.csv", "latency.hlog", "requests.txt"]);

    let found: Vec<_> = run
        .histograms()
        .iter()
        .map(|series| (&*series.metric, series.class, series.histogram.len()))
        .collect();
    let want = [
        ("client_duration", Some(0), 2),
        ("client_duration", Some(1), 1),
        ("itl", Some(0), 3),
        ("itl", Some(1), 2),
        ("latency", Some(0), 2),
        ("latency", Some(1), 1),
        ("lateness", None, 5),
        ("total_latency", Some(0), 2),
        ("total_latency", Some(1), 1),
        ("tpot", Some(0), 2),
        ("tpot", Some(1), 1),
        ("ttft", Some(0), 2),
        ("ttft", Some(1), 1),
    ];
    let mut want = want;
    want.sort_unstable();
    assert_eq!(found, want);
    let released: u64 = run.seconds().iter().map(|second| second.released).sum();
    assert_eq!(released, 5);
    let of_one = run.seconds().iter().find(|second| second.worker == 1).unwrap();
    assert_eq!((of_one.in_flight, of_one.queued, of_one.released), (3, 1, 2));
    assert_eq!(of_one.lateness_max_ns, Some(40_000));
}

#[test]
fn recorders_on_threads_of_their_own_add_up() {
    const WORKERS: u32 = 3;
    const EACH: u32 = 5_000;
    let dir = tempfile::tempdir().unwrap();
    let (running, recorders) = start(planned(dir.path(), WORKERS * EACH, false), 3);
    std::thread::scope(|scope| {
        for (worker, mut recorder) in (0..WORKERS).zip(recorders) {
            scope.spawn(move || {
                for turn in 0..EACH {
                    recorder.released(u64::from(turn));
                    recorder.gap(turn * WORKERS + worker, 0, 5_000);
                    let end = End::Sent(Outcome::ALL[turn as usize % 19]);
                    recorder.finished(&row(turn * WORKERS + worker, WORKERS, end), Note::default());
                    if turn % 1_000 == 999 {
                        recorder.tick(Load::default());
                    }
                }
            });
        }
        let progress = running.progress();
        assert!(progress.finished <= progress.released, "{progress:?}");
    });
    let run = open(&running.finish(complete()).unwrap());
    let books = run.books();
    assert_eq!((books.sent, books.not_reached), (u64::from(WORKERS * EACH), 0));
    assert_eq!(run.rows().len() as u64 + books.rows_dropped, books.sent);
    let lateness = run.histograms().iter().find(|series| &*series.metric == "lateness").unwrap();
    assert_eq!(lateness.histogram.len(), books.sent, "no histogram is ever dropped");
    let tid_of_each = run.seconds().iter().filter(|second| second.released > 0);
    assert!(tid_of_each.map(|second| second.worker).max() == Some(2));
}

#[test]
fn a_watcher_sees_the_times_so_far() {
    let dir = tempfile::tempdir().unwrap();
    let (running, mut recorders) = start(planned(dir.path(), 10, false), 1);
    let times = || {
        let progress = running.progress();
        progress.ttft.zip(progress.lateness)
    };
    assert_eq!(times(), None);
    for index in 0..4 {
        send_ok(&mut recorders[0], index);
    }
    recorders[0].tick(Load::default());
    wait_until("the times", || times().is_some_and(|(ttft, lateness)| ttft.n + lateness.n == 8));
    let (ttft, lateness) = times().unwrap();
    assert_eq!((ttft.p50_ns, ttft.p99_ns), (2_000_000, 2_000_000));
    assert_eq!((lateness.p50_ns, lateness.p99_ns), (10_000, 10_000));
}

#[test]
fn after_the_first_seconds_recording_allocates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (_running, mut recorders) = start(planned(dir.path(), 1_000, false), 1);
    let mut recorder = recorders.remove(0);
    let mut next = 0;
    let mut second = |rows| {
        for index in next..next + rows {
            send_ok(&mut recorder, index);
            recorder.gap(index, class_of(index), 1_000_000);
        }
        next += rows;
        recorder.tick(Load::default());
    };
    for seconds in 1..=3 {
        second(10);
        // Once its row is there, the writer has given back the histograms of that second.
        let lines = || std::fs::read_to_string(dir.path().join("generator.csv")).unwrap();
        wait_until("a second's row", || lines().lines().count() == 1 + seconds);
    }
    let allocated = allocation_counter::measure(|| second(500));
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn a_run_of_nothing_is_a_run() {
    let dir = tempfile::tempdir().unwrap();
    let (running, _recorders) = start(planned(dir.path(), 0, false), 2);
    let run = RunDir::open(&running.finish(complete()).unwrap()).unwrap();
    assert_eq!((run.books().planned, run.rows().len()), (0, 0));
    assert!(run.chunks().unwrap().is_none());
    assert!(!run.recovery().is_degraded());
}
