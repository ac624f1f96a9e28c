//! The figures of whole runs.

use crate::run::{MS, Run, answer, answers, failure, not_sent};
use proofload_analysis::{Analysis, Document, Metric, Results, analyze};
use proofload_record::{End, Flags, Outcome, Row, Stamp};
use proofload_run_dir::RunDir;

/// Analyses a run and gives back what `look` sees of it.
pub(crate) fn analysed<T>(run: &Run, look: impl FnOnce(&Analysis<'_>) -> T) -> T {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    run.write(&path);
    let run_dir = RunDir::open(&path).unwrap();
    look(&analyze(&run_dir))
}

fn results(rows: Vec<Row>) -> Results {
    analysed(&Run::of(rows), |analysis| analysis.results.clone())
}

fn level(results: &Results, id: &str) -> &'static str {
    results.trust.iter().find(|item| item.id == id).unwrap().level
}

#[test]
fn every_metric_follows_its_formula() {
    let mut row = answer(0, 1_000, 200, 10, 21);
    row.coalesced = 3;
    let results = results(vec![row]);
    for (metric, want) in [
        (Metric::Ttft, 200.0),
        (Metric::TtftService, 199.7),
        (Metric::TotalLatency, 400.0),
        (Metric::TotalLatencyService, 399.7),
        (Metric::Latency, 401.0),
        (Metric::LatencyService, 400.7),
        (Metric::Tpot, 10.0),
        (Metric::ClientDuration, 400.95),
        (Metric::ConnectionWait, 0.2),
        (Metric::Lateness, 50.0),
    ] {
        let figures = results.figures(metric);
        assert_eq!((figures.n, figures.p50), (1, Some(want)), "{}", metric.key());
        assert_eq!((figures.mean, figures.min, figures.max), (Some(want), Some(want), Some(want)));
    }
    let gaps = results.figures(Metric::Itl);
    assert_eq!((gaps.n, gaps.mean), (20, Some(10.0)));
    assert!((gaps.p50.unwrap() - 10.0).abs() <= 0.011, "{gaps:?}");
    assert_eq!(results.throughput.span_s, Some(0.401));
    assert_eq!(results.throughput.requests_per_s, Some(1.0 / 0.401));
    assert_eq!(results.throughput.tokens_per_s, Some(21.0 / 0.401));
    assert_eq!(results.throughput.offered_per_s, None, "one request has no rate");
}

#[test]
fn quantiles_come_by_rank_from_rows_and_agree_with_the_log() {
    let rows = answers(1_000);
    let mut latencies: Vec<u64> = rows.iter().filter_map(Row::latency_ns).collect();
    latencies.sort_unstable();
    let results = results(rows);
    let figures = results.figures(Metric::Latency);
    let at = |rank: usize| Some(latencies[rank - 1] as f64 / MS as f64);
    assert_eq!(
        (figures.p50, figures.p90, figures.p95, figures.p99, figures.p999),
        (at(500), at(900), at(950), at(990), at(999))
    );
    let p50 = figures.intervals.p50.unwrap();
    assert!(p50.lo < figures.p50 && figures.p50 < p50.hi, "{p50:?}");
    assert_eq!(level(&results, "G39"), "ok", "{:?}", results.trust);
    assert_eq!(level(&results, "G04"), "warn", "p99.9 of 1,000 is not bounded");
    let p999 = figures.intervals.p999.unwrap();
    assert!(p999.lo.is_some() && p999.hi.is_none(), "{p999:?}");
}

#[test]
fn failures_stay_in_every_denominator_and_out_of_every_quantile() {
    let mut rows = answers(10);
    rows.push(failure(10, 10_000, Outcome::Http5xx, 503, 2));
    rows.push(failure(11, 11_000, Outcome::ConnectRefused, 0, 1));
    let mut cut = answer(12, 12_000, 100, 10, 5);
    cut.end = proofload_record::End::Sent(Outcome::Truncated);
    rows.push(cut);
    rows.push(not_sent(13, 13_000));
    let results = results(rows);
    assert_eq!(results.figures(Metric::Ttft).n, 10, "the cut answer's first token is out");
    assert_eq!((results.errors.n, results.errors.failed), (14, 4));
    assert_eq!((results.slo.n, results.slo.met), (14, 10));
    let ways: Vec<(&str, u64)> =
        results.errors.by_outcome.iter().map(|way| (way.outcome, way.n)).collect();
    assert_eq!(ways, [("http_5xx", 1), ("truncated", 1), ("connect_refused", 1), ("not_sent", 1)]);
    assert_eq!(results.errors.by_outcome[0].until_failed_ms.p50, Some(2.0));
    assert_eq!(level(&results, "G10"), "warn");
    assert_eq!(level(&results, "G02"), "invalid", "13 of 14 were sent");
    assert_eq!(results.validity.reason, Some("generator limited"));
    assert!(!results.degraded, "all of it is known");
}

#[test]
fn a_slow_answer_is_no_failure_but_misses_the_objective() {
    let mut run = Run::of(vec![answer(0, 0, 200, 10, 11), answer(1, 1_000, 200, 10, 12)]);
    run.manifest.latency_slo_ns = 301 * MS;
    analysed(&run, |analysis| {
        let slo = &analysis.results.slo;
        assert_eq!((slo.met, slo.n, slo.limit_ms), (1, 2, 301.0), "301 ms is within 301 ms");
        assert_eq!(analysis.results.errors.failed, 0);
    });
}

