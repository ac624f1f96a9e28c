//! The whole program, as a child process, against the simulator and worse servers on loopback.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod answers;
mod flags;
mod guide;
mod input;
mod kills;
mod models;
mod outcomes;
mod pipes;
mod program;
mod samples;
mod screen;
mod secrets;
mod server;
mod server_log;
mod signals;
mod target;
mod terminal;
mod truth;
mod workload;
