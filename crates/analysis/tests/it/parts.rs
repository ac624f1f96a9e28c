//! Groups, what priority and mode change, and the server's side.

use crate::figures::analysed;
use crate::run::{MS, Run, answer, answers, failure};
use proofload_analysis::{Block, Impact, Metric, Results, Section, analyze};
use proofload_record::{Flags, Missing, Outcome, Row, Served, ServerSide, Stamp, Unmatched};
use proofload_run_dir::{ClassEntry, RunDir};
use proofload_verdict::slo::Verdict;

fn class(mode: &str, priority: &str, model: Option<&str>) -> ClassEntry {
    ClassEntry { mode: mode.into(), priority: priority.into(), model: model.map(Into::into) }
}

/// `n` answers that go through `classes` in turn. Those of class `k` have their first token after
/// `100 * (k + 1)` ms and a little.
fn in_turn(n: u32, classes: &[ClassEntry]) -> Run {
    let row = |index: u32| {
        let class = index % classes.len() as u32;
        let noise = u64::from(index.wrapping_mul(2_654_435_761) >> 28);
        let ttft_ms = 100 * u64::from(class + 1) + noise;
        let mut row = answer(index, u64::from(index) * 100, ttft_ms, 10, 11);
        row.class = class as u16;
        row
    };
    let mut run = Run::of((0..n).map(row).collect());
    run.manifest.classes = classes.to_vec();
    run
}

fn results(run: &Run) -> Results {
    analysed(run, |analysis| analysis.results.clone())
}

#[test]
fn requests_are_grouped_by_what_they_have_in_common() {
    let classes = [
        class("interactive", "high", Some("small")),
        class("batch", "low", Some("large")),
        class("interactive", "low", Some("small")),
    ];
    let mut run = in_turn(30, &classes);
    run.rows[4].0 = failure(4, 400, Outcome::Http5xx, 500, 1);
    run.rows[4].0.class = 1;
    let results = results(&run);
    let of = |by: &str| -> Vec<(&str, u64, u64)> {
        let groups = results.groups.iter().filter(|group| group.by == by);
        groups.map(|group| (group.name.as_str(), group.n, group.ok)).collect()
    };
    assert_eq!(of("model"), [("large", 10, 9), ("small", 20, 20)]);
    assert_eq!(of("mode"), [("interactive", 20, 20), ("batch", 10, 9)]);
    assert_eq!(of("priority"), [("low", 20, 19), ("high", 10, 10)]);
    assert_eq!(of("selection"), [("direct", 30, 29)]);
    // What is high is interactive and what is batch is low: those pairs would say nothing new.
    assert_eq!(of("mode, priority"), [("interactive, low", 10, 10)]);
    assert_eq!(of("model, priority"), [("small, low", 10, 10)]);
    assert_eq!(of("mode, selection"), [], "selection tells nobody apart");
    let batch = results.groups.iter().find(|group| group.name == "batch").unwrap();
    assert_eq!((batch.slo.met, batch.slo.n), (9, 10), "the failure stays in the denominator");
    let ttft = batch.metrics.get(Metric::Ttft).unwrap();
    assert_eq!(ttft.n, 9);
    assert!((200.0..216.0).contains(&ttft.p50.unwrap()), "{ttft:?}");
    let direct = results.groups.iter().find(|group| group.name == "direct").unwrap();
    assert_eq!(direct.metrics.get(Metric::Ttft), Some(results.figures(Metric::Ttft)));
}

