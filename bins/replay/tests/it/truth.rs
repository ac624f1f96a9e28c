//! What the client saw against what the simulator knows that it wrote.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use proofload_record::Flags;
use proofload_simulator::truth;

use crate::program::{ALONE, run_well};
use crate::workload;

#[test]
fn every_row_agrees_with_the_truth() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let bodies = (0..24).map(|number| match number % 4 {
        0 => (number * 90, workload::plain(3 + number % 7)),
        _ => (number * 90, workload::streamed(3 + number % 11)),
    });
    let csv = workload::write(dir.path(), bodies);
    let flags = [
        &["--workload", &csv, "--chunks", "--stream", "as-written"] as &[_],
        &["--sim", "truth=truth.tsv", "--sim", "decode=6ms", "--sim", "prefill=1ms"],
        &["--sim", "slots=8"],
    ]
    .concat();
    let (_, run) = run_well(dir.path(), &flags);
    let truth = truth::read(&dir.path().join("truth.tsv")).unwrap();
    assert_eq!((run.rows().len(), truth.len()), (24, 24));

    let truth: HashMap<&str, _> = truth.iter().map(|entry| (&*entry.request_id, entry)).collect();
    let arrivals: HashMap<u32, Box<[u64]>> = {
        let chunks = run.chunks().unwrap().unwrap().map(Result::unwrap);
        chunks.map(|chunks| (chunks.index, chunks.arrivals_ns)).collect()
    };
    let origin_ns = run.manifest().clock.monotonic_ns;
    let mut errors_ns = Vec::new();
    for row in run.rows() {
        let entry = truth[&*format!("{}-{}", run.manifest().run_id, row.index)];
        assert!(row.end.is_ok(), "{row:?}");
        assert_eq!(row.completion_tokens, Some(entry.tokens), "{row:?}");
        let written_ns = row.written.get().unwrap() + origin_ns;
        assert!(written_ns <= entry.arrived_ns, "{row:?} {entry:?}");
        let (first_ns, last_ns) = (entry.chunk_ns[0], *entry.chunk_ns.last().unwrap());
        assert!(row.done.get().unwrap() + origin_ns >= last_ns, "{row:?} {entry:?}");
        if !row.flags.has(Flags::STREAMED) {
            assert_eq!(row.ttft_ns(), None, "{row:?}");
            continue;
        }
        assert_eq!(row.chunks as usize, entry.chunk_ns.len(), "{row:?}");
        let seen_ns = &arrivals[&row.index];
        assert_eq!(seen_ns.len(), entry.chunk_ns.len(), "{row:?}");
        for (seen_ns, truth_ns) in seen_ns.iter().zip(&entry.chunk_ns) {
            assert!(seen_ns + origin_ns >= *truth_ns, "{row:?} {entry:?}");
        }
        assert_eq!(row.first_token.get(), seen_ns.first().copied(), "{row:?}");
        assert_eq!(row.last_token.get(), seen_ns.last().copied(), "{row:?}");
        errors_ns.push(row.first_token.get().unwrap() + origin_ns - first_ns);
    }
    errors_ns.sort_unstable();
    let median = Duration::from_nanos(errors_ns[errors_ns.len() / 2]);
    assert!(median <= Duration::from_millis(2), "{median:?} of {errors_ns:?}");
}
