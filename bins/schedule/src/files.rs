//! The run directory: what grows while runs are made, and what is written at the end.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use proofload_charts::{Scene, Theme, png, svg_file};
use proofload_launch::Exit;
use proofload_run_dir::Bare;
use proofload_strategies::{Phase, Ran, Strategy};

use crate::block::seconds;
use crate::series::Run;

/// Pixels of a PNG for each unit of its picture.
const SCALE: u8 = 2;

/// `batches.csv` and `summary.csv`: rows that are there as soon as a run is over.
pub(crate) struct Growing {
    batches: csv::Writer<BufWriter<File>>,
    summary: csv::Writer<BufWriter<File>>,
    has_wire: bool,
}

/// Columns of a run on a server.
const WIRE: [&str; 10] = [
    "round_trips",
    "server_commands",
    "script_calls",
    "script_loads",
    "bytes_sent",
    "bytes_received",
    "server_cpu_us",
    "info_commands",
    "beside_commands",
    "delivered",
];

impl Growing {
    pub(crate) fn create(dir: &Bare, has_wire: bool) -> anyhow::Result<Self> {
        let table = |name| -> anyhow::Result<_> {
            let file = dir.open(name).map_err(Exit::unwritable)?;
            Ok(csv::Writer::from_writer(BufWriter::new(file)))
        };
        let (mut batches, mut summary) = (table("batches.csv")?, table("summary.csv")?);
        batches.write_record([
            "strategy",
            "run",
            "replica",
            "at_us",
            "placed",
            "conflicts",
            "workers",
            "decision_us",
            "update_us",
        ])?;
        let phases = Phase::ALL.map(|phase| format!("{}_us", phase.name()));
        let head = ["strategy", "run", "total_s"].map(str::to_owned).into_iter().chain(phases);
        let head = head.chain(["other_us".to_owned()]);
        let counts = [
            "lock_acquisitions",
            "locks_waited",
            "store_operations",
            "capacity_updates",
            "cache_invalidations",
            "cache_lookups",
            "cache_hits",
            "cache_stale",
            "cache_misses",
            "cache_first_loads",
            "placed",
            "given_up",
            "conflicts",
            "batches",
            "workers_used",
            "load_min",
            "load_max",
            "wait_p50_us",
            "wait_p95_us",
            "wait_p99_us",
            "goals_met",
            "faults",
        ];
        let wire = WIRE.iter().filter(|_| has_wire).map(|&name| name.to_owned());
        summary.write_record(head.chain(counts.map(str::to_owned)).chain(wire))?;
        Ok(Self { batches, summary, has_wire })
    }

    /// The rows of a run's batches.
    pub(crate) fn batches(
        &mut self,
        strategy: Strategy,
        number: u32,
        ran: &Ran,
    ) -> anyhow::Result<()> {
        let (strategy, number) = (strategy.name().to_owned(), number.to_string());
        for batch in &ran.batches {
            self.batches.write_record([
                strategy.clone(),
                number.clone(),
                batch.replica.to_string(),
                of(batch.at),
                batch.placed.to_string(),
                batch.conflicts.to_string(),
                batch.workers.to_string(),
                of(batch.decision),
                of(batch.update),
            ])?;
        }
        Ok(())
    }

    /// The row of a run.
    pub(crate) fn run(&mut self, run: &Run) -> anyhow::Result<()> {
        let (strategy, number) = (run.strategy.name().to_owned(), run.number.to_string());
        let total = seconds(run.total).trim_end_matches('s').to_owned();
        let mut row = vec![strategy, number, total];
        row.extend(run.phases.map(of));
        row.push(of(run.other));
        let load = |load: Option<&u32>| u64::from(load.copied().unwrap_or_default());
        let counts = [
            run.locks,
            run.locks_waited,
            run.operations,
            run.updates,
            run.invalidations,
            run.lookups,
            run.hits,
            run.stale,
            run.misses,
            run.first_loads,
            run.placed,
            run.given_up,
            run.conflicts,
            run.batches,
            run.workers_used(),
            load(run.loads.iter().min()),
            load(run.loads.iter().max()),
        ];
        row.extend(counts.map(|count| count.to_string()));
        row.extend(run.waits_ns.map(|wait| wait.map(us).unwrap_or_default()));
        row.push(run.meets_all().to_string());
        row.push(run.faults.join("; "));
        if let Some(wire) = run.wire.as_ref().filter(|_| self.has_wire) {
            let (counts, truth) = (&wire.counts, &wire.side.truth);
            let count = |count: Option<u64>| count.map(|n| n.to_string()).unwrap_or_default();
            row.extend([
                counts.round_trips.to_string(),
                wire.commands().to_string(),
                counts.script_calls.to_string(),
                counts.script_loads.to_string(),
                counts.bytes_sent.to_string(),
                counts.bytes_received.to_string(),
                truth.cpu.map(of).unwrap_or_default(),
                count(truth.server),
                truth.beside.to_string(),
                count(wire.side.delivered.map(|n| n as u64)),
            ]);
        }
        self.summary.write_record(row)?;
        let flushed = self.batches.flush().and_then(|()| self.summary.flush());
        flushed.context("cannot write batches.csv or summary.csv").map_err(Exit::unwritable)?;
        Ok(())
    }
}

fn us(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000, ns % 1_000)
}

fn of(time: Duration) -> String {
    us(crate::grade::nanoseconds(time))
}

/// Writes a picture as SVG and PNG; gives the paths.
pub(crate) fn picture(dir: &Bare, name: &str, scene: &Scene) -> anyhow::Result<[PathBuf; 2]> {
    let mut text = String::new();
    svg_file(scene, &mut text);
    let drawn = png(scene, Theme::Light, SCALE).context("cannot draw a picture")?;
    let svg = dir.put(&format!("charts/{name}.svg"), text.as_bytes()).map_err(Exit::unwritable)?;
    let png = dir.put(&format!("charts/{name}.png"), &drawn).map_err(Exit::unwritable)?;
    Ok([svg, png])
}
