//! The interval log: read what others wrote, read back what we wrote, and bear what is broken.

use crate::reference::reference;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use proofload_stats::Quantile;
use proofload_stats::hist::{Histogram, Interval, LogError, LogReader, LogWriter};
use proptest::prelude::*;

const FOREIGN: &[u8] = include_bytes!("../../../../fixtures/stats/hdr_interval_v2.hlog");

fn intervals(log: &[u8]) -> Vec<Interval> {
    LogReader::new(log).collect::<Result<_, _>>().unwrap()
}

/// The last thing that a broken log gives, after this many intervals.
fn failure(log: &[u8]) -> (usize, LogError) {
    let mut read: Vec<_> = LogReader::new(log).collect();
    let error = read.pop().unwrap().unwrap_err();
    assert!(read.iter().all(Result::is_ok), "an error ends the log");
    (read.len(), error)
}

fn written(parts: &[Interval]) -> Vec<u8> {
    let mut log = LogWriter::new(Vec::new(), 1_700_000_000_123_456_789).unwrap();
    for part in parts {
        let tag = part.tag.as_deref().unwrap();
        log.write(tag, part.start_ns, part.length_ns, &part.histogram).unwrap();
    }
    std::mem::take(log.get_mut())
}

fn interval(second: u64, tag: &str, values_ns: &[u64]) -> Interval {
    let mut histogram = Histogram::new();
    values_ns.iter().for_each(|&ns| histogram.record(ns));
    let start_ns = second * 1_000_000_000;
    Interval { tag: Some(tag.into()), start_ns, length_ns: 1_000_000_000, histogram }
}

fn encoded_of(histogram: &hdrhistogram::Histogram<u32>) -> String {
    let mut packed = Vec::new();
    V2DeflateSerializer::new().serialize(histogram, &mut packed).unwrap();
    STANDARD.encode(packed)
}

#[test]
fn a_log_of_the_python_port_is_read() {
    let read = intervals(FOREIGN);
    let wanted = reference(&["hdr", "interval_log", "intervals"]);
    let wanted = wanted.as_array().unwrap();
    assert_eq!(read.len(), wanted.len());
    let mut whole = Histogram::new();
    for (second, (interval, want)) in (0..).step_by(10).zip(read.iter().zip(wanted)) {
        let histogram = &interval.histogram;
        assert_eq!(Some(histogram.len()), want["count"].as_u64());
        for (found, key) in [
            (histogram.quantile(Quantile::P50), "p50"),
            (histogram.quantile(Quantile::P99), "p99"),
            (histogram.max_ns(), "max"),
        ] {
            assert_eq!(found, want[key].as_u64().map(|us| us * 1_000), "{key} of {want}");
        }
        assert_eq!((interval.tag.as_deref(), interval.length_ns), (None, 10_000_000_000));
        assert_eq!(interval.start_ns, (1_700_000_000 + second) * 1_000_000_000);
        whole.merge(histogram);
    }
    for (q, key) in [(Quantile::P50, "50"), (Quantile::P99, "99"), (Quantile::P999, "99.9")] {
        let want_us = reference(&["hdr", "hdr_value_at_percentile", key]).as_u64().unwrap();
        assert_eq!(whole.quantile(q), Some(want_us * 1_000), "{q} of the whole");
    }
}

#[test]
fn a_histogram_encoded_by_the_python_port_is_read() {
    let encoded = reference(&["hdr", "encoded_v2_deflate_base64"]);
    let line = format!("Tag=all,0.000,30.000,1510.862,{}\n", encoded.as_str().unwrap());
    let [interval] = &intervals(line.as_bytes())[..] else { panic!("one interval") };
    assert_eq!(interval.histogram.len(), 1_000);
    // A maximum in other units than ours is not believed.
    let top_us = reference(&["hdr", "max_is_clamped", "hdr_p100"]).as_u64().unwrap();
    assert_eq!(interval.histogram.max_ns(), Some(top_us * 1_000));
}

#[test]
fn the_header_is_what_other_readers_look_for() {
    let text = String::from_utf8(written(&[])).unwrap();
    assert_eq!(
        text,
        "#values in microseconds, Interval_Max in seconds\n\
         #[Histogram log format version 1.3]\n\
         #[StartTime: 1700000000.123456789 (seconds since epoch)]\n\
         #[BaseTime: 1700000000.123456789 (seconds since epoch)]\n\
         \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n"
    );
    assert_eq!(intervals(text.as_bytes()), []);
}

