//! What every program does around its scenario.
//!
//! A program parses its flags and hands them to [`run`] with one function, its scenario. Everything
//! that would otherwise be copied from program to program happens here: the shared flags
//! ([`RunArgs`], [`TargetArgs`]) and how numbers are read ([`whole_number`]), logging, Ctrl-C
//! ([`Interrupt`]), exit codes ([`Exit`], [`Code`]), a reader such as `head` that goes away, and keys
//! that no message may show.
//!
//! ```no_run
//! use clap::Parser;
//! use proofload_launch::{Code, RunArgs, Session};
//!
//! /// Says hello.
//! #[derive(Parser)]
//! struct Args {
//!     #[command(flatten)]
//!     run: RunArgs,
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     proofload_launch::run(Args::parse(), |args| &args.run.log, scenario)
//! }
//!
//! fn scenario(args: Args, session: &mut Session) -> anyhow::Result<Code> {
//!     writeln!(session.out(), "hello, seed {}", args.run.seed)?;
//!     Ok(Code::Ok)
//! }
//! ```
//!
//! Flags end here: what a scenario passes on is its own plain configuration, [`Target`] among it.
//! Left out: reaching the target and sending, which belong to whoever speaks its protocol.

mod base_url;
mod exit;
mod format;
mod header;
mod interrupt;
mod messages;
mod number;
mod out;
mod run;
mod run_args;
mod target;
mod terminal;

pub use base_url::{BaseUrl, BaseUrlError};
pub use exit::{Code, Exit};
pub use format::{Format, FormatArgs};
pub use header::Header;
pub use interrupt::Interrupt;
pub use number::whole_number;
pub use run::{Session, run};
pub use run_args::{LogArgs, RunArgs, results_dir};
pub use target::{OwnKey, Place, Target, TargetArgs, TargetError};
pub use terminal::Terminal;

/// The commit that this was built from, if it was built in a checkout.
pub const GIT_COMMIT: Option<&str> = option_env!("PROOFLOAD_COMMIT");
