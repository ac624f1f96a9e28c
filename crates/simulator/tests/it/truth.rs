//! The truth file against what a client saw on the same clock.

use crate::client::{Seen, body, connect, post, read_until, send, start};
use proofload_record::clock::monotonic_ns;
use proofload_simulator::{Fault, truth};
use std::io::Write;

/// When the client had the end of each content chunk.
fn chunk_reads(seen: &Seen) -> Vec<u64> {
    let text = seen.text();
    let ends = text
        .match_indices("\"delta\":{\"content\":")
        .map(|(at, _)| at + text[at..].find("\n\n").unwrap() + 2);
    let read = |end| seen.reads.iter().find(|&&(_, had)| had >= end).unwrap().0;
    ends.map(read).collect()
}

#[test]
fn no_chunk_was_read_before_the_truth_says_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("truth.tsv");
    let truth = format!("truth={}", path.display());
    for settings in [&["chunks-per-write=1"], &["chunks-per-write=3"]] {
        let mut simulator = start(&[&truth, "decode=2ms", settings[0]]);
        let before_ns = monotonic_ns();
        let seen: Vec<_> = (0..3)
            .map(|index| {
                let id = format!("x-request-id: run-{index}\r\n");
                send(&simulator, &post(&id, &body(true, ",\"max_tokens\":20")))
            })
            .collect();
        simulator.stop().unwrap();
        let entries = truth::read(&path).unwrap();
        assert_eq!(entries.len(), 3);
        for (index, (entry, seen)) in entries.iter().zip(&seen).enumerate() {
            assert_eq!(entry.request_id, format!("run-{index}"));
            assert_eq!((entry.status, entry.fault), (200, None));
            let reads = chunk_reads(seen);
            assert_eq!(entry.chunk_ns.len(), reads.len());
            assert_eq!(entry.tokens, seen.counted().1.unwrap());
            assert!(before_ns <= entry.arrived_ns && entry.arrived_ns <= entry.chunk_ns[0]);
            assert!(entry.chunk_ns.is_sorted());
            assert!(entry.chunk_ns.last() <= Some(&entry.ended_ns));
            for (write_ns, read_ns) in entry.chunk_ns.iter().zip(&reads) {
                assert!(write_ns <= read_ns, "written at {write_ns}, read at {read_ns}");
            }
        }
    }
}

#[test]
fn every_chat_request_has_its_entry_however_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("truth.tsv");
    let truth = format!("truth={}", path.display());
    let mut simulator = start(&[&truth, "fill=1", "script=ok,reset,http-503,truncate,stall"]);
    for (index, stream) in [(0, false), (1, true), (2, true), (3, true)] {
        let id = format!("x-request-id: {index}\r\n");
        send(&simulator, &post(&id, &body(stream, ",\"max_tokens\":4")));
    }
    let mut stalled = connect(&simulator);
    let request = post("x-request-id: 4\r\n", &body(true, ",\"max_tokens\":4"));
    stalled.write_all(request.as_bytes()).unwrap();
    read_until(&mut stalled, |bytes| bytes.len() > 600);
    // In flight when the simulator stops.
    simulator.stop().unwrap();
    let entries = truth::read(&path).unwrap();
    let found: Vec<_> = entries
        .iter()
        .map(|entry| (entry.status, entry.fault, entry.tokens, entry.chunk_ns.len()))
        .collect();
    let want = [
        (200, None, 4, 1),
        (0, Some(Fault::Reset), 0, 0),
        (503, Some(Fault::Status(503)), 0, 0),
        (200, Some(Fault::Truncate), 2, 2),
        (200, Some(Fault::Stall), 2, 2),
    ];
    assert_eq!(found, want);
}
