//! The figures of a run that are compared.

use proofload_strategies::Strategy;
use proofload_units::human_duration;

use crate::figures::{Middle, needs};
use crate::series::{Run, Wire};

/// A figure that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    Total,
    Locks,
    Operations,
    HitRate,
    Invalidations,
    Updates,
    Used,
    Least,
    Most,
    MostToMean,
    Jain,
    WaitP99,
    Conflicts,
    RoundTrips,
    Commands,
    ScriptCalls,
    BytesSent,
    BytesReceived,
    ServerCpu,
}

impl Figure {
    pub(crate) const ALL: [Self; 13] = [
        Self::Total,
        Self::Locks,
        Self::Operations,
        Self::HitRate,
        Self::Invalidations,
        Self::Updates,
        Self::Used,
        Self::Least,
        Self::Most,
        Self::MostToMean,
        Self::Jain,
        Self::WaitP99,
        Self::Conflicts,
    ];

    /// Those that there are only where the store is a server.
    const OF_A_WIRE: [Self; 6] = [
        Self::RoundTrips,
        Self::Commands,
        Self::ScriptCalls,
        Self::BytesSent,
        Self::BytesReceived,
        Self::ServerCpu,
    ];

    /// Those that runs have.
    pub(crate) fn of_runs(runs: &[Run]) -> Vec<Self> {
        let has_wire = runs.iter().any(|run| run.wire.is_some());
        let of_a_wire = Self::OF_A_WIRE.into_iter().filter(|_| has_wire);
        Self::ALL.into_iter().chain(of_a_wire).collect()
    }

    /// Its row in a table.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Total => "Total Time",
            Self::Locks => "Lock Acquisitions",
            Self::Operations => "Store Operations",
            Self::HitRate => "Cache Hit Rate",
            Self::Invalidations => "Cache Invalidations",
            Self::Updates => "Capacity Updates",
            Self::Used => "Workers Used",
            Self::Least => "Containers, least loaded",
            Self::Most => "Containers, most loaded",
            Self::MostToMean => "Most loaded / mean",
            Self::Jain => "Jain's fairness index",
            Self::WaitP99 => "Wait p99",
            Self::Conflicts => "Refused at commit",
            Self::RoundTrips => "Round Trips",
            Self::Commands => "Server Commands",
            Self::ScriptCalls => "Script Calls",
            Self::BytesSent => "Bytes Sent",
            Self::BytesReceived => "Bytes Received",
            Self::ServerCpu => "Server CPU",
        }
    }

    /// Its name in `results.json`.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Total => "total_us",
            Self::Locks => "lock_acquisitions",
            Self::Operations => "store_operations",
            Self::HitRate => "cache_hit_rate_percent",
            Self::Invalidations => "cache_invalidations",
            Self::Updates => "capacity_updates",
            Self::Used => "workers_used",
            Self::Least => "load_min",
            Self::Most => "load_max",
            Self::MostToMean => "load_max_to_mean",
            Self::Jain => "load_jain_index",
            Self::WaitP99 => "wait_p99_us",
            Self::Conflicts => "refused_at_commit",
            Self::RoundTrips => "round_trips",
            Self::Commands => "server_commands",
            Self::ScriptCalls => "script_calls",
            Self::BytesSent => "bytes_sent",
            Self::BytesReceived => "bytes_received",
            Self::ServerCpu => "server_cpu_us",
        }
    }

    /// Its value in a run; none where the run has none.
    fn of(self, run: &Run) -> Option<f64> {
        let load = |load: Option<&u32>| load.map(|&load| f64::from(load));
        let wire = |count: fn(&Wire) -> u64| run.wire.as_ref().map(|wire| count(wire) as f64);
        match self {
            Self::Total => Some(run.total.as_secs_f64() * 1e6),
            Self::Locks => Some(run.locks as f64),
            Self::Operations => Some(run.operations as f64),
            Self::HitRate => run.hit_rate.map(|rate| rate * 100.0),
            Self::Invalidations => Some(run.invalidations as f64),
            Self::Updates => Some(run.updates as f64),
            Self::Used => Some(run.workers_used() as f64),
            Self::Least => load(run.loads.iter().min()),
            Self::Most => load(run.loads.iter().max()),
            Self::MostToMean => {
                let mean = run.placed as f64 / run.loads.len() as f64;
                load(run.loads.iter().max()).filter(|_| mean > 0.0).map(|most| most / mean)
            }
            Self::Jain => jain(&run.loads),
            Self::WaitP99 => run.waits_ns[2].map(|ns| ns as f64 / 1e3),
            Self::Conflicts => Some(run.conflicts as f64),
            Self::RoundTrips => wire(|wire| wire.counts.round_trips),
            Self::Commands => wire(Wire::commands),
            Self::ScriptCalls => wire(|wire| wire.counts.script_calls),
            Self::BytesSent => wire(|wire| wire.counts.bytes_sent),
            Self::BytesReceived => wire(|wire| wire.counts.bytes_received),
            Self::ServerCpu => {
                run.wire.as_ref()?.side.truth.cpu.map(|time| time.as_secs_f64() * 1e6)
            }
        }
    }

    pub(crate) fn values(self, runs: &[Run], strategy: Strategy) -> Vec<f64> {
        let own = runs.iter().filter(|run| run.strategy == strategy);
        own.filter_map(|run| self.of(run)).collect()
    }

    /// A value with its unit.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Total | Self::WaitP99 | Self::ServerCpu => {
                human_duration((value * 1e3).round() as u64)
            }
            Self::HitRate => format!("{value:.1}%"),
            Self::MostToMean | Self::Jain => format!("{value:.2}"),
            _ => format!("{value}"),
        }
    }

    /// A median with its interval, as a cell.
    pub(crate) fn cell(self, middle: Option<&Middle>) -> String {
        let Some(middle) = middle else { return "undecided".to_owned() };
        let median = self.show(middle.median);
        match (middle.lower, middle.upper) {
            _ if middle.is_exact() => median,
            (Some(lower), Some(upper)) => {
                format!("{median} [{}, {}]", self.show(lower), self.show(upper))
            }
            _ => format!("{median} [{}]", needs(middle.n, Middle::least_n())),
        }
    }
}

/// How even loads are: 1 if all are the same, one by the number of workers if one has all; none of nothing.
///
/// Source: R. Jain, D. Chiu, W. Hawe, "A quantitative measure of fairness and discrimination for resource
/// allocation in shared computer systems", DEC Research Report TR-301 (1984).
fn jain(loads: &[u32]) -> Option<f64> {
    let loads = || loads.iter().map(|&load| f64::from(load));
    let (sum, squares): (f64, f64) = (loads().sum(), loads().map(|load| load * load).sum());
    (squares > 0.0).then(|| sum * sum / (loads().count() as f64 * squares))
}

#[cfg(test)]
mod tests {
    use super::jain;

    #[test]
    fn fairness_is_1_if_all_have_the_same() {
        for (loads, want) in [
            (&[5_u32, 5, 5, 5] as &[_], Some(1.0)),
            (&[8, 0, 0, 0], Some(0.25)),
            (&[80, 20, 0, 0, 0, 0, 0, 0, 0, 0], Some(10_000.0 / 68_000.0)),
            (&[0, 0], None),
            (&[], None),
        ] {
            assert_eq!(jain(loads), want, "{loads:?}");
        }
    }
}