#[test]
fn groups_without_a_first_token_have_no_columns_of_it() {
    let classes = [class("interactive", "high", None), class("batch", "low", None)];
    let heads = |streamed: bool| {
        let mut run = in_turn(20, &classes);
        for (row, _) in run.rows.iter_mut().filter(|_| !streamed) {
            (row.first_token, row.last_token, row.flags) = (Stamp::NONE, Stamp::NONE, Flags(0));
        }
        analysed(&run, |analysis| {
            let groups = |section: &&Section| section.heading == "Groups, latency in ms";
            let section = analysis.document.sections.iter().find(groups).unwrap();
            let Block::Table(table) = &section.blocks[0] else { unreachable!() };
            let widths = table.rows.iter().map(|row| row.cells.len());
            assert!(widths.into_iter().all(|width| width == table.columns.len()));
            table.columns.iter().map(|column| column.of).collect::<Vec<_>>()
        })
    };
    assert_eq!(heads(true), ["", "", "", "ttft", "ttft", "latency", "latency", ""]);
    assert_eq!(heads(false), ["", "", "", "latency", "latency", ""]);
}

fn impact<'r>(results: &'r Results, of: &str, other: &str) -> &'r Impact {
    results.impacts.iter().find(|impact| impact.of == of && impact.other == other).unwrap()
}

#[test]
fn within_one_mode_and_selection_priority_has_a_ratio() {
    let classes = [class("interactive", "high", Some("m")), class("interactive", "low", Some("m"))];
    let results = results(&in_turn(120, &classes));
    let found = impact(&results, "priority", "high");
    assert_eq!((found.base, found.metric, found.n), ("low", "ttft_ms", [60, 60]));
    assert_eq!(found.within.as_deref(), Some("interactive, direct"));
    let (lo, hi) = (found.lo.unwrap(), found.hi.unwrap());
    assert!(lo <= found.ratio.unwrap() && found.ratio.unwrap() <= hi, "{found:?}");
    assert!(lo > 0.48 && hi < 0.56, "half as long: {found:?}");
    assert!(found.confounded.is_none());
    assert!(!results.impacts.iter().any(|impact| impact.of == "mode"), "there is one mode");
}

#[test]
fn what_differs_in_more_than_priority_is_confounded() {
    let text = |classes: &[ClassEntry], of: &str, other: &str| {
        let results = results(&in_turn(120, classes));
        let found = impact(&results, of, other);
        assert_eq!((found.ratio, found.lo, found.hi), (None, None, None));
        found.confounded.clone().unwrap()
    };
    let apart = [class("interactive", "high", None), class("batch", "low", Some("m"))];
    assert_eq!(
        text(&apart, "priority", "high"),
        "low is only batch, direct, high only interactive, classified"
    );
    assert_eq!(
        text(&apart, "mode", "batch"),
        "interactive is only high, classified, batch only low, direct"
    );
    let models = [class("batch", "high", Some("small")), class("batch", "low", Some("large"))];
    assert_eq!(text(&models, "priority", "high"), "no model answered requests of both");
}

#[test]
fn requests_are_compared_within_their_model() {
    let low = |model| class("batch", "low", Some(model));
    let high = |model| class("batch", "high", Some(model));
    // The first token takes 100 ms more from class to class.
    let classes = [high("a"), low("a"), high("b"), low("b"), low("b"), high("c")];
    let results = results(&in_turn(180, &classes));
    let found = impact(&results, "priority", "high");
    assert_eq!((found.n, found.confounded.as_deref()), ([90, 60], None), "c has nobody to compare");
    // 100 to 200 in a; 300 to 400 and 500 in b.
    let ratio = found.ratio.unwrap();
    assert!((0.58..0.62).contains(&ratio) && found.hi.unwrap() < 0.8, "{found:?}");
}

#[test]
fn the_times_of_survivors_are_not_compared() {
    let classes = [class("batch", "high", Some("m")), class("batch", "low", Some("m"))];
    let mut run = in_turn(40, &classes);
    for index in [1, 11, 21] {
        run.rows[index as usize].0 =
            failure(index, u64::from(index) * 100, Outcome::TimeoutFirstByte, 0, 9_000);
        run.rows[index as usize].0.class = 1;
    }
    let results = results(&run);
    let reason = impact(&results, "priority", "high").confounded.clone().unwrap();
    assert!(reason.starts_with("3 of 20 requests of low failed"), "{reason}");
}

