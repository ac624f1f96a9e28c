//! Charts as scenes: one description, drawn as SVG and as PNG.
//!
//! A [`Scene`] says what is to be seen: panels over one horizontal axis, and in them lines, bands,
//! steps, cells, marks and rules in the units of the data. It knows no pixel. Layout, ticks,
//! legends and down-sampling happen here, once, into a list of paths and texts that both writers
//! share, so that a report and a picture beside it cannot differ.
//!
//! * [`svg`] writes markup with classes and no colour in it; [`CSS`] is the one style sheet, for
//!   light and dark screens and for paper. [`svg_file`] writes the same as a file of its own.
//! * [`png`] draws with tiny-skia and one embedded font, on machines that have none.
//!
//! The same scene gives the same bytes. A line of a million points costs two points a pixel column,
//! its lowest and its highest: what is worst is never dropped.
//!
//! ```
//! use proofload_charts::{Axis, Dash, Ink, Panel, Scale, Scene, Series, Shape, svg};
//! let line = Shape::Line { points: vec![(0.0, 12.0), (1.0, 80.0), (2.0, 15.0)], dash: Dash::Solid };
//! let scene = Scene {
//!     title: "Latency rose once".to_owned(),
//!     note: "3 requests".to_owned(),
//!     description: "Latency over time; highest 80 ms after one second.".to_owned(),
//!     x: Axis::new("time since the start", Scale::Time),
//!     panels: vec![Panel {
//!         y: Axis::new("latency, ms", Scale::Linear),
//!         height: 180.0,
//!         series: vec![Series::new("latency", Ink::Blue, line)],
//!     }],
//! };
//! let mut text = String::new();
//! svg(&scene, &mut text);
//! assert!(text.starts_with("<svg "));
//! ```
//! Left out: interaction, animation, and chart types that no report of ours shows.

mod axis;
mod drawing;
mod font;
mod layout;
mod legend;
mod plot;
mod png;
mod sample;
mod scene;
mod svg;
mod theme;
mod ticks;

pub use png::{PngError, png};
pub use scene::{Axis, Cell, Dash, Glyph, Ink, Panel, Scale, Scene, Series, Shape};
pub use svg::{svg, svg_file};
pub use theme::{CSS, Theme};
