//! What a decision costs in instructions, by callgrind: the same on a busy machine as on an idle one.
//!
//! Shown as ignored where valgrind is not installed; with `PROOFLOAD_REQUIRE_SERVICES=1` failing there.

use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};

use crate::example;

pub(crate) fn trials() -> Vec<Trial> {
    let installed = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let required = std::env::var_os("PROOFLOAD_REQUIRE_SERVICES").is_some_and(|value| value == "1");
    let ignored = !installed && !required;
    vec![
        Trial::test("a_decision_is_far_cheaper_than_the_sources_and_a_scan", decisions)
            .with_ignored_flag(ignored),
        Trial::test("counters_cost_at_most_a_twentieth_of_a_batch", counters)
            .with_ignored_flag(ignored),
    ]
}

fn decisions() -> Result<(), Failed> {
    let source = each("source", 2, 6, &[])?;
    let linear = each("linear", 20, 100, &[])?;
    let pass = each("pass", 20, 100, &[])? / 10_000.0;
    // Four workers to an instruction of the narrowest vectors: about five for each. One by one it is 20.
    if pass > 8.0 {
        return Err(format!("{pass:.1} instructions a worker: the scan is not a fair one").into());
    }
    for policy in ["spread", "best-fit"] {
        let ours = each(policy, 500, 1_500, &[])?;
        let said = format!(
            "instructions of a decision at 10,000 workers: {policy} {ours:.0}, loop of the source \
             {source:.0} ({:.0} ×), linear scan {linear:.0} ({:.1} ×; {pass:.1} a worker)",
            source / ours,
            linear / ours
        );
        println(&said);
        if source < 1_000.0 * ours {
            return Err(format!("less than 1,000 × the loop of the source: {said}").into());
        }
        if linear < 20.0 * ours {
            return Err(format!("less than 20 × the linear scan: {said}").into());
        }
    }
    Ok(())
}

/// Only the batch itself: that containers come and end is not what counters are part of.
fn counters() -> Result<(), Failed> {
    let only = ["--collect-atstart=no", "--toggle-collect=*HundredOnTwenty*batch*"];
    let on = each("batch", 20, 120, &only)?;
    let off = each("batch-uncounted", 20, 120, &only)?;
    let said = format!("instructions of a batch: {on:.0} with counters, {off:.0} without");
    println(&said);
    if on <= off {
        return Err(
            format!("counting costs nothing, so it is not what was measured: {said}").into()
        );
    }
    if on > 1.05 * off {
        return Err(format!("more than 5 %: {said}").into());
    }
    Ok(())
}

/// For who runs it to see, as the figures are the point.
#[expect(clippy::print_stdout, reason = "a test's figures")]
fn println(text: &str) {
    println!("{text}");
}

/// Instructions of one decision or batch: what a long run has more than a short one.
fn each(way: &str, few: u32, many: u32, options: &[&str]) -> Result<f64, Failed> {
    let (few_took, many_took) = (count(way, few, options)?, count(way, many, options)?);
    Ok((many_took as f64 - few_took as f64) / f64::from(many - few))
}

fn count(way: &str, decisions: u32, options: &[&str]) -> Result<u64, Failed> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(options)
        .arg(example("decide")?)
        .args([way, &decisions.to_string()])
        .output()
        .map_err(|error| {
            format!("cannot run valgrind ({error}); on Debian: apt-get install valgrind")
        })?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    let instructions = collected.and_then(|(_, number)| number.trim().parse().ok());
    match instructions {
        Some(instructions) if output.status.success() => Ok(instructions),
        _ => Err(format!("{}: {said}", output.status).into()),
    }
}
