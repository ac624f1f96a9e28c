//! A Redis server of one's own, for tests and demonstrations.
//!
//! [`RedisProcess`] runs `redis-server` in a temporary folder, on a free port of 127.0.0.1, and does to
//! it what a test of failure needs: kill it, start it again on the same folder and port, stop it from
//! running for a while. It ends, and its folder is removed, when the value is dropped. [`available`]
//! tells whether there is a server to run at all.
//!
//! ```no_run
//! use proofload_redis_process::{Fsync, Options, RedisProcess};
//! let options = Options { append_only: Some(Fsync::EverySecond), ..Options::default() };
//! let mut redis = RedisProcess::start(options)?;
//! println!("{}", redis.address());
//! redis.kill()?;
//! redis.restart()?;
//! # Ok::<(), proofload_redis_process::ProcessError>(())
//! ```
//!
//! It talks to the server only to find out that it is there, over a plain socket: a client would be a
//! dependency of everybody's tests, and its commands would be in the server's counts.
//!
//! Left out: replicas, clusters, TLS, unix sockets; ending the server when this process is itself killed.

mod ask;
mod options;
mod process;

pub use options::{Fsync, Options};
pub use process::{ProcessError, RedisProcess, available};
