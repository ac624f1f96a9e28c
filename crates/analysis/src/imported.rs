//! What cannot be said of a run that another program made.
//!
//! Nobody measured its generator, it has no second way to count, and the order in which its
//! requests arrived is not known, so nothing that rests on that order is stated.

use crate::document::{Block, Kind, Section};
use crate::results::{Imported, Results};
use crate::summary::Summary;
use proofload_units::human_count;
use proofload_verdict::{Level, Share, Trust, Validity};

/// The guard-rails that nothing in such a run can answer, how grave that is, and why.
const NOT_MEASURED: [(&str, Level, &str); 4] = [
    (
        "G01",
        Level::Warn,
        "an imported file does not tell when requests were due or sent, so the client's own delay \
         may be in its durations",
    ),
    ("G02", Level::Note, "an imported file does not tell when requests were due"),
    ("G23", Level::Note, "an imported file does not tell what answered"),
    ("G39", Level::Note, "an imported file has no second way to count"),
];

/// A finding, taken back where nobody could have looked.
pub(crate) fn trust(trust: Trust) -> Trust {
    let known = NOT_MEASURED.into_iter().find(|(id, ..)| *id == trust.id);
    if let Some((_, level, why)) = known {
        return trust.not_measured(level, why);
    }
    if trust.id == "G04" && trust.level < Level::Note {
        let why = "the order of arrival is not known, so no quantile has an interval";
        return trust.not_measured(Level::Note, why);
    }
    trust
}

/// Whether such a run can be used: it can be found invalid, never valid.
pub(crate) fn validity(trust: &[Trust], offered: u64) -> Validity {
    match Validity::of(trust, offered) {
        Validity::Invalid(reason) => Validity::Invalid(reason),
        _ => Validity::NotJudged("nobody measured whether its client kept up"),
    }
}

/// Takes the intervals away: how far neighbours depend on one another is not known.
pub(crate) fn without_intervals(summary: &mut Summary) {
    for point in &mut summary.points {
        point.interval = None;
    }
}

/// The same for a share.
pub(crate) const fn without_interval(share: &mut Share) {
    share.interval = None;
    share.n_eff = None;
}

/// What the reader must know of the file before anything else.
pub(crate) fn section(imported: &Imported, results: &Results) -> Section {
    let mut blocks = vec![Block::Text(format!(
        "{}: {} requests. Their outcomes are ours, by the rules under which our own runs are judged.",
        imported.form,
        human_count(results.counts.planned)
    ))];
    let mut unknown = "Not known, and left blank: when a request was due or sent and in which \
                       order, so there is no lateness, no rate, nothing over time and no interval; \
                       time to first token and between tokens as the client saw them. The file's \
                       own times to first token and total latencies are of the server's log and \
                       stand on the server's side (server.csv)."
        .to_owned();
    if !imported.selection_known {
        unknown += " The model of a class is the one that answered; whether the request had named \
                    it is not known.";
    }
    blocks.push(Block::Text(unknown));
    if !imported.ignored_columns.is_empty() {
        let names: Vec<String> =
            imported.ignored_columns.iter().map(|name| format!("`{name}`")).collect();
        blocks.push(Block::Text(format!("Ignored, as unknown columns: {}.", names.join(", "))));
    }
    Section { kind: Kind::Imported, heading: "Imported".to_owned(), blocks }
}

#[cfg(test)]
mod tests {
    use super::{trust, validity};
    use proofload_verdict::{Level, Trust, Validity};

    fn found(id: &'static str, level: Level) -> Trust {
        Trust { id, title: "t", level, evidence: "e".to_owned(), remedy: None }
    }

    #[test]
    fn what_nobody_could_look_at_is_not_well() {
        for (id, level, want, evidence) in [
            ("G01", Level::Ok, Level::Warn, "not measured: an imported file does not tell when"),
            ("G02", Level::Invalid, Level::Note, "not measured"),
            ("G39", Level::Note, Level::Note, "not measured"),
            ("G04", Level::Ok, Level::Note, "not measured: the order of arrival"),
            ("G04", Level::Warn, Level::Warn, "e"),
            ("G10", Level::Warn, Level::Warn, "e"),
        ] {
            let trust = trust(found(id, level));
            assert_eq!(trust.level, want, "{id}");
            assert!(trust.evidence.starts_with(evidence), "{id}: {}", trust.evidence);
        }
    }

    #[test]
    fn an_imported_run_can_be_invalid_and_never_valid() {
        assert_eq!(validity(&[found("G10", Level::Warn)], 1).label(), "not judged");
        let nothing = [found("G35", Level::Invalid)];
        assert_eq!(validity(&nothing, 1), Validity::Invalid("no request succeeded"));
    }
}
