//! Pictures of a run: what a person sees at a glance where a table has to be read.
//!
//! Each module turns rows into one scene, and its title says what that scene shows. Colours mean
//! the same in all of them as long as they are of a request: blue is the first token, amber the last,
//! green the end of the answer; crosses are failures, which are never left out. What a server's log
//! adds has colours of its own. A picture that has nothing to show is not made.

mod by_class;
mod latency;
mod lateness;
mod load;
mod over_time;
mod percentiles;
mod time_split;
mod timing;
mod unit;

use crate::kinds::Kinds;
use crate::results::Results;
use crate::tally::Tally;
use proofload_charts::Scene;
use proofload_record::Row;
use proofload_run_dir::RunDir;
use proofload_units::human_count;
use proofload_verdict::slo::{Objective, Scope, Slo, Timing};
use std::collections::BTreeSet;

/// A picture of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Its name as a file, without an ending.
    pub name: &'static str,
    /// What it shows, in one line.
    pub title: String,
    /// What is seen on it in a sentence or two, for people who cannot see it.
    pub alt: String,
    /// What is drawn.
    pub scene: Scene,
}

impl Picture {
    fn new(name: &'static str, scene: Scene) -> Self {
        Self { name, title: scene.title.clone(), alt: scene.description.clone(), scene }
    }
}

/// Up to so many requests are drawn one by one, beyond it as a distribution.
const ONE_BY_ONE: usize = 60;
/// Up to so many requests are single marks over time.
const MARKS_MOST: usize = 400;

/// Into how many stretches of time so many requests are put together: as many as leave in each
/// enough of them that what it shows is more than chance.
fn stretches(requests: usize) -> f64 {
    (requests as f64 / 20.0).clamp(20.0, 120.0).floor()
}

/// All pictures of a run, the most telling first.
pub(crate) fn all(
    dir: &RunDir,
    results: &Results,
    tally: &Tally<'_>,
    kinds: &Kinds<'_>,
    slos: &[Slo],
) -> Vec<Picture> {
    let (n, ok) = (results.errors.n, results.errors.n - results.errors.failed);
    let run = Run { dir, tally, kinds, slos, n, ok };
    let scenes = [
        ("latency", latency::scene(&run)),
        ("latency_over_time", over_time::latencies(&run)),
        ("load", load::scene(&run)),
        ("percentiles", percentiles::scene(&run)),
        ("by_class", by_class::scene(&run)),
        ("time_split", time_split::scene(&run)),
        ("client_duration", over_time::client_duration(&run)),
        ("lateness", lateness::scene(&run)),
    ];
    let picture = |(name, scene): (_, Option<Scene>)| Some(Picture::new(name, scene?));
    scenes.into_iter().filter_map(picture).collect()
}

/// The run that is drawn.
struct Run<'a> {
    dir: &'a RunDir,
    tally: &'a Tally<'a>,
    kinds: &'a Kinds<'a>,
    slos: &'a [Slo],
    /// Requests that count; some may have no row.
    n: u64,
    /// Those that were answered.
    ok: u64,
}

impl Run<'_> {
    /// On what a picture rests.
    fn note(&self) -> String {
        let (n, ok) = (self.n, self.ok);
        let mut note = format!("{} of {} requests answered", human_count(ok), human_count(n));
        if ok < n {
            note += &format!("; {} failed", human_count(n - ok));
        }
        if self.tally.warmup > 0 {
            note += &format!("; warm-up of {} not counted", human_count(self.tally.warmup));
        }
        note
    }

    /// The workload's own id of a request.
    fn id(&self, row: &Row) -> String {
        let planned = self.dir.plan().get(row.index);
        planned.map_or_else(|| row.index.to_string(), |planned| planned.id.to_owned())
    }

    /// The objective on latency that every run has, in nanoseconds.
    fn limit_ns(&self) -> f64 {
        self.dir.manifest().latency_slo_ns as f64
    }

    /// The objectives on a time that were asked for. One of requests of which there are none is not
    /// among them: it says nothing of what is drawn.
    fn asked(&self, timing: Timing) -> impl Iterator<Item = Limit> {
        self.slos.iter().filter_map(move |slo| match slo.objective {
            Objective::Timing { timing: of, limit_ns, .. } if of == timing => {
                let meant = self.kinds.within(&slo.scope, self.tally);
                let count = meant.clone().count() as u64;
                let is_all = slo.scope == Scope::default();
                let class = (!is_all).then(|| Class {
                    name: slo.name.split(':').next().unwrap_or(&slo.name).to_owned(),
                    rows: meant.filter_map(|(_, case)| Some(case.row?.index)).collect(),
                });
                let name = match is_all {
                    true => slo.name.clone(),
                    false => format!("{} (n {})", slo.name, human_count(count)),
                };
                (count > 0).then_some(Limit { name, ns: limit_ns as f64, class })
            }
            _ => None,
        })
    }
}

/// An objective on a time.
struct Limit {
    name: String,
    ns: f64,
    /// The requests that it is about; none where these are all.
    class: Option<Class>,
}

/// Requests that an objective is about.
struct Class {
    name: String,
    rows: BTreeSet<u32>,
}
