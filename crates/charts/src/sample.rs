//! Down-sampling: what a picture cannot show apart is left out, and never the extremes.
//!
//! All of it works on places in the picture, so that a column is a column whatever the axis.

use crate::drawing::Point;

/// Of each run of points in one pixel column keeps the first of the lowest and of the highest, and
/// the last where `keep_last`, all in their order. The first and last of all are always kept.
pub(crate) fn extremes(points: &[Point], keep_last: bool) -> Vec<Point> {
    let mut kept = Vec::new();
    let mut from = 0;
    while from < points.len() {
        let column = points[from].0.floor();
        let length = points[from..].iter().take_while(|(x, _)| x.floor() == column).count();
        let to = from + length;
        let mut places = [from; 4];
        places[3] = to - 1;
        for place in from..to {
            if points[place].1 < points[places[1]].1 {
                places[1] = place;
            }
            if points[place].1 > points[places[2]].1 {
                places[2] = place;
            }
        }
        let [_, low, high, last] = places;
        let mut chosen = vec![low, high];
        if keep_last || to == points.len() {
            chosen.push(last);
        }
        if from == 0 {
            chosen.push(0);
        }
        chosen.sort_unstable();
        chosen.dedup();
        kept.extend(chosen.into_iter().map(|place| points[place]));
        from = to;
    }
    kept
}

/// The same for points in any order.
pub(crate) fn scattered(points: &[Point]) -> Vec<Point> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|one, other| one.0.floor().total_cmp(&other.0.floor()));
    extremes(&sorted, false)
}

/// Of each pixel column keeps the highest of the upper places and the lowest of the lower ones.
pub(crate) fn widest(points: &[(f64, f64, f64)]) -> Vec<(f64, f64, f64)> {
    let mut kept: Vec<(f64, f64, f64)> = Vec::new();
    for &(x, one, other) in points {
        match kept.last_mut() {
            Some(last) if last.0.floor() == x.floor() => {
                // Which of the two is above depends on the axis; each goes outwards on its side.
                let up = last.1 <= last.2;
                let (less, more) = (one.min(other), one.max(other));
                let (a, b) = (last.1.min(last.2).min(less), last.1.max(last.2).max(more));
                (last.1, last.2) = if up { (a, b) } else { (b, a) };
            }
            _ => kept.push((x, one, other)),
        }
    }
    // Where the last column was folded, the band still reaches its end.
    if let (Some(end), Some(last)) = (points.last(), kept.last().copied())
        && end.0 > last.0
    {
        kept.push((end.0, last.1, last.2));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{extremes, scattered, widest};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The least and greatest y of every pixel column.
    fn columns(points: &[(f64, f64)]) -> BTreeMap<i64, (f64, f64)> {
        let mut columns = BTreeMap::new();
        for &(x, y) in points {
            let column = columns.entry(x.floor() as i64).or_insert((y, y));
            *column = (column.0.min(y), column.1.max(y));
        }
        columns
    }

    fn points() -> impl Strategy<Value = Vec<(f64, f64)>> {
        proptest::collection::vec((0.0..40.0, 0.0..100.0), 1..400)
    }

    proptest! {
        #[test]
        fn every_column_keeps_its_extremes(mut points in points(), keep_last: bool) {
            let spread = scattered(&points);
            prop_assert_eq!(columns(&spread), columns(&points));
            prop_assert!(spread.len() <= 2 * 40 + 2);

            points.sort_by(|one, other| one.0.total_cmp(&other.0));
            let line = extremes(&points, keep_last);
            prop_assert_eq!(columns(&line), columns(&points));
            prop_assert!(line.len() <= 3 * 40 + 2);
            prop_assert!(line.windows(2).all(|pair| pair[0].0 <= pair[1].0));
            prop_assert_eq!((line.first(), line.last()), (points.first(), points.last()));
        }

        #[test]
        fn a_band_keeps_what_is_widest(mut points in points(), width in 0.0..5.0) {
            points.sort_by(|one, other| one.0.total_cmp(&other.0));
            let band: Vec<_> = points.iter().map(|&(x, y)| (x, y, y - width)).collect();
            let kept = widest(&band);
            let side = |of: &[(f64, f64, f64)], upper: bool| {
                let edge = |&(x, a, b): &(f64, f64, f64)| (x, if upper { a } else { b });
                columns(&of.iter().map(edge).collect::<Vec<_>>())
            };
            for (column, (_, most)) in side(&band, true) {
                prop_assert_eq!(side(&kept, true)[&column].1, most);
            }
            for (column, (least, _)) in side(&band, false) {
                prop_assert_eq!(side(&kept, false)[&column].0, least);
            }
            prop_assert!(kept.len() <= 41);
        }
    }
}
