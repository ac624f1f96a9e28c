//! G01: was it the server that was slow, or we?

use super::percent;
use crate::{Level, Trust};
use proofload_stats::{Confidence, Proportion, Quantile, quantile};
use proofload_units::{human_count, human_duration};

/// Lateness up to here is never held against a run: 1 ms.
pub const LATENESS_FLOOR_NS: u64 = 1_000_000;
/// Share of the median service time up to which p99 of the send lateness is harmless.
pub const LATENESS_WARN: f64 = 0.05;
/// Share of the median service time beyond which p99 of the send lateness spoils a run.
pub const LATENESS_INVALID: f64 = 0.20;
/// Share of the latency of the slowest requests that may be our own lateness.
pub const TAIL_WARN: f64 = 0.20;
/// Share of a worker's time on the CPU up to which it is fit to measure.
pub const BUSY_WARN: f64 = 0.70;
/// Share of a worker's time on the CPU beyond which it cannot keep up.
pub const BUSY_INVALID: f64 = 0.90;
/// Share of a worker's time spent ready to run, without a CPU, up to which stamps are sound.
pub const WAITING_WARN: f64 = 0.02;
/// Share of a worker's time spent waiting for a CPU beyond which stamps are worthless.
pub const WAITING_INVALID: f64 = 0.10;

/// How the machine that sent the load stood. Shares are of a worker's second; which second of
/// which worker is for the caller to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Generator<'a> {
    /// Send lateness in nanoseconds of every request that was sent, sorted.
    pub lateness_ns: &'a [u64],
    /// What our lateness makes of the slowest answers; none where nothing succeeded.
    pub tail: Option<Tail>,
    /// The smallest median service time that is reported, in nanoseconds; none where nothing
    /// succeeded, and then only the floor counts.
    pub service_p50_ns: Option<u64>,
    /// Share of the time on the CPU, without spinning towards a due time; none if not measured.
    pub busy: Option<f64>,
    /// Share of the time ready to run, without a CPU; none if not measured.
    pub waiting: Option<f64>,
    /// Share of the CPU time that the hypervisor gave to others; a cause, not judged by itself.
    pub steal: Option<f64>,
    /// Share of the time in which the container's quota held it; a cause, not judged by itself.
    pub throttled: Option<f64>,
}

/// The answers that are at least as slow as a quantile of the latency, of those quantiles that are
/// reported the one where this share is largest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tail {
    /// The quantile.
    pub quantile: Quantile,
    /// Share of their latency, all together, that is send lateness.
    pub share: f64,
    /// Their mean send lateness in nanoseconds.
    pub mean_ns: u64,
}

/// G01: the generator sent on time and had the CPU when it needed it.
#[must_use]
pub fn generator(seen: &Generator<'_>) -> Trust {
    let (late, lateness) = lateness(seen);
    let (tail, tail_text) = tail(seen.tail);
    let (busy, busy_text) =
        share("workers busy", seen.busy, BUSY_WARN, BUSY_INVALID, "busy share not measured");
    let (waiting, waiting_text) = share(
        "waiting for the CPU",
        seen.waiting,
        WAITING_WARN,
        WAITING_INVALID,
        "waiting for the CPU not measured",
    );
    let mut evidence = format!("{lateness}{tail_text}; {busy_text}; {waiting_text}");
    for (name, value) in [("steal", seen.steal), ("throttled", seen.throttled)] {
        if let Some(value) = value {
            evidence += &format!("; {name} {}", percent(value));
        }
    }
    let level = late.max(tail).max(busy).max(waiting);
    let remedy = match level {
        Level::Ok | Level::Note => None,
        _ if late.max(busy).max(waiting) == Level::Ok => Some(
            "read the slowest answers in their service form, which is without it, or run again on \
             a quieter machine",
        ),
        _ if seen.throttled.is_some_and(|share| share > 0.0) => {
            Some("raise the CPU quota of the container that sends the load, or lower the rate")
        }
        _ if waiting >= busy && waiting > Level::Ok => Some(
            "stop what else runs on this machine, move the server to another one, or lower the rate",
        ),
        _ => Some("lower the rate, or give the generator more cores (--threads)"),
    };
    Trust { id: "G01", title: "generator on time", level, evidence, remedy }
}

