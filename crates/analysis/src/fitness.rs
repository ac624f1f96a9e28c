//! Was the generator fit to measure? The numbers behind G01 and G02.

use crate::metric::Metric;
use crate::summary::Summary;
use crate::tally::Tally;
use proofload_run_dir::GeneratorSecond;
use proofload_stats::{Quantile, quantile};
use proofload_verdict::guard::{Generator, Rate};

/// An interval shorter than this, at the end of a run, is too short to mean anything: 500 ms.
const LENGTH_LEAST_MS: f64 = 500.0;

/// How the machine stood: of every share the one that is exceeded in a twentieth of the workers'
/// seconds, so that neither a short stall condemns a long run nor a mean hides a long one.
pub(crate) fn generator<'a>(
    seconds: &[GeneratorSecond],
    summary: impl Fn(Metric) -> Option<&'a Summary>,
) -> Generator {
    let median = |metric| summary(metric).map(|summary| summary.points[0].value as u64);
    let services = [Metric::TtftService, Metric::LatencyService];
    let share = |of: &dyn Fn(&GeneratorSecond) -> Option<f64>| {
        let long = seconds.iter().filter(|second| second.length_ms >= LENGTH_LEAST_MS);
        let mut shares: Vec<f64> = long.filter_map(of).collect();
        shares.sort_unstable_by(f64::total_cmp);
        quantile(&shares, Quantile::P95)
    };
    Generator {
        lateness_p99_ns: summary(Metric::Lateness).map(|summary| summary.points[3].value as u64),
        service_p50_ns: services.into_iter().filter_map(median).min(),
        busy: share(&|second| Some((second.busy_share? - second.spin_share).max(0.0))),
        waiting: share(&|second| second.waiting_share),
        steal: share(&|second| second.steal_share),
        throttled: share(&|second| Some(second.throttled_ms? / second.length_ms.max(1.0))),
    }
}

/// What was offered and what left.
pub(crate) fn rate(tally: &Tally<'_>) -> Rate {
    let not_sent = tally.not_sent();
    let mut rate = Rate {
        offered: tally.n,
        sent: tally.n - not_sent.iter().sum::<u64>(),
        not_sent,
        ..Rate::default()
    };
    let due = || tally.rows.iter().filter_map(|row| row.due.get());
    if let (Some(first), Some(last)) = (due().min(), due().max()) {
        let started = tally.rows.iter().filter_map(|row| row.started.get()).max();
        rate.due_window_ns = last - first;
        rate.start_window_ns = started.map_or(0, |ns| ns.saturating_sub(first));
    }
    rate
}

#[cfg(test)]
mod tests {
    use super::generator;
    use proofload_run_dir::GeneratorSecond;

    fn second(length_ms: f64, waiting: f64) -> GeneratorSecond {
        GeneratorSecond {
            length_ms,
            busy_share: Some(0.6),
            spin_share: 0.25,
            waiting_share: Some(waiting),
            throttled_ms: Some(length_ms / 10.0),
            ..GeneratorSecond::default()
        }
    }

    #[test]
    fn one_second_in_twenty_may_be_bad() {
        let run = |bad: usize| {
            let mut seconds = vec![second(1_000.0, 0.01); 40];
            seconds[..bad].fill(second(1_000.0, 0.5));
            generator(&seconds, |_| None)
        };
        assert_eq!(run(2).waiting, Some(0.01));
        assert_eq!(run(3).waiting, Some(0.5));
        let fit = run(0);
        assert_eq!((fit.throttled, fit.steal), (Some(0.1), None));
        assert!((fit.busy.unwrap() - 0.35).abs() < 1e-9, "spinning is not being busy");
    }

    #[test]
    fn the_rest_of_a_second_at_the_end_says_nothing() {
        assert_eq!(generator(&[second(20.0, 0.9)], |_| None).waiting, None);
        let seconds = [second(1_000.0, 0.01), second(20.0, 0.9)];
        assert_eq!(generator(&seconds, |_| None).waiting, Some(0.01));
    }
}
