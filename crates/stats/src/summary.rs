//! Plain descriptions of a sample.

/// How many values, their mean and their ends, in the unit of the values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Number of values.
    pub n: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Summary {
    /// Describes the values, in one pass; none of no values. NaN must not be among them.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (mut n, mut sum, mut min, mut max) = (0, 0.0, f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            n += 1;
            sum += value;
            min = f64::min(min, value);
            max = f64::max(max, value);
        }
        (n > 0).then(|| Self { n, mean: sum / n as f64, min, max })
    }
}

/// Burstiness: the coefficient of variation of the gaps between arrivals, whose times in
/// nanoseconds come in order. 0 for a steady beat, 1 for a Poisson process, more for bursts; none
/// below two gaps, or if all arrive at once.
///
/// The standard deviation is that of a sample (divisor n − 1), gathered in one pass.
///
/// Source: B. P. Welford, "Note on a method for calculating corrected sums of squares and products",
/// Technometrics 4 (1962), 419–420.
#[must_use]
pub fn gaps_cv(arrivals_ns: impl IntoIterator<Item = u64>) -> Option<f64> {
    let mut arrivals_ns = arrivals_ns.into_iter();
    let mut previous = arrivals_ns.next()?;
    let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for arrival in arrivals_ns {
        let gap = arrival.saturating_sub(previous) as f64;
        previous = arrival;
        n += 1.0;
        let off = gap - mean;
        mean += off / n;
        squares += off * (gap - mean);
    }
    (n >= 2.0 && mean > 0.0).then(|| (squares / (n - 1.0)).sqrt() / mean)
}

#[cfg(test)]
mod tests {
    use super::{Summary, gaps_cv};

    #[test]
    fn of_nothing_there_is_nothing_to_say() {
        assert_eq!(Summary::of([]), None);
        let one = Summary::of([3.5]).unwrap();
        assert_eq!(one, Summary { n: 1, mean: 3.5, min: 3.5, max: 3.5 });
    }

    #[test]
    fn burstiness_of_known_arrivals() {
        for (name, arrivals, want) in [
            ("nothing", vec![], None),
            ("one gap", vec![5, 9], None),
            ("all at once", vec![7; 10], None),
            ("a steady beat", (0..100).map(|i| i * 1_000).collect(), Some(0.0)),
            ("gaps 1, 2, 3", vec![0, 1, 3, 6], Some(0.5)),
            ("pairs", vec![0, 0, 2, 2, 4], Some((4f64 / 3.0).sqrt())),
        ] {
            let found = gaps_cv(arrivals);
            match (found, want) {
                (Some(found), Some(want)) => assert!((found - want).abs() < 1e-12, "{name}"),
                _ => assert_eq!(found, want, "{name}"),
            }
        }
    }
}
