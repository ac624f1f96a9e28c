//! Pictures of many points.

use crate::scenes::single;
use proofload_charts::{Dash, Glyph, Shape, svg};

/// Points that look random and are always the same, with one that is worst.
fn points() -> Vec<(f64, f64)> {
    let noise = |place: u32| f64::from(place.wrapping_mul(2_654_435_761) >> 16) / 655.36;
    let mut points: Vec<(f64, f64)> =
        (0..100_000).map(|place| (f64::from(place) / 100.0, noise(place))).collect();
    points[61_803].1 = 5_000.0;
    points
}

#[test]
fn a_hundred_thousand_points_are_small_and_the_worst_is_there() {
    let line = |dash| Shape::Line { points: points(), dash };
    let band = points().into_iter().map(|(x, y)| (x, y, y + 1.0)).collect();
    for (name, shape) in [
        ("line", line(Dash::Solid)),
        ("step", Shape::Step { points: points(), dash: Dash::Solid }),
        ("band", Shape::Band { points: band }),
        ("dots", Shape::Marks { points: points(), glyph: Glyph::Dot }),
        ("crosses", Shape::Marks { points: points(), glyph: Glyph::Cross }),
    ] {
        let mut text = String::new();
        svg(&single(shape), &mut text);
        assert!(text.len() <= 60_000, "{name}: {} bytes", text.len());
        // Only the worst lies above the tick at 2,000, so only it makes paths go so far up.
        assert!(text.contains(">4,000<"), "{name}: the axis holds the worst");
        let up =
            text.split(|letter: char| !(letter == '-' || letter == '.' || letter.is_ascii_digit()));
        let most = up.filter_map(|number| number.parse::<f64>().ok()).fold(0.0, f64::min);
        assert!(most < -150.0, "{name}: no stroke goes to the worst, {most}");
    }
}
