//! Scenes to draw.

use proofload_charts::{Axis, Cell, Dash, Glyph, Ink, Panel, Scale, Scene, Series, Shape};

fn scene(title: &str, x: Axis, panels: Vec<Panel>) -> Scene {
    Scene {
        title: title.to_owned(),
        note: "n = 5".to_owned(),
        description: format!("{title}, described."),
        x,
        panels,
    }
}

/// Every shape over time, in two panels.
pub(crate) fn over_time() -> Scene {
    let points = vec![(0.0, 20.0), (30.0, 45.0), (60.0, f64::NAN), (90.0, 30.0), (150.0, 80.0)];
    let band = points.iter().map(|&(x, y)| (x, y - 10.0, y + 15.0)).collect();
    let marks = |points: &[(f64, f64)], glyph| Shape::Marks { points: points.to_vec(), glyph };
    let upper = vec![
        Series::new("warm-up", Ink::Grey, Shape::Span { from: 0.0, to: 20.0 }),
        Series::new("fastest to slowest", Ink::Blue, Shape::Band { points: band }),
        Series::new("median", Ink::Blue, Shape::Line { points, dash: Dash::Solid }),
        Series::new("SLO 100 ms", Ink::Limit, Shape::Limit { y: 100.0, dash: Dash::Dashed }),
        Series::new(
            "interactive: p95 < 102 ms",
            Ink::Limit,
            Shape::Limit { y: 102.0, dash: Dash::Dashed },
        ),
        Series::new("SLO 10 s", Ink::Limit, Shape::Limit { y: 10_000.0, dash: Dash::Dashed }),
        Series::new("failed", Ink::Failure, marks(&[(45.0, 5.0), (120.0, 60.0)], Glyph::Cross)),
    ];
    let flight = vec![(0.0, 0.0), (10.0, 3.0), (40.0, 1.0), (140.0, 7.0), (150.0, 0.0)];
    let lower = vec![
        Series::new("", Ink::Green, Shape::Step { points: flight, dash: Dash::Dashed }),
        Series::new("", Ink::Amber, marks(&[(70.0, 2.0)], Glyph::Dot)),
        Series::new("", Ink::Purple, marks(&[(80.0, 4.0)], Glyph::Diamond)),
        Series::new("", Ink::Limit, marks(&[(90.0, 4.0)], Glyph::Bar)),
    ];
    let panel =
        |title: &str, height, series| Panel { y: Axis::new(title, Scale::Linear), height, series };
    scene(
        "Latency over time",
        Axis::new("time since the start", Scale::Time),
        vec![panel("latency, ms", 150.0, upper), panel("in flight", 80.0, lower)],
    )
}

/// A bar a name, with a limit and a failure.
pub(crate) fn bars(names: [&str; 3]) -> Scene {
    let cells = [120.0, 1_450.0].into_iter().zip([0.0, 1.0]);
    let cells = cells.map(|(x, y)| Cell { x: (0.0, x), y: (y - 0.4, y + 0.4) }).collect();
    let failed = Shape::Marks { points: vec![(300.0, 2.0)], glyph: Glyph::Cross };
    let outcome = Shape::Text { at: (300.0, 2.0), text: "truncated".to_owned() };
    let series = vec![
        Series::new("total latency", Ink::Amber, Shape::Cells { cells }),
        Series::new("failed", Ink::Failure, failed),
        Series::new("", Ink::Failure, outcome),
        Series::new("SLO 1 s", Ink::Limit, Shape::Upright { x: 1_000.0 }),
    ];
    let names = Scale::Names(names.map(str::to_owned).to_vec());
    scene(
        "One of three failed",
        Axis::new("time since due, ms", Scale::Linear),
        vec![Panel { y: Axis::new("", names), height: 60.0, series }],
    )
}

/// A curve of percentiles.
pub(crate) fn percentiles() -> Scene {
    let points = (0..=20).map(|at| 10_f64.powf(f64::from(at) / 8.0)).map(|x| (x, 3.0 * x));
    let line = Shape::Line { points: points.collect(), dash: Dash::Dotted };
    let panel = Panel {
        y: Axis::new("latency, ms", Scale::Log),
        height: 120.0,
        series: vec![Series::new("latency", Ink::Blue, line)],
    };
    scene("Percentiles", Axis::new("percentile", Scale::Quantile), vec![panel])
}

/// A panel of one series over time.
pub(crate) fn single(shape: Shape) -> Scene {
    let panel = Panel {
        y: Axis::new("latency, ms", Scale::Linear),
        height: 200.0,
        series: vec![Series::new("latency", Ink::Blue, shape)],
    };
    scene("One series", Axis::new("time since the start", Scale::Time), vec![panel])
}
