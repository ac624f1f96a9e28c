//! The profiles of the scheduler's scenario can be read and show the scheduler.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::process::Command;

use flate2::read::GzDecoder;
use libtest_mimic::{Failed, Trial};
use pprof::protos::{Message, Profile};

use crate::example;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("the_cpu_profile_has_samples_in_the_scheduler", cpu),
        Trial::test("the_allocation_profile_names_the_scheduler", allocations),
    ]
}

/// Runs the example for a moment.
fn run(name: &str, seconds: &str) -> Result<tempfile::TempDir, Failed> {
    let directory = tempfile::tempdir()?;
    let output = Command::new(example(name)?).arg(seconds).arg(directory.path()).output()?;
    match output.status.success() {
        true => Ok(directory),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
}

fn cpu() -> Result<(), Failed> {
    let directory = run("schedule_cpu_profile", "1")?;
    let mut bytes = Vec::new();
    GzDecoder::new(fs::File::open(directory.path().join("cpu.pb.gz"))?).read_to_end(&mut bytes)?;
    let profile = Profile::decode(&bytes[..])?;
    let text = |at: i64| usize::try_from(at).ok().and_then(|at| profile.string_table.get(at));
    let ours: HashSet<u64> = profile
        .function
        .iter()
        .filter(|function| text(function.name).is_some_and(|it| it.contains("proofload_scheduler")))
        .map(|function| function.id)
        .collect();
    let places: HashSet<u64> = profile
        .location
        .iter()
        .filter(|location| location.line.iter().any(|line| ours.contains(&line.function_id)))
        .map(|location| location.id)
        .collect();
    let samples = |only_ours: bool| -> i64 {
        let of = profile.sample.iter().filter(|sample| {
            !only_ours || sample.location_id.iter().any(|place| places.contains(place))
        });
        of.filter_map(|sample| sample.value.first()).sum()
    };
    let (all, inside) = (samples(false), samples(true));
    if inside == 0 {
        return Err(format!("none of {all} samples is in a function of the scheduler").into());
    }
    let kinds: Vec<_> =
        profile.sample_type.iter().map(|kind| (text(kind.ty), text(kind.unit))).collect();
    if kinds.iter().any(|kind| kind.0.is_none() || kind.1.is_none()) || kinds.is_empty() {
        return Err(format!("samples of no named kind: {kinds:?}").into());
    }
    let graph = fs::read_to_string(directory.path().join("cpu.svg"))?;
    match graph.contains("<svg") && graph.contains("proofload_scheduler") {
        true => Ok(()),
        false => Err("the flamegraph does not show the scheduler".into()),
    }
}

fn allocations() -> Result<(), Failed> {
    let directory = run("schedule_alloc_profile", "0.2")?;
    let file = fs::read_to_string(directory.path().join("alloc.json"))?;
    let profile: serde_json::Value = serde_json::from_str(&file)?;
    // Frames (`ftbl`) and program points (`pps`) of DHAT's file format, version 2.
    let frames = profile["ftbl"].as_array().ok_or("no table of frames")?;
    let points = profile["pps"].as_array().ok_or("no program points")?;
    let ours = |point: &&serde_json::Value| {
        let places = point["fs"].as_array().into_iter().flatten();
        let names =
            places.filter_map(|at| frames.get(usize::try_from(at.as_u64()?).ok()?)?.as_str());
        names.into_iter().any(|name| name.contains("proofload_scheduler"))
    };
    let blocks: u64 = points.iter().filter(ours).filter_map(|point| point["tbk"].as_u64()).sum();
    match blocks {
        0 => Err("no allocation in a function of the scheduler".into()),
        _ => Ok(()),
    }
}
