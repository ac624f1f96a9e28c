//! What is to be seen, in the units of the data.

/// A chart: panels above each other over one horizontal axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// What is seen, in one line.
    pub title: String,
    /// On what it rests: counts, what was left out.
    pub note: String,
    /// The same in a sentence or two, for people who cannot see it.
    pub description: String,
    /// The axis that all panels share.
    pub x: Axis,
    /// From top to bottom.
    pub panels: Vec<Panel>,
}

/// A plot with its own vertical axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// Its vertical axis.
    pub y: Axis,
    /// Height of the plot, in the units of [`Scene::WIDTH`].
    pub height: f64,
    /// What is drawn, from back to front.
    pub series: Vec<Series>,
}

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What it measures, with its unit; a [`Scale::Time`] adds the unit itself.
    pub title: String,
    /// How values become places.
    pub scale: Scale,
    /// From where to where; none leaves it to the data.
    pub range: Option<(f64, f64)>,
}

/// How values become places.
#[derive(Clone, Debug, PartialEq)]
pub enum Scale {
    /// Evenly, from 0.
    Linear,
    /// Evenly, from 0, of what is counted: no tick between whole numbers.
    Count,
    /// By logarithm; values that are not positive stand at the edge.
    Log,
    /// Evenly, in seconds.
    Time,
    /// `1 / (1 - q)` of a quantile q by logarithm, so that every nine has the same room.
    Quantile,
    /// Names at 0, 1, 2, …; on a vertical axis the first is at the top. One that is too long is cut
    /// in its middle.
    Names(Vec<String>),
}

/// Something drawn in one ink.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name in the legend; empty leaves it out there.
    pub name: String,
    /// Its ink.
    pub ink: Ink,
    /// Its form.
    pub shape: Shape,
}

/// A form, in the units of the axes.
///
/// In lines, steps and bands the points go from left to right, and one that is not finite
/// interrupts them.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Points joined by straight lines.
    Line {
        /// The points (x, y).
        points: Vec<(f64, f64)>,
        /// Its dashes.
        dash: Dash,
    },
    /// A value that holds until the next one.
    Step {
        /// The points (x, y).
        points: Vec<(f64, f64)>,
        /// Its dashes.
        dash: Dash,
    },
    /// The room between two lines.
    Band {
        /// The points (x, lower y, upper y).
        points: Vec<(f64, f64, f64)>,
    },
    /// Filled rectangles.
    Cells {
        /// The rectangles.
        cells: Vec<Cell>,
    },
    /// Single marks.
    Marks {
        /// Their points (x, y), in any order.
        points: Vec<(f64, f64)>,
        /// Their form.
        glyph: Glyph,
    },
    /// A word at a point, beginning a little to its right.
    Text {
        /// The point (x, y).
        at: (f64, f64),
        /// The word.
        text: String,
    },
    /// A word in the middle of a rectangle of this ink, drawn only where it fits.
    Inside {
        /// The rectangle.
        cell: Cell,
        /// The word.
        text: String,
    },
    /// A limit at a value of the vertical axis; beyond its ends only the legend has it.
    Limit {
        /// The value.
        y: f64,
        /// Its dashes.
        dash: Dash,
    },
    /// A limit at a value of the horizontal axis; beyond its ends only the legend has it.
    Upright {
        /// The value.
        x: f64,
    },
    /// A stretch of the horizontal axis.
    Span {
        /// Where it begins.
        from: f64,
        /// Where it ends.
        to: f64,
    },
}

/// A filled rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// From left to right.
    pub x: (f64, f64),
    /// From bottom to top.
    pub y: (f64, f64),
}

/// An ink. What it looks like depends on the theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ink {
    /// The first choice.
    Blue,
    /// The second, well apart from blue for every eye.
    Amber,
    /// The third.
    Green,
    /// The fourth.
    Purple,
    /// A light blue, for what stands behind blue.
    Sky,
    /// Beside the first five, where one picture has more parts.
    Yellow,
    /// The same.
    Brown,
    /// The same.
    Slate,
    /// What is there for context.
    Grey,
    /// What failed; nothing else has this ink.
    Failure,
    /// A limit.
    Limit,
}

/// How a line is dashed; two lines should differ in more than ink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dash {
    /// Not at all.
    #[default]
    Solid,
    /// In dashes.
    Dashed,
    /// In dots.
    Dotted,
}

/// The form of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Glyph {
    /// A small disc.
    Dot,
    /// A cross, for failures.
    Cross,
    /// A diamond.
    Diamond,
    /// An upright bar.
    Bar,
}

impl Scene {
    /// The width of a picture, in which heights are given.
    pub const WIDTH: f64 = 880.0;
    /// Its width where there is little room, as on a phone.
    pub const NARROW: f64 = 420.0;
}

impl Axis {
    /// An axis whose range is that of the data.
    #[must_use]
    pub fn new(title: impl Into<String>, scale: Scale) -> Self {
        Self { title: title.into(), scale, range: None }
    }

    /// The same over a given range.
    #[must_use]
    pub fn over(mut self, from: f64, to: f64) -> Self {
        self.range = Some((from, to));
        self
    }
}

impl Series {
    /// A series.
    #[must_use]
    pub fn new(name: impl Into<String>, ink: Ink, shape: Shape) -> Self {
        Self { name: name.into(), ink, shape }
    }
}
