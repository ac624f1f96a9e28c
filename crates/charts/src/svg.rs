//! SVG: classes and no colours, text as text.

use crate::drawing::{Anchor, Drawing, Fill, Item, Pen, Point, Voice};
use crate::font;
use crate::layout;
use crate::scene::{Dash, Ink, Scene};
use crate::theme::{CSS, class};
use std::fmt::Write as _;

/// Appends a scene as two `svg` elements for a page that holds [`CSS`], which shows one of them: the
/// other is for screens so narrow that the texts of the first could not be read. They have no ids,
/// so any number of them can stand in one page.
pub fn svg(scene: &Scene, out: &mut String) {
    write(scene, (Scene::WIDTH, "pc pc-wide"), "", out);
    out.push('\n');
    write(scene, (Scene::NARROW, "pc pc-narrow"), "", out);
}

/// Appends a scene as a file of its own, style sheet included.
pub fn svg_file(scene: &Scene, out: &mut String) {
    write(scene, (Scene::WIDTH, "pc"), CSS, out);
    out.push('\n');
}

fn write(scene: &Scene, (width, class): (f64, &str), css: &str, out: &mut String) {
    let Drawing { width, height, items } = layout::draw(scene, width);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{class}\" role=\"img\" \
         viewBox=\"0 0 {width} {height}\">"
    );
    for (name, text) in [("title", &scene.title), ("desc", &scene.description)] {
        let _ = write!(out, "<{name}>");
        escape(text, out);
        let _ = write!(out, "</{name}>");
    }
    if !css.is_empty() {
        let _ = write!(out, "<style>\n{css}</style>");
    }
    let _ = writeln!(out, "\n<path class=\"pc-paper\" d=\"M0 0h{width}v{height}h-{width}z\"/>");
    for item in &items {
        element(item, out);
    }
    out.push_str("</svg>");
}

fn element(item: &Item, out: &mut String) {
    match item {
        Item::Lines { pen, lines } => {
            let classes = match pen {
                Pen::Grid => "pc-grid".to_owned(),
                Pen::Axis => "pc-axis".to_owned(),
                Pen::Data(ink, dash) => {
                    let dash = match dash {
                        Dash::Solid => "",
                        Dash::Dashed => " pc-dashed",
                        Dash::Dotted => " pc-dotted",
                    };
                    format!("pc-line{dash} {}", class(*ink))
                }
            };
            path(&classes, lines, false, out);
        }
        Item::Areas { fill, areas } => {
            let (form, ink) = match fill {
                Fill::Solid(ink) => ("pc-fill", ink),
                Fill::Thin(ink) => ("pc-thin", ink),
            };
            path(&format!("{form} {}", class(*ink)), areas, true, out);
        }
        Item::Dots { ink, points } => {
            let dots: Vec<Vec<Point>> = points.iter().map(|&point| vec![point]).collect();
            path(&format!("pc-dot {}", class(*ink)), &dots, false, out);
        }
        Item::Text { voice, anchor, at, text } => {
            let voice = match voice {
                Voice::Title => "pc-title",
                Voice::Note => "pc-note",
                Voice::AxisTitle => "pc-head",
                Voice::Label => "pc-label",
                Voice::On(Ink::Blue | Ink::Brown | Ink::Slate) => "pc-on-blue",
                Voice::On(Ink::Sky) => "pc-on-sky",
                Voice::On(_) => "pc-on",
            };
            let anchor = match anchor {
                Anchor::Start => "",
                Anchor::Middle => " pc-mid",
                Anchor::End => " pc-end",
            };
            let (x, y) = (hundredths(at.0), hundredths(at.1));
            let _ = write!(out, "<text class=\"{voice}{anchor}\" x=\"");
            number(x, out);
            out.push_str("\" y=\"");
            number(y, out);
            out.push_str("\">");
            escape(text, out);
            out.push_str("</text>\n");
        }
    }
}

