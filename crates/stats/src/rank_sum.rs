//! How the Mann-Whitney statistic is distributed when two samples come from one law.

use crate::normal::normal_inv;

/// From this many values on in either sample the law is taken as normal.
const EXACT_BELOW: u64 = 50;

/// The rank, from 1, of the difference that bounds a shift from below, among all `m · n`
/// differences sorted upwards: `k = F⁻¹(tail)`, and the upper bound is as far from the other end.
/// None where so few values bound nothing.
///
/// The law is exact below 50 values on both sides and normal from there on. `worth` says how many
/// independent values each sample tells as much as: where that is fewer than there are the normal
/// law of so few is taken, scaled to the ranks that there are.
pub(crate) fn bounding_rank(sizes: [u64; 2], worth: [f64; 2], tail: f64) -> Option<u64> {
    let [m, n] = sizes;
    let independent = sizes.iter().zip(worth).all(|(&size, worth)| size as f64 <= worth);
    if independent && m.max(n) < EXACT_BELOW {
        return exact(m as usize, n as usize, tail);
    }
    // The least tail that so few can show: all of one sample beyond all of the other.
    if 1.0 / splits(worth) > tail {
        return None;
    }
    let pairs = m as f64 * n as f64;
    let [m, n] = worth;
    let spread = ((m + n + 1.0) / (12.0 * m * n)).sqrt();
    let rank = (pairs * normal_inv(tail).mul_add(spread, 0.5) - 0.5).ceil();
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

fn exact(m: usize, n: usize, tail: f64) -> Option<u64> {
    let ways = frequencies(m, n);
    let all: f64 = ways.iter().sum();
    let mut reached = 0.0;
    let mut below = ways.iter().zip(0..).skip_while(|(ways, _)| {
        reached += **ways;
        reached < tail * all
    });
    below.next().map(|(_, rank)| rank).filter(|&rank| rank >= 1)
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
            assert_eq!(exact(m, n, 0.025), want, "{m} {n}");
        }
        assert_eq!(bounding_rank([100, 100], [3.0, 3.0], 0.025), None, "copies do not help");
        assert!(bounding_rank([100, 100], [8.0, 8.0], 0.025).is_some());
    }

    #[test]
    fn the_normal_law_takes_over_without_a_step() {
        let worth = [49.0, 49.0];
        let exact = bounding_rank([49, 49], worth, 0.025).unwrap();
        let normal = bounding_rank([50, 49], [50.0, 49.0], 0.025).unwrap();
        assert!((normal as f64 / exact as f64 - 50.0 / 49.0).abs() < 0.01, "{exact} {normal}");
    }

    #[test]
    fn dependence_widens() {
        let sizes = [200, 300];
        let rank = |tau: f64| bounding_rank(sizes, sizes.map(|n| n as f64 / tau), 0.025).unwrap();
        assert!(rank(1.0) > rank(2.0) && rank(2.0) > rank(8.0));
    }
}
