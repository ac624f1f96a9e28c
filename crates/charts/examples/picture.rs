//! One scene, written as SVG and as PNG: `cargo run -p proofload-charts --example picture -- FOLDER`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use proofload_charts::{Axis, Dash, Ink, Panel, Scale, Scene, Series, Shape, Theme, png, svg_file};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    // 100,000 latencies with one stall in them. Down-sampling never drops the worst of a column.
    let latency = |i: u32| {
        let wave = 40.0 + 10.0 * (f64::from(i) / 4_000.0).sin() + f64::from(i * 7_919 % 100) / 10.0;
        if i == 61_803 { 900.0 } else { wave }
    };
    let points = (0..100_000).map(|i| (f64::from(i) / 1_000.0, latency(i))).collect();
    let scene = Scene {
        title: "One request in 100,000 stalled".to_owned(),
        note: "made up by an example".to_owned(),
        description: "Latency over 100 s: about 45 ms, and once 900 ms after 62 s.".to_owned(),
        x: Axis::new("time since the start", Scale::Time),
        panels: vec![Panel {
            y: Axis::new("latency, ms", Scale::Linear),
            height: 220.0,
            series: vec![Series::new(
                "latency",
                Ink::Blue,
                Shape::Line { points, dash: Dash::Solid },
            )],
        }],
    };
    let mut svg = String::new();
    svg_file(&scene, &mut svg);
    for (name, bytes) in [
        ("proofload-picture.svg", svg.into_bytes()),
        ("proofload-picture.png", png(&scene, Theme::Light, 2)?),
    ] {
        let path = folder.join(name);
        fs::write(&path, &bytes)?;
        println!("{} ({} bytes)", path.display(), bytes.len());
    }
    Ok(())
}
