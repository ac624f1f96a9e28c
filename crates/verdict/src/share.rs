//! The share of requests of which something is true, with its interval.

use proofload_stats::{Confidence, Proportion, tau};

/// A share of requests and the interval in which the true share lies.
///
/// Neighbours in a run are seldom independent: a stall fails many requests at once. The interval is
/// therefore taken at `n_eff = n / τ`, the number of independent requests that would tell as much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Requests of which it is true.
    pub count: u64,
    /// Requests looked at.
    pub n: u64,
    /// `count / n`; none where nothing was looked at.
    pub value: Option<f64>,
    /// Lower and upper limit, two-sided at 95 %. None where nothing was looked at, or
    /// where the requests depend on one another over more of the run than can be measured.
    pub interval: Option<(f64, f64)>,
    /// Independent requests that would tell as much; none where `interval` is.
    pub n_eff: Option<f64>,
}

impl Share {
    /// The share of `hits` that are true, given in the order of arrival.
    ///
    /// Source: [`Proportion::interval`] at the τ of [`tau`].
    #[must_use]
    pub fn in_order(hits: &[bool]) -> Self {
        let n = hits.len() as u64;
        let count = hits.iter().filter(|&&hit| hit).count() as u64;
        let seen = Proportion::new(count, n);
        let n_eff = tau(hits.iter().copied()).n_eff(n).filter(|_| n > 0);
        let worth = seen.zip(n_eff).and_then(|(seen, n_eff)| seen.worth(n_eff));
        let interval = worth.map(|worth| worth.interval(Confidence::PERCENT_95));
        Self { count, n, value: seen.map(Proportion::share), interval, n_eff }
    }
}

/// The share of requests that were answered well and in time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attainment {
    /// The limit that a latency must not exceed, in nanoseconds.
    pub limit_ns: u64,
    /// The requests that kept to it.
    pub met: Share,
}

impl Attainment {
    /// Judges latencies in nanoseconds, given in the order of arrival. A request that failed has
    /// none: it counts as infinitely slow and stays in the denominator.
    #[must_use]
    pub fn of(latencies_ns: impl Iterator<Item = Option<u64>>, limit_ns: u64) -> Self {
        let met: Vec<bool> =
            latencies_ns.map(|latency| latency.is_some_and(|ns| ns <= limit_ns)).collect();
        Self { limit_ns, met: Share::in_order(&met) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Attainment, Share};

    fn near(found: Option<(f64, f64)>, want: (f64, f64)) {
        let (lo, hi) = found.unwrap();
        assert!((lo - want.0).abs() < 1e-7 && (hi - want.1).abs() < 1e-7, "({lo}, {hi}): {want:?}");
    }

    #[test]
    fn nothing_looked_at_has_no_share() {
        let share = Share::in_order(&[]);
        assert_eq!((share.n, share.value, share.interval), (0, None, None));
    }

    #[test]
    fn none_of_a_hundred_has_the_exact_upper_limit() {
        let share = Share::in_order(&[false; 100]);
        assert_eq!((share.count, share.value), (0, Some(0.0)));
        // scipy 1.16.3: binomtest(0, 100).proportion_ci("exact")
        near(share.interval, (0.0, 0.036_216_692_645_176_42));
        assert_eq!(share.n_eff, Some(100.0));
    }

    #[test]
    fn failures_in_a_row_widen_the_interval() {
        let spread: Vec<bool> = (0..400).map(|i| i % 10 != 3).collect();
        let together: Vec<bool> = (0..400).map(|i| !(200..240).contains(&i)).collect();
        let (spread, together) = (Share::in_order(&spread), Share::in_order(&together));
        assert_eq!(spread.value, together.value);
        let (narrow, wide) = (spread.interval.unwrap(), together.interval.unwrap());
        assert!(wide.0 < narrow.0 && wide.1 > narrow.1, "{narrow:?} {wide:?}");
        assert!(together.n_eff.unwrap() < 100.0);
    }

    #[test]
    fn a_failure_is_infinitely_slow_and_stays_in_the_denominator() {
        let latencies = [Some(5), None, Some(11), Some(10), None];
        let attainment = Attainment::of(latencies.into_iter(), 10);
        assert_eq!((attainment.met.count, attainment.met.n), (2, 5));
        assert_eq!(attainment.met.value, Some(0.4));
    }
}
