//! The crate as its users see it: real samples, properties, and counts of allocations.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod allocations;
mod properties;
mod samples;
