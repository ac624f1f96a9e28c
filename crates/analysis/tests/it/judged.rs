//! Objectives of a run, and whether it shows them.

use crate::figures::analysed;
use crate::run::{MS, Run, answer, answers, failure, not_sent};
use proofload_analysis::{Block, Judged, analyze, analyze_against};
use proofload_record::{Flags, Itl, Outcome, Row, Stamp};
use proofload_run_dir::RunDir;
use proofload_verdict::slo::{self, Verdict};

/// Answers with a first token after 200 ms and the end after 301 ms, 100 ms apart; every second is
/// of class 1, batch and classified.
fn steady(n: u32) -> Vec<Row> {
    let row = |index| {
        let mut row = answer(index, u64::from(index) * 100, 200, 10, 11);
        row.class = (index % 2) as u16;
        row
    };
    (0..n).map(row).collect()
}

fn judged(rows: Vec<Row>, slos: &[&str]) -> Vec<Judged> {
    let mut run = Run::of(rows);
    run.manifest.slos = slos.iter().map(|text| (*text).to_owned()).collect();
    analysed(&run, |analysis| {
        assert!(!analysis.results.judged_anew);
        analysis.results.verdicts.clone()
    })
}

#[test]
fn each_objective_is_judged_on_its_own_requests() {
    use Verdict::{Met, NotMet, Undecided};
    let slos = [
        ("*: ttft p95 < 200ms", Met, 200),
        ("*: ttft p95 < 199ms", NotMet, 200),
        ("interactive/mid: latency p95 < 301ms", Met, 100),
        ("batch: total_latency p99 < 300ms", Undecided, 100),
        ("interactive,model=small: tpot p50 < 10ms", Met, 100),
        ("*,selection=classified: client_duration max < 301ms", Met, 100),
        ("*,model=large: ttft p95 < 1s", Undecided, 0),
        ("*/high: errors < 1%", Undecided, 0),
        ("*: errors < 2%", Met, 200),
        ("*: errors < 1%", Undecided, 200),
        ("batch: goodput > 90%", Met, 100),
        ("*: itl p95 < 11ms", Met, 200),
        ("batch: itl p95 < 9ms", NotMet, 100),
        ("*: itl max < 10ms", Met, 200),
        ("interactive: queue_wait p95 < 1s", Undecided, 0),
    ];
    let found = judged(steady(200), &slos.map(|(text, ..)| text));
    for (judged, (text, verdict, n)) in found.iter().zip(slos) {
        assert_eq!(
            (judged.name.as_str(), judged.verdict, judged.n),
            (text, verdict, n),
            "{judged:?}"
        );
    }
    let open = |place: usize| found[place].open.as_deref().unwrap();
    assert_eq!(open(6), "no request is of that model; there are `small`");
    assert_eq!(
        (open(9), found[9].least_n),
        ("299 such requests would decide, at that share", Some(299))
    );
    assert_eq!(open(14), "queue_wait comes from the server's log, and the run has none");
}

#[test]
fn goodput_is_held_to_the_limits_of_each_class() {
    let slos = ["interactive: ttft p95 < 199ms", "batch: ttft p95 < 1s", "*: goodput > 40%"];
    let found = judged(steady(200), &slos);
    assert_eq!((found[2].value, found[2].unit), (Some(50.0), "%"));
    let found = judged(steady(200), &["interactive: ttft p95 < 199ms", "batch: goodput > 40%"]);
    assert_eq!(found[1].value, Some(100.0), "held to the latency objective alone");
}

#[test]
fn failures_count_in_every_objective() {
    use Verdict::{Met, NotMet, Undecided};
    let mut rows = steady(100);
    for index in [7, 20, 33, 46, 59, 72, 85, 98] {
        rows[index as usize] = failure(index, u64::from(index) * 100, Outcome::Http5xx, 503, 1);
    }
    rows.push(not_sent(100, 10_000));
    let slos = ["*: ttft p95 < 1s", "*: ttft p50 < 1s", "*: itl p95 < 1s", "*: goodput > 99%"];
    let found = judged(rows, &slos);
    for (judged, verdict) in found.iter().zip([Undecided, Met, Undecided, NotMet]) {
        let over = judged.over.unwrap();
        assert_eq!((judged.n, judged.verdict), (101, verdict), "{judged:?}");
        assert!((over.share - 9.0 / 101.0).abs() < 1e-6, "{judged:?}");
    }
    assert_eq!(found[0].value, None, "a failure has no time");
}

#[test]
fn a_failure_counts_only_where_it_could_have_had_the_time() {
    let mut rows = steady(120);
    for (index, row) in (0..).zip(&mut rows) {
        let failed = index % 5 == 0;
        if failed {
            *row = failure(index, u64::from(index) * 100, Outcome::Http5xx, 503, 1);
        }
        if index % 2 == 0 {
            (row.flags, row.itl) = (Flags::default(), Itl::default());
            (row.first_token, row.last_token) = (Stamp::NONE, Stamp::NONE);
        }
    }
    let slos =
        ["ttft p50 < 1s", "tpot p50 < 1s", "itl p50 < 1s", "itl max < 1s", "latency p50 < 1s"];
    let found = judged(rows, &slos.map(|slo| format!("*: {slo}")).each_ref().map(String::as_str));
    // Half of them ask for a stream, and a fifth of each half fails.
    assert_eq!(found.iter().map(|judged| judged.n).collect::<Vec<_>>(), [60, 60, 60, 60, 120]);
    for judged in &found {
        assert!((judged.over.unwrap().share - 0.2).abs() < 1e-6, "{judged:?}");
    }
}