#[test]
fn a_tag_that_would_break_the_line_is_refused() {
    let mut log = LogWriter::new(Vec::new(), 0).unwrap();
    let before = log.get_mut().len();
    for tag in ["a,b", "a b", "a\nb", "a\rb"] {
        let error = log.write(tag, 0, 1, &Histogram::new()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{tag:?}");
    }
    assert_eq!(log.get_mut().len(), before);
}

#[test]
fn broken_lines_are_named() {
    let good = String::from_utf8(written(&[interval(0, "ttft.0", &[1_000_000])])).unwrap();
    let (head, last) = good.trim_end().rsplit_once('\n').unwrap();
    let (fields, encoded) = last.rsplit_once(',').unwrap();
    // The seventh base64 character from the end is within the Adler-32 sum.
    let mut altered = encoded.to_owned();
    let at = altered.len() - 7;
    altered.replace_range(at..=at, if &altered[at..=at] == "A" { "B" } else { "A" });
    let other_range = encoded_of(&hdrhistogram::Histogram::new_with_bounds(1, 1_000, 2).unwrap());
    for (name, line, want) in [
        ("no interval", "hello".to_owned(), "expected `Tag="),
        ("an empty line", String::new(), "expected `Tag="),
        ("no base64", format!("{fields},***"), "damaged"),
        ("another cookie", format!("{fields},AAAAAAAAAAAA"), "damaged"),
        ("cut short", format!("{fields},{}", &encoded[..encoded.len() / 8 * 4]), "damaged"),
        ("one bit off", format!("{fields},{altered}"), "damaged"),
        ("another range", format!("{fields},{other_range}"), "expected a histogram of 1 to"),
    ] {
        let (before, error) = failure(format!("{head}\n{last}\n{line}\n{last}\n").as_bytes());
        assert_eq!(before, 1, "{name}");
        let message = error.to_string();
        assert!(message.starts_with("line 7: ") && message.contains(want), "{name}: {message}");
    }
}

#[test]
fn a_line_without_end_takes_bounded_memory() {
    let endless = std::io::BufReader::new(std::io::repeat(b'1'));
    let error = LogReader::new(endless).next().unwrap().unwrap_err();
    assert!(matches!(error, LogError::TooLong { line: 1, limit_bytes: 1_048_576 }), "{error}");
}

#[test]
fn a_log_cut_anywhere_loses_only_its_last_line() {
    let parts = [interval(0, "ttft.0", &[1_500_000, 2_000_000]), interval(1, "itl.1", &[900])];
    let log = written(&parts);
    let header = written(&[]).len();
    let first = written(&parts[..1]).len();
    for end in header..log.len() {
        let read: Vec<_> = LogReader::new(&log[..end]).collect();
        let whole = usize::from(end >= first);
        assert_eq!(read.iter().filter(|interval| interval.is_ok()).count(), whole, "{end}");
        let torn = end - if end >= first { first } else { header };
        match read.last() {
            Some(Err(LogError::CutOff { bytes, .. })) => assert_eq!(*bytes, torn as u64),
            Some(Err(error)) => panic!("cut at {end}: {error}"),
            _ => assert_eq!(torn, 0, "cut at {end}"),
        }
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read_back(
        values in prop::collection::vec(1_000u64..4_000_000_000_000, 0..200),
        start_ns in 0u64..1_000_000_000_000,
        tag in "[a-z_]{1,8}\\.[0-9]{1,3}",
    ) {
        let part = Interval { start_ns, ..interval(0, &tag, &values) };
        let read = intervals(&written(std::slice::from_ref(&part)));
        prop_assert_eq!(read.len(), 1);
        let (found, want) = (&read[0].histogram, &part.histogram);
        prop_assert_eq!((&read[0].tag, read[0].start_ns), (&part.tag, start_ns));
        prop_assert_eq!((found.len(), found.max_ns()), (want.len(), want.max_ns()));
        for rank in 1..=want.len() {
            let (found, want) = (found.value_at_rank(rank), want.value_at_rank(rank));
            // Half a bucket's unit, where the exact minimum held the value up.
            prop_assert!(found.zip(want).is_some_and(|(found, want)| found.abs_diff(want) <= 500));
        }
        // Only the exact minimum is not in the log.
        if let (Some(found), Some(want)) = (found.min_ns(), want.min_ns()) {
            prop_assert!(found.abs_diff(want) <= want / 1_000 + 500);
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = LogReader::new(bytes.as_slice()).count();
    }
}
