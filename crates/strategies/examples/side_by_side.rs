//! The four strategies on the same 100 containers and 20 workers, and what each cost.

#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::time::Duration;

use proofload_scheduler::{Megabytes, MemoryStore, Millicores, Request, Store, Worker};
use proofload_strategies::{Settings, Strategy, Work, run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for strategy in Strategy::ALL {
        let store = MemoryStore::new();
        for number in 1..=20 {
            let (cpu, memory) = (Millicores::new(10_000)?, Megabytes::new(20_480)?);
            store.put_worker(Worker::new(format!("worker-{number}"), cpu, memory))?;
        }
        let mut containers = Vec::new();
        for number in 1..=100 {
            let (cpu, memory) = (Millicores::new(100)?, Megabytes::new(256)?);
            containers.push(Request::new(format!("container-{number}"), cpu, memory));
        }
        store.enqueue(containers, Duration::ZERO)?;
        let work = Work::of(100);
        let ran =
            run(strategy, vec![store.handle()], &store.handle(), &work, &Settings::default())?;
        println!(
            "{:<6}{:>4} placed, {:>5} operations, {:>5} locks, {:?}",
            strategy.name(),
            ran.placed.len(),
            ran.counts.operations,
            ran.counts.locks.taken,
            ran.total
        );
    }
    Ok(())
}
