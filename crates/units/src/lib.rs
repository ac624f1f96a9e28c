//! How people write and read numbers that have a unit, and how a text from outside is shown to them.
//!
//! Flags and workload options say `250ms`; reports and progress lines say `1.23 ms`, `12.3 s`,
//! `1,234`, `1.50 MiB`. Both directions live here, so that every program reads and prints a number
//! in the same way. All of it works in integers: what is printed is correctly rounded, and never
//! carries into a fourth digit that the unit above should have had.
//!
//! ```
//! # use std::time::Duration;
//! # use proofload_units::{human_duration, parse_duration};
//! assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
//! assert_eq!(human_duration(1_234_567), "1.23 ms");
//! ```
//! Left out: units joined together (`1m30s`), and every time zone but UTC.

mod duration;
mod human;
mod printable;
mod utc;

pub use duration::{ParseDurationError, parse_duration};
pub use human::{human_bytes, human_count, human_duration};
pub use printable::printable;
pub use utc::utc_time;
