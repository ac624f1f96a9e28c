//! Exact intervals of a share.

use crate::Confidence;
use crate::special::beta_inv;

/// A count of hits out of a count of trials, such as requests over a limit out of all requests.
///
/// Where trials depend on each other both counts shrink to what they are worth, so they need not be
/// whole; see [`Proportion::worth`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proportion {
    hits: f64,
    trials: f64,
}

impl Proportion {
    /// `hits` out of `trials`; none of no trials, or of more hits than trials.
    #[must_use]
    pub fn new(hits: u64, trials: u64) -> Option<Self> {
        let (hits, trials) = (hits as f64, trials as f64);
        (trials > 0.0 && hits <= trials).then_some(Self { hits, trials })
    }

    /// The same share, with the weight of `n_eff` trials; none unless that is above 0 and finite.
    #[must_use]
    pub fn worth(self, n_eff: f64) -> Option<Self> {
        Self::of_share(self.share(), n_eff)
    }

    /// `share` as if that many trials had shown exactly it; none unless it is within 0 to 1, and the
    /// trials above 0 and finite.
    #[must_use]
    pub fn of_share(share: f64, trials: f64) -> Option<Self> {
        let sound = (0.0..=1.0).contains(&share) && trials > 0.0 && trials.is_finite();
        sound.then(|| Self { hits: (share * trials).min(trials), trials })
    }

    /// The share that was seen, 0 to 1.
    #[must_use]
    pub fn share(self) -> f64 {
        self.hits / self.trials
    }

    /// Both limits of the true share at once. They cover it at least as often as asked, whatever it
    /// is; that is what "exact" means here.
    ///
    /// Where the inverse beta function should ever fail to converge the limit is 0 or 1, which
    /// claims nothing.
    ///
    /// Source: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits
    /// illustrated in the case of the binomial", Biometrika 26 (1934), 404–413.
    #[must_use]
    pub fn interval(self, confidence: Confidence) -> (f64, f64) {
        let tail = confidence.each_tail();
        (self.lower_at(tail), self.upper_at(tail))
    }

    /// The lower limit alone, one-sided: the true share is lower in at most `1 − confidence` of
    /// repetitions.
    #[must_use]
    pub fn lower(self, confidence: Confidence) -> f64 {
        self.lower_at(confidence.one_tail())
    }

    /// The upper limit alone, one-sided.
    #[must_use]
    pub fn upper(self, confidence: Confidence) -> f64 {
        self.upper_at(confidence.one_tail())
    }

    fn lower_at(self, tail: f64) -> f64 {
        if self.hits == 0.0 {
            return 0.0;
        }
        beta_inv(tail, self.hits, self.trials - self.hits + 1.0).unwrap_or(0.0)
    }

    fn upper_at(self, tail: f64) -> f64 {
        if self.hits == self.trials {
            return 1.0;
        }
        beta_inv(1.0 - tail, self.hits + 1.0, self.trials - self.hits).unwrap_or(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Proportion;
    use crate::Confidence;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_share_is_refused() {
        assert_eq!(Proportion::new(0, 0), None);
        assert_eq!(Proportion::new(3, 2), None);
        let half = Proportion::new(1, 2).unwrap();
        for n_eff in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(half.worth(n_eff), None, "{n_eff}");
        }
        for share in [-0.1, 1.1, f64::NAN] {
            assert_eq!(Proportion::of_share(share, 10.0), None, "{share}");
        }
    }

    proptest! {
        #[test]
        fn limits_hold_the_share_mirror_and_widen(
            trials in 1u64..5_000,
            part in 0.0..=1.0,
            tau in 1.0..20.0,
        ) {
            let c = Confidence::PERCENT_95;
            let hits = (part * trials as f64) as u64;
            let all = Proportion::new(hits, trials).unwrap();
            let (low, high) = all.interval(c);
            prop_assert!(0.0 <= low && low <= all.share() && all.share() <= high && high <= 1.0);
            prop_assert!(all.lower(c) >= low && all.upper(c) <= high, "one side costs less");
            let (other_low, other_high) = Proportion::new(trials - hits, trials).unwrap().interval(c);
            prop_assert!((low + other_high - 1.0).abs() < 1e-9);
            prop_assert!((high + other_low - 1.0).abs() < 1e-9);
            let fewer = all.worth(trials as f64 / tau).unwrap();
            prop_assert!((fewer.share() - all.share()).abs() < 1e-12);
            let (wide_low, wide_high) = fewer.interval(c);
            prop_assert!(wide_low <= low + 1e-9 && high <= wide_high + 1e-9);
        }
    }
}
