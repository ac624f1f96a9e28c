//! The server, and what is tested with it.

mod cluster;
mod tests;

pub(crate) use cluster::{Cluster, Database, Programs};
pub(crate) use tests::TESTS;
