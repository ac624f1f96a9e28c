//! The one font: how wide a text is, and the outlines of its letters.

use ab_glyph::{Font as _, FontRef, OutlineCurve, Point as GlyphPoint};
use std::sync::LazyLock;
use tiny_skia::PathBuilder;

/// Inter Regular, cut down; see `font/README.md`. None only if the file in the source is broken,
/// which a test would say; texts then have an estimated width and are not drawn.
static FONT: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(include_bytes!("../font/inter-subset.otf")).ok());

/// By how much a text may be wider in the font of a reader of the SVG.
pub(crate) const SLACK: f64 = 1.12;

/// Width of a text in the picture's units at a size in the same units.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|letter| advance(letter, size)).sum()
}

/// Whether a letter has no form of its own: it controls something, or changes the direction in which
/// those after it are read. A picture has a space there.
pub(crate) fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn shown(letter: char) -> char {
    if is_unseen(letter) { ' ' } else { letter }
}

fn advance(letter: char, size: f64) -> f64 {
    let letter = shown(letter);
    let Some(font) = &*FONT else { return size * 0.6 };
    let em = font.units_per_em().unwrap_or(1.0);
    let glyph = font.glyph_id(letter);
    // What this font does not have are mostly signs as wide as they are high.
    if glyph.0 == 0 { size } else { f64::from(font.h_advance_unscaled(glyph) / em) * size }
}

/// A text that is too wide ends in `…`.
pub(crate) fn elided(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut left = room - advance('…', size);
    let fits = |letter: &char| {
        left -= advance(*letter, size);
        left >= 0.0
    };
    let short: String = text.chars().take_while(fits).collect();
    format!("{}…", short.trim_end())
}

/// A text that is too wide has `…` in its middle: names often differ at their ends.
pub(crate) fn halved(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let half = (room - advance('…', size)) / 2.0;
    let fitting = |letters: &mut dyn Iterator<Item = char>| -> Vec<char> {
        let mut left = half;
        let fits = |letter: &char| {
            left -= advance(*letter, size);
            left >= 0.0
        };
        letters.take_while(fits).collect()
    };
    let start: String = fitting(&mut text.chars()).into_iter().collect();
    let end: String = fitting(&mut text.chars().rev()).into_iter().rev().collect();
    format!("{}…{}", start.trim_end(), end.trim_start())
}

/// Breaks a text between words into lines that fit `room`; a longer word is cut.
pub(crate) fn wrapped(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let longer = lines.last().map(|line| format!("{line} {word}"));
        match longer.filter(|longer| width(longer, size) <= room) {
            Some(longer) => {
                lines.pop();
                lines.push(longer);
            }
            None => lines.push(elided(word, size, room)),
        }
    }
    lines
}

/// The outlines of a text whose base line begins at `at`.
pub(crate) fn outlines(text: &str, size: f64, at: (f64, f64)) -> Option<tiny_skia::Path> {
    let font = FONT.as_ref()?;
    let scale = size / f64::from(font.units_per_em()?);
    let mut path = PathBuilder::new();
    let mut left = at.0;
    for letter in text.chars() {
        let glyph = font.glyph_id(shown(letter));
        if let Some(outline) = font.outline(glyph) {
            let place = |point: GlyphPoint| {
                let (x, y) = (f64::from(point.x) * scale, f64::from(point.y) * scale);
                ((left + x) as f32, (at.1 - y) as f32)
            };
            trace(&mut path, &outline.curves, place);
        }
        left += advance(letter, size);
    }
    path.finish()
}

/// Adds curves to a path. Those of one contour follow each other without a gap.
fn trace(
    path: &mut PathBuilder,
    curves: &[OutlineCurve],
    place: impl Fn(GlyphPoint) -> (f32, f32),
) {
    let mut pen = None;
    for curve in curves {
        let (from, to) = match curve {
            OutlineCurve::Line(from, to)
            | OutlineCurve::Quad(from, _, to)
            | OutlineCurve::Cubic(from, _, _, to) => (*from, *to),
        };
        if pen != Some(from) {
            if pen.is_some() {
                path.close();
            }
            let (x, y) = place(from);
            path.move_to(x, y);
        }
        let (x, y) = place(to);
        match *curve {
            OutlineCurve::Line(..) => path.line_to(x, y),
            OutlineCurve::Quad(_, by, _) => {
                let (x1, y1) = place(by);
                path.quad_to(x1, y1, x, y);
            }
            OutlineCurve::Cubic(_, by, and, _) => {
                let ((x1, y1), (x2, y2)) = (place(by), place(and));
                path.cubic_to(x1, y1, x2, y2, x, y);
            }
        }
        pen = Some(to);
    }
    if pen.is_some() {
        path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::{FONT, elided, halved, outlines, width, wrapped};
    use ab_glyph::Font as _;

    #[test]
    fn the_font_has_what_reports_write_and_its_digits_are_equally_wide() {
        let font = FONT.as_ref().unwrap();
        for letter in "AZaz09 %,.:;-–—…µ≤≥×−→←↑↓±éüßøŁ√×²‘’“”".chars()
        {
            assert_ne!(font.glyph_id(letter).0, 0, "{letter}");
        }
        for digit in '0'..='9' {
            assert_eq!(width(&digit.to_string(), 12.0), width("0", 12.0), "{digit}");
        }
    }

    #[test]
    fn texts_fit_the_room_they_are_given() {
        for room in [20.0, 60.0, 200.0] {
            let text = "deepseek-r1 with a very long name";
            assert!(width(&elided(text, 12.0, room), 12.0) <= room);
            let short = halved(text, 12.0, room);
            assert!(
                width(&short, 12.0) <= room && (room < 60.0 || short.ends_with("me")),
                "{short}"
            );
            for line in wrapped(text, 12.0, room) {
                assert!(width(&line, 12.0) <= room, "{line}");
            }
        }
        assert_eq!(elided("short", 12.0, 100.0), "short");
        assert_eq!(halved("short", 12.0, 100.0), "short");
        assert_eq!(width("日本", 12.0), 24.0, "what the font does not have needs room, too");
        assert_eq!(wrapped("one  two", 12.0, 500.0), ["one two"]);
        assert!(wrapped("", 12.0, 500.0).is_empty());
    }

    #[test]
    fn letters_have_outlines_and_spaces_have_none() {
        let path = outlines("é8", 12.0, (10.0, 20.0)).unwrap();
        let bounds = path.bounds();
        assert!(bounds.left() >= 10.0 && bounds.bottom() <= 21.0 && bounds.top() > 5.0);
        assert!(outlines("  ", 12.0, (0.0, 0.0)).is_none());
        for unseen in ["\u{202e}\u{202c}", "\u{1b}\u{0}\n", "\u{200b}\u{2066}\u{feff}"] {
            assert!(outlines(unseen, 12.0, (0.0, 0.0)).is_none(), "{unseen:?} is drawn");
        }
    }
}
