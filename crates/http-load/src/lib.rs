//! Sends work on time and records what came back, phase by phase.
//!
//! [`run`] takes a compiled plan and lets every request go at its due time, whatever became of the
//! ones before (an open loop); [`run_users`] lets users ask again when they have their answer. One thread a worker, each with its own runtime, connections, slice
//! of the plan (`i mod workers`) and [`Sink`](proofload_record::Sink): nothing is shared on the way
//! of a send. A loader thread reads payloads a little ahead of their due time.
//!
//! What a request meets is behind the [`Target`] trait: [`HttpTarget`] speaks HTTP/1.1 over raw
//! hyper, plain or TLS, and stamps every read and write below TLS; [`Scripted`] answers by a script
//! and is what tests and the pacing measurement use.
//!
//! Why raw hyper and not a client library: a pool that queues, a timer of 1 ms, or a body that is
//! collected before it is looked at would each be counted as the server's latency.
//!
//! Left out until a program needs it: think time, HTTP/2, downloads.

mod caps;
mod carriers;
mod engine;
mod http;
mod lane;
mod pacer;
mod preflight;
mod scripted;
mod stop;
mod target;
mod worker;

pub use caps::{InFlightCap, raise_descriptor_limit};
pub use engine::{Config, RunError, Stopped, run, run_users};
pub use http::{
    Ask, Endpoint, HttpConfig, HttpTarget, Labels, MakeHttp, SetupError, Timeouts, Trust,
};
pub use pacer::Pacing;
pub use preflight::{Found, Unreachable, preflight};
pub use scripted::Scripted;
pub use stop::{Reason, Stop};
pub use target::{MakeTarget, Request, Seen, Target};
