//! Files of Logos, imported, analysed and explained.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proofload_analysis::{Block, Metric, analyze};
use proofload_logos::{DetailedFile, Explanation, Import, explain, import};
use proofload_record::{Outcome, ServerSide};
use proofload_run_dir::RunDir;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const DIRECT: &str = "direct_benchmark_detailed.csv";
const NEWER: &str = "synthetic_35_columns_detailed.csv";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logos").join(name)
}

fn imported(file: &Path, out: &Path) -> RunDir {
    let file = DetailedFile::open(file).unwrap();
    let out = out.to_owned();
    let latency_slo_ns = 10_000_000_000;
    let dir = import(&file, &Import { out, program: "test", version: "0", latency_slo_ns });
    RunDir::open(&dir.unwrap()).unwrap()
}

fn explained(name: &str) -> Explanation {
    let folder = tempfile::tempdir().unwrap();
    explain(&imported(&fixture(name), &folder.path().join("run"))).unwrap()
}

#[test]
fn of_the_published_file_one_in_twenty_was_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let run = imported(&fixture(DIRECT), &folder.path().join("run"));
    let results = analyze(&run).results;
    let slo = &results.slo;
    assert_eq!((slo.met, slo.n, slo.share), (1, 20, Some(0.05)));
    assert_eq!((slo.metric, slo.limit_ms), ("client_duration_ms", 10_000.0));
    assert_eq!((slo.lo, slo.hi, results.errors.lo), (None, None, None), "no order, no interval");
    let count = |outcome: Outcome| results.counts.outcomes.0[usize::from(outcome.code())];
    assert_eq!(
        (count(Outcome::Ok), count(Outcome::Empty), count(Outcome::TimeoutTotal)),
        (7, 5, 8)
    );
    assert_eq!(results.validity.verdict, "not judged");

    let duration = results.figures(Metric::ClientDuration);
    assert_eq!((duration.n, duration.max), (7, Some(82_136.75)));
    assert_eq!(duration.intervals.p50, None);
    let known = [Metric::ClientDuration, Metric::ServerTtft, Metric::ServerTotal];
    for metric in Metric::ALL {
        let n = if known.contains(&metric) { 7 } else { 0 };
        assert_eq!(results.figures(metric).n, n, "{}", metric.name());
    }
    assert_eq!(results.throughput.requests_per_s, None);
    let side = run.server().unwrap();
    assert_eq!((side.rows.len(), side.is_degraded(), results.degraded), (20, false, false));
    assert_eq!((side.rows[0].ttft_ns, side.rows[0].log_id), (Some(1_470_380_000), Some(150)));
    assert_eq!(side.rows[0].provider.as_deref(), Some("openwebui"));
}

#[test]
fn what_was_published_is_found_again_and_explained() {
    let explanation = explained(DIRECT);
    let (published, ours) = (explanation.published, explanation.ours);
    assert_eq!((published.in_time, published.judged, published.successful), (6, 20, 12));
    assert_eq!((ours.in_time, ours.judged, ours.successful), (1, 20, 7));

    let summary = fs::read_to_string(fixture("direct_benchmark_summary.csv")).unwrap();
    let stated: BTreeMap<&str, f64> = summary
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect::<Vec<_>>())
        .map(|cells| (cells[0], cells[1].parse().unwrap()))
        .collect();
    for figure in &explanation.figures {
        let (found, want) = (figure.published.value.unwrap(), stated[&*figure.metric]);
        // The file's own times are rounded to a hundredth.
        assert!((found - want).abs() < 0.011, "{}: {found} is not {want}", figure.metric);
    }
    assert_eq!(explanation.figures.len() + 3, stated.len(), "all but the three counts");

    let differences: Vec<_> =
        explanation.differences.iter().map(|difference| (difference.kind, difference.n)).collect();
    assert_eq!(
        differences,
        [("failure_in_times", 13), ("empty_as_success", 5), ("failure_in_time", 5)]
    );
    let row = |id: &str| explanation.rows.iter().find(|row| row.request_id == id).unwrap();
    let (good, empty, timeout) = (row("req-1"), row("req-5"), row("req-10"));
    assert_eq!((good.row, good.published_in_time, good.in_time), (2, Some(true), true));
    assert_eq!(good.reason, None);
    assert_eq!((empty.published_success, empty.published_in_time), (true, Some(true)));
    assert_eq!((empty.outcome, empty.in_time), ("empty", false));
    assert_eq!(
        empty.reason.as_deref(),
        Some(
            "status 200 without a token or a text was counted as a success; the 389.25 ms until \
             it failed kept to the limit; TTFT 388.06 ms and latency 389.25 ms of a failure were \
             counted"
        )
    );
    assert_eq!((timeout.outcome, timeout.logged_ttft_ms), ("timeout_total", Some(60_194.37)));
    assert_eq!(timeout.differs, ["failure_in_times"]);
}

