//! The metrics of a replay: each one's name, formula and value of a row.

use crate::summary::{MS, US};
use proofload_record::{Row, Served};

/// What the figures are that are not of a request: their names and formulas.
pub(crate) const OF_THE_RUN: [(&str, &str); 6] = [
    ("requests_per_s", "ok / (last done - first due)"),
    ("tokens_per_s", "output tokens of ok / (last done - first due)"),
    ("offered_per_s", "(requests due - 1) / (last due - first due)"),
    ("errors", "failed / due; not sent and lost among them"),
    ("slo", "ok and latency <= limit / due"),
    ("quantiles", "by rank over what succeeded; 95 % intervals at n_eff"),
];

/// A figure that every request has, or may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    /// Due to first token.
    Ttft,
    /// First write to first token.
    TtftService,
    /// Due to last token.
    TotalLatency,
    /// First write to last token.
    TotalLatencyService,
    /// Due to the end of the answer.
    Latency,
    /// First write to the end of the answer.
    LatencyService,
    /// Time per output token after the first.
    Tpot,
    /// Gaps between content chunks, pooled over requests.
    Itl,
    /// Released to the end of the answer.
    ClientDuration,
    /// Released to connected.
    ConnectionWait,
    /// In the server's queue.
    QueueWait,
    /// In the server, from the queue to the end.
    Processing,
    /// In the server, arrival to first token.
    ServerTtft,
    /// In the server, arrival to the end.
    ServerTotal,
    /// In the server, choosing a model.
    Classification,
    /// Due to released: our own delay.
    Lateness,
}

impl Metric {
    /// Every metric, in the order of every output.
    pub const ALL: [Self; 16] = [
        Self::Ttft,
        Self::TtftService,
        Self::TotalLatency,
        Self::TotalLatencyService,
        Self::Latency,
        Self::LatencyService,
        Self::Tpot,
        Self::Itl,
        Self::ClientDuration,
        Self::ConnectionWait,
        Self::QueueWait,
        Self::Processing,
        Self::ServerTtft,
        Self::ServerTotal,
        Self::Classification,
        Self::Lateness,
    ];

    /// Those that only the server's own log holds.
    pub const OF_SERVER: [Self; 5] = [
        Self::QueueWait,
        Self::Processing,
        Self::ServerTtft,
        Self::ServerTotal,
        Self::Classification,
    ];