#[test]
fn an_invalid_run_has_figures_and_no_verdict() {
    let mut rows = steady(100);
    rows.extend((100..110).map(|index| not_sent(index, u64::from(index) * 100)));
    let found = judged(rows, &["*: ttft p50 < 1s", "*: errors < 1%"]);
    for judged in &found {
        assert_eq!((judged.n, judged.verdict), (110, Verdict::Undecided), "{judged:?}");
        assert!(judged.open.as_deref().unwrap().contains("invalid: generator limited"));
        assert!(judged.over.is_some(), "{judged:?}");
    }
}

#[test]
fn what_we_cut_off_ourselves_is_no_failure_of_the_server() {
    use Verdict::{Met, NotMet, Undecided};
    let mut rows = steady(160);
    for index in (3..160).step_by(4) {
        let row = &mut rows[index as usize];
        *row = failure(index, u64::from(index) * 100, Outcome::Cancelled, 200, 4_000);
        if index % 8 == 3 {
            row.first_token = Stamp::at((u64::from(index) * 100 + 900) * MS);
        }
    }
    let slos = [
        // Forty had waited 4 s: half of them had a first token after 900 ms, the others had none.
        ("*: ttft p50 < 1s", Met),
        ("*: ttft p95 < 1s", NotMet),
        ("*: ttft p95 < 5s", Undecided),
        ("*: latency p95 < 3s", NotMet),
        ("*: latency p95 < 9s", Undecided),
        ("*: latency p50 < 9s", Met),
        ("*: errors < 10%", Undecided),
        ("*: errors < 50%", Met),
        ("*: goodput > 90%", Undecided),
        ("*: itl p95 < 50ms", Undecided),
        ("*: itl max < 50ms", Undecided),
    ];
    let found = judged(rows, &slos.map(|(text, _)| text));
    for (judged, (text, verdict)) in found.iter().zip(slos) {
        assert_eq!((judged.name.as_str(), judged.verdict), (text, verdict), "{judged:?}");
    }
    let open = found[6].open.as_deref().unwrap();
    assert_eq!(open, "40 requests of which nothing is known keep it open");
}

#[test]
fn where_all_failed_nothing_is_met() {
    let rows = (0..100).map(|i| failure(i, u64::from(i) * 100, Outcome::Http5xx, 500, 1));
    let found = judged(rows.collect(), &["*: errors < 1%", "*: ttft p95 < 1s"]);
    assert!(found.iter().all(|judged| judged.verdict == Verdict::NotMet), "{found:?}");
}

#[test]
fn what_was_lost_is_judged_and_the_warm_up_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let mut run = Run::of(steady(100));
    run.manifest.slos = vec!["*: errors < 50%".into()];
    run.manifest.warmup_requests = 10;
    // One that was let go and has no row: in flight when the program was killed.
    run.planned = 101;
    run.write_killed(&path);
    let run_dir = RunDir::open(&path).unwrap();
    let results = analyze(&run_dir).results;
    assert_eq!(results.verdicts[0].n, results.errors.n);
    assert_eq!((results.errors.n, results.counts.warmup), (90, 10));
}

#[test]
fn a_text_that_cannot_be_read_is_undecided_and_a_run_can_be_judged_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let mut run = Run::of(answers(20));
    run.manifest.slos = vec!["*: speed p95 < 1s".into()];
    run.write(&path);
    let run_dir = RunDir::open(&path).unwrap();
    let verdicts = analyze(&run_dir).results.verdicts;
    assert_eq!((verdicts[0].verdict, verdicts[0].n), (Verdict::Undecided, 0));
    assert!(verdicts[0].evidence.contains("`speed` is no metric"), "{verdicts:?}");
    let anew = analyze_against(&run_dir, &slo::parse("*: latency max < 9s").unwrap());
    assert_eq!(anew.results.verdict(), Some(Verdict::Met));
    assert!(anew.results.judged_anew);
    assert!(format!("{:?}", anew.document).contains("Judged anew"));
}

#[test]
fn a_run_without_objectives_has_no_verdict() {
    analysed(&Run::of(answers(3)), |analysis| {
        assert_eq!(analysis.results.verdict(), None);
        assert!(!format!("{:?}", analysis.document).contains("Objectives:"));
    });
}

#[test]
fn what_is_not_met_stands_first_in_words_and_as_asked_in_the_numbers() {
    let mut run = Run::of(steady(100));
    let slos = ["*: ttft p90 < 1s", "*: ttft p99 < 1s", "*: ttft p95 < 9ms"];
    run.manifest.slos = slos.map(Into::into).to_vec();
    analysed(&run, |analysis| {
        let asked = analysis.results.verdicts.iter().map(|judged| judged.name.clone());
        assert_eq!(asked.collect::<Vec<_>>(), slos);
        let blocks = analysis.document.sections.iter().flat_map(|section| &section.blocks);
        let stated = blocks.filter_map(|block| match block {
            Block::Verdicts(stated) => Some(stated),
            _ => None,
        });
        let names: Vec<&str> = stated.flatten().map(|stated| stated.name.as_str()).collect();
        assert_eq!(names, [slos[2], slos[1], slos[0]]);
    });
}

#[test]
fn a_late_first_token_is_late_whatever_the_rest() {
    let mut rows = steady(100);
    for row in rows.iter_mut().step_by(4) {
        row.first_token = Stamp::at(row.due.get().unwrap() + 290 * MS);
    }
    let found = judged(rows, &["*: ttft p90 < 250ms", "*: latency p90 < 1s"]);
    let verdicts: Vec<Verdict> = found.iter().map(|judged| judged.verdict).collect();
    assert_eq!(verdicts, [Verdict::NotMet, Verdict::Met]);
}
