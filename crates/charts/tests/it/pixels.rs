//! What is in the pixels of a PNG.

use crate::scenes::{over_time, single};
use proofload_charts::{Dash, PngError, Scene, Shape, Theme, png};
use tiny_skia::Pixmap;

fn decoded(scene: &Scene, theme: Theme, scale: u8) -> Pixmap {
    Pixmap::decode_png(&png(scene, theme, scale).unwrap()).unwrap()
}

/// Pixels of about this colour.
fn count(picture: &Pixmap, rgb: [u8; 3]) -> usize {
    let near = |pixel: &&tiny_skia::PremultipliedColorU8| {
        let found = [pixel.red(), pixel.green(), pixel.blue()];
        found.iter().zip(rgb).all(|(one, other)| one.abs_diff(other) <= 2)
    };
    picture.pixels().iter().filter(near).count()
}

#[test]
fn a_line_is_where_it_should_be_in_the_inks_of_the_theme() {
    let line = Shape::Line { points: vec![(0.0, 100.0), (60.0, 100.0)], dash: Dash::Solid };
    for (theme, paper, blue) in [
        (Theme::Light, [0xff, 0xff, 0xff], [0x00, 0x72, 0xb2]),
        (Theme::Dark, [0x15, 0x18, 0x1d], [0x3f, 0x9f, 0xdd]),
    ] {
        let picture = decoded(&single(line.clone()), theme, 2);
        assert_eq!(picture.width(), 2 * Scene::WIDTH as u32);
        let all = picture.pixels().len();
        assert!(count(&picture, paper) > all * 9 / 10, "{theme:?}: mostly paper");
        // From end to end, two pixels high or more.
        assert!(count(&picture, blue) > 2 * 1_500, "{theme:?}: {}", count(&picture, blue));
    }
}

#[test]
fn texts_are_drawn_with_the_embedded_font() {
    let picture = decoded(&over_time(), Theme::Light, 2);
    let title = |x: u32, y: u32| picture.pixel(x, y).unwrap().red() < 0x60;
    let dark = (30..400).flat_map(|x| (32..64).map(move |y| (x, y))).filter(|&(x, y)| title(x, y));
    assert!(dark.count() > 500, "a title stands in the upper left corner");
}

#[test]
fn a_scale_multiplies_the_pixels_and_too_many_are_refused() {
    let scene = over_time();
    let (one, three) = (decoded(&scene, Theme::Light, 1), decoded(&scene, Theme::Light, 3));
    assert_eq!((3 * one.width(), 3 * one.height()), (three.width(), three.height()));
    let mut tall = scene;
    tall.panels[0].height = 50_000.0;
    let refused = png(&tall, Theme::Light, 2).unwrap_err();
    assert!(matches!(refused, PngError::TooLarge { width: 1_760, .. }), "{refused}");
}

#[test]
fn nothing_to_show_is_a_picture_too() {
    for points in [vec![], vec![(f64::NAN, 1.0)], vec![(5.0, f64::INFINITY)], vec![(0.0, 0.0)]] {
        decoded(&single(Shape::Line { points, dash: Dash::Solid }), Theme::Light, 1);
    }
    let empty = Scene { panels: Vec::new(), ..over_time() };
    decoded(&empty, Theme::Dark, 1);
}
