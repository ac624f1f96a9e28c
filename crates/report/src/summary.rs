//! `summary.csv`: one row a request, with what most people want to know.

use crate::detailed::{self, Column, Source};

pub(crate) const COLUMNS: [Column; 13] = [
    detailed::REQUEST_ID,
    ("status_code", Source::Seen(detailed::status)),
    detailed::CLIENT_DURATION,
    detailed::TTFT,
    detailed::TOTAL_LATENCY,
    detailed::LATENCY,
    detailed::TPOT,
    detailed::TOKENS,
    detailed::MODE,
    detailed::PRIORITY,
    detailed::MODEL,
    detailed::OUTCOME,
    detailed::WARMUP,
];