/// Judges p99 of the lateness. Of few requests p99 is the latest, whatever the others did, so the run
/// is spoiled only where more than 1 % of its requests can be shown to be too late. A stop of the
/// generator delays neighbours, and is meant to show: they count as many as they are.
///
/// Source: [`Proportion::interval`], its lower limit.
fn lateness(seen: &Generator<'_>) -> (Level, String) {
    let n = seen.lateness_ns.len() as u64;
    let Some(p99_ns) = quantile(seen.lateness_ns, Quantile::P99) else {
        return (Level::Ok, "nothing was sent".to_owned());
    };
    let limit = |share: f64| {
        let of_service = seen.service_p50_ns.map_or(0, |ns| (ns as f64 * share) as u64);
        of_service.max(LATENESS_FLOOR_NS)
    };
    let (warn, invalid) = (limit(LATENESS_WARN), limit(LATENESS_INVALID));
    let text = format!("send lateness p99 {}", human_duration(p99_ns));
    if p99_ns <= invalid {
        return judged(text, p99_ns, warn, invalid, human_duration);
    }
    let over = n - seen.lateness_ns.partition_point(|ns| *ns <= invalid) as u64;
    let at_least = Proportion::new(over, n).map(|over| over.interval(Confidence::PERCENT_95).0);
    if at_least.is_some_and(|share| share > 1.0 - Quantile::P99.fraction()) {
        return judged(text, p99_ns, warn, invalid, human_duration);
    }
    let (over, n) = (human_count(over), human_count(n));
    let few = format!("{over} of {n} over {}, too few to condemn the run", human_duration(invalid));
    (Level::Warn, format!("{text} ({few})"))
}

fn tail(tail: Option<Tail>) -> (Level, String) {
    match tail {
        Some(Tail { quantile, share, mean_ns })
            if share > TAIL_WARN && mean_ns > LATENESS_FLOOR_NS =>
        {
            let (label, share) = (quantile.label(), percent(share));
            let limit = percent(TAIL_WARN);
            (
                Level::Warn,
                format!("; {share} of the latency from {label} on is ours (over {limit})"),
            )
        }
        _ => (Level::Ok, String::new()),
    }
}

fn share(
    name: &str,
    value: Option<f64>,
    warn: f64,
    invalid: f64,
    missing: &str,
) -> (Level, String) {
    match value {
        None => (Level::Ok, missing.to_owned()),
        Some(value) => judged(format!("{name} {}", percent(value)), value, warn, invalid, percent),
    }
}