#[test]
fn the_counts_of_an_explanation_are_those_of_the_analysis() {
    for name in [DIRECT, NEWER] {
        let folder = tempfile::tempdir().unwrap();
        let run = imported(&fixture(name), &folder.path().join("run"));
        let (results, ours) = (analyze(&run).results, explain(&run).unwrap().ours);
        assert_eq!((ours.in_time, ours.judged), (results.slo.met, results.slo.n), "{name}");
        assert_eq!(ours.failed, results.errors.failed, "{name}");
    }
}

#[test]
fn the_newer_form_brings_the_servers_side_and_the_model_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let run = imported(&fixture(NEWER), &folder.path().join("run"));
    let known = run.manifest().imported.as_ref().unwrap();
    assert_eq!(
        (known.form.as_str(), known.selection_known),
        ("Logos detailed CSV, 35 columns", true)
    );
    let outcomes: Vec<&str> = run.rows().iter().map(|row| row.end.label()).collect();
    assert_eq!(
        outcomes,
        ["ok", "ok", "ok", "empty", "http_5xx", "truncated", "timeout_total", "ok"]
    );
    let selections: Vec<&str> =
        run.rows().iter().map(|row| run.classes()[usize::from(row.class)].selection()).collect();
    assert_eq!(selections[2], "classified", "its body names no model");
    assert_eq!(selections.iter().filter(|selection| **selection == "direct").count(), 7);

    let side = run.server().unwrap();
    let first = side.get(0).unwrap();
    assert_eq!(
        (first.queue_wait_ns, first.processing_ns),
        (Some(900_500_000), Some(1_189_500_000))
    );
    assert_eq!((first.cold_start, first.load_ns), (Some(true), Some(812_250_000)));
    assert_eq!((first.prompt_tokens, first.completion_tokens), (Some(40), Some(60)));
    assert_eq!(first.result.as_deref(), Some("success"));
    let third = side.get(2).unwrap();
    assert_eq!((third.queue_depth, third.queue_depth_scheduled), (Some(2), Some(1)));
    assert_eq!(side.not_in_log.first, ["syn-0007", "syn-0008"]);
    // The client had an exception and no answer in the one, so nothing is missing there.
    assert!(side.problems[0].ends_with("in the file: 1"), "{:?}", side.problems);
    assert!(ServerSide::is_degraded(side));
    let missing: Vec<&str> = side.missing.iter().map(|missing| missing.metric.as_str()).collect();
    assert_eq!(missing, ["arrived", "classification"]);
    assert_eq!(run.notes()[&0].server_request_id.as_deref(), Some("madeUp01"));

    let explanation = explain(&run).unwrap();
    assert_eq!((explanation.published.in_time, explanation.published.judged), (6, 6));
    assert_eq!((explanation.ours.in_time, explanation.ours.judged), (3, 8));
    let slow = &explanation.rows[2];
    assert_eq!(slow.differs, ["in_time_by_the_log_only"]);
    assert_eq!(explanation.rows[7].published_in_time, None, "not in the log");
}

#[test]
fn unknown_columns_are_named_wherever_a_reader_looks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.csv");
    let text = "gpu,request_id,mode,priority,http_status,client_duration_ms,tokens,Fan Speed\n\
                a100,r1,batch,low,200,12.5,3,fast\n";
    fs::write(&file, text).unwrap();
    let run = imported(&file, &folder.path().join("run"));
    let ignored = ["gpu", "fan speed"];
    assert_eq!(run.manifest().imported.as_ref().unwrap().ignored_columns, ignored);
    let analysis = analyze(&run);
    assert_eq!(analysis.results.imported.as_ref().unwrap().ignored_columns, ignored);
    let first = &analysis.document.sections[0];
    assert_eq!(first.heading, "Imported");
    let named = first
        .blocks
        .iter()
        .any(|block| matches!(block, Block::Text(text) if text.contains("`gpu`, `fan speed`")));
    assert!(named, "{first:?}");
    assert!(run.server().is_none() && !analysis.results.degraded, "no column of a log");
    // Without the server's log there is nothing that anybody could have published.
    let explanation = explain(&run).unwrap();
    assert_eq!((explanation.published.judged, explanation.ours.in_time), (0, 1));
    assert!(
        explanation
            .figures
            .iter()
            .all(|figure| figure.metric == "error_rate" || figure.published.value.is_none())
    );
}

#[test]
fn the_same_file_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    for out in [&one, &two] {
        imported(&fixture(NEWER), out);
    }
    let mut names: Vec<_> =
        fs::read_dir(&one).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(
        names,
        ["plan.bin", "requests.bin", "requests.txt", "run.json", "server.csv", "server.json"]
    );
    for name in names {
        let bytes = |dir: &Path| fs::read(dir.join(&name)).unwrap();
        assert_eq!(bytes(&one), bytes(&two), "{}", name.display());
    }
    let manifest = fs::read_to_string(one.join("run.json")).unwrap();
    let place = fixture("").display().to_string();
    assert!(!manifest.contains(&place) && !manifest.contains(".csv"), "no path: {manifest}");
}
