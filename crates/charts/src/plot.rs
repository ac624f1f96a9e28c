//! The series of a panel at their places.

use crate::axis::Map;
use crate::drawing::{Anchor, Fill, Item, Pen, Point, Voice};
use crate::font;
use crate::sample;
use crate::scene::{Cell, Dash, Glyph, Ink, Panel, Series, Shape};

/// More points than this in a scatter are thinned.
const MARKS_MOST: usize = 400;
/// A rectangle is never thinner than this, or what is rare could not be seen.
const CELL_LEAST: f64 = 0.8;

/// Where a plot is, and how values become places in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
    pub(crate) x: Map,
    pub(crate) y: Map,
}

impl Frame {
    fn point(&self, (x, y): (f64, f64)) -> Point {
        (self.x.at(x), self.y.at(y))
    }
}

/// Draws all series; what is written comes last, so that no line covers it.
pub(crate) fn draw(panel: &Panel, frame: &Frame, items: &mut Vec<Item>) {
    items.extend(panel.series.iter().filter_map(|series| shape(series, frame)));
    items.extend(panel.series.iter().filter_map(|series| word(series, frame)));
}

fn shape(series: &Series, frame: &Frame) -> Option<Item> {
    let ink = series.ink;
    let lines = |dash: Dash, lines: Vec<Vec<Point>>| {
        (!lines.is_empty()).then_some(Item::Lines { pen: Pen::Data(ink, dash), lines })
    };
    match &series.shape {
        Shape::Line { points, dash } => {
            let place = |run: &[(f64, f64)]| {
                let places: Vec<Point> = run.iter().map(|&point| frame.point(point)).collect();
                sample::extremes(&places, false)
            };
            lines(*dash, whole(points).map(place).collect())
        }
        Shape::Step { points, dash } => {
            let place = |run: &[(f64, f64)]| {
                let places: Vec<Point> = run.iter().map(|&point| frame.point(point)).collect();
                steps(&sample::extremes(&places, true))
            };
            lines(*dash, whole(points).map(place).collect())
        }
        Shape::Band { points } => {
            Some(Item::Areas { fill: Fill::Thin(ink), areas: bands(points, frame) })
        }
        Shape::Cells { cells } => {
            let areas = cells.iter().map(|cell| rectangle(cell, frame)).collect();
            Some(Item::Areas { fill: Fill::Solid(ink), areas })
        }
        Shape::Marks { points, glyph } => {
            let finite = points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
            let mut places: Vec<Point> = finite.map(|&point| frame.point(point)).collect();
            if places.len() > MARKS_MOST {
                places = sample::scattered(&places);
            }
            (!places.is_empty()).then(|| marks(ink, *glyph, &places))
        }
        Shape::Limit { y, dash } => {
            let at = frame.y.at(*y);
            let line = vec![(frame.left, at), (frame.right, at)];
            lines(*dash, if frame.y.side(*y) == 0 { vec![line] } else { Vec::new() })
        }
        Shape::Upright { x } => {
            let at = frame.x.at(*x);
            let line = vec![(at, frame.top), (at, frame.bottom)];
            lines(Dash::Dashed, if frame.x.side(*x) == 0 { vec![line] } else { Vec::new() })
        }
        Shape::Span { from, to } => {
            let (from, to) = (frame.x.at(*from), frame.x.at(*to));
            let area = box_of((from, frame.top), (to, frame.bottom));
            Some(Item::Areas { fill: Fill::Thin(ink), areas: vec![area] })
        }
        Shape::Text { .. } | Shape::Inside { .. } => None,
    }
}

/// A word in the plot.
fn word(series: &Series, frame: &Frame) -> Option<Item> {
    let voice = Voice::Label;
    let width = |text: &str| font::width(text, voice.size()) * font::SLACK;
    match &series.shape {
        Shape::Text { at, text } => {
            let (x, y) = frame.point(*at);
            let fits = x + 6.0 + width(text) <= frame.right + 4.0;
            let (anchor, x) = if fits { (Anchor::Start, x + 6.0) } else { (Anchor::End, x - 6.0) };
            Some(Item::Text { voice, anchor, at: (x, y + 4.0), text: text.clone() })
        }
        Shape::Inside { cell, text } => {
            let (from, to) = (frame.point((cell.x.0, cell.y.0)), frame.point((cell.x.1, cell.y.1)));
            let at = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0 + 4.0);
            let fits = width(text) + 8.0 <= to.0 - from.0;
            let voice = Voice::On(series.ink);
            fits.then(|| Item::Text { voice, anchor: Anchor::Middle, at, text: text.clone() })
        }
        _ => None,
    }
}

