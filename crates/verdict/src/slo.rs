//! Service level objectives: what was asked for, and whether a run shows it.
//!
//! An objective is a line of text, `[mode|*][/priority][,model=|provider=|selection=]: metric
//! [statistic] (<|>) value unit`, so that it fits a flag, a file and a report alike:
//!
//! ```
//! # use proofload_verdict::slo::{self, Seen, Verdict};
//! let asked = slo::parse("interactive/high: ttft p95 < 500ms").unwrap();
//! // All of a hundred requests took 400 ms: with 59 or more, at most 5 % can be over the limit.
//! let judged = asked[0].judge_timings(&[Seen::At(400e6); 100]);
//! assert_eq!(judged.verdict, Verdict::Met);
//! let error = slo::parse("interactive: tfft p95 < 500ms").unwrap_err();
//! assert_eq!((error.column, error.nearest.as_deref()), (14, Some("ttft")));
//! ```
//!
//! A verdict is one of three. *Met* and *not met* are said only where the run bears it out with
//! 95 % confidence; everything else is *undecided* and says what would decide it. A request that
//! failed is infinitely slow and stays in every denominator; no request at all decides nothing.

mod error;
mod goodput;
mod judge;
mod judgement;
mod objective;
mod open;
mod parse;
mod preset;

pub use error::{ParseSloError, near, nearest};
pub use goodput::GoodputLimits;
pub use judge::{Gaps, Seen};
pub use judgement::{Judgement, Over, Verdict};
pub use objective::{Kind, Objective, Scope, Selection, Slo, Statistic, Timing};
pub use parse::parse;
