//! The source's report: its labels, its grep and awk lines, its verdicts.

use std::process::{Command, Stdio};

use crate::program::run;

/// What differs from run to run: times, shares of times, and what they decide.
fn without_times(text: &str) -> String {
    let mut kept = String::new();
    for line in text.lines() {
        let mut words = Vec::new();
        let mut rest = line.split(' ').peekable();
        while let Some(word) = rest.next() {
            let bare = word.trim_matches(['(', ')', ',', ';', '[', ']']);
            let is_number = |text: &str| !text.is_empty() && text.parse::<f64>().is_ok();
            let has_unit = rest.peek().is_some_and(|next| {
                ["ns", "µs", "ms", "s"].contains(&next.trim_end_matches([',', ';']))
            });
            if is_number(bare) && has_unit && !line.contains("limit") {
                rest.next();
                words.push("<time>".to_owned());
            } else if bare.ends_with('s') && is_number(bare.trim_end_matches('s')) && bare.len() > 4
            {
                words.push(word.replace(bare, "<time>"));
            } else {
                words.push(word.to_owned());
            }
        }
        let line = words.join(" ");
        // The share behind a time, and the padding, follow the time.
        let line = match line.split_once("<time> (") {
            Some((before, after)) if after.contains("%)") => {
                let (_, after) = after.split_once("%)").unwrap();
                format!("{before}<time> (<share>%){after}")
            }
            _ => line,
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        let indent = line.len() - line.trim_start().len();
        kept.push_str(&format!("{:indent$}{}\n", "", words.join(" ")));
    }
    kept
}

#[test]
fn the_block_has_the_labels_of_the_source() {
    let dir = tempfile::tempdir().unwrap();
    let ended = run(dir.path(), &["--strategy", "batch", "--repeat", "1", "--out", "run"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let (block, _) = ended.stdout.split_once("\nRuns of ").unwrap();
    let limits = block.lines().filter(|line| line.contains("limit:")).count();
    assert_eq!(limits, 2, "decision and update time");
    let block: Vec<&str> = block.lines().filter(|line| !line.contains("limit:")).collect();
    insta::assert_snapshot!(without_times(&block.join("\n")));
}

/// What the source's own lines make of our output.
fn shell(dir: &std::path::Path, script: &str) -> String {
    let program = env!("CARGO_BIN_EXE_proofload-schedule");
    let mut command = Command::new("sh");
    command.current_dir(dir).args(["-c", script]).env("SCHEDULE", program).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_lines_of_the_source_work() {
    let dir = tempfile::tempdir().unwrap();
    let found = shell(
        dir.path(),
        r#"for i in 1 2 3; do
             "$SCHEDULE" --strategy ours --repeat 1 --out "run$i" 2>&1 |
               grep -E "(Total duration:|Lock acquisitions:|PASS|FAIL)"
           done | tee stress_test_results.txt > /dev/null
           grep "Total duration:" stress_test_results.txt |
             awk '{print $3}' |
             awk '{sum+=$1; count++} END {print "Average:", sum/count, "Count:", count}'"#,
    );
    let words: Vec<&str> = found.split_whitespace().collect();
    assert_eq!((words[0], words[2], words[3]), ("Average:", "Count:", "3"), "{found}");
    let average: f64 = words[1].parse().unwrap();
    assert!(average > 0.0 && average < 2.0, "{found}");

    let printed = shell(
        dir.path(),
        r#""$SCHEDULE" --strategy ours --repeat 1 --out a | grep "Total duration:" | awk '{print $3}'"#,
    );
    let seconds = printed.trim().strip_suffix('s').unwrap();
    assert_eq!(seconds.split_once('.').unwrap().1.len(), 6, "{printed}");
    let after = shell(
        dir.path(),
        r#""$SCHEDULE" --strategy ours --repeat 1 --out b | grep -A 30 "Worker Distribution:""#,
    );
    assert!(after.contains("worker-20: 5 containers (5.0%)"), "{after}");
}

#[test]
fn strategies_get_the_grades_of_the_source() {
    for (flags, code, graded) in [
        (
            &["--strategy", "lock"] as &[_],
            1,
            &[
                "Lock acquisitions:       100 (1.0 per container)    ❌ one per container = Not batching",
                "Cache invalidations:     100                        ❌ one per container = Over-invalidating",
            ] as &[_],
        ),
        (
            &["--strategy", "batch", "--cache-ttl-ms", "0"],
            1,
            &["Hit rate:                0.0%                       ❌ Cache thrashing, check TTL"],
        ),
        (
            &["--policy", "best-fit", "--strategy", "ours"],
            0,
            &["❌ Affinity broken", "❌ Poor distribution"],
        ),
        (
            &["--strategy", "old"],
            1,
            &["Hit rate:                undecided                  – no lookups: undecided"],
        ),
        (&["--strategy", "ours"], 0, &["=== Performance Test PASSED ==="]),
        // By hash, so not even, but no worker has more than 1.5 times its share.
        (
            &["--strategy", "ours", "--policy", "affinity"],
            0,
            &[
                "Worker Distribution: ⚠️ Outside good balance, but not uneven",
                "worker-1: 8 containers",
                "worker-4: 1 containers",
                "✓ Workers are reasonably distributed (20 workers used)",
            ],
        ),
        (
            &["--strategy", "ours", "--policy", "affinity", "--workers", "100"],
            0,
            &["✓ Workers are reasonably distributed (76 workers used)"],
        ),
        (&["--strategy", "ours", "--policy", "affinity", "--preset", "mixed"], 0, &[]),
        (
            &["--strategy", "batch"],
            1,
            &["✓ Workers are reasonably distributed (20 workers used)", "✗ Lock acquisitions: 40"],
        ),
        (
            &["--strategy", "old"],
            1,
            &["✗ Workers should be reasonably distributed (2 workers used; Affinity broken)"],
        ),
        // 90 containers on one worker that holds 80: nothing to learn of how time grows.
        (
            &["--strategy", "ours", "--workers", "1", "--containers", "90"],
            1,
            &["is not measured: on 1 workers 80 of 100 containers find a place"],
        ),
        (&["--strategy", "ours", "--target-time", "1ns"], 1, &["=== Performance Test FAILED ==="]),
        (
            &["--strategy", "ours", "--containers", "2000", "--workers", "1"],
            1,
            &["✗ 80 of 2000 containers scheduled"],
        ),
        (
            &["--strategy", "lock", "--batch", "10"],
            1,
            &["Lock acquisitions: 100 (1.0 per container) ❌ one per container = Not batching"],
        ),
        (
            &["--strategy", "ours", "--batch", "7"],
            0,
            &["Capacity updates: 100 (1.0 per container) – undecided: batches too small to tell"],
        ),
        // Of those that were asked for many found no place: each figure is of those that did.
        (
            &["--strategy", "lock", "--workers", "4", "--containers", "500"],
            1,
            &["Lock acquisitions: 320 (1.0 per container) ❌ one per container = Not batching"],
        ),
        (
            &["--strategy", "ours", "--mix", "gpu", "--gpu-workers", "0"],
            1,
            &[
                "Workers used: 0 (out of 20 available) – undecided",
                "Capacity updates: 0 – undecided: nothing was placed",
                "Average per container: none",
            ],
        ),
        (
            &["--strategy", "old"],
            1,
            &["Retrieved 2000 workers from the store", "Made 100 scheduling decisions"],
        ),
        // 80 find a place; the other ten are tried three times.
        (
            &["--strategy", "ours", "--workers", "1", "--containers", "90"],
            1,
            &["Retrieved 1 workers from snapshot", "Made 110 scheduling decisions"],
        ),
        (
            &["--strategy", "ours", "--replicas", "4"],
            0,
            &["Retrieved 80 workers from snapshot", "(parts of the time of 4 replicas together)"],
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let ended = run(dir.path(), &[flags, &["--repeat", "1", "--out", "run"]].concat());
        assert_eq!(ended.code, Some(code), "{flags:?}: {ended:?}");
        let plain: String = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for want in graded {
            let want: String = want.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(plain.contains(&want), "{flags:?}: no {want:?} in {}", ended.stdout);
        }
    }
}

/// Batches are counted, whatever the rate lets expect of them.
#[test]
fn batches_of_several_replicas_have_a_limit_each() {
    let dir = tempfile::tempdir().unwrap();
    let flags = ["--strategy", "ours", "--replicas", "4", "--arrival-rate", "2000"];
    let ended = run(dir.path(), &[&flags[..], &["--repeat", "1", "--out", "run"]].concat());
    let line = |label: &str| {
        let found = ended.stdout.lines().find(|line| line.contains(label));
        found.unwrap_or_else(|| panic!("no {label:?} in {}", ended.stdout)).to_owned()
    };
    assert!(line("Capacity updates: ").contains('('), "{}", ended.stdout);
    assert!(line("(expected at most").starts_with('✓'), "{}", ended.stdout);
    for label in ["Waiting for the window:", "Idle:", "Reading the store:"] {
        let line = line(label);
        let share = line.split_once('(').and_then(|(_, rest)| rest.split_once('%')).unwrap().0;
        assert!(share.parse::<f64>().unwrap() <= 100.0, "{line}");
    }
}

/// Without `-v` the last word is of all runs, as the exit code is.
#[test]
fn a_block_that_passed_speaks_for_all_runs() {
    let dir = tempfile::tempdir().unwrap();
    let (mut passed, mut failed) = (0, 0);
    // Around the median some runs are in time and some are not.
    for target in ["20us", "60us", "100us", "200us", "400us", "800us", "2s"] {
        let out = dir.path().join(target);
        let flags = ["--strategy", "ours", "--repeat", "15", "--target-time", target, "--out"];
        let ended = run(dir.path(), &[&flags[..], &[out.to_str().unwrap()]].concat());
        let says_passed = ended.stdout.contains("=== Performance Test PASSED ===");
        assert_eq!(says_passed, ended.code == Some(0), "{target}: {}", ended.stdout);
        assert_ne!(says_passed, ended.stdout.contains("=== Performance Test FAILED ==="));
        if says_passed { passed += 1 } else { failed += 1 }
    }
    assert!(passed > 0 && failed > 0, "{passed} passed, {failed} failed");
}

/// Every strategy names the reason, also those that tell the store none.
#[test]
fn what_fits_nowhere_is_named_by_every_strategy() {
    for strategy in ["old", "lock", "batch", "ours"] {
        let dir = tempfile::tempdir().unwrap();
        let flags = ["--strategy", strategy, "--container-cpu", "20000", "--repeat", "1"];
        let ended = run(dir.path(), &flags);
        assert_eq!(ended.code, Some(1), "{strategy}: {ended:?}");
        let line = ended.stdout.lines().find(|line| line.contains("0 of 100 containers"));
        let line = line.unwrap_or_else(|| panic!("{strategy}: {}", ended.stdout));
        assert!(line.contains("container-1: ") && line.contains("20000"), "{strategy}: {line}");
    }
}

#[test]
fn a_cache_that_ours_does_not_have_is_warned_of() {
    for (strategy, warned) in [("ours", true), ("batch", false)] {
        let dir = tempfile::tempdir().unwrap();
        let flags = ["--strategy", strategy, "--cache-ttl-ms", "0", "--repeat", "1"];
        let ended = run(dir.path(), &flags);
        assert_eq!(ended.stderr.contains("warning: --cache-ttl-ms"), warned, "{ended:?}");
    }
}

#[test]
fn every_preset_meets_every_goal() {
    for (preset, lines) in [
        ("100/20", &["worker-20: 5 containers"] as &[_]),
        ("200/40", &["Containers scheduled:    200", "(target: <3s)"]),
        ("100/10", &["worker-10: 10 containers"]),
        ("mixed", &["worker-1: 5 containers", "worker-20: 5 containers"]),
        ("stress", &["of 20"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let repeat: &[&str] = if preset == "stress" { &[] } else { &["--repeat", "2"] };
        let flags = [&["--preset", preset, "--strategy", "ours", "--out", "run"], repeat].concat();
        let ended = run(dir.path(), &flags);
        assert_eq!(ended.code, Some(0), "{preset}: {ended:?}");
        for line in lines {
            assert!(ended.stdout.contains(line), "{preset}: no {line:?} in {}", ended.stdout);
        }
        let stress = dir.path().join("run/stress_test_results.txt");
        assert_eq!(stress.exists(), preset == "stress");
        if preset == "stress" {
            let text = std::fs::read_to_string(stress).unwrap();
            assert_eq!(text.matches("Total duration:").count(), 20, "{text}");
            assert_eq!(text.matches("PASSED").count(), 20, "{text}");
            assert!(text.lines().last().unwrap().starts_with("Average: "), "{text}");
        }
    }
}

/// All rows of the source's table, each against old, with both values and the claim.
#[test]
fn every_row_of_the_source_stands_against_old() {
    let dir = tempfile::tempdir().unwrap();
    let ended = run(dir.path(), &["--repeat", "6", "--out", "run"]);
    for row in [
        "Lock Acquisitions, batch 2100 40 98.1% reduction 80% reduction holds",
        "Store Operations, batch 6900 442 93.6% reduction 90% reduction holds",
        "Store Operations, lock 6900 500 92.8% reduction – –",
        "Cache Hit Rate, batch undecided 100.0% undecided: no lookups 98% improvement undecided",
        "Cache Invalidations, batch 0 20 more: old has none 80% reduction does not hold",
        "Capacity Updates, ours 100 20 80.0% reduction 80% reduction holds",
        "Capacity Updates, old 100 100 holds",
        "Worker Distribution, batch 0 to 80 a worker 1 to 8 a worker even in 0 of 6 runs, from 0 \
         Balanced does not hold",
        "Worker Distribution, ours 0 to 80 a worker 5 to 5 a worker even in 6 of 6 runs, from 0 \
         Balanced holds",
    ] {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(ended.stdout.lines().any(|line| words(line) == row), "{row}: {}", ended.stdout);
    }
    let line = ended.stdout.lines().find(|line| line.contains("Total Time, ours ")).unwrap();
    assert!(line.contains("x faster [") && line.contains("4x faster"), "{line}");
    let few = run(dir.path(), &["--repeat", "3", "--out", "few"]).stdout;
    assert!(few.contains("[needs 6 runs]") && few.contains("[needs 4 runs]"), "{few}");
}

#[test]
fn phases_and_the_rest_come_to_the_total() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &["--repeat", "5", "--op-delay", "50us", "--out", "run"]);
    let summary = std::fs::read_to_string(dir.path().join("run/summary.csv")).unwrap();
    let mut table = csv::Reader::from_reader(summary.as_bytes());
    let head = table.headers().unwrap().clone();
    for row in table.records().map(Result::unwrap) {
        let number = |name: &str| -> f64 {
            row[head.iter().position(|column| column == name).unwrap()].parse().unwrap()
        };
        let parts = ["read", "decision", "update", "dispatch", "window", "idle", "other"];
        let sum: f64 = parts.map(|part| number(&format!("{part}_us"))).iter().sum();
        let total_us = 1e6 * number("total_s");
        // The last phase may end a little after the last container was placed.
        assert!(sum >= total_us - 1.0 && sum <= 1.2 * total_us + 500.0, "{sum} of {total_us}");
    }
}

/// What the source does not claim, or what is not asked of a policy, is not held against anybody.
#[test]
fn only_claims_that_were_made_are_judged() {
    let dir = tempfile::tempdir().unwrap();
    let text = |flags: &[&str], out: &str| {
        run(dir.path(), &[flags, &["--repeat", "1", "--out", out]].concat()).stdout
    };
    assert!(text(&[], "a").contains("at most 2 seconds"));
    for (flags, out) in
        [(&["--containers", "300"] as &[_], "b"), (&["--arrival-rate", "9000"], "c")]
    {
        let text = text(flags, out);
        assert!(!text.contains("at most 2 seconds") && text.contains("Lock Acq"), "{text}");
    }
    let text = text(&["--policy", "best-fit"], "d");
    let line = text.lines().find(|line| line.contains("Worker Distribution, ours")).unwrap();
    assert!(line.ends_with('–') && !line.contains("hold"), "{line}");
}

/// The window of a batch that is not full is left out, however long it is.
#[test]
fn scaling_does_not_wait_for_windows_nor_make_fleets_out_of_all_proportion() {
    let dir = tempfile::tempdir().unwrap();
    for (flags, said) in [
        // Neither 100 nor 10,000 are a multiple of 30.
        (
            &["--containers", "30", "--batch", "30", "--window-ms", "3600000"] as &[_],
            "grows as their number to the power",
        ),
        (
            &["--workers", "20000", "--containers", "1"],
            "is not measured: with as many containers a worker as here, 10,000 take 200000000 workers, \
             more than 100000",
        ),
    ] {
        let own = ["--strategy", "ours", "--repeat", "1", "--out", flags[1]];
        let ended = run(dir.path(), &[flags, &own].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains(said), "{}", ended.stdout);
    }
}