#[test]
fn too_few_requests_have_a_ratio_without_limits() {
    let classes = [class("batch", "high", Some("m")), class("batch", "low", Some("m"))];
    let results = results(&in_turn(6, &classes));
    let found = impact(&results, "priority", "high");
    assert!(found.ratio.is_some() && found.lo.is_none() && found.hi.is_none(), "{found:?}");
}

/// What the server says of an answer: 20 ms in its queue, 2 ms less than the client in all.
fn served(row: &Row) -> Served {
    let total = row.latency_service_ns().unwrap() - 2 * MS;
    Served {
        index: row.index,
        queue_wait_ns: Some(20 * MS),
        processing_ns: Some(total - 20 * MS),
        ttft_ns: Some(row.ttft_service_ns().unwrap() - MS),
        total_ns: Some(total),
        queue_depth: Some(3),
        cold_start: Some(row.index == 0),
        provider: Some("here".into()),
        model: Some("chosen".into()),
        ..Served::default()
    }
}

fn with_server<T>(run: &Run, side: ServerSide, look: impl FnOnce(&Results) -> T) -> T {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    run.write(&path);
    let mut run_dir = RunDir::open(&path).unwrap();
    run_dir.attach_server(side).unwrap();
    look(&analyze(&run_dir).results)
}

fn trust(results: &Results, id: &str) -> (&'static str, String) {
    let item = results.trust.iter().find(|item| item.id == id).unwrap();
    (item.level, item.evidence.clone())
}

#[test]
fn the_servers_parts_and_the_clients_make_up_the_latency() {
    let mut run = in_turn(100, &[class("interactive", "mid", None), class("batch", "mid", None)]);
    run.manifest.slos = vec!["*: queue_wait p95 < 20ms".into(), "*: queue_wait p95 < 19ms".into()];
    let side = ServerSide {
        rows: run.rows.iter().map(|(row, _)| served(row)).collect(),
        ..ServerSide::default()
    };
    with_server(&run, side, |results| {
        assert_eq!(results.figures(Metric::QueueWait).p95, Some(20.0));
        let server = results.server.as_ref().unwrap();
        assert_eq!(
            (server.matched, server.cold_starts.count, server.cold_starts.known),
            (100, 1, 100)
        );
        assert_eq!(server.queue_depth.p50, Some(3.0));
        let split = server.split;
        assert_eq!((split.n, split.queue_ms, split.network_ms), (100, Some(20.0), Some(2.0)));
        assert_eq!(split.unexplained_ms, Some(0.0));
        let parts = [split.client_ms, split.network_ms, split.queue_ms, split.service_ms];
        let sum: f64 = parts.iter().flatten().sum();
        assert!((sum - results.figures(Metric::Latency).mean.unwrap()).abs() < 1e-5);
        assert_eq!(trust(results, "G25").0, "ok");
        let verdicts: Vec<Verdict> = results.verdicts.iter().map(|judged| judged.verdict).collect();
        assert_eq!(verdicts, [Verdict::Met, Verdict::NotMet]);
        let model = results.groups.iter().find(|group| group.by == "model").unwrap();
        assert_eq!(model.name, "here / chosen", "the log knows who answered");
        assert!(results.impacts.iter().any(|impact| impact.metric == "queue_wait_ms"));
    });
}

/// What the document says of the impacts of a run of which so many of each class are low and mid,
/// and wait so long in the queue.
fn impacts_in_words(wait_ns: u64) -> String {
    let classes = [class("batch", "low", Some("m")), class("batch", "mid", Some("m"))];
    let classes = [&classes[..1], &classes[1..], &classes[1..]].concat();
    let run = in_turn(51, &classes);
    let rows =
        run.rows.iter().map(|(row, _)| Served { queue_wait_ns: Some(wait_ns), ..served(row) });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    run.write(&path);
    let mut run_dir = RunDir::open(&path).unwrap();
    run_dir.attach_server(ServerSide { rows: rows.collect(), ..ServerSide::default() }).unwrap();
    let document = analyze(&run_dir).document;
    let heading = "What priority and mode change";
    let section = document.sections.iter().find(|section| section.heading == heading).unwrap();
    format!("{:?}", section.blocks)
}