#[test]
fn the_warm_up_is_in_no_figure() {
    let mut rows = answers(12);
    rows[0] = failure(0, 0, Outcome::Http5xx, 500, 5_000);
    let mut run = Run::of(rows);
    run.manifest.warmup_requests = 2;
    analysed(&run, |analysis| {
        let results = &analysis.results;
        assert_eq!(results.counts.warmup, 2);
        assert_eq!(results.counts.planned, 12, "the books hold all");
        assert_eq!((results.errors.n, results.errors.failed), (10, 0));
        assert_eq!(results.figures(Metric::Latency).n, 10);
        assert_eq!(results.lateness_us.n, 10);
        let warm: Vec<bool> = analysis.requests().map(|request| request.warmup).collect();
        assert_eq!(warm[..3], [true, true, false]);
        let note = format!("{:?}", analysis.document);
        assert!(note.contains("the first 2 of the plan"), "{note}");
    });
}

#[test]
fn an_unstreamed_answer_has_no_first_token_and_its_count_comes_from_usage() {
    let mut row = answer(0, 0, 200, 10, 11);
    row.first_token = Stamp::NONE;
    row.last_token = Stamp::NONE;
    row.flags = Flags::USAGE;
    row.itl = proofload_record::Itl::default();
    let results = results(vec![row]);
    assert_eq!(results.figures(Metric::Ttft).n, 0);
    assert_eq!(results.figures(Metric::Ttft).p50, None);
    assert_eq!(results.figures(Metric::Tpot).n, 0);
    assert_eq!(results.figures(Metric::TotalLatency).p50, Some(301.0));
    assert_eq!((results.tokens.source, results.tokens.output), ("usage", 11));
}

#[test]
fn a_late_generator_makes_the_run_invalid_with_the_evidence() {
    let late = |lateness_us: u64| {
        let mut rows = answers(20);
        for row in &mut rows {
            row.started = Stamp::at(row.due.get().unwrap() + lateness_us * 1_000);
        }
        results(rows)
    };
    assert_eq!(late(900).validity.verdict, "valid");
    let results = late(60_000);
    assert_eq!(results.validity.reason, Some("generator limited"));
    let evidence = &results.trust.iter().find(|item| item.id == "G01").unwrap().evidence;
    assert!(evidence.contains("send lateness p99 60.0 ms (over "), "{evidence}");
}

#[test]
fn what_failed_is_said_before_anything_is_judged() {
    let failing = |rows: std::ops::Range<u32>, outcome, status| {
        rows.map(move |i| failure(i, u64::from(i) * 100, outcome, status, 1))
    };
    let lost = failing(0..20, Outcome::Http5xx, 500);
    let most = failing(0..15, Outcome::Http5xx, 500).chain(failing(15..20, Outcome::Reset, 0));
    let some: Vec<Row> = answers(20)
        .into_iter()
        .map(
            |row| {
                if row.index % 4 == 0 { failure(row.index, 1, Outcome::Reset, 0, 1) } else { row }
            },
        )
        .collect();
    for (rows, first, happened) in [
        (lost.collect(), "All 20 requests failed: http_5xx (500). ", ""),
        (most.collect(), "All 20 requests failed, 15 of them with http_5xx (500). ", ""),
        (some, "", "5 of 20 requests failed: reset."),
    ] {
        let mut run = Run::of(rows);
        run.manifest.slos = vec!["*: ttft p95 < 1s".into()];
        analysed(&run, |analysis| {
            let Document { title, headline, .. } = &analysis.document;
            assert!(title.starts_with(first) && headline.reason.starts_with(first), "{headline:?}");
            assert!(title.contains(happened), "{title}");
            assert!(headline.happened.contains(happened), "{headline:?}");
        });
    }
}

#[test]
fn the_wait_for_a_connection_says_of_how_many_it_is() {
    let mut rows = answers(20);
    for row in rows.iter_mut().take(9) {
        row.end = End::Sent(Outcome::Http5xx);
    }
    analysed(&Run::of(rows), |analysis| {
        let document = format!("{:?}", analysis.document);
        let want = "connection wait is of the 20 that connected; all other rows are of the 11 that";
        assert!(document.contains(want), "{document}");
    });
}

#[test]
fn where_all_failed_there_is_nothing_to_judge() {
    let rows = (0..5).map(|i| failure(i, u64::from(i) * 100, Outcome::Http4xx, 401, 3));
    let results = results(rows.collect());
    assert_eq!(level(&results, "G35"), "invalid");
    assert_eq!(results.validity.reason, Some("no request succeeded"));
    assert!(results.degraded);
    assert_eq!(results.slo.share, Some(0.0));
}

#[test]
fn a_simulated_target_is_a_finding_of_its_own() {
    for (simulated, want) in [(true, "warn"), (false, "ok")] {
        let mut run = Run::of(answers(3));
        run.manifest.target.simulated = simulated;
        analysed(&run, |analysis| {
            assert_eq!(level(&analysis.results, "G23"), want);
            assert_eq!(analysis.document.simulated, simulated);
        });
    }
}

#[test]
fn the_documentation_has_every_metric() {
    let text = include_str!("../../../../docs/metrics.md");
    for metric in Metric::ALL {
        assert!(text.contains(&format!("| `{}` |", metric.name())), "{}", metric.name());
    }
    for outcome in Outcome::ALL {
        assert!(text.contains(&format!("`{}`", outcome.label())), "{}", outcome.label());
    }
}
