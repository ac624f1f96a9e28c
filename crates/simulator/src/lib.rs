//! A model server to test against: it answers like one, fails on request, and knows when it wrote.
//!
//! Measuring a client needs a server whose truth is known. [`Simulator`] speaks the chat-completion
//! API of OpenAI over HTTP/1.1, streamed and not, with models that have batch slots and one queue by
//! priority each. How long an answer is, how long it takes and what goes wrong with it is drawn
//! from a seed, for each request apart, so it does not depend on which came first. The truth file
//! ([`truth`]) holds the time just before the write of every chunk, on the clock that a client on
//! the same machine reads, and [`Counts`] says what was served.
//!
//! It runs on a thread and a current-thread runtime of its own, so that it can stand inside the
//! program that sends the load. What its log rows become is for the caller: they go to
//! [`proofload_record::ServerLog`], and no database is linked here.
//!
//! ```
//! # use proofload_simulator::{Options, Simulator};
//! # use std::io::{Read, Write};
//! # use std::net::TcpStream;
//! let mut options = Options::default();
//! options.set("decode=2ms")?;
//! options.set("script=ok,http-503,truncate")?;
//! let simulator = Simulator::start(options, "127.0.0.1:0".parse()?, None)?;
//!
//! let mut client = TcpStream::connect(simulator.addr())?;
//! client.write_all(b"GET /health HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\r\n")?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer)?;
//! assert!(answer.starts_with("HTTP/1.1 200 OK"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Routes, with or without `/v1`: `POST /chat/completions`, `GET /models`, `GET /health`, and
//! `/null` with everything below it, which drops what it is sent and answers with one token at once, to
//! calibrate a client.
//! Everything that can be set is in [`Options::settings`]; the ways to fail are in [`Fault`].
//!
//! Left out: text that means anything, tokens of a real tokenizer (four characters make one),
//! tools, HTTP/2 and TLS.

mod answer;
mod chance;
mod chat;
mod connection;
mod counts;
mod exchange;
mod fault;
mod name;
mod options;
mod pen;
mod queue;
mod route;
mod server;
mod simulator;
pub mod truth;

pub use counts::Counts;
pub use fault::{Fault, ParseFaultError};
pub use name::is_simulator;
pub use options::{OptionError, Options, Setting};
pub use simulator::Simulator;
