//! The scheduler without a runtime: 100 containers on 20 workers, in this thread.

#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::process::ExitCode;
use std::time::Duration;

use proofload_scheduler::{
    Config, Megabytes, MemoryStore, Millicores, Request, Scheduler, Store, Worker,
};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let store = MemoryStore::new();
    for number in 1..=20 {
        let worker = Worker::new(
            format!("worker-{number}"),
            Millicores::new(10_000)?,
            Megabytes::new(20_480)?,
        );
        store.put_worker(worker)?;
    }
    let containers = (1..=100)
        .map(|number| {
            Ok(Request::new(
                format!("container-{number}"),
                Millicores::new(100)?,
                Megabytes::new(256)?,
            ))
        })
        .collect::<Result<_, proofload_scheduler::AmountError>>()?;
    store.enqueue(containers, Duration::ZERO)?;

    let ours = store.handle();
    let mut scheduler = Scheduler::join(
        ours,
        "embedded",
        Config::default(),
        Duration::from_secs(30),
        Duration::ZERO,
    )?;
    let mut placed = 0;
    for millisecond in 0..100 {
        placed += scheduler.step(Duration::from_millis(millisecond))?.settled.placed.len();
    }

    println!("placed {placed} of 100");
    for worker in store.audit().workers {
        println!(
            "{}: {} containers, {} and {} free",
            worker.id, worker.containers, worker.free.cpu, worker.free.memory
        );
    }
    println!("{:?}", scheduler.store().counters().snapshot());
    Ok(if placed == 100 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
