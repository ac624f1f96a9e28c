//! What stands above a plot: the title of its vertical axis, and which ink is what.

use crate::drawing::{Anchor, Fill, Item, Pen, Voice};
use crate::font;
use crate::layout::{LINE, PAD};
use crate::plot;
use crate::scene::{Dash, Panel, Series, Shape};

/// Width of a sample of an ink.
const SAMPLE: f64 = 20.0;
/// From a sample to its name.
const NAME_GAP: f64 = 6.0;
/// From a name to the next sample.
const ENTRY_GAP: f64 = 18.0;

/// Draws both from `down` on and returns where the plot begins. `beyond` says on which side of the
/// plot a limit is that it does not reach.
pub(crate) fn draw(
    panel: &Panel,
    (left, right): (f64, f64),
    mut down: f64,
    beyond: impl Fn(&Shape) -> &'static str,
    items: &mut Vec<Item>,
) -> f64 {
    let width = |text: &str| font::width(text, Voice::Note.size()) * font::SLACK;
    let mut x = left;
    if !panel.y.title.is_empty() {
        let room = (right - PAD) / font::SLACK;
        let text = font::elided(&panel.y.title, Voice::AxisTitle.size(), room);
        let at = (PAD, down + 12.0);
        x = left.max(PAD + width(&text) + ENTRY_GAP + 6.0);
        items.push(Item::Text { voice: Voice::AxisTitle, anchor: Anchor::Start, at, text });
    }
    let entries = panel.series.iter().filter(|series| is_listed(series));
    let mut any = !panel.y.title.is_empty();
    for series in entries {
        any = true;
        let name = format!("{}{}", series.name, beyond(&series.shape));
        let room = (right - left - SAMPLE - NAME_GAP) / font::SLACK;
        let text = font::halved(&name, Voice::Note.size(), room);
        let length = SAMPLE + NAME_GAP + width(&text);
        if x + length > right && x > left {
            x = left;
            down += LINE;
        }
        sample(series, x, down + 8.0, items);
        let at = (x + SAMPLE + NAME_GAP, down + 12.0);
        items.push(Item::Text { voice: Voice::Note, anchor: Anchor::Start, at, text });
        x += length + ENTRY_GAP;
    }
    down + if any { LINE + 6.0 } else { 0.0 }
}

fn is_listed(series: &Series) -> bool {
    let drawn = match &series.shape {
        Shape::Line { points, .. } | Shape::Step { points, .. } | Shape::Marks { points, .. } => {
            !points.is_empty()
        }
        Shape::Band { points } => !points.is_empty(),
        Shape::Cells { cells } => !cells.is_empty(),
        Shape::Limit { .. } | Shape::Upright { .. } | Shape::Span { .. } => true,
        Shape::Text { .. } | Shape::Inside { .. } => false,
    };
    drawn && !series.name.is_empty()
}

/// A sample of the series at the middle height `y`.
fn sample(series: &Series, x: f64, y: f64, items: &mut Vec<Item>) {
    let ink = series.ink;
    let area = |half: f64| {
        vec![vec![
            (x + 3.0, y - half),
            (x + 17.0, y - half),
            (x + 17.0, y + half),
            (x + 3.0, y + half),
        ]]
    };
    items.push(match &series.shape {
        Shape::Line { dash, .. } | Shape::Step { dash, .. } | Shape::Limit { dash, .. } => {
            Item::Lines { pen: Pen::Data(ink, *dash), lines: vec![vec![(x, y), (x + SAMPLE, y)]] }
        }
        Shape::Upright { .. } => {
            let line = vec![(x, y), (x + SAMPLE, y)];
            Item::Lines { pen: Pen::Data(ink, Dash::Dashed), lines: vec![line] }
        }
        Shape::Band { .. } | Shape::Span { .. } => {
            Item::Areas { fill: Fill::Thin(ink), areas: area(5.0) }
        }
        Shape::Marks { glyph, .. } => plot::marks(ink, *glyph, &[(x + SAMPLE / 2.0, y)]),
        _ => Item::Areas { fill: Fill::Solid(ink), areas: area(5.0) },
    });
}
