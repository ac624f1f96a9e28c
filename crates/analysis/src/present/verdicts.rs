//! What was asked for, and whether the run shows it.

use super::four_digits;
use crate::document::{Block, Kind, Section, Stated};
use crate::results::{Judged, Results};
use proofload_verdict::slo::Verdict;

/// None where nothing was asked for.
pub(super) fn section(results: &Results) -> Option<Section> {
    if results.verdicts.is_empty() {
        return None;
    }
    let counts: Vec<String> = [Verdict::NotMet, Verdict::Undecided, Verdict::Met]
        .into_iter()
        .map(|verdict| {
            let given = results.verdicts.iter().filter(|judged| judged.verdict == verdict);
            (verdict, given.count())
        })
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {}", verdict.label()))
        .collect();
    let mut sorted: Vec<&Judged> = results.verdicts.iter().collect();
    sorted.sort_by_key(|judged| std::cmp::Reverse(judged.verdict));
    let mut blocks = vec![Block::Verdicts(sorted.into_iter().map(stated).collect())];
    if results.judged_anew {
        let text = "Judged anew, by other objectives than those that the run was made with.";
        blocks.push(Block::Text(text.to_owned()));
    }
    blocks.push(Block::Text(
        "Beside a figure stands its 95 % interval. Failures are infinitely slow and in every share. Met: the \
         share may be no larger than allowed, with 95 % confidence; not met: it is larger, with the \
         same; the rule of each is in results.json."
            .to_owned(),
    ));
    let heading = format!("Objectives: {}", counts.join(", "));
    Some(Section { kind: Kind::Objectives, heading, blocks })
}

fn stated(judged: &Judged) -> Stated {
    let with_unit = |value: f64| format!("{} {}", four_digits(value), judged.unit);
    let interval = match (judged.lo, judged.hi) {
        (Some(lo), Some(hi)) => format!("{} .. {}", four_digits(lo), with_unit(hi)),
        (Some(lo), None) => format!(">= {}", with_unit(lo)),
        (None, Some(hi)) => format!("<= {}", with_unit(hi)),
        (None, None) => String::new(),
    };
    Stated {
        verdict: judged.verdict,
        name: judged.name.clone(),
        evidence: judged.evidence.clone(),
        value: match (judged.value, judged.over) {
            (Some(value), _) => with_unit(value),
            (None, Some(_)) => "a failure".to_owned(),
            (None, None) => String::new(),
        },
        interval,
        n: judged.n,
        least_n: judged.least_n,
        rule: judged.rule.clone(),
    }
}