/// A path of lines or, where `closed`, of polygons, in steps relative to the point before.
fn path(classes: &str, lines: &[Vec<Point>], closed: bool, out: &mut String) {
    if lines.iter().all(Vec::is_empty) {
        return;
    }
    let _ = write!(out, "<path class=\"{classes}\" d=\"");
    let mut pen: Option<(i64, i64)> = None;
    for line in lines {
        let mut points = line.iter().map(|&(x, y)| (hundredths(x), hundredths(y)));
        let Some(first) = points.next() else { continue };
        match pen {
            None => pair('M', first.0, first.1, out),
            Some((x, y)) => pair('m', first.0 - x, first.1 - y, out),
        }
        let (mut at, mut before, mut any) = (first, 'm', false);
        for point in points {
            let (right, down) = (point.0 - at.0, point.1 - at.1);
            let command = match (right, down) {
                (0, 0) => continue,
                (_, 0) => 'h',
                (0, _) => 'v',
                _ => 'l',
            };
            any = true;
            if command != before {
                out.push(command);
            } else if (if command == 'v' { down } else { right }) >= 0 {
                out.push(' ');
            }
            match command {
                'h' => number(right, out),
                'v' => number(down, out),
                _ => pair_numbers(right, down, out),
            }
            (at, before) = (point, command);
        }
        // A line without length is a dot where ends are round.
        if !any {
            out.push_str("h0");
        }
        if closed {
            out.push('z');
            at = first;
        }
        pen = Some(at);
    }
    out.push_str("\"/>\n");
}

fn pair(command: char, x: i64, y: i64, out: &mut String) {
    out.push(command);
    pair_numbers(x, y, out);
}

fn pair_numbers(x: i64, y: i64, out: &mut String) {
    number(x, out);
    if y >= 0 {
        out.push(' ');
    }
    number(y, out);
}

fn hundredths(value: f64) -> i64 {
    (value * 100.0).round() as i64
}

/// A number of hundredths with at most two decimals: `12`, `-.5`, `3.07`.
fn number(hundredths: i64, out: &mut String) {
    if hundredths < 0 {
        out.push('-');
    }
    let size = hundredths.unsigned_abs();
    let (whole, part) = (size / 100, size % 100);
    let _ = match (whole, part) {
        (_, 0) => write!(out, "{whole}"),
        (0, part) if part % 10 == 0 => write!(out, ".{}", part / 10),
        (0, part) => write!(out, ".{part:02}"),
        (whole, part) if part % 10 == 0 => write!(out, "{whole}.{}", part / 10),
        (whole, part) => write!(out, "{whole}.{part:02}"),
    };
}

/// Text as XML holds it; what XML cannot hold becomes a space.
fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push(' '),
            letter if font::is_unseen(letter) => out.push(' '),
            letter => out.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{escape, hundredths, number, path};
    use proptest::prelude::*;

    fn drawn(lines: &[Vec<(f64, f64)>], closed: bool) -> String {
        let mut out = String::new();
        path("c", lines, closed, &mut out);
        out
    }

    #[test]
    fn paths_are_short_and_relative() {
        for (name, lines, closed, want) in [
            (
                "a line",
                vec![vec![(1.0, 2.0), (2.5, 1.75), (3.0, 3.0)]],
                false,
                "M1 2l1.5-.25 .5 1.25",
            ),
            ("steps", vec![vec![(0.0, 0.0), (2.0, 0.0), (2.0, -3.0)]], false, "M0 0h2v-3"),
            ("a dot", vec![vec![(5.0, 5.0)], vec![(6.0, 4.0)]], false, "M5 5h0m1-1h0"),
            (
                "areas",
                vec![vec![(0.0, 0.0), (1.0, 1.0)], vec![(1.0, 0.0), (2.0, 0.0)]],
                true,
                "M0 0l1 1zm1 0h1z",
            ),
        ] {
            assert_eq!(
                drawn(&lines, closed),
                format!("<path class=\"c\" d=\"{want}\"/>\n"),
                "{name}"
            );
        }
        assert_eq!(drawn(&[vec![]], false), "");
    }

    proptest! {
        #[test]
        fn a_number_reads_back(value in -1e6..1e6) {
            let mut text = String::new();
            number(hundredths(value), &mut text);
            prop_assert!((text.parse::<f64>().unwrap() - value).abs() <= 0.005_001, "{}", text);
        }

        #[test]
        fn nothing_escapes_its_text(text in any::<String>()) {
            let mut out = String::new();
            escape(&text, &mut out);
            prop_assert!(!out.contains(['<', '>', '"', '\'', '\0', '\u{1b}', '\u{202e}']), "{}", out);
        }
    }
}
