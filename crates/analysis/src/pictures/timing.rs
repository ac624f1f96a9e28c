//! The times of a request that pictures show, of imported runs as well.

use super::Run;
use proofload_record::Row;

/// Which time stands for the whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// From due to the last token.
    TotalLatency,
    /// From sent to the end: all that an imported run knows.
    ClientDuration,
}

impl Whole {
    /// The one that the rows of a run have.
    pub(super) fn of(run: &Run<'_>) -> Self {
        let placed = run.tally.rows.iter().any(Row::is_placed);
        if placed || run.tally.rows.is_empty() { Self::TotalLatency } else { Self::ClientDuration }
    }

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::TotalLatency => "total latency",
            Self::ClientDuration => "client duration",
        }
    }

    /// The same at the beginning of a title.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::TotalLatency => "Total latency",
            Self::ClientDuration => "Client duration",
        }
    }

    /// What [`ttft_ns`] is called, which says whose it is.
    pub(super) const fn ttft_label(self) -> &'static str {
        match self {
            Self::TotalLatency => "time to the first token",
            Self::ClientDuration => "server's log: time to the first token",
        }
    }

    /// The axis of both, from the moment at which they begin.
    pub(super) const fn since(self) -> &'static str {
        match self {
            Self::TotalLatency => "time since due",
            // The server's log of an imported run counts from another moment.
            Self::ClientDuration => "time",
        }
    }

    /// Its value for an answer in nanoseconds.
    pub(super) fn ns(self, row: &Row) -> Option<f64> {
        let ns = match self {
            Self::TotalLatency => row.total_latency_ns(),
            Self::ClientDuration => row.client_duration_ns(),
        };
        ns.filter(|_| row.end.is_ok()).map(|ns| ns as f64)
    }

    /// How long a failure took, where that is known.
    pub(super) fn failed_ns(self, row: &Row) -> Option<f64> {
        let ns = match self {
            Self::TotalLatency => row.latency_ns(),
            Self::ClientDuration => row.client_duration_ns(),
        };
        ns.filter(|_| !row.end.is_ok()).map(|ns| ns as f64)
    }
}

/// Time to the first token in nanoseconds: the client's, or the server's where only that is known.
pub(super) fn ttft_ns(run: &Run<'_>, row: &Row) -> Option<f64> {
    let ns = if row.is_placed() {
        row.ttft_ns()
    } else {
        run.dir.server().and_then(|server| server.get(row.index)).and_then(|served| served.ttft_ns)
    };
    ns.filter(|_| row.end.is_ok()).map(|ns| ns as f64)
}

/// Sorted upwards.
pub(super) fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}
