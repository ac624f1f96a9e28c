//! How the Mann-Whitney statistic is distributed when two samples come from one law.

use crate::normal::normal_inv;

/// From this many values on in either sample the law is taken as normal.
const EXACT_BELOW: u64 = 50;
/// From this many differences on, too: the exact law of several strata takes the square of it.
const EXACT_PAIRS_MAX: u64 = 10_000;

/// The rank, from 1, of the difference that bounds a shift from below, among the differences of all
/// strata sorted upwards: `k = F⁻¹(tail)`, and the upper bound is as far from the other end. None
/// where so few values bound nothing.
///
/// `sizes` are those of both samples in each stratum; the statistics of strata add up. The law is
/// exact below 50 values on both sides, if there are not too many differences, and normal from
/// there on. `worth` says how many independent values one value of each sample tells as much as:
/// where that is less than 1 the normal law of so few is taken, scaled to the ranks that there are.
pub(crate) fn bounding_rank(sizes: &[[u64; 2]], worth: [f64; 2], tail: f64) -> Option<u64> {
    let pairs: u64 = sizes.iter().map(|[m, n]| m * n).sum();
    let few = sizes.iter().all(|[m, n]| *m.max(n) < EXACT_BELOW) && pairs <= EXACT_PAIRS_MAX;
    if worth == [1.0, 1.0] && few {
        return exact(sizes, tail);
    }
    let worth = sizes.iter().map(|[m, n]| [*m as f64 * worth[0], *n as f64 * worth[1]]);
    // The least tail that so few can show: all of one sample beyond all of the other.
    if worth.clone().map(splits).product::<f64>() < 1.0 / tail {
        return None;
    }
    let variance: f64 = sizes
        .iter()
        .zip(worth)
        .map(|([m, n], [m_eff, n_eff])| {
            let pairs = (m * n) as f64;
            pairs * pairs * (m_eff + n_eff + 1.0) / (12.0 * m_eff * n_eff)
        })
        .sum();
    let rank = (pairs as f64 / 2.0 + normal_inv(tail) * variance.sqrt() - 0.5).ceil();
    (rank >= 1.0).then_some(rank as u64)
}

/// Ways to split `m + n` values into two samples, real-valued; beyond a million it only matters
/// that it is large.
fn splits([m, n]: [f64; 2]) -> f64 {
    let (few, many) = (m.min(n), m.max(n));
    let mut ways = 1.0;
    let mut taken = 1.0;
    while taken <= few && ways < 1e6 {
        ways *= (many + taken) / taken;
        taken += 1.0;
    }
    ways
}

fn exact(sizes: &[[u64; 2]], tail: f64) -> Option<u64> {
    let chances = sizes.iter().map(|[m, n]| {
        let ways = frequencies(*m as usize, *n as usize);
        let all: f64 = ways.iter().sum();
        ways.into_iter().map(|ways| ways / all).collect::<Vec<f64>>()
    });
    let sum = chances.reduce(|one, other| convolved(&one, &other))?;
    let mut reached = 0.0;
    let mut below = sum.iter().zip(0..).skip_while(|(chance, _)| {
        reached += **chance;
        reached < tail
    });
    below.next().map(|(_, rank)| rank).filter(|&rank| rank >= 1)
}

/// The law of the sum of two independent statistics.
fn convolved(one: &[f64], other: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; one.len() + other.len() - 1];
    for (place, chance) in one.iter().enumerate() {
        for (sum, other) in sum[place..].iter_mut().zip(other) {
            *sum += chance * other;
        }
    }
    sum
}

/// In how many ways each value of the statistic from 0 to `m · n` can come about: the partitions of
/// that value into at most `m` parts of at most `n`. Takes `O(m² n²)`; only sums, so nothing
/// cancels.
fn frequencies(m: usize, n: usize) -> Vec<f64> {
    let width = m * n + 1;
    // By number of parts, then by their sum.
    let mut ways = vec![0.0; (m + 1) * width];
    ways[0] = 1.0;
    for part in 1..=n {
        for parts in 1..=m {
            for sum in part..width {
                ways[parts * width + sum] += ways[(parts - 1) * width + sum - part];
            }
        }
    }
    (0..width).map(|sum| (0..=m).map(|parts| ways[parts * width + sum]).sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::{bounding_rank, exact, frequencies};

    const INDEPENDENT: [f64; 2] = [1.0, 1.0];

    /// From `two_sample.u_frequencies` of the reference values.
    #[test]
    fn frequencies_are_those_of_all_splits() {
        assert_eq!(
            frequencies(3, 4),
            [1, 1, 2, 3, 4, 4, 5, 4, 4, 3, 2, 1, 1].map(f64::from).to_vec()
        );
        let want = [1, 1, 2, 3, 5, 7, 9, 11, 14, 16, 18, 19, 20];
        assert_eq!(frequencies(5, 5)[..13], want.map(f64::from));
        assert_eq!(frequencies(5, 5).iter().sum::<f64>(), 252.0);
    }

    #[test]
    fn too_few_bound_nothing() {
        for (m, n, want) in [(1, 30, None), (3, 3, None), (4, 4, Some(1)), (3, 5, Some(1))] {
            assert_eq!(exact(&[[m, n]], 0.025), want, "{m} {n}");
        }
        assert_eq!(exact(&[], 0.025), None);
        assert_eq!(exact(&[[3, 3], [3, 3]], 0.025), Some(3), "8 of 400 are below");
        assert_eq!(bounding_rank(&[[100, 100]], [0.03, 0.03], 0.025), None, "copies do not help");
        assert!(bounding_rank(&[[100, 100]], [0.08, 0.08], 0.025).is_some());
    }

    #[test]
    fn the_normal_law_takes_over_without_a_step() {
        for (exact, normal) in
            [(vec![[49, 49]], vec![[50, 49]]), (vec![[30, 49], [9, 12]], vec![[30, 50], [9, 12]])]
        {
            let share = |sizes: &[[u64; 2]]| {
                let pairs: u64 = sizes.iter().map(|[m, n]| m * n).sum();
                bounding_rank(sizes, INDEPENDENT, 0.025).unwrap() as f64 / pairs as f64
            };
            assert!((share(&normal) / share(&exact) - 1.0).abs() < 0.01, "{exact:?} {normal:?}");
        }
    }

    #[test]
    fn dependence_widens() {
        let rank = |worth: f64| bounding_rank(&[[200, 300]], [worth; 2], 0.025).unwrap();
        assert!(rank(1.0) > rank(0.5) && rank(0.5) > rank(0.125));
    }
}
