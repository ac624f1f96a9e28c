//! Was the generator fit to measure? The numbers behind G01 and G02.

use crate::metric::Metric;
use crate::summary::{QUANTILES, Summary};
use crate::tally::Tally;
use proofload_record::Row;
use proofload_run_dir::GeneratorSecond;
use proofload_stats::{Quantile, quantile};
use proofload_verdict::guard::{Generator, Rate, Tail};

/// An interval shorter than this, at the end of a run, is too short to mean anything: 500 ms.
const LENGTH_LEAST_MS: f64 = 500.0;

/// How the machine stood: of every share the one that is exceeded in a twentieth of the workers'
/// seconds, so that neither a short stall condemns a long run nor a mean hides a long one.
///
/// `lateness_ns` is [`lateness`] of the rows.
pub(crate) fn generator<'a, 'r>(
    rows: &[Row],
    lateness_ns: &'r [u64],
    seconds: &[GeneratorSecond],
    summary: impl Fn(Metric) -> Option<&'a Summary>,
) -> Generator<'r> {
    let median = |metric| summary(metric).map(|summary| summary.points[0].value as u64);
    let services = [Metric::TtftService, Metric::LatencyService];
    let share = |of: &dyn Fn(&GeneratorSecond) -> Option<f64>| {
        let long = seconds.iter().filter(|second| second.length_ms >= LENGTH_LEAST_MS);
        let mut shares: Vec<f64> = long.filter_map(of).collect();
        shares.sort_unstable_by(f64::total_cmp);
        quantile(&shares, Quantile::P95)
    };
    Generator {
        lateness_ns,
        tail: tail(rows),
        service_p50_ns: services.into_iter().filter_map(median).min(),
        busy: share(&|second| Some((second.busy_share? - second.spin_share).max(0.0))),
        waiting: share(&|second| second.waiting_share),
        steal: share(&|second| second.steal_share),
        throttled: share(&|second| Some(second.throttled_ms? / second.length_ms.max(1.0))),
    }
}

/// Send lateness of every request that was sent, sorted.
pub(crate) fn lateness(rows: &[Row]) -> Vec<u64> {
    let mut lateness_ns: Vec<u64> = rows.iter().filter_map(Row::lateness_ns).collect();
    lateness_ns.sort_unstable();
    lateness_ns
}

/// The reported quantile of the latency whose slowest answers owe most to our lateness.
fn tail(rows: &[Row]) -> Option<Tail> {
    let ok = rows.iter().filter(|row| row.end.is_ok());
    let mut answers: Vec<(u64, u64)> =
        ok.filter_map(|row| Some((row.latency_ns()?, row.lateness_ns()?))).collect();
    answers.sort_unstable();
    let tails = QUANTILES.into_iter().filter_map(|quantile| {
        let first = quantile.rank(answers.len() as u64).checked_sub(1)?;
        let slowest = answers.get(usize::try_from(first).ok()?..)?;
        let sum = |of: fn(&(u64, u64)) -> u64| slowest.iter().map(of).sum::<u64>();
        let (latency, late) = (sum(|answer| answer.0), sum(|answer| answer.1));
        let share = (latency > 0).then(|| late as f64 / latency as f64)?;
        Some(Tail { quantile, share, mean_ns: late / slowest.len() as u64 })
    });
    // Of equals the first: of few answers the slowest is every high quantile.
    tails.reduce(|most, next| if next.share > most.share { next } else { most })
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
    use super::tail;
    use proofload_record::{End, Outcome, Row, Stamp};
    use proofload_run_dir::GeneratorSecond;
    use proofload_stats::Quantile;
    use proofload_verdict::guard::Generator;

    fn generator(seconds: &[GeneratorSecond]) -> Generator<'static> {
        super::generator(&[], &[], seconds, |_| None)
    }

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
    fn a_stop_of_a_few_requests_shows_in_the_quantile_that_it_makes() {
        let run = |late: std::ops::Range<u32>| -> Vec<Row> {
            let row = |index: u32| {
                let due = u64::from(index) * 10_000_000;
                let mut row = Row::new(index, 0, 0, Stamp::at(due), End::Sent(Outcome::Ok));
                let late_ns = if late.contains(&index) { 400_000_000 } else { 50_000 };
                row.started = Stamp::at(due + late_ns);
                row.done = Stamp::at(due + late_ns + 100_000_000);
                row
            };
            (0..2_000).map(row).collect()
        };
        let found = tail(&run(700..702)).unwrap();
        assert_eq!(found.quantile, Quantile::P999);
        assert!(found.share > 0.5, "{found:?}");
        assert!(tail(&run(0..0)).unwrap().share < 0.001);
        assert_eq!(tail(&run(700..900)).unwrap().quantile, Quantile::P95);
        assert_eq!(tail(&[]), None);
    }

    #[test]
    fn one_second_in_twenty_may_be_bad() {
        let run = |bad: usize| {
            let mut seconds = vec![second(1_000.0, 0.01); 40];
            seconds[..bad].fill(second(1_000.0, 0.5));
            generator(&seconds)
        };
        assert_eq!(run(2).waiting, Some(0.01));
        assert_eq!(run(3).waiting, Some(0.5));
        let fit = run(0);
        assert_eq!((fit.throttled, fit.steal), (Some(0.1), None));
        assert!((fit.busy.unwrap() - 0.35).abs() < 1e-9, "spinning is not being busy");
    }

    #[test]
    fn the_rest_of_a_second_at_the_end_says_nothing() {
        assert_eq!(generator(&[second(20.0, 0.9)]).waiting, None);
        let seconds = [second(1_000.0, 0.01), second(20.0, 0.9)];
        assert_eq!(generator(&seconds).waiting, Some(0.01));
    }
}
