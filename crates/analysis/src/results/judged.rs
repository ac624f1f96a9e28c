//! What was asked of a run, and whether it shows it.

use proofload_verdict::slo::Verdict;
use serde::{Serialize, Serializer};

/// An objective and the verdict on it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// The objective, as it was written.
    pub name: String,
    /// `met`, `not met` or `undecided`.
    #[serde(serialize_with = "label")]
    pub verdict: Verdict,
    /// The figure that it is about; none where it is a failure's, or nothing was seen.
    pub value: Option<f64>,
    /// Lower limit of its two-sided 95 % interval.
    pub lo: Option<f64>,
    /// Upper limit of its two-sided 95 % interval.
    pub hi: Option<f64>,
    /// Unit of these three.
    pub unit: &'static str,
    /// Requests that it is about.
    pub n: u64,
    /// What decides: the share of requests that does not do what is asked.
    pub over: Option<Over>,
    /// Requests that would decide it if they showed the same share, where a number would.
    pub least_n: Option<u64>,
    /// The rule in words.
    pub rule: String,
    /// Why nothing could be concluded, and what would decide it.
    pub open: Option<String>,
    /// All of it in one line.
    pub evidence: String,
}

/// The share of requests that does not do what is asked, with what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Over {
    /// The share that was seen.
    pub share: f64,
    /// One-sided 95 % limit from below.
    pub at_least: Option<f64>,
    /// One-sided 95 % limit from above.
    pub at_most: Option<f64>,
    /// The share that is allowed.
    pub allowed: f64,
    /// Independent requests that would tell as much.
    pub n_eff: Option<f64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn label<S: Serializer>(verdict: &Verdict, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(verdict.label())
}
