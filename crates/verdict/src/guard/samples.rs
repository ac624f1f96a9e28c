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
    let title = "samples for the quantiles";
    if !any {
        let evidence = "no samples".to_owned();
        let remedy = Some("send requests that succeed");
        return Trust { id: "G04", title, level: Level::Warn, evidence, remedy };
    }
    if scarce.is_empty() {
        let evidence = "enough to bound each from both sides at 95 %".to_owned();
        return Trust { id: "G04", title, level: Level::Ok, evidence, remedy: None };
    }
    Trust {
        id: "G04",
        title,
        level: Level::Warn,
        evidence: describe(scarce),
        remedy: Some(
            "read these quantiles as what was seen, not as what to expect; send more requests",
        ),
    }
}

/// One line, however many metrics there are: results.json has the intervals of each.
fn describe(scarce: &[Scarce]) -> String {
    let mut metrics: Vec<&str> = scarce.iter().map(|item| item.metric).collect();
    metrics.dedup();
    let mut quantiles: Vec<Quantile> = Vec::new();
    for item in scarce {
        let new = item.quantiles.iter().filter(|q| !quantiles.contains(q)).copied();
        quantiles.extend(new.collect::<Vec<_>>());
    }
    quantiles.sort_by(|one, other| one.fraction().total_cmp(&other.fraction()));
    let mut counts: Vec<(usize, Vec<String>)> = Vec::new();
    for q in &quantiles {
        let count = scarce.iter().filter(|item| item.quantiles.contains(q)).count();
        match counts.last_mut() {
            Some((last, labels)) if *last == count => labels.push(q.label()),
            _ => counts.push((count, vec![q.label()])),
        }
    }
    let of_metrics = |(count, labels): &(usize, Vec<String>)| {
        let of = match (count, &metrics[..]) {
            (_, [one]) => (*one).to_owned(),
            (1, _) => "1 metric".to_owned(),
            _ => format!("{count} metrics"),
        };
        format!("{} of {of}", labels.join(" and "))
    };
    let missing: Vec<String> = counts.iter().map(of_metrics).collect();
    let mut text = format!("no finite interval for {}", missing.join(", "));
    let bounded = scarce.iter().filter(|item| item.n_eff.is_some());
    let highest = bounded.flat_map(|item| &item.quantiles).copied();
    if let Some(q) = highest.max_by(|one, other| one.fraction().total_cmp(&other.fraction())) {
        let least = human_count(least_n_two_sided(q, Confidence::PERCENT_95));
        text += &format!("; {} needs {least} independent samples", q.label());
    }
    let undecided: Vec<&str> =
        scarce.iter().filter(|item| item.n_eff.is_none()).map(|item| item.metric).collect();
    if !undecided.is_empty() {
        text += &format!(
            "; those of {} depend on one another over more of the run than can be measured",
            undecided.join(", ")
        );
    }
    text
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
        assert_eq!(
            trust.evidence,
            "no finite interval for p50 of ttft; those of ttft depend on one another over more of the \
             run than can be measured"
        );
    }

    #[test]
    fn what_is_missing_is_one_line_however_many_metrics_there_are() {
        let tail = [Quantile::P99, Quantile::P999];
        let trust = samples(
            true,
            &[
                scarce("ttft", 98, 98.0, &tail),
                scarce("itl", 5_000, 700.4, &[Quantile::P999]),
                scarce("latency", 100, 100.0, &tail),
                scarce("tpot", 98, 98.0, &[Quantile::P95, Quantile::P99, Quantile::P999]),
            ],
        );
        assert_eq!(trust.level, Level::Warn);
        assert_eq!(
            trust.evidence,
            "no finite interval for p95 of 1 metric, p99 of 3 metrics, p999 of 4 metrics; p999 needs \
             3,688 independent samples"
        );
    }
}