#[test]
fn those_compared_are_counted_in_the_order_of_their_names() {
    let words = impacts_in_words(20 * MS);
    assert!(words.contains("ttft mid / low") && words.contains("34 + 17"), "{words}");
    assert!(words.contains("queue_wait mid / low"), "{words}");
}

#[test]
fn nothing_is_no_multiple_of_nothing() {
    for wait_ns in [0, 90_000] {
        let words = impacts_in_words(wait_ns);
        let want = "No ratio: queue_wait mid / low (batch, direct), since both hardly ever waited (median \
                    below 0.1 ms).";
        assert!(words.contains(want) && words.contains("34 + 17"), "{words}");
    }
}

#[test]
fn a_log_that_contradicts_the_client_is_named() {
    let run = Run::of(answers(50));
    let mut rows: Vec<Served> = run.rows.iter().map(|(row, _)| served(row)).collect();
    rows[3].ttft_ns = Some(60_000 * MS);
    rows[4].processing_ns = Some(60_000 * MS);
    with_server(&run, ServerSide { rows, ..ServerSide::default() }, |results| {
        let (level, evidence) = trust(results, "G25");
        assert_eq!(level, "warn");
        assert!(evidence.contains("1 had their first token before"), "{evidence}");
        assert!(evidence.contains("1 have parts that are longer"), "{evidence}");
    });
}

#[test]
fn a_reason_that_many_metrics_share_is_given_once() {
    let run = Run::of(answers(10));
    let named =
        |metric: &str, reason: &str| Missing { metric: metric.into(), reason: reason.into() };
    let missing = vec![
        named("queue_wait", "no row of the log is of this run"),
        named("load", "column `load_ms` is empty"),
        named("processing", "no row of the log is of this run"),
    ];
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    run.write(&path);
    let mut run_dir = RunDir::open(&path).unwrap();
    run_dir.attach_server(ServerSide { missing, ..ServerSide::default() }).unwrap();
    let document = format!("{:?}", analyze(&run_dir).document);
    let want = "What the log does not tell: queue wait, processing, since no row of the log is of \
                this run; load, since column `load_ms` is empty.";
    assert!(document.contains(want), "{document}");
}

#[test]
fn what_the_log_does_not_tell_keeps_a_verdict_open_and_a_problem_degrades() {
    let mut run = Run::of(answers(100));
    run.manifest.slos = vec!["*: queue_wait p95 < 1s".into()];
    let rows: Vec<Served> = run.rows[..80].iter().map(|(row, _)| served(row)).collect();
    let not_in_log = Unmatched { count: 20, first: vec!["a-80".into()] };
    let half = ServerSide { rows, not_in_log, problems: vec!["late".into()], ..Default::default() };
    with_server(&run, half, |results| {
        assert!(results.degraded);
        assert_eq!(results.verdicts[0].verdict, Verdict::Undecided);
        assert!(results.verdicts[0].evidence.contains("20 requests of which nothing is known"));
        assert_eq!(results.server.as_ref().unwrap().not_in_log.count, 20);
    });
    let missing = Missing { metric: "queue_wait".into(), reason: "no such column".into() };
    let none = ServerSide { missing: vec![missing], ..Default::default() };
    with_server(&run, none, |results| {
        let open = results.verdicts[0].open.as_deref().unwrap();
        assert_eq!(open, "the server's log has no queue_wait: no such column");
        assert_eq!(trust(results, "G25").0, "note");
        assert_eq!(results.server.as_ref().unwrap().split.n, 0);
    });
}