/// The same mark at many places.
pub(crate) fn marks(ink: Ink, glyph: Glyph, points: &[Point]) -> Item {
    let pen = Pen::Data(ink, Dash::Solid);
    match glyph {
        Glyph::Dot => Item::Dots { ink, points: points.to_vec() },
        Glyph::Cross => {
            let cross = |&(x, y): &Point| {
                [
                    vec![(x - 3.0, y - 3.0), (x + 3.0, y + 3.0)],
                    vec![(x + 3.0, y - 3.0), (x - 3.0, y + 3.0)],
                ]
            };
            Item::Lines { pen, lines: points.iter().flat_map(cross).collect() }
        }
        Glyph::Bar => {
            let bar = |&(x, y): &Point| vec![(x, y - 6.0), (x, y + 6.0)];
            Item::Lines { pen, lines: points.iter().map(bar).collect() }
        }
        Glyph::Diamond => {
            let diamond =
                |&(x, y): &Point| vec![(x, y - 4.0), (x + 4.0, y), (x, y + 4.0), (x - 4.0, y)];
            Item::Areas { fill: Fill::Solid(ink), areas: points.iter().map(diamond).collect() }
        }
    }
}

/// The runs of points between those that are not finite.
fn whole(points: &[(f64, f64)]) -> impl Iterator<Item = &[(f64, f64)]> {
    points.split(|(x, y)| !x.is_finite() || !y.is_finite()).filter(|run| !run.is_empty())
}

/// A value that holds until the next.
fn steps(points: &[Point]) -> Vec<Point> {
    let mut line: Vec<Point> = Vec::with_capacity(points.len() * 2);
    for &(x, y) in points {
        if let Some(&(_, before)) = line.last().filter(|last| last.1 != y) {
            line.push((x, before));
        }
        line.push((x, y));
    }
    line
}

fn bands(points: &[(f64, f64, f64)], frame: &Frame) -> Vec<Vec<Point>> {
    let is_whole =
        |(x, lo, hi): &(f64, f64, f64)| x.is_finite() && lo.is_finite() && hi.is_finite();
    let runs = points.split(|point| !is_whole(point)).filter(|run| !run.is_empty());
    let area = |run: &[(f64, f64, f64)]| {
        let places: Vec<_> = run
            .iter()
            .map(|&(x, lo, hi)| (frame.x.at(x), frame.y.at(lo), frame.y.at(hi)))
            .collect();
        let kept = sample::widest(&places);
        let upper = kept.iter().map(|&(x, _, hi)| (x, hi));
        let lower = kept.iter().rev().map(|&(x, lo, _)| (x, lo));
        upper.chain(lower).collect()
    };
    runs.map(area).collect()
}

fn rectangle(cell: &Cell, frame: &Frame) -> Vec<Point> {
    let (mut from, mut to) = (frame.point((cell.x.0, cell.y.0)), frame.point((cell.x.1, cell.y.1)));
    if (to.0 - from.0).abs() < CELL_LEAST {
        (from.0, to.0) = (from.0 - CELL_LEAST / 2.0, from.0 + CELL_LEAST / 2.0);
    }
    // Down to the base line, a rectangle grows upwards only.
    if (to.1 - from.1).abs() < CELL_LEAST {
        to.1 = from.1 - CELL_LEAST;
    }
    box_of(from, to)
}

fn box_of(from: Point, to: Point) -> Vec<Point> {
    vec![from, (to.0, from.1), to, (from.0, to.1)]
}

/// Values that the horizontal axis must hold.
pub(crate) fn extent_x(shape: &Shape, values: &mut Vec<f64>) {
    match shape {
        Shape::Line { points, .. } | Shape::Step { points, .. } | Shape::Marks { points, .. } => {
            values.extend(points.iter().map(|point| point.0));
        }
        Shape::Band { points } => values.extend(points.iter().map(|point| point.0)),
        Shape::Cells { cells } => values.extend(cells.iter().flat_map(|cell| [cell.x.0, cell.x.1])),
        Shape::Inside { cell, .. } => values.extend([cell.x.0, cell.x.1]),
        Shape::Text { at, .. } => values.push(at.0),
        Shape::Span { from, to } => values.extend([*from, *to]),
        Shape::Limit { .. } | Shape::Upright { .. } => {}
    }
}

/// Values that the vertical axis must hold.
pub(crate) fn extent_y(shape: &Shape, values: &mut Vec<f64>) {
    match shape {
        Shape::Line { points, .. } | Shape::Step { points, .. } | Shape::Marks { points, .. } => {
            values.extend(points.iter().map(|point| point.1));
        }
        Shape::Band { points } => values.extend(points.iter().flat_map(|point| [point.1, point.2])),
        Shape::Cells { cells } => values.extend(cells.iter().flat_map(|cell| [cell.y.0, cell.y.1])),
        Shape::Inside { cell, .. } => values.extend([cell.y.0, cell.y.1]),
        Shape::Text { at, .. } => values.push(at.1),
        Shape::Limit { .. } | Shape::Upright { .. } | Shape::Span { .. } => {}
    }
}
