//! The scheduler through its public face.
#![allow(missing_docs)]

mod allocation;
mod counters;
mod defects;
mod inputs;
mod machine;
mod model;
mod policies;
mod races;
mod replicas;
mod state_machine;
mod support;
mod wire;
