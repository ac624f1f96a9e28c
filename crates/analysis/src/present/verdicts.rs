//! What was asked for, and whether the run shows it.

use crate::document::{Block, Section, Stated};
use crate::results::Results;
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
    let stated = results.verdicts.iter().map(|judged| Stated {
        verdict: judged.verdict,
        name: judged.name.clone(),
        evidence: judged.evidence.clone(),
    });
    let mut blocks = vec![Block::Verdicts(stated.collect())];
    if results.judged_anew {
        let text = "Judged anew, by other objectives than those that the run was made with.";
        blocks.push(Block::Text(text.to_owned()));
    }
    blocks.push(Block::Text(
        "In brackets the 95 % interval. Failures are infinitely slow and in every share. Met: the \
         share may be no larger than allowed, with 95 % confidence; not met: it is larger, with the \
         same; the rule of each is in results.json."
            .to_owned(),
    ));
    Some(Section { heading: format!("Objectives: {}", counts.join(", ")), blocks })
}
