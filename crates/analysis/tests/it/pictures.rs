//! The pictures of whole runs.

use crate::figures::analysed;
use crate::run::{MS, Run, answer, answers, failure, not_sent};
use proofload_analysis::{Block, Picture, analyze};
use proofload_charts::{Ink, Scale, Shape, Theme, png, svg};
use proofload_record::{Outcome, Row, Served, ServerSide, Stamp};
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
            assert!(text.len() <= 60_000, "{}: {} bytes", picture.name, text.len());
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
    let page = drawn(named(&found, "latency"));
    let (text, _) = page.split_once("\n<svg ").unwrap();
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
fn the_slowest_of_many_is_drawn_and_all_together_is_small() {
    let mut rows = answers(100_000);
    rows[61_803] = answer(61_803, 61_803_000, 9_000, 10, 10);
    let found = pictures(&Run::of(rows));
    let sizes: Vec<(&str, usize)> =
        found.iter().map(|picture| (picture.name, drawn(picture).len())).collect();
    assert!(sizes.iter().map(|size| size.1).sum::<usize>() < 250_000, "{sizes:?}");
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
    run.manifest.slos =
        vec!["interactive: ttft p95 < 300ms".into(), "*: total_latency p95 < 4s".into()];
    let found = pictures(&run);
    let panels = &named(&found, "latency_over_time").scene.panels;
    let limits = |place: usize| -> Vec<&str> {
        let series = panels[place].series.iter();
        let limits = series.filter(|series| matches!(series.shape, Shape::Limit { .. }));
        limits.map(|series| series.name.as_str()).collect()
    };
    assert_eq!(limits(0), ["interactive: ttft p95 < 300ms (n 30)"]);
    assert_eq!(limits(1), ["SLO 10 s", "*: total_latency p95 < 4s"]);
}

#[test]
fn an_objective_of_a_class_is_about_its_own_answers() {
    let mut run = Run::of(mixed(30));
    run.manifest.slos =
        vec!["interactive: ttft p95 < 300ms".into(), "*/high: ttft p95 < 1ms".into()];
    let found = pictures(&run);
    let panel = &named(&found, "latency_over_time").scene.panels[0];
    let names: Vec<&str> = panel.series.iter().map(|series| series.name.as_str()).collect();
    assert!(names.contains(&"interactive: ttft p95 < 300ms (n 15)"), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("high")), "no such request: {names:?}");
    let dots = |name: &str| -> (Ink, Vec<(f64, f64)>) {
        let series = panel.series.iter().find(|series| series.name == name).unwrap();
        let Shape::Marks { points, .. } = &series.shape else { panic!("{series:?}") };
        (series.ink, points.clone())
    };
    let ((ink, own), (grey, others)) = (dots("one of interactive"), dots("another answer"));
    assert!(own.len() > 10 && own.iter().all(|(due_s, _)| due_s % 2.0 == 0.0), "{own:?}");
    assert!(others.len() > 10 && others.iter().all(|(due_s, _)| due_s % 2.0 == 1.0), "{others:?}");
    assert_eq!((ink, grey), (Ink::Blue, Ink::Grey));
}

#[test]
fn our_lateness_is_of_a_second_and_the_title_says_so() {
    let mut rows = answers(30);
    rows[12].started = rows[12].due.get().map_or(Stamp::NONE, |ns| Stamp::at(ns + 2 * MS));
    let found = pictures(&Run::of(rows));
    let title = &named(&found, "lateness").title;
    assert!(!title.contains("after the start") && title.contains("in second "), "{title}");
    let (from, to) = title.rsplit_once("in second ").unwrap().1.split_once(" to ").unwrap();
    assert_eq!(from.parse::<u32>().unwrap() + 1, to.parse::<u32>().unwrap(), "{title}");
}

