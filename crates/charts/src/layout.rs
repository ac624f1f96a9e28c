//! From a scene to paths and texts at their places.

use crate::axis::{self, Map};
use crate::drawing::{Anchor, Drawing, Item, Pen, Point, Voice};
use crate::font;
use crate::legend;
use crate::plot::{self, Frame};
use crate::scene::{Axis, Panel, Scale, Scene, Shape};
use crate::ticks::Tick;

/// Room around everything.
pub(crate) const PAD: f64 = 16.0;
/// Height of a line of small text.
pub(crate) const LINE: f64 = 18.0;
/// From a tick's label to the plot.
const TICK_GAP: f64 = 8.0;
/// Between the plot above and the heading of the next.
const PANEL_GAP: f64 = 14.0;
/// A name beside a plot is not longer than this, nor has it more than this share of the width.
const NAME_MOST: (f64, f64) = (317.0, 0.46);
/// By how much bold letters are wider.
const BOLD: f64 = 1.1;
/// Room for a tick of a horizontal axis; the labels of a logarithmic one are short.
const TICK_ROOM: (f64, f64) = (84.0, 56.0);

/// Lays a scene out in a width.
pub(crate) fn draw(scene: &Scene, width: f64) -> Drawing {
    let mut items = Vec::new();
    let mut down = heading(scene, width, &mut items);
    let names = NAME_MOST.0.min(width * NAME_MOST.1) / font::SLACK;
    let vertical: Vec<Vertical> =
        scene.panels.iter().map(|panel| Vertical::of(panel, names)).collect();
    let left = PAD + vertical.iter().map(Vertical::gutter).fold(0.0, f64::max) + TICK_GAP;
    let mut right = width - PAD;
    let tick_room = if axis::is_log(&scene.x.scale) { TICK_ROOM.1 } else { TICK_ROOM.0 };
    let x_most = ((right - left) / tick_room) as usize;
    let x_domain = horizontal_domain(scene, x_most);
    let (x_ticks, x_title) = axis::ticks(&scene.x, x_domain, x_most);
    // The label of a tick at the right end needs half its width beyond it.
    right -= x_ticks.last().map_or(0.0, |tick| {
        let half = font::width(&tick.label, Voice::Note.size()) / 2.0;
        let end = Map::new(&scene.x.scale, x_domain, (left, right)).at(tick.at);
        (end + half - (width - PAD / 2.0)).max(0.0)
    });
    let x = Map::new(&scene.x.scale, x_domain, (left, right));
    for (place, (panel, vertical)) in scene.panels.iter().zip(&vertical).enumerate() {
        if place > 0 {
            down += PANEL_GAP;
        }
        // Where a limit is that the plot does not reach.
        let beyond = |shape: &Shape| match shape {
            Shape::Limit { y, .. } => match vertical.map(panel, 0.0, 1.0).side(*y) {
                0 => "",
                1 => ", beyond the axis",
                _ => ", below the axis",
            },
            Shape::Upright { x: at } => match x.side(*at) {
                0 => "",
                1 => ", beyond the axis",
                _ => ", before the axis",
            },
            _ => "",
        };
        let top = legend::draw(panel, (left, right), down, beyond, &mut items);
        let bottom = top + panel.height;
        let y = vertical.map(panel, top, bottom);
        let frame = Frame { left, right, top, bottom, x, y };
        grid(&frame, panel, vertical, &x_ticks, &mut items);
        plot::draw(panel, &frame, &mut items);
        down = bottom;
    }
    down = below(&x_ticks, &x_title, &x, (left, right), down, &mut items);
    Drawing { width, height: (down + PAD / 2.0).ceil(), items }
}

/// Title and note; returns where the next thing begins.
fn heading(scene: &Scene, width: f64, items: &mut Vec<Item>) -> f64 {
    let room = width - 2.0 * PAD;
    let mut down = PAD;
    for (text, voice, line, bold) in
        [(&scene.title, Voice::Title, 21.0, BOLD), (&scene.note, Voice::Note, LINE - 1.0, 1.0)]
    {
        for text in font::wrapped(text, voice.size(), room / font::SLACK / bold) {
            let at = (PAD, down + voice.size() * 0.85);
            items.push(Item::Text { voice, anchor: Anchor::Start, at, text });
            down += line;
        }
    }
    down + 8.0
}

