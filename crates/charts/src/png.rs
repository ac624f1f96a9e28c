//! PNG: the same drawing in pixels. The embedded font has Latin letters; those of other scripts are
//! boxes here, and themselves in an SVG.

use crate::drawing::{Anchor, Drawing, Fill, Item, Pen, Point, Voice};
use crate::font;
use crate::layout;
use crate::scene::{Dash, Scene};
use crate::theme::{Rgb, THIN, Theme, dashes};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, PathBuilder, Pixmap, Stroke, StrokeDash, Transform,
};

/// Half the width of a dot.
const DOT: f32 = 2.5;
/// So many pixels take 256 MB.
const PIXELS_MOST: u64 = 64_000_000;
/// Width of the halo around a label.
const HALO: f32 = 3.0;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// So many pixels cannot be held.
    #[error("a picture of {width} x {height} pixels is too large; choose a smaller scale")]
    TooLarge {
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
    },
    /// The encoder failed.
    #[error("the picture cannot be written as PNG: {reason}")]
    Encode {
        /// In the encoder's words.
        reason: String,
    },
}

/// Draws a scene, [`Scene::WIDTH`] times `scale` pixels wide; 2 suits today's screens and print.
///
/// # Errors
/// [`PngError`], for a scene or scale that asks for too many pixels.
pub fn png(scene: &Scene, theme: Theme, scale: u8) -> Result<Vec<u8>, PngError> {
    let drawing = layout::draw(scene, Scene::WIDTH);
    let scale = f32::from(scale.max(1));
    let pixels = |size: f64| (size as f32 * scale).ceil() as u32;
    let (width, height) = (pixels(drawing.width), pixels(drawing.height));
    let pixmap = (u64::from(width) * u64::from(height) <= PIXELS_MOST)
        .then(|| Pixmap::new(width, height))
        .flatten()
        .ok_or(PngError::TooLarge { width, height })?;
    let mut canvas = Canvas { pixmap, theme, place: Transform::from_scale(scale, scale) };
    canvas.drawing(&drawing);
    canvas.pixmap.encode_png().map_err(|error| PngError::Encode { reason: error.to_string() })
}

struct Canvas {
    pixmap: Pixmap,
    theme: Theme,
    place: Transform,
}

impl Canvas {
    fn drawing(&mut self, drawing: &Drawing) {
        let [r, g, b] = self.theme.paper();
        self.pixmap.fill(Color::from_rgba8(r, g, b, u8::MAX));
        for item in &drawing.items {
            self.item(item);
        }
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Lines { pen, lines } => {
                let (colour, width, dash) = match pen {
                    Pen::Grid => (self.theme.grid(), 1.0, Dash::Solid),
                    Pen::Axis => (self.theme.axis(), 1.0, Dash::Solid),
                    Pen::Data(ink, dash) => (self.theme.ink(*ink), 1.5, *dash),
                };
                self.lines(lines, colour, width, dash);
            }
            Item::Areas { fill, areas } => {
                let (ink, opacity) = match fill {
                    Fill::Solid(ink) => (ink, 1.0),
                    Fill::Thin(ink) => (ink, THIN),
                };
                if let Some(path) = trace(areas, true) {
                    self.fill(&path, &paint(self.theme.ink(*ink), opacity));
                }
            }
            Item::Dots { ink, points } => {
                let mut path = PathBuilder::new();
                for &(x, y) in points {
                    path.push_circle(x as f32, y as f32, DOT);
                }
                if let Some(path) = path.finish() {
                    self.fill(&path, &paint(self.theme.ink(*ink), 1.0));
                }
            }
            Item::Text { voice, anchor, at, text } => self.text(*voice, *anchor, *at, text),
        }
    }

    fn fill(&mut self, path: &tiny_skia::Path, paint: &Paint<'_>) {
        self.pixmap.fill_path(path, paint, FillRule::Winding, self.place, None);
    }

    fn lines(&mut self, lines: &[Vec<Point>], colour: Rgb, width: f32, dash: Dash) {
        let Some(path) = trace(lines, false) else { return };
        let stroke = Stroke {
            width,
            line_cap: if dash == Dash::Solid { LineCap::Round } else { LineCap::Butt },
            line_join: LineJoin::Round,
            dash: StrokeDash::new(dashes(dash).to_vec(), 0.0),
            ..Stroke::default()
        };
        self.pixmap.stroke_path(&path, &paint(colour, 1.0), &stroke, self.place, None);
    }

    fn text(&mut self, voice: Voice, anchor: Anchor, (x, y): Point, text: &str) {
        let size = voice.size();
        let back = match anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => font::width(text, size) / 2.0,
            Anchor::End => font::width(text, size),
        };
        let Some(path) = font::outlines(text, size, (x - back, y)) else { return };
        let stroke = |width| Stroke { width, line_join: LineJoin::Round, ..Stroke::default() };
        let ink = match voice {
            Voice::Note => self.theme.note(),
            Voice::Title | Voice::AxisTitle | Voice::Label => self.theme.text(),
            Voice::On(ink) => self.theme.on(ink),
        };
        let ink = paint(ink, 1.0);
        match voice {
            Voice::Label => {
                let paper = paint(self.theme.paper(), 1.0);
                self.pixmap.stroke_path(&path, &paper, &stroke(HALO), self.place, None);
            }
            // The one font has one weight; an outline makes a bolder one.
            Voice::Title => self.pixmap.stroke_path(&path, &ink, &stroke(0.55), self.place, None),
            Voice::Note | Voice::AxisTitle | Voice::On(_) => {}
        }
        self.fill(&path, &ink);
    }
}

fn paint([r, g, b]: Rgb, opacity: f32) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(r, g, b, (opacity * 255.0).round() as u8);
    paint.anti_alias = true;
    paint
}

fn trace(lines: &[Vec<Point>], closed: bool) -> Option<tiny_skia::Path> {
    let mut path = PathBuilder::new();
    for line in lines {
        let mut points = line.iter().map(|&(x, y)| (x as f32, y as f32));
        let Some((x, y)) = points.next() else { continue };
        path.move_to(x, y);
        if line.len() == 1 {
            path.line_to(x, y);
        }
        for (x, y) in points {
            path.line_to(x, y);
        }
        if closed {
            path.close();
        }
    }
    path.finish()
}
