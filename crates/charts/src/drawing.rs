//! A scene laid out: paths and texts at their places, which both writers go through.

use crate::scene::{Dash, Ink};

/// A point of the picture, downwards from its upper left corner.
pub(crate) type Point = (f64, f64);

/// A picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Drawing {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// From back to front.
    pub(crate) items: Vec<Item>,
}

/// A part of a picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    /// Lines, each through its points.
    Lines { pen: Pen, lines: Vec<Vec<Point>> },
    /// Filled polygons.
    Areas { fill: Fill, areas: Vec<Vec<Point>> },
    /// Small discs.
    Dots { ink: Ink, points: Vec<Point> },
    /// A line of text; `at` is on its base line.
    Text { voice: Voice, anchor: Anchor, at: Point, text: String },
}

/// What a line is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pen {
    Grid,
    Axis,
    Data(Ink, Dash),
}

/// What an area is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    Solid(Ink),
    /// See-through.
    Thin(Ink),
}

/// What a text is for, which decides its size and colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    Title,
    /// Below the title, at ticks and in legends.
    Note,
    AxisTitle,
    /// Over data, kept apart from it by a halo of paper.
    Label,
    /// On an area of an ink.
    On(Ink),
}

impl Voice {
    pub(crate) const fn size(self) -> f64 {
        match self {
            Self::Title => 16.0,
            Self::Note | Self::AxisTitle | Self::Label | Self::On(_) => 12.0,
        }
    }
}

/// Which part of a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}
