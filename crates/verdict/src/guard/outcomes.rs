//! G10, G23 and G35: who failed, who answered, and whether anybody did.

use super::percent;
use crate::{Level, Share, Trust};
use proofload_record::Outcome;
use proofload_units::human_count;

/// What we ended ourselves, by an interrupt or a kill: no failure of the server.
const CUT_OFF: [Outcome; 2] = [Outcome::Cancelled, Outcome::Lost];

/// G10: failures stand in the same table as latencies, with their share. `by_outcome` names those
/// that occurred.
#[must_use]
pub fn errors(failed: &Share, by_outcome: &[(&str, u64)]) -> Trust {
    let title = "failures";
    if failed.count == 0 {
        let evidence = format!("none of {} requests failed", human_count(failed.n));
        return Trust { id: "G10", title, level: Level::Ok, evidence, remedy: None };
    }
    let mut evidence = format!(
        "{} of {} requests failed, {}",
        human_count(failed.count),
        human_count(failed.n),
        percent(failed.value.unwrap_or(0.0))
    );
    evidence += &match failed.interval {
        Some((lo, hi)) => format!(" (95 % interval {:.1} to {})", lo * 100.0, percent(hi)),
        None => " (no 95 % interval)".to_owned(),
    };
    let outcomes: Vec<String> =
        by_outcome.iter().map(|(name, count)| format!("{name} {}", human_count(*count))).collect();
    evidence += &format!(": {}", outcomes.join(", "));
    let cut_off = |(name, _): &(&str, u64)| CUT_OFF.iter().any(|outcome| outcome.label() == *name);
    if by_outcome.iter().any(cut_off) {
        evidence += "; objectives take what was cancelled or lost as not known";
    }
    Trust {
        id: "G10",
        title,
        level: Level::Warn,
        evidence,
        remedy: Some(
            "quantiles are over what succeeded, attainment is over everything: read both together",
        ),
    }
}

/// G23: a simulated target is never mistaken for a real one.
#[must_use]
pub fn simulated(simulated: bool) -> Trust {
    let title = "target";
    if simulated {
        Trust {
            id: "G23",
            title,
            level: Level::Warn,
            evidence: "SIMULATED: the target was a simulator".to_owned(),
            remedy: Some("name a server with --api-base to measure one"),
        }
    } else {
        let evidence = "the target was not our simulator".to_owned();
        Trust { id: "G23", title, level: Level::Ok, evidence, remedy: None }
    }
}

/// G35: there is something to judge. Zero data must never pass for a good result.
#[must_use]
pub fn nothing_to_judge(offered: u64, ok: u64) -> Trust {
    let (level, evidence, remedy) = match (offered, ok) {
        (0, _) => (
            Level::Invalid,
            "no request to analyse".to_owned(),
            Some("send requests beyond the warm-up (--limit, --warmup)"),
        ),
        (_, 0) => (
            Level::Invalid,
            format!("none of {} requests succeeded", human_count(offered)),
            Some("see the outcomes in the table and the error column of detailed.csv"),
        ),
        _ => (
            Level::Ok,
            format!("{} of {} requests succeeded", human_count(ok), human_count(offered)),
            None,
        ),
    };
    Trust { id: "G35", title: "something to judge", level, evidence, remedy }
}

#[cfg(test)]
mod tests {
    use super::{errors, nothing_to_judge, simulated};
    use crate::{Level, Share};

    #[test]
    fn failures_are_counted_with_their_interval() {
        let none = errors(&Share::in_order(&[false; 20]), &[]);
        assert_eq!((none.level, none.evidence.as_str()), (Level::Ok, "none of 20 requests failed"));
        // Spread so that neighbours do not follow one another.
        let hits: Vec<bool> = (0..20).map(|i| [1, 4, 6, 11, 13].contains(&i)).collect();
        let some = errors(&Share::in_order(&hits), &[("http_5xx", 3), ("reset", 2)]);
        assert_eq!(some.level, Level::Warn);
        assert!(
            some.evidence.starts_with("5 of 20 requests failed, 25.0 % (95 % interval 8."),
            "{}",
            some.evidence
        );
        assert!(some.evidence.ends_with(": http_5xx 3, reset 2"), "{}", some.evidence);
        let killed = errors(&Share { interval: None, ..Share::in_order(&hits) }, &[("lost", 5)]);
        let want = "25.0 % (no 95 % interval): lost 5; objectives take what was cancelled or lost as \
                    not known";
        assert!(killed.evidence.ends_with(want), "{}", killed.evidence);
    }

    #[test]
    fn a_simulated_target_says_so_in_capitals() {
        assert_eq!(simulated(false).level, Level::Ok);
        let trust = simulated(true);
        assert_eq!(trust.level, Level::Warn);
        assert!(trust.evidence.contains("SIMULATED"));
    }

    #[test]
    fn nothing_is_never_a_good_result() {
        for (offered, ok, want) in
            [(0, 0, Level::Invalid), (20, 0, Level::Invalid), (20, 1, Level::Ok)]
        {
            assert_eq!(nothing_to_judge(offered, ok).level, want, "{ok} of {offered}");
        }
    }
}
