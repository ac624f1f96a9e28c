//! Which files are written, where, and what is in them.

use crate::run::{Run, answers};
use proofload_analysis::{Metric, Results, analyze};
use proofload_report::{Rows, json, write_beside, write_run_dir};
use proofload_run_dir::RunDir;
use std::fs;
use std::path::Path;
use tiny_skia::Pixmap;

const TABLES: [&str; 3] = ["summary.csv", "metrics.csv", "detailed.csv"];

fn run_in(folder: &Path, run: &Run) -> RunDir {
    let path = folder.join("run");
    run.write(&path);
    RunDir::open(&path).unwrap()
}

#[test]
fn files_are_made_again_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = run_in(folder.path(), &Run::of(answers(40)));
    let make = || {
        let written = write_run_dir(&analyze(&run_dir), run_dir.path(), Rows::First).unwrap();
        assert_eq!(written.files.len(), 5);
        assert!(written.charts.len() >= 12, "{:?}", written.charts);
        written
            .files
            .iter()
            .chain(&written.charts)
            .map(|file| fs::read(file).unwrap())
            .collect::<Vec<_>>()
    };
    let first = make();
    for name in TABLES {
        fs::remove_file(run_dir.path().join(name)).unwrap();
    }
    fs::remove_dir_all(run_dir.path().join("charts")).unwrap();
    assert_eq!(first, make());
    let json = String::from_utf8(first[1].clone()).unwrap();
    let page = String::from_utf8(first[0].clone()).unwrap();
    for text in [json, page] {
        assert!(!text.contains(&*folder.path().to_string_lossy()), "no path is in it");
    }
}

#[test]
fn output_names_the_three_tables_and_two_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = run_in(folder.path(), &Run::of(answers(2)));
    let analysis = analyze(&run_dir);
    write_run_dir(&analysis, run_dir.path(), Rows::First).unwrap();
    for (output, stem) in [("x.csv", "x"), ("y", "y"), ("z.b.CSV", "z.b"), ("w.v1", "w.v1")] {
        let output = folder.path().join(output);
        write_beside(&analysis, &output, Rows::First).unwrap();
        for name in TABLES {
            let beside = fs::read(folder.path().join(format!("{stem}_{name}"))).unwrap();
            assert_eq!(beside, fs::read(run_dir.path().join(name)).unwrap(), "{output:?}: {name}");
        }
        for (rest, name) in [(".png", "latency"), ("_client_duration.png", "client_duration")] {
            let beside = fs::read(folder.path().join(format!("{stem}{rest}"))).unwrap();
            let chart = run_dir.path().join("charts").join(name).with_extension("png");
            assert_eq!(beside, fs::read(chart).unwrap(), "{output:?}: {name}");
        }
    }
}

#[test]
fn no_picture_of_another_run_is_left_beside_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("x.csv");
    fs::write(folder.path().join("x.png"), "of another run").unwrap();
    let run_dir = run_in(folder.path(), &Run::of(Vec::new()));
    let written = write_beside(&analyze(&run_dir), &output, Rows::First).unwrap();
    assert_eq!(written.files.len(), TABLES.len());
    assert!(!folder.path().join("x.png").exists());
}

#[test]
fn every_picture_is_a_file_of_its_own_and_a_png_with_something_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = run_in(folder.path(), &Run::of(answers(40)));
    let written = write_run_dir(&analyze(&run_dir), run_dir.path(), Rows::First).unwrap();
    for pair in written.charts.chunks(2) {
        let [svg, png] = pair else { panic!("{pair:?}") };
        let text = fs::read_to_string(svg).unwrap();
        assert!(text.starts_with("<svg ") && text.contains("<style>"), "{svg:?}");
        let picture = Pixmap::decode_png(&fs::read(png).unwrap()).unwrap();
        let paper = picture.pixel(0, 0).unwrap();
        let drawn = picture.pixels().iter().filter(|pixel| **pixel != paper).count();
        assert!(drawn > picture.pixels().len() / 200, "{png:?}: {drawn} pixels");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = run_in(folder.path(), &Run::of(answers(2)));
    let output = folder.path().join("missing").join("x.csv");
    let error = write_beside(&analyze(&run_dir), &output, Rows::First).unwrap_err();
    assert!(error.to_string().ends_with("missing/x_summary.csv"), "{error}");
}

#[test]
fn every_planned_request_has_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::of(answers(3));
    run.planned = 5;
    let run_dir = run_in(folder.path(), &run);
    write_run_dir(&analyze(&run_dir), run_dir.path(), Rows::First).unwrap();
    let mut table = csv::Reader::from_path(run_dir.path().join("summary.csv")).unwrap();
    let at = table.headers().unwrap().iter().position(|name| name == "outcome").unwrap();
    let outcomes: Vec<String> =
        table.records().map(|record| record.unwrap()[at].to_owned()).collect();
    assert_eq!(outcomes, ["ok", "ok", "ok", "not_reached", "not_reached"]);
}

#[test]
fn no_name_stands_twice_and_the_source_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = run_in(folder.path(), &Run::of(answers(3)));
    let analysis = analyze(&run_dir);
    write_run_dir(&analysis, run_dir.path(), Rows::First).unwrap();
    let text = fs::read_to_string(run_dir.path().join("metrics.csv")).unwrap();
    let names: Vec<&str> = text.lines().map(|line| line.split(',').next().unwrap()).collect();
    let mut once = names.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), names.len());
    let source = [
        "metric",
        "total_requests",
        "successful_requests",
        "failed_requests",
        "error_rate",
        "slo_attainment_rate",
        "avg_ttft",
        "p50_ttft",
        "p95_ttft",
        "p99_ttft",
        "avg_tpot",
        "p50_tpot",
        "p95_tpot",
        "p99_tpot",
        "avg_total_latency",
        "p50_total_latency",
        "p95_total_latency",
        "p99_total_latency",
    ];
    assert_eq!(names[..source.len()], source);
    assert!(text.contains("\nsimulated,false,flag\n"));
}

#[test]
fn json_holds_what_the_design_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = run_in(folder.path(), &Run::of(answers(3)));
    let results: Results = analyze(&run_dir).results;
    let text = json(&results);
    assert!(text.ends_with("}\n"));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    for key in [
        "schema_version",
        "program",
        "state",
        "counts",
        "metrics",
        "throughput",
        "lateness_us",
        "groups",
        "verdicts",
        "trust",
        "slo",
        "errors",
        "tokens",
        "definitions",
    ] {
        assert!(!value[key].is_null(), "{key}");
    }
    for metric in Metric::ALL.into_iter().filter(|metric| *metric != Metric::Lateness) {
        assert!(value["metrics"][metric.key()]["n"].is_u64(), "{}", metric.key());
    }
    assert!(value["counts"]["outcomes"]["http_5xx"].is_u64());
}
