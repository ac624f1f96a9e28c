//! Why an objective stays undecided, and what would decide it.

use super::Over;
use super::judge::{SURE, exceeds};
use proofload_stats::Proportion;
use proofload_units::human_count;

/// A number of requests from which on nobody would wait for the verdict.
const N_MAX: f64 = 1e8;

/// Why nothing is concluded, and the number of requests that would.
pub(crate) fn why_open(n: u64, unknown: u64, over: &Over) -> (Option<String>, Option<u64>) {
    if unknown > 0 {
        let unknown = human_count(unknown);
        return (Some(format!("{unknown} requests of which nothing is known keep it open")), None);
    }
    let Some(n_eff) = over.n_eff else {
        let open = "the requests depend on one another over more of the run than can be measured: \
                    a longer, steadier run would decide";
        return (Some(open.to_owned()), None);
    };
    match deciding_n(over, n_eff) {
        // As many as that, if they depend on one another as these do.
        Some(independent) => {
            let needed = (independent * (n as f64 / n_eff)).ceil() as u64;
            let open = format!("{} such requests would decide, at that share", human_count(needed));
            (Some(open), Some(needed))
        }
        None => (Some("so close to the limit that no more requests would decide".to_owned()), None),
    }
}

/// The least number of independent requests that would decide if they showed this share.
fn deciding_n(over: &Over, n_eff: f64) -> Option<f64> {
    let decides = |trials: f64| {
        Proportion::of_share(over.share, trials).is_some_and(|seen| {
            !exceeds(seen.upper(SURE), over.allowed) || exceeds(seen.lower(SURE), over.allowed)
        })
    };
    let mut high = n_eff.max(1.0).ceil();
    while !decides(high) {
        high *= 2.0;
        if high > N_MAX {
            return None;
        }
    }
    let mut low = n_eff.floor().max(0.0);
    while high - low > 1.0 {
        let middle = f64::midpoint(low, high).floor();
        if decides(middle) { high = middle } else { low = middle }
    }
    Some(high)
}
