//! G04: are there enough samples for the quantiles that are printed?

use crate::{Level, Trust};
use proofload_stats::{Confidence, Quantile, least_n_two_sided};
use proofload_units::human_count;

/// A metric with quantiles that its samples cannot bound from both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Scarce {
    /// The metric.
    pub metric: &'static str,
    /// Its samples.
    pub n: u64,
    /// Independent samples that would tell as much; none where they depend on one another over more
    /// of the run than can be measured.
    pub n_eff: Option<f64>,
    /// The quantiles that have no finite interval.
    pub quantiles: Vec<Quantile>,
}

/// G04: every quantile that is printed has a finite interval. Metrics with nothing to complain of
/// are not in `scarce`; `any` is whether there is a sample of any metric.
#[must_use]
pub fn samples(any: bool, scarce: &[Scarce]) -> Trust {
    let title = "enough samples for every quantile";
    if !any {
        let evidence = "no samples".to_owned();
        let remedy = Some("send requests that succeed");
        return Trust { id: "G04", title, level: Level::Warn, evidence, remedy };
    }
    if scarce.is_empty() {
        let evidence = "enough to bound each from both sides at 95 %".to_owned();
        return Trust { id: "G04", title, level: Level::Ok, evidence, remedy: None };
    }
    let mut groups: Vec<Vec<&Scarce>> = Vec::new();
    for item in scarce {
        let alike = |other: &Scarce| {
            other.quantiles == item.quantiles && other.n_eff.is_some() == item.n_eff.is_some()
        };
        match groups.iter_mut().find(|group| alike(group[0])) {
            Some(group) => group.push(item),
            None => groups.push(vec![item]),
        }
    }
    let parts: Vec<String> = groups.iter().map(|group| describe(group)).collect();
    Trust {
        id: "G04",
        title,
        level: Level::Warn,
        evidence: parts.join("; "),
        remedy: Some(
            "read these quantiles as what was seen, not as what to expect; send more requests",
        ),
    }
}

/// What metrics that miss the same quantiles have in common.
fn describe(group: &[&Scarce]) -> String {
    let needs: Vec<String> = group[0]
        .quantiles
        .iter()
        .map(|&q| {
            let least = human_count(least_n_two_sided(q, Confidence::PERCENT_95));
            format!("{} needs {least}", q.label())
        })
        .collect();
    let metrics = match group {
        [one] => one.metric.to_owned(),
        [one, other] => format!("{} and {}", one.metric, other.metric),
        [one, others @ ..] => format!("{} and {} others", one.metric, others.len()),
        [] => String::new(),
    };
    let n = range(group.iter().map(|item| item.n));
    // What dependent samples are worth is rounded down: one that is not whole is none.
    if group.iter().any(|item| item.n_eff.is_none()) {
        let labels: Vec<String> = group[0].quantiles.iter().map(|q| q.label()).collect();
        return format!(
            "{metrics} (n = {n}, which depend on one another over more of the run than can be \
             measured): {} undecided",
            labels.join(", ")
        );
    }
    let worth = range(group.iter().filter_map(|item| item.n_eff).map(|n_eff| n_eff as u64));
    let worth = if worth == n { String::new() } else { format!(", worth {worth} independent") };
    format!("{metrics} (n = {n}{worth}): {}", needs.join(", "))
}

/// `14`, or `13 to 19`.
fn range(numbers: impl Iterator<Item = u64> + Clone) -> String {
    let (least, most) = (numbers.clone().min().unwrap_or(0), numbers.max().unwrap_or(0));
    if least == most {
        human_count(least)
    } else {
        format!("{} to {}", human_count(least), human_count(most))
    }
}

#[cfg(test)]
mod tests {
    use super::{Scarce, samples};
    use crate::Level;
    use proofload_stats::Quantile;

    fn scarce(metric: &'static str, n: u64, n_eff: f64, quantiles: &[Quantile]) -> Scarce {
        Scarce { metric, n, n_eff: Some(n_eff), quantiles: quantiles.to_vec() }
    }

    #[test]
    fn nothing_scarce_is_well() {
        assert_eq!(samples(true, &[]).level, Level::Ok);
    }

    #[test]
    fn no_sample_and_undecided_samples_are_not_well() {
        assert_eq!(samples(false, &[]).level, Level::Warn);
        let undecided = Scarce { n_eff: None, ..scarce("ttft", 9_000, 0.0, &[Quantile::P50]) };
        let trust = samples(true, &[undecided]);
        assert_eq!(trust.level, Level::Warn);
        assert!(trust.evidence.ends_with("p50 undecided"), "{}", trust.evidence);
    }

    #[test]
    fn what_is_missing_is_said_once_for_metrics_alike() {
        let tail = [Quantile::P99, Quantile::P999];
        let trust = samples(
            true,
            &[
                scarce("ttft", 98, 98.0, &tail),
                scarce("itl", 5_000, 700.4, &[Quantile::P999]),
                scarce("latency", 100, 100.0, &tail),
                scarce("tpot", 98, 98.0, &tail),
            ],
        );
        assert_eq!(trust.level, Level::Warn);
        assert_eq!(
            trust.evidence,
            "ttft and 2 others (n = 98 to 100): p99 needs 368, p999 needs 3,688; \
             itl (n = 5,000, worth 700 independent): p999 needs 3,688"
        );
    }
}
