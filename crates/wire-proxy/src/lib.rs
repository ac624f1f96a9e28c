//! A proxy on the loopback between a client and a server: further away, or cut at a byte.
//!
//! [`Proxy`] forwards any number of TCP connections. With [`Plan::delay`] each round trip is that much
//! longer. All of it lies on the reply: a request passes at once, a reply is held from when the proxy
//! received it. That is one timer a round trip, and one place where it is measured. It is latency and not
//! bandwidth: bytes keep their order, those that arrive together leave together, and a second request does
//! not wait for the first one's reply. With a [`Fault`] exactly so many bytes of one direction pass, and
//! then both sides are closed, or nothing more is forwarded.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::{TcpListener, TcpStream};
//! use std::time::{Duration, Instant};
//! use proofload_wire_proxy::{Direction, Plan, Proxy};
//! let server = TcpListener::bind("127.0.0.1:0")?;
//! let proxy = Proxy::start(server.local_addr()?, Plan::delay(Duration::from_millis(2)))?;
//! let mut client = TcpStream::connect(proxy.address())?;
//! let (mut served, _) = server.accept()?;
//! let since = Instant::now();
//! served.write_all(b"hello")?;
//! client.read_exact(&mut [0; 5])?;
//! assert!(since.elapsed() >= Duration::from_millis(2));
//! drop(proxy);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What is stated
//! [`Proxy::passed`] tells how long chunks were in the proxy, each from its receipt until the write of its
//! last byte had returned. That leaves out what a second hop costs before the receipt and after the write;
//! [`Proxy::calibrate`] measures round trips through the proxy and without it, lets replies go early by
//! what the hops cost, and states what the difference came to then.
//!
//! Two threads a connection, one a direction, each asleep in `ppoll` until there is something to read or
//! due; a sleep is precise to the kernel's own lateness (its timer slack is 1 ns), and nothing spins, since
//! client and server need the cores. A direction holds at most [`HELD_MAX_BYTES`]; beyond that it reads no
//! more, so the sender waits. Left out: loss, reordering, bandwidth, addresses beyond the loopback.

mod held;
mod link;
mod plan;
mod proxy;
mod pump;
mod queue;
mod round_trips;

pub use held::Passed;
pub use plan::{Direction, Ending, Fault, Plan};
pub use proxy::{CONNECTIONS_MAX, DELAY_MAX, Proxy};
pub use queue::HELD_MAX_BYTES;
pub use round_trips::{Calibration, RoundTrips, round_trips};