/// The vertical axis of a panel.
struct Vertical {
    domain: (f64, f64),
    ticks: Vec<Tick>,
}

impl Vertical {
    fn of(panel: &Panel, names: f64) -> Self {
        let most = ((panel.height / 30.0) as usize).max(2);
        let (mut values, mut limits) = (Vec::new(), Vec::new());
        for series in &panel.series {
            plot::extent_y(&series.shape, &mut values);
            if let Shape::Limit { y, .. } = series.shape {
                limits.push(y);
            }
        }
        let domain = axis::domain(&panel.y, values.into_iter(), &limits, most);
        let (mut ticks, _) = axis::ticks(&panel.y, domain, most);
        for tick in &mut ticks {
            tick.label = font::halved(&tick.label, Voice::Note.size(), names);
        }
        Self { domain, ticks }
    }

    /// Room for the labels.
    fn gutter(&self) -> f64 {
        let width = |tick: &Tick| font::width(&tick.label, Voice::Note.size());
        self.ticks.iter().map(width).fold(0.0, f64::max) * font::SLACK
    }

    fn map(&self, panel: &Panel, top: f64, bottom: f64) -> Map {
        let ends = if is_names(&panel.y) { (top, bottom) } else { (bottom, top) };
        Map::new(&panel.y.scale, self.domain, ends)
    }
}

const fn is_names(axis: &Axis) -> bool {
    matches!(axis.scale, Scale::Names(_))
}

fn horizontal_domain(scene: &Scene, most: usize) -> (f64, f64) {
    let (mut values, mut limits) = (Vec::new(), Vec::new());
    for series in scene.panels.iter().flat_map(|panel| &panel.series) {
        plot::extent_x(&series.shape, &mut values);
        if let Shape::Upright { x } = series.shape {
            limits.push(x);
        }
    }
    axis::domain(&scene.x, values.into_iter(), &limits, most)
}

/// Half pixels are where a thin line is sharp.
fn sharp(place: f64) -> f64 {
    place.floor() + 0.5
}

fn grid(
    frame: &Frame,
    panel: &Panel,
    vertical: &Vertical,
    x_ticks: &[Tick],
    items: &mut Vec<Item>,
) {
    let mut lines: Vec<Vec<Point>> = Vec::new();
    for tick in x_ticks {
        let x = sharp(frame.x.at(tick.at));
        lines.push(vec![(x, frame.top), (x, frame.bottom)]);
    }
    for tick in &vertical.ticks {
        let y = frame.y.at(tick.at);
        if !is_names(&panel.y) {
            lines.push(vec![(frame.left, sharp(y)), (frame.right, sharp(y))]);
        }
        let text = tick.label.clone();
        let at = (frame.left - TICK_GAP, y + 4.0);
        items.push(Item::Text { voice: Voice::Note, anchor: Anchor::End, at, text });
    }
    items.push(Item::Lines { pen: Pen::Grid, lines });
    let base = sharp(frame.bottom);
    let axis = vec![vec![(frame.left, base), (frame.right, base)]];
    items.push(Item::Lines { pen: Pen::Axis, lines: axis });
}

/// Ticks and title of the horizontal axis; returns where it ends.
fn below(
    ticks: &[Tick],
    title: &str,
    x: &Map,
    (left, right): (f64, f64),
    down: f64,
    items: &mut Vec<Item>,
) -> f64 {
    let mut lines = Vec::new();
    let mut taken = f64::MIN;
    for tick in ticks {
        let at = x.at(tick.at);
        lines.push(vec![(sharp(at), down + 1.0), (sharp(at), down + 5.0)]);
        let half = font::width(&tick.label, Voice::Note.size()) / 2.0;
        if at - half > taken + 6.0 {
            taken = at + half;
            let (at, text) = ((at, down + LINE), tick.label.clone());
            items.push(Item::Text { voice: Voice::Note, anchor: Anchor::Middle, at, text });
        }
    }
    items.push(Item::Lines { pen: Pen::Axis, lines });
    let text = font::elided(title, Voice::AxisTitle.size(), right - left);
    let at = ((left + right) / 2.0, down + 2.0 * LINE + 1.0);
    items.push(Item::Text { voice: Voice::AxisTitle, anchor: Anchor::Middle, at, text });
    down + 2.0 * LINE + 6.0
}