#[test]
fn many_failures_do_not_cover_the_answers() {
    for (n, apart) in [(30, false), (3_000, true)] {
        let found = pictures(&Run::of(mixed(n)));
        let panels = &named(&found, "latency_over_time").scene.panels;
        assert_eq!(panels.len(), 2 + usize::from(apart), "{n}");
        let crosses = |place: usize| {
            let marks = panels[place].series.iter().map(|series| match &series.shape {
                Shape::Marks { points, .. } if series.ink == Ink::Failure => points.len(),
                _ => 0,
            });
            marks.sum::<usize>()
        };
        assert_eq!(crosses(1) == 0, apart, "{n}");
        assert!(crosses(panels.len() - 1) >= n as usize / 8, "{n}");
    }
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
    // A colour that means two things in one picture would be read as one.
    let inks = |place: usize| -> Vec<(&str, Ink)> {
        let series = panels[place].series.iter().filter(|series| !series.name.is_empty());
        series.map(|series| (series.name.as_str(), series.ink)).collect()
    };
    for (name, ink) in inks(1) {
        let own = name.starts_with("client") || name.starts_with("network");
        assert_eq!(inks(0).iter().any(|(_, other)| *other == ink), own, "{name}");
    }
    let names: Vec<&str> = panels[1].series.iter().map(|series| series.name.as_str()).collect();
    let shares: f64 = names
        .iter()
        .filter_map(|name| name.strip_suffix(" %")?.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum();
    assert!((98.0..=102.0).contains(&shares), "the legend has the shares: {names:?}");
    let queue = panels[1].series.iter().find(|series| series.name.starts_with("queue ")).unwrap();
    let Shape::Cells { cells } = &queue.shape else { panic!("{queue:?}") };
    assert_eq!(cells.len(), 10);
    assert!(cells.iter().all(|cell| (cell.x.1 - cell.x.0 - 50.0).abs() < 1e-6), "{cells:?}");
}

#[test]
fn small_runs_have_these_pictures() {
    let mut run = Run::of(mixed(27));
    run.manifest.slos = vec!["*: ttft p95 < 300ms".into()];
    let found = pictures(&run);
    assert_eq!(found.len(), 8);
    for picture in &found {
        let page = drawn(picture);
        let (wide, _) = page.split_once("\n<svg ").unwrap();
        insta::assert_snapshot!(picture.name, wide);
    }
}

#[test]
fn names_from_outside_are_cut_and_escaped() {
    let mut run = Run::of(mixed(200));
    let long = "long".repeat(100);
    run.manifest.classes[0].model = Some("org/<script>\"&\u{202e}".into());
    run.manifest.classes[1].model = Some(format!("{long} end"));
    let found = pictures(&run);
    let text = drawn(named(&found, "by_class"));
    assert!(!text.contains("<script") && !text.contains('\u{202e}'), "{text}");
    assert!(text.contains("&lt;script&gt;&quot;&amp;"), "{text}");
    assert!(!text.contains(&long) && text.contains(" end, n 100"), "{text}");
}

#[test]
fn models_go_from_slow_to_fast_and_those_left_out_are_counted() {
    let mut run = Run::of(mixed(400));
    let class = run.manifest.classes[0].clone();
    let models = (0..20).map(|place| format!("model-{place:02}"));
    run.manifest.classes = models
        .map(|model| proofload_run_dir::ClassEntry { model: Some(model), ..class.clone() })
        .collect();
    for (place, (row, _)) in run.rows.iter_mut().enumerate() {
        row.class = (place % 20) as u16;
        if row.end.is_ok() {
            let due_ms = place as u64 * 1_000;
            let class = row.class;
            *row = answer(place as u32, due_ms, 100 + 50 * u64::from(class), 5, 20);
            row.class = class;
        }
    }
    let found = pictures(&run);
    let picture = named(&found, "by_class");
    assert!(picture.scene.note.ends_with("8 more are not drawn"), "{}", picture.scene.note);
    let Scale::Names(names) = &picture.scene.panels[0].y.scale else { panic!("{picture:?}") };
    let mut models: Vec<&String> = names.iter().filter(|name| name.starts_with("mod")).collect();
    assert_eq!(models.len(), 12);
    assert!(models.is_sorted_by(|one, other| one > other), "{models:?}");
    models.dedup();
    assert_eq!(models.len(), 12);
}

#[test]
fn when_nothing_is_answered_the_failures_are_drawn() {
    for n in [5, 200] {
        let failed = (0..n)
            .map(|index| failure(index, u64::from(index) * 10, Outcome::Http5xx, 503, 7))
            .collect();
        let found = pictures(&Run::of(failed));
        let picture = named(&found, "latency");
        assert!(picture.title.ends_with("failed within 7.00 ms"), "{}", picture.title);
        let series = picture.scene.panels.iter().flat_map(|panel| &panel.series);
        let red = series.filter(|series| series.ink == Ink::Failure).count();
        assert!(red > 0, "{n}: {picture:?}");
    }
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
