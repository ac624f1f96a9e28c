//! The names of the files that a run writes.

pub(crate) const MANIFEST: &str = "run.json";
pub(crate) const PLAN: &str = "plan.bin";
pub(crate) const JOURNAL: &str = "requests.bin";
pub(crate) const NOTES: &str = "requests.txt";
pub(crate) const LATENCIES: &str = "latency.hlog";
pub(crate) const GENERATOR: &str = "generator.csv";
pub(crate) const CHUNKS: &str = "chunks.bin";
pub(crate) const RESPONSES: &str = "responses.bin";
pub(crate) const SERVER: &str = "server.csv";
pub(crate) const SERVER_ABOUT: &str = "server.json";

/// The log of a simulator that is part of the program, which joins it at its end.
pub(crate) const OWN_LOG: &str = "server.sqlite";
