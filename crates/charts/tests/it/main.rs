//! Whole pictures: their bytes, their pixels, their size.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod golden;
mod large;
mod pixels;
mod scenes;