/// The level of a value against its two limits, and `text` with the limit that it broke.
fn judged<T: PartialOrd + Copy>(
    text: String,
    value: T,
    warn: T,
    invalid: T,
    show: impl Fn(T) -> String,
) -> (Level, String) {
    if value > invalid {
        (Level::Invalid, format!("{text} (over {})", show(invalid)))
    } else if value > warn {
        (Level::Warn, format!("{text} (over {})", show(warn)))
    } else {
        (Level::Ok, text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Generator, Tail, generator};
    use crate::Level::{self, Invalid, Ok, Warn};
    use proofload_stats::Quantile;

    const FIT: Generator<'_> = Generator {
        lateness_ns: &[200_000; 500],
        tail: Some(Tail { quantile: Quantile::P99, share: 0.02, mean_ns: 1_000_000 }),
        service_p50_ns: Some(100_000_000),
        busy: Some(0.25),
        waiting: Some(0.004),
        steal: Some(0.0),
        throttled: Some(0.0),
    };

    #[test]
    fn each_limit_trips_above_itself_and_not_at_itself() {
        let late = |ns: u64| vec![ns; 500];
        let fast = |lateness_ns| Generator { lateness_ns, service_p50_ns: Some(500_000), ..FIT };
        let (by_5, over_5) = (late(5_000_000), late(5_000_001));
        let (by_20, over_20) = (late(20_000_000), late(20_000_001));
        let (at_once, beyond) = (late(1_000_000), late(1_000_001));
        let cases: [(&str, Generator<'_>, Level); 16] = [
            ("fit", FIT, Ok),
            ("late by 5 %", Generator { lateness_ns: &by_5, ..FIT }, Ok),
            ("late by more", Generator { lateness_ns: &over_5, ..FIT }, Warn),
            ("late by 20 %", Generator { lateness_ns: &by_20, ..FIT }, Warn),
            ("late by over 20 %", Generator { lateness_ns: &over_20, ..FIT }, Invalid),
            ("1 ms, fast server", fast(&at_once), Ok),
            ("over 1 ms, fast server", fast(&beyond), Invalid),
            (
                "over 1 ms, nothing succeeded",
                Generator { lateness_ns: &beyond, service_p50_ns: None, ..FIT },
                Invalid,
            ),
            ("nothing sent", Generator { lateness_ns: &[], ..FIT }, Ok),
            ("busy 70 %", Generator { busy: Some(0.70), ..FIT }, Ok),
            ("busy over 70 %", Generator { busy: Some(0.71), ..FIT }, Warn),
            ("busy over 90 %", Generator { busy: Some(0.91), ..FIT }, Invalid),
            ("waiting 2 %", Generator { waiting: Some(0.02), ..FIT }, Ok),
            ("waiting over 2 %", Generator { waiting: Some(0.03), ..FIT }, Warn),
            ("waiting over 10 %", Generator { waiting: Some(0.11), ..FIT }, Invalid),
            ("not measured", Generator { busy: None, waiting: None, ..FIT }, Ok),
        ];
        for (name, seen, want) in cases {
            let trust = generator(&seen);
            assert_eq!(trust.level, want, "{name}: {}", trust.evidence);
            assert_eq!(trust.remedy.is_some(), want > Ok, "{name}");
        }
    }

    #[test]
    fn a_few_late_requests_condemn_no_run_and_a_hundredth_of_many_does() {
        for (late, n, want) in [
            (1, 3, Warn),
            (1, 20, Warn),
            (2, 20, Invalid),
            (3, 84, Warn),
            (4, 84, Invalid),
            (10, 1_000, Ok),
            (11, 1_000, Warn),
            (17, 1_000, Warn),
            (18, 1_000, Invalid),
        ] {
            let mut lateness_ns = vec![200_000; n - late];
            lateness_ns.extend(vec![60_000_000; late]);
            let trust = generator(&Generator { lateness_ns: &lateness_ns, ..FIT });
            assert_eq!(trust.level, want, "{late} of {n}: {}", trust.evidence);
        }
        let two = Generator { lateness_ns: &[0, 0, 0, 0, 60_000_000], ..FIT };
        let evidence = generator(&two).evidence;
        let want = "send lateness p99 60.0 ms (1 of 5 over 20.0 ms, too few to condemn the run); ";
        assert!(evidence.starts_with(want), "{evidence}");
    }

    #[test]
    fn a_short_stop_shows_in_the_slowest_answers() {
        for (share, mean_ns, want) in [
            (0.20, 90_000_000, Ok),
            (0.21, 90_000_000, Warn),
            (0.90, 1_000_000, Ok),
            (0.90, 1_000_001, Warn),
        ] {
            let tail = Some(Tail { quantile: Quantile::P999, share, mean_ns });
            let trust = generator(&Generator { tail, ..FIT });
            assert_eq!(trust.level, want, "{share} {mean_ns}: {}", trust.evidence);
            assert_eq!(trust.evidence.contains("of the latency from p999 on is ours"), want > Ok);
            assert_eq!(trust.remedy.is_some_and(|text| text.contains("service form")), want > Ok);
        }
    }

    #[test]
    fn the_evidence_names_every_signal_and_the_limit_that_broke() {
        let trust = generator(&Generator {
            waiting: Some(0.153),
            steal: Some(0.08),
            throttled: Some(0.02),
            ..FIT
        });
        assert_eq!(
            trust.evidence,
            "send lateness p99 200 µs; workers busy 25.0 %; waiting for the CPU 15.3 % \
             (over 10.0 %); steal 8.0 %; throttled 2.0 %"
        );
        assert!(trust.remedy.unwrap().contains("quota"));
    }
}
