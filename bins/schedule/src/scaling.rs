//! How the time grows with the number of containers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use proofload_launch::Session;
use proofload_scheduler::Batching;
use proofload_strategies::Strategy;
use serde::Serialize;

use crate::figures::Middle;
use crate::once::once;
use crate::redis::After;
use crate::scenario::Scenario;
use crate::series::PROGRESS;
use crate::stage::Kind;

/// Numbers of containers, about evenly apart by logarithm.
const SIZES: [u32; 5] = [100, 300, 1_000, 3_000, 10_000];
/// Rounds over all sizes; so many medians of slopes have an interval.
const ROUNDS: u32 = 7;
/// With more workers than this the fleets alone would take longer to make than all else.
const WORKERS_MOST: f64 = 100_000.0;

/// Times by size, and the slope of their logarithms: 1 is time in proportion to containers.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Scaling {
    pub(crate) sizes: Vec<Size>,
    /// The median over rounds of the least-squares slope of a round.
    pub(crate) slope: Middle,
}

/// What came of it.
pub(crate) enum Found {
    Measured(Scaling),
    /// Why there is no slope, in words.
    NotMeasured(String),
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Size {
    pub(crate) containers: u32,
    pub(crate) workers: u32,
    pub(crate) total_us: Vec<f64>,
}

/// Runs one replica of ours at each size, with as many containers a worker as in the scenario. Batches have
/// no window: that a last one which is not full would wait is no matter of size. It is not measured where some
/// containers find no place, as they are tried again after a while, nor with fleets that are out of all
/// proportion. None if interrupted.
pub(crate) fn scaling(
    kind: &Kind,
    scenario: &Scenario,
    stop: &Arc<AtomicBool>,
    quiet: bool,
    session: &Session,
) -> anyhow::Result<Option<Found>> {
    let share = f64::from(scenario.workers) / f64::from(scenario.containers);
    let [.., greatest] = SIZES.map(|containers| (f64::from(containers) * share).round());
    if greatest > WORKERS_MOST {
        return Ok(Some(Found::NotMeasured(format!(
            "with as many containers a worker as here, 10,000 take {greatest} workers, more than \
             {WORKERS_MOST}"
        ))));
    }
    let mut sizes = SIZES.map(|containers| {
        let workers = (f64::from(containers) * share).round().max(1.0) as u32;
        Size { containers, workers, total_us: Vec::new() }
    });
    let batching = Batching { window: Duration::ZERO, ..scenario.batching };
    let mut slopes = Vec::new();
    let mut said = Instant::now();
    for round in 1..=ROUNDS {
        let mut points = Vec::new();
        for size in &mut sizes {
            let Size { containers, workers, .. } = *size;
            let gpu_share = f64::from(scenario.gpu_workers) / f64::from(scenario.workers);
            let gpu_workers = (f64::from(workers) * gpu_share).round() as u32;
            let scaled = Scenario {
                containers,
                workers,
                gpu_workers,
                batching,
                replicas: 1,
                ..scenario.clone()
            };
            let ran = once(kind, Strategy::Ours, &scaled, "scaling", After::Nothing, stop)?.ran;
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let placed = ran.placed.len();
            if placed < containers as usize {
                return Ok(Some(Found::NotMeasured(format!(
                    "on {workers} workers {placed} of {containers} containers find a place"
                ))));
            }
            let total_us = ran.total.as_secs_f64() * 1e6;
            size.total_us.push(total_us);
            points.push((f64::from(containers).ln(), total_us.ln()));
            if !quiet && said.elapsed() > PROGRESS {
                said = Instant::now();
                session.tell(&format!(
                    "time by containers: {containers} done in round {round} of {ROUNDS}"
                ));
            }
        }
        slopes.extend(slope(&points));
    }
    let slope = Middle::of(&slopes);
    Ok(slope.map(|slope| Found::Measured(Scaling { sizes: sizes.into(), slope })))
}

/// The least-squares slope of points; none if they lie above one another.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let above: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let below: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    (below > 0.0).then(|| above / below)
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn a_power_is_a_slope() {
        for power in [0.0, 0.5, 1.0, 2.0] {
            let points =
                [100.0_f64, 1_000.0, 10_000.0].map(|x| (x.ln(), (3.0 * x.powf(power)).ln()));
            assert!((slope(&points).unwrap() - power).abs() < 1e-12);
        }
        assert_eq!(slope(&[(1.0, 1.0), (1.0, 2.0)]), None);
    }
}
