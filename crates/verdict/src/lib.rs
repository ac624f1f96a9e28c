//! What numbers mean: how far a run can be trusted, and what share of its requests met a limit.
//!
//! Everything here is a pure function of numbers that somebody else has counted or measured, so
//! each rule is tested with the numbers that trip it and the numbers that do not. A guard-rail
//! (`G01`, `G02`, …) looks at one way in which a run can deceive and returns a [`Trust`]: a level,
//! one line of evidence, and what to do. Its limits are constants beside it; `docs/metrics.md`
//! lists them all.
//!
//! ```
//! # use proofload_verdict::{Level, guard};
//! let trust = guard::nothing_to_judge(20, 0);
//! assert_eq!((trust.id, trust.level), ("G35", Level::Invalid));
//! assert_eq!(trust.evidence, "none of 20 requests succeeded");
//! ```
//! [`slo`] reads what somebody asks of a run and says whether the run shows it.
//!
//! Left out: comparisons of runs, leaks and limits found from outside, which come with the programs
//! that ask for them.

pub mod guard;
mod share;
pub mod slo;
mod trust;

pub use share::{Attainment, Share};
pub use trust::{Level, Trust, Validity};
