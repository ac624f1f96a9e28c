//! The pictures of whole runs.

use crate::figures::analysed;
use crate::run::{MS, Run, answer, answers, failure, not_sent};
use proofload_analysis::{Block, Picture, analyze};
use proofload_charts::{Shape, Theme, png, svg};
use proofload_record::{Outcome, Row, Served, ServerSide};
use proofload_run_dir::RunDir;

fn pictures(run: &Run) -> Vec<Picture> {
    analysed(run, |analysis| analysis.pictures().cloned().collect())
}

fn names(pictures: &[Picture]) -> Vec<&'static str> {
    pictures.iter().map(|picture| picture.name).collect()
}

fn named<'a>(pictures: &'a [Picture], name: &str) -> &'a Picture {
    pictures.iter().find(|picture| picture.name == name).unwrap()
}

fn drawn(picture: &Picture) -> String {
    let mut text = String::new();
    svg(&picture.scene, &mut text);
    text
}

/// A run of two classes in which some fail.
fn mixed(n: u32) -> Vec<Row> {
    let mut rows = answers(n);
    for index in (0..n).filter(|index| index % 7 == 3) {
        let due_ms = u64::from(index) * 1_000;
        rows[index as usize] = match index % 2 {
            0 => failure(index, due_ms, Outcome::Http5xx, 503, 2),
            _ => not_sent(index, due_ms),
        };
    }
    for row in &mut rows {
        row.class = (row.index % 2) as u16;
    }
    rows
}

#[test]
fn a_run_has_its_pictures_and_each_says_what_is_seen() {
    for n in [20, 700] {
        let found = pictures(&Run::of(mixed(n)));
        let mut wanted = vec!["latency", "latency_over_time", "load", "by_class", "time_split"];
        if n > 20 {
            wanted.insert(3, "percentiles");
        }
        wanted.extend(["client_duration", "lateness"]);
        assert_eq!(names(&found), wanted, "{n} requests");
        for picture in &found {
            let text = drawn(picture);
            assert!(text.len() <= 40_000, "{}: {} bytes", picture.name, text.len());
            assert!(picture.alt.contains(&picture.title) && picture.alt.ends_with('.'));
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
            png(&picture.scene, Theme::Dark, 1).unwrap();
        }
    }
}

#[test]
fn the_same_run_gives_the_same_pictures() {
    let run = Run::of(mixed(300));
    let all = |run: &Run| pictures(run).iter().map(drawn).collect::<String>();
    assert_eq!(all(&run), all(&run));
}

#[test]
fn every_failure_is_a_mark_with_its_name() {
    let found = pictures(&Run::of(mixed(20)));
    let text = drawn(named(&found, "latency"));
    assert_eq!(text.matches(">not_sent<").count(), 2, "{text}");
    assert_eq!(text.matches(">http_5xx<").count(), 1);
    let over_time = named(&found, "latency_over_time");
    let series = over_time.scene.panels.iter().flat_map(|panel| &panel.series);
    let marks = series.filter(|series| series.name.starts_with("failed")).map(|series| {
        let Shape::Marks { points, .. } = &series.shape else { panic!("{series:?}") };
        points.len()
    });
    assert_eq!(marks.sum::<usize>(), 3);
    assert!(over_time.title.contains("3 requests failed"), "{}", over_time.title);
}

#[test]
fn the_slowest_of_many_is_drawn() {
    let mut rows = answers(2_000);
    rows[1_234] = answer(1_234, 1_234_000, 9_000, 10, 10);
    let found = pictures(&Run::of(rows));
    for name in ["latency", "latency_over_time", "percentiles", "client_duration"] {
        let most = named(&found, name).scene.panels.iter().flat_map(|panel| &panel.series);
        let highest = most.flat_map(|series| -> Vec<f64> {
            match &series.shape {
                Shape::Band { points } => points.iter().map(|point| point.2).collect(),
                Shape::Marks { points, .. } => points.iter().map(|point| point.1).collect(),
                Shape::Step { points, .. } => points.iter().map(|point| point.0).collect(),
                _ => Vec::new(),
            }
        });
        let highest = highest.fold(0.0, f64::max);
        assert!(highest >= 9_000.0, "{name}: {highest} ms");
    }
}

#[test]
fn an_objective_is_a_line_in_the_panel_of_its_metric() {
    let mut run = Run::of(answers(30));
    run.manifest.slos = vec!["interactive: ttft p95 < 300ms".into()];
    let found = pictures(&run);
    let panels = &named(&found, "latency_over_time").scene.panels;
    let limits = |place: usize| -> Vec<&str> {
        let series = panels[place].series.iter();
        let limits = series.filter(|series| matches!(series.shape, Shape::Limit { .. }));
        limits.map(|series| series.name.as_str()).collect()
    };
    assert_eq!(limits(0), ["interactive: ttft p95 < 300ms"]);
    assert_eq!(limits(1), ["SLO 10 s"]);
}

#[test]
fn the_servers_log_adds_its_account_to_the_split() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    Run::of(answers(10)).write(&path);
    let mut run = RunDir::open(&path).unwrap();
    let rows = run.rows().iter().map(|row| Served {
        index: row.index,
        total_ns: row.latency_ns().map(|ns| ns - 5 * MS),
        queue_wait_ns: Some(50 * MS),
        processing_ns: row.latency_ns().map(|ns| ns - 60 * MS),
        ..Served::default()
    });
    let side = ServerSide { rows: rows.collect(), ..ServerSide::default() };
    run.attach_server(side).unwrap();
    let found: Vec<Picture> = analyze(&run).pictures().cloned().collect();
    let panels = &named(&found, "time_split").scene.panels;
    assert_eq!(panels.len(), 2, "the client's view and the server's");
    let queue = panels[1].series.iter().find(|series| series.name == "queue").unwrap();
    let Shape::Cells { cells } = &queue.shape else { panic!("{queue:?}") };
    assert_eq!(cells.len(), 10);
    assert!(cells.iter().all(|cell| (cell.x.1 - cell.x.0 - 50.0).abs() < 1e-6), "{cells:?}");
}

#[test]
fn what_has_nothing_to_show_is_not_there() {
    let failed: Vec<Row> = (0..5)
        .map(|index| failure(index, u64::from(index) * 10, Outcome::ConnectRefused, 0, 1))
        .collect();
    let found = pictures(&Run::of(failed));
    assert_eq!(
        names(&found),
        ["latency", "latency_over_time", "load", "client_duration", "lateness"]
    );
    assert!(found[1].title.contains("all of 5 requests failed"), "{}", found[1].title);
    let found = pictures(&Run::of(Vec::new()));
    assert_eq!(names(&found), [] as [&str; 0]);
    let found = pictures(&Run::of(vec![answer(0, 0, 1, 1, 2)]));
    for picture in &found {
        png(&picture.scene, Theme::Light, 1).unwrap();
    }
}

#[test]
fn pictures_are_blocks_of_the_document() {
    let blocks = analysed(&Run::of(answers(3)), |analysis| {
        let blocks = analysis.document.sections.iter().flat_map(|section| &section.blocks);
        blocks.filter(|block| matches!(block, Block::Chart(_))).count()
    });
    assert!(blocks >= 5, "{blocks}");
}
