//! G25: can what the client saw and what the server's log says both be true?

use super::percent;
use crate::{Level, Trust};
use proofload_units::human_count;

/// What the two may contradict each other by: 1 ms. Logs are often kept in milliseconds.
pub const SLACK_NS: f64 = 1e6;
/// Share of the server's own time that its parts may leave unexplained.
pub const UNEXPLAINED_WARN: f64 = 0.1;

/// How the client's figures and those of the server's log fit together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sides {
    /// Requests that both saw from beginning to end.
    pub compared: u64,
    /// Of these, the ones whose first token the client had sooner after writing the request than
    /// the server says it made it.
    pub early_tokens: u64,
    /// Of these, the ones that the client had whole sooner after writing the request than the
    /// server says it took.
    pub early_ends: u64,
    /// Of these, the ones whose parts in the server take longer than the whole.
    pub parts_over: u64,
    /// Share of the server's time that its parts do not explain.
    pub unexplained: Option<f64>,
}

/// G25: what the client saw and what the server's log says fit together.
#[must_use]
pub fn sides(seen: &Sides) -> Trust {
    let title = "client against server";
    if seen.compared == 0 {
        let evidence = "no request was seen whole by both sides".to_owned();
        return Trust { id: "G25", title, level: Level::Note, evidence, remedy: None };
    }
    let mut against = Vec::new();
    for (count, what) in [
        (seen.early_tokens, "had their first token before the server made it"),
        (seen.early_ends, "took longer in the server than for the client"),
        (seen.parts_over, "have parts that are longer than the whole"),
    ] {
        if count > 0 {
            against.push(format!("{} {what}", human_count(count)));
        }
    }
    if let Some(share) = seen.unexplained.filter(|share| *share > UNEXPLAINED_WARN) {
        against.push(format!("{} of the server's time is in none of its parts", percent(share)));
    }
    let compared = human_count(seen.compared);
    if against.is_empty() {
        let evidence = format!("nothing contradicts in {compared} requests that both saw");
        return Trust { id: "G25", title, level: Level::Ok, evidence, remedy: None };
    }
    Trust {
        id: "G25",
        title,
        level: Level::Warn,
        evidence: format!("of {compared} requests that both saw: {}", against.join("; ")),
        remedy: Some("read the server's parts with care: its log may stamp other moments"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Sides, sides};
    use crate::Level;

    #[test]
    fn what_cannot_both_be_true_is_named() {
        let fit = Sides { compared: 100, unexplained: Some(0.1), ..Sides::default() };
        for (name, seen, level, hint) in [
            ("all fits", fit, Level::Ok, "nothing contradicts in 100"),
            ("nothing in both", Sides { compared: 0, ..fit }, Level::Note, "no request"),
            ("early tokens", Sides { early_tokens: 1, ..fit }, Level::Warn, "1 had their first"),
            ("early ends", Sides { early_ends: 2, ..fit }, Level::Warn, "2 took longer"),
            ("parts", Sides { parts_over: 3, ..fit }, Level::Warn, "3 have parts"),
            ("a rest", Sides { unexplained: Some(0.25), ..fit }, Level::Warn, "25.0 % of the"),
        ] {
            let trust = sides(&seen);
            assert_eq!(trust.level, level, "{name}");
            assert!(trust.evidence.contains(hint), "{name}: {}", trust.evidence);
        }
    }
}
