//! Guard-rails: what a run must show before its figures are believed.
//!
//! The numbers are those of the list in `docs/metrics.md`; a number that is missing there belongs
//! to a program that does not exist yet.

mod agreement;
mod books;
mod generator;
mod outcomes;
mod rate;
mod samples;
mod sides;

pub use agreement::{
    Disagreement, TOLERANCE_NS, TOLERANCE_SHARE, agreement, agreement_unknown, agrees,
};
pub use books::{Ending, Ledger, ledger};
pub use generator::{
    BUSY_INVALID, BUSY_WARN, Generator, LATENESS_FLOOR_NS, LATENESS_INVALID, LATENESS_WARN,
    TAIL_WARN, Tail, WAITING_INVALID, WAITING_WARN, generator,
};
pub use outcomes::{errors, nothing_to_judge, simulated};
pub use rate::{ACHIEVED_LEAST, Rate, WINDOW_LEAST_NS, rate};
pub use samples::{Scarce, samples};
pub use sides::{SLACK_NS, Sides, UNEXPLAINED_WARN, sides};

/// A share as people read it: `12.3 %`.
fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
