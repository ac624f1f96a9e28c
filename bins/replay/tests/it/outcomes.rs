//! A server that fails in every way that it can, and the counts of it.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use proofload_record::{Flags, Outcome};
use proofload_run_dir::RunDir;
use proofload_simulator::{Fault, truth};
use serde_json::Value;

use crate::program::{run, simulator};
use crate::workload;

/// In the order of their arrival. Every fault that stands below HTTP ends its connection, so the
/// ones after it come on a new one.
const SCRIPT: &str = "ok,http-401,http-404,http-429,http-500,http-503,redirect,empty,close,reset,\
                      bad-http,endless-header,silence,no-tokens,no-finish,no-done,in-band-error,\
                      malformed,truncate,reset-body,wrong-length,stall,slow-body,endless-line,ok";

fn outcome_of(fault: Option<Fault>) -> Outcome {
    match fault {
        None | Some(Fault::NoDone) => Outcome::Ok,
        Some(Fault::Status(400..=499)) => Outcome::Http4xx,
        Some(Fault::Status(_)) => Outcome::Http5xx,
        Some(Fault::Redirect) => Outcome::HttpOther,
        Some(Fault::Empty | Fault::NoTokens) => Outcome::Empty,
        Some(Fault::Close | Fault::Reset | Fault::ResetBody) => Outcome::Reset,
        Some(Fault::BadHttp) => Outcome::BadHttp,
        Some(Fault::EndlessHeader | Fault::EndlessLine) => Outcome::TooLarge,
        Some(Fault::Silence) => Outcome::TimeoutFirstByte,
        Some(Fault::NoFinish | Fault::Truncate | Fault::WrongLength) => Outcome::Truncated,
        Some(Fault::InBandError) => Outcome::InBandError,
        Some(Fault::Malformed) => Outcome::MalformedStream,
        Some(Fault::Stall) => Outcome::TimeoutIdle,
        Some(Fault::SlowBody) => Outcome::TimeoutTotal,
    }
}

#[test]
fn every_outcome_that_can_be_served_is_counted_exactly() {
    for (kind, body) in [
        ("streamed", workload::streamed as fn(u32) -> Value),
        ("unstreamed", workload::plain as fn(u32) -> Value),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let truth_file = dir.path().join("truth.tsv");
        let (script, truth_set) =
            (format!("script={SCRIPT}"), format!("truth={}", truth_file.display()));
        let (mut simulator, base) = simulator(&[&script, &truth_set, "slow=20ms"]);
        let faults = SCRIPT.split(',').count() as u32;
        let csv = workload::write(dir.path(), (0..faults).map(|place| (place * 40, body(8))));
        let flags = [
            &["--workload", &csv, "--api-base", &base, "--stream", "as-written"] as &[_],
            &["--timeout", "first-byte=1s,idle=900ms,total=2500ms", "--out", "run"],
        ]
        .concat();
        let ended = run(dir.path(), &flags);
        assert_eq!(ended.code(), Some(0), "{kind}: {ended:?}");
        simulator.stop().unwrap();

        // The script itself was served, each fault once.
        let counts = simulator.counts();
        let mut wanted = BTreeMap::new();
        for fault in SCRIPT.split(',').filter(|kind| *kind != "ok") {
            *wanted.entry(fault.parse::<Fault>().unwrap()).or_insert(0) += 1;
        }
        assert_eq!(counts.faults, wanted, "{kind}");

        // A connection that died while it was idle is tried once more, so an id may be there twice;
        // its last answer is the one that counts.
        let run_dir = RunDir::open(&dir.path().join("run")).unwrap();
        let entries = truth::read(&truth_file).unwrap();
        assert_eq!(entries.len() as u64, counts.requests, "{kind}");
        let attempts: u64 = run_dir.rows().iter().map(|row| u64::from(row.attempts)).sum();
        assert_eq!(attempts, counts.requests, "{kind}");
        let mut last = HashMap::new();
        for entry in &entries {
            last.entry(&*entry.request_id)
                .and_modify(|(arrived_ns, fault)| {
                    if *arrived_ns < entry.arrived_ns {
                        (*arrived_ns, *fault) = (entry.arrived_ns, entry.fault);
                    }
                })
                .or_insert((entry.arrived_ns, entry.fault));
        }
        let mut wanted: BTreeMap<&str, u64> =
            Outcome::ALL.iter().map(|outcome| (outcome.label(), 0)).collect();
        for row in run_dir.rows() {
            let id = format!("{}-{}", run_dir.manifest().run_id, row.index);
            let fault = last[&*id].1;
            let outcome = outcome_of(fault);
            assert_eq!(row.end.label(), outcome.label(), "{kind} {fault:?}: {row:?}");
            let asked = row.flags.has(Flags::STREAM_ASKED);
            assert_eq!(asked, kind == "streamed", "stream_asked of {fault:?}");
            *wanted.entry(outcome.label()).or_default() += 1;
        }
        let results: Value =
            serde_json::from_slice(&fs::read(dir.path().join("run/results.json")).unwrap())
                .unwrap();
        let found: BTreeMap<&str, u64> = results["counts"]["outcomes"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(label, count)| (label.as_str(), count.as_u64().unwrap()))
            .collect();
        assert_eq!(found, wanted, "{kind}");
        assert_eq!(results["counts"]["sent"], faults, "{kind}");
    }
}
