//! G01: was it the server that was slow, or we?

use super::percent;
use crate::{Level, Trust};
use proofload_units::human_duration;

/// Lateness up to here is never held against a run: 1 ms.
pub const LATENESS_FLOOR_NS: u64 = 1_000_000;
/// Share of the median service time up to which p99 of the send lateness is harmless.
pub const LATENESS_WARN: f64 = 0.05;
/// Share of the median service time beyond which p99 of the send lateness spoils a run.
pub const LATENESS_INVALID: f64 = 0.20;
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
pub struct Generator {
    /// p99 of the send lateness in nanoseconds; none where nothing was sent.
    pub lateness_p99_ns: Option<u64>,
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

/// G01: the generator sent on time and had the CPU when it needed it.
#[must_use]
pub fn generator(seen: &Generator) -> Trust {
    let (late, lateness) = lateness(seen);
    let (busy, busy_text) =
        share("workers busy", seen.busy, BUSY_WARN, BUSY_INVALID, "busy share not measured");
    let (waiting, waiting_text) = share(
        "waiting for the CPU",
        seen.waiting,
        WAITING_WARN,
        WAITING_INVALID,
        "waiting for the CPU not measured",
    );
    let mut evidence = format!("{lateness}; {busy_text}; {waiting_text}");
    for (name, value) in [("steal", seen.steal), ("throttled", seen.throttled)] {
        if let Some(value) = value {
            evidence += &format!("; {name} {}", percent(value));
        }
    }
    let level = late.max(busy).max(waiting);
    let remedy = match level {
        Level::Ok | Level::Note => None,
        _ if seen.throttled.is_some_and(|share| share > 0.0) => {
            Some("raise the CPU quota of the container that sends the load, or lower the rate")
        }
        _ if waiting >= busy && waiting > Level::Ok => Some(
            "stop what else runs on this machine, move the server to another one, or lower the rate",
        ),
        _ => Some("lower the rate, or give the generator more cores (--threads)"),
    };
    Trust { id: "G01", title: "the generator was on time", level, evidence, remedy }
}

fn lateness(seen: &Generator) -> (Level, String) {
    let Some(p99_ns) = seen.lateness_p99_ns else {
        return (Level::Ok, "nothing was sent".to_owned());
    };
    let limit = |share: f64| {
        let of_service = seen.service_p50_ns.map_or(0, |ns| (ns as f64 * share) as u64);
        of_service.max(LATENESS_FLOOR_NS)
    };
    let text = format!("send lateness p99 {}", human_duration(p99_ns));
    judged(text, p99_ns, limit(LATENESS_WARN), limit(LATENESS_INVALID), human_duration)
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
    use super::{Generator, generator};
    use crate::Level::{self, Invalid, Ok, Warn};

    const FIT: Generator = Generator {
        lateness_p99_ns: Some(200_000),
        service_p50_ns: Some(100_000_000),
        busy: Some(0.25),
        waiting: Some(0.004),
        steal: Some(0.0),
        throttled: Some(0.0),
    };

    #[test]
    fn each_limit_trips_above_itself_and_not_at_itself() {
        let cases: [(&str, Generator, Level); 16] = [
            ("fit", FIT, Ok),
            ("late by 5 %", Generator { lateness_p99_ns: Some(5_000_000), ..FIT }, Ok),
            ("late by more", Generator { lateness_p99_ns: Some(5_000_001), ..FIT }, Warn),
            ("late by 20 %", Generator { lateness_p99_ns: Some(20_000_000), ..FIT }, Warn),
            ("late by over 20 %", Generator { lateness_p99_ns: Some(20_000_001), ..FIT }, Invalid),
            ("1 ms, fast server", fast_server(1_000_000), Ok),
            ("over 1 ms, fast server", fast_server(1_000_001), Invalid),
            (
                "over 1 ms, nothing succeeded",
                Generator { lateness_p99_ns: Some(1_000_001), service_p50_ns: None, ..FIT },
                Invalid,
            ),
            ("nothing sent", Generator { lateness_p99_ns: None, ..FIT }, Ok),
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

    fn fast_server(lateness_p99_ns: u64) -> Generator {
        Generator { lateness_p99_ns: Some(lateness_p99_ns), service_p50_ns: Some(500_000), ..FIT }
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
