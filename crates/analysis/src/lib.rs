//! From a run directory to one results object and one document.
//!
//! There is one way to a figure: a program that has run a load reads the directory it has just
//! written through [`analyze`], and `proofload-analyze` finds the same figures again, byte for
//! byte. Raw rows are the truth; quantiles come from them by integer rank, are never averaged, and
//! are checked against the histogram log, which was written apart. Failures stay in every
//! denominator, and the warm-up stays out of every figure.
//!
//! [`Results`] holds the numbers, [`Document`] the words around them in no particular form, and
//! [`Analysis::requests`] the requests one by one. How any of it is printed is
//! `proofload-report`'s business; what the numbers mean is decided in `proofload-verdict`.
//!
//! ```no_run
//! # use proofload_analysis::{Metric, analyze};
//! let run = proofload_run_dir::RunDir::open("results/replay-20251125T100203Z".as_ref())?;
//! let analysis = analyze(&run);
//! let ttft = analysis.results.figures(Metric::Ttft);
//! println!("p99 {:?} ms of {} answers", ttft.p99, ttft.n);
//! # Ok::<(), proofload_run_dir::OpenError>(())
//! ```
//! Left out: comparisons of runs, which come with the program that needs them.

mod agreement;
mod analysis;
mod document;
mod fitness;
mod groups;
mod impact;
mod imported;
mod kinds;
mod metric;
mod pictures;
mod present;
mod request;
mod results;
mod server;
mod slos;
mod summary;
mod tally;

pub use analysis::{Analysis, analyze, analyze_against};
pub use document::{
    Block, Column, Document, Headline, KeyFigure, Kind, Role, Row, Section, Standing, Stated,
    Table, Terms,
};
pub use metric::Metric;
pub use pictures::Picture;
pub use request::Request;
pub use results::{
    ByOutcome, ByReason, Coalesced, ColdStarts, Counts, Definitions, Errors, Example, Failure,
    Figures, Group, GroupMetrics, Impact, Imported, Interval, Intervals, Judged, Metrics,
    MissingMetric, Over, Results, SCHEMA_VERSION, Server, Slo, Split, Throughput, Tokens,
    TrustItem, Unmatched, Validity,
};