    /// The name without a unit, as in `metrics.csv` and in the histogram log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::TtftService => "ttft_service",
            Self::TotalLatency => "total_latency",
            Self::TotalLatencyService => "total_latency_service",
            Self::Latency => "latency",
            Self::LatencyService => "latency_service",
            Self::Tpot => "tpot",
            Self::Itl => "itl",
            Self::ClientDuration => "client_duration",
            Self::ConnectionWait => "connection_wait",
            Self::QueueWait => "queue_wait",
            Self::Processing => "processing",
            Self::ServerTtft => "server_ttft",
            Self::ServerTotal => "server_total",
            Self::Classification => "classification",
            Self::Lateness => "lateness",
        }
    }

    /// The name with its unit, as in `results.json`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Ttft => "ttft_ms",
            Self::TtftService => "ttft_service_ms",
            Self::TotalLatency => "total_latency_ms",
            Self::TotalLatencyService => "total_latency_service_ms",
            Self::Latency => "latency_ms",
            Self::LatencyService => "latency_service_ms",
            Self::Tpot => "tpot_ms",
            Self::Itl => "itl_ms",
            Self::ClientDuration => "client_duration_ms",
            Self::ConnectionWait => "connection_wait_ms",
            Self::QueueWait => "queue_wait_ms",
            Self::Processing => "processing_ms",
            Self::ServerTtft => "server_ttft_ms",
            Self::ServerTotal => "server_total_ms",
            Self::Classification => "classification_ms",
            Self::Lateness => "lateness_us",
        }
    }

    /// The unit of its values in every output.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Tpot => "ms/token",
            Self::Lateness => "us",
            _ => "ms",
        }
    }

    /// Nanoseconds in that unit.
    #[must_use]
    pub(crate) const fn unit_ns(self) -> f64 {
        match self {
            Self::Lateness => US,
            _ => MS,
        }
    }

    /// What it is, in one short line.
    #[must_use]
    pub const fn formula(self) -> &'static str {
        match self {
            Self::Ttft => "first_token - due; streamed answers",
            Self::TtftService => "first_token - written; streamed answers",
            Self::TotalLatency => "last_token - due; done - due where unstreamed",
            Self::TotalLatencyService => "last_token - written; done - written where unstreamed",
            Self::Latency => "done - due",
            Self::LatencyService => "done - written",
            Self::Tpot => "(last_token - first_token) / (tokens - 1); 2 or more",
            Self::Itl => "gaps between content chunks, pooled over requests",
            Self::ClientDuration => "done - started",
            Self::ConnectionWait => "connected - started: permit, DNS, TCP and TLS",
            Self::QueueWait => "the server's log: scheduled - enqueued",
            Self::Processing => "the server's log: complete - scheduled",
            Self::ServerTtft => "the server's log: first token - arrival",
            Self::ServerTotal => "the server's log: response - arrival",
            Self::Classification => "the server's log: choosing a model",
            Self::Lateness => "started - due: our own delay, of all that was sent",
        }
    }

    /// Its value for a row in nanoseconds; none where the row does not have it, or does not count.
    ///
    /// Latencies count for requests that succeeded, since a failure that was quick must not look
    /// like a fast answer. Lateness and the wait for a connection are ours, whoever answered.
    /// Gaps are not in the rows at all, and neither is what the server's log says; see
    /// [`Metric::of_served`].
    #[must_use]
    pub fn of(self, row: &Row) -> Option<f64> {
        let ok = row.end.is_ok();
        let ns = match self {
            Self::Lateness => row.lateness_ns(),
            Self::ConnectionWait => row.connection_wait_ns(),
            Self::Itl
            | Self::QueueWait
            | Self::Processing
            | Self::ServerTtft
            | Self::ServerTotal
            | Self::Classification => None,
            Self::Tpot => return row.tpot_ns().filter(|_| ok),
            Self::Ttft => row.ttft_ns().filter(|_| ok),
            Self::TtftService => row.ttft_service_ns().filter(|_| ok),
            Self::TotalLatency => row.total_latency_ns().filter(|_| ok),
            Self::TotalLatencyService => row.total_latency_service_ns().filter(|_| ok),
            Self::Latency => row.latency_ns().filter(|_| ok),
            Self::LatencyService => row.latency_service_ns().filter(|_| ok),
            Self::ClientDuration => row.client_duration_ns().filter(|_| ok),
        };
        ns.map(|ns| ns as f64)
    }

    /// Its value by the server's log in nanoseconds, of a request that succeeded; none where the
    /// log does not hold it, or it is measured by the client.
    #[must_use]
    pub fn of_served(self, served: &Served) -> Option<f64> {
        let ns = match self {
            Self::QueueWait => served.queue_wait_ns,
            Self::Processing => served.processing_ns,
            Self::ServerTtft => served.ttft_ns,
            Self::ServerTotal => served.total_ns,
            Self::Classification => served.classification_ns,
            _ => None,
        };
        ns.map(|ns| ns as f64)
    }

    /// Whether only the server's own log holds it.
    #[must_use]
    pub fn is_of_server(self) -> bool {
        Self::OF_SERVER.contains(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::Metric;

    #[test]
    fn a_metric_is_its_place_in_the_list() {
        for (place, metric) in Metric::ALL.into_iter().enumerate() {
            assert_eq!(metric as usize, place, "{}", metric.name());
            assert!(metric.key().starts_with(metric.name()));
        }
    }
}
