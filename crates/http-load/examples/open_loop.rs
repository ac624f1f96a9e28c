//! Sends a plan on time to a target that answers by a script, without network or disk, and counts
//! what came back: `cargo run -p proofload-http-load --example open_loop`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proofload_http_load::{Config, InFlightCap, Pacing, Scripted, Stop, run};
use proofload_record::clock::{Clock, monotonic_ns};
use proofload_record::{Load, Note, Row, Sink};
use proofload_workload::{PlanOptions, Workload};

/// A worker's own sink; what several share is behind it.
#[derive(Clone, Default)]
struct Seen(Arc<[AtomicU64; 2]>);

impl Sink for Seen {
    fn released(&mut self, lateness_ns: u64) {
        self.0[0].fetch_max(lateness_ns, Ordering::Relaxed);
    }
    fn gap(&mut self, _index: u32, _class: u16, _gap_ns: u64) {}
    fn finished(&mut self, row: &Row, _note: Note) {
        self.0[1].fetch_add(u64::from(row.end.is_ok()), Ordering::Relaxed);
    }
    fn chunks(&mut self, _index: u32, _arrivals_ns: &[u64]) {}
    fn response(&mut self, _index: u32, _text: String, _truncated: bool) {}
    fn tick(&mut self, _load: Load) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let plan = Workload::mixed().plan(&PlanOptions { speed: 20.0, ..PlanOptions::default() })?;
    // A server over HTTP is `MakeHttp`; both are a `MakeTarget`.
    let target = Scripted {
        first: Duration::from_millis(30),
        gap: Duration::from_millis(5),
        tokens: 8,
        ..Scripted::default()
    };
    let config = Config {
        pacing: Pacing::Balanced,
        max_in_flight: None,
        cap: InFlightCap::of_machine(1, false),
        permit_timeout: Duration::from_secs(60),
        keep_chunks: false,
        keep_responses: None,
        keep_going: true,
    };
    let seen = Seen::default();
    // The clock begins a little ahead, so that the worker is ready when the first request is due.
    let clock = Clock::from_origin(monotonic_ns() + 50_000_000);
    let sinks = vec![seen.clone()];
    let stopped = run(&plan, plan.payloads()?, &target, &config, clock, sinks, &Stop::default())?;
    let [latest_ns, ok] = [0, 1].map(|i| seen.0[i].load(Ordering::Relaxed));
    println!("{ok} of {} ok, at most {latest_ns} ns late, stopped: {stopped:?}", plan.len());
    Ok(())
}
