//! Schedules containers on workers, in ways old and new, and says what each cost.

mod args;
mod block;
mod grade;
mod once;
mod scenario;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use proofload_launch::{Code, Exit, Session};
use proofload_scheduler::Policy;
use proofload_strategies::Strategy;

use crate::args::Args;
use crate::block::Block;
use crate::once::once;
use crate::scenario::{Scenario, Which};

fn main() -> ExitCode {
    proofload_launch::run(
        Args::parse(),
        |args| &args.run.log,
        |args, session| schedule(&args, session),
    )
}

fn schedule(args: &Args, session: &mut Session) -> anyhow::Result<Code> {
    let scenario = args.settings().scenario(args.run.seed).map_err(Exit::usage)?;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    session.interrupt().on_set(move || asked.store(true, Ordering::Relaxed));
    let judged = match args.strategy {
        Which::All => Strategy::Ours,
        Which::One(strategy) => strategy,
    };
    let once = once(judged, &scenario, &stop)?;
    let goals = grade::goals(&once, &scenario, is_spread(judged, &scenario));
    let block = Block {
        once: &once,
        scenario: &scenario,
        strategy: judged,
        goals: &goals,
        which: "Run 1".to_owned(),
    };
    write!(session.out(), "{}", block.text()?)?;
    Ok(if goals.iter().all(|goal| goal.met) { Code::Ok } else { Code::NotMet })
}

/// Whether containers are to be spread evenly: not by a policy that fills workers up.
fn is_spread(strategy: Strategy, scenario: &Scenario) -> bool {
    strategy != Strategy::Ours || scenario.policy != Policy::BestFit
}
