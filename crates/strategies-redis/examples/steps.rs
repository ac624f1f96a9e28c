//! Old, lock and batch on a Redis server, 100 containers of a kilobyte on 20 workers: `steps [URL [MS]]`,
//! through a proxy that makes each round trip MS milliseconds longer. Without an address it starts a server
//! of its own.

#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::net::ToSocketAddrs;
use std::time::Duration;

use proofload_redis_process::{Options as Server, RedisProcess};
use proofload_scheduler::{Megabytes, Millicores, Request, Worker};
use proofload_scheduler_redis::wire::{Address, Options};
use proofload_strategies::{Settings, Steps, Work, run_steps};
use proofload_strategies_redis::RedisPrimitives;
use proofload_wire_proxy::{Direction, Plan, Proxy};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut own = None;
    let url = match arguments.next() {
        Some(url) => url,
        None => own.insert(RedisProcess::start(Server::default())?).url(),
    };
    let near: Address = url.parse()?;
    let longer = Duration::from_secs_f64(arguments.next().map_or(Ok(0.0), |ms| ms.parse())? / 1e3);
    let endpoint = url.trim_start_matches("redis://").to_socket_addrs()?.next();
    let proxy = Proxy::start(endpoint.ok_or("no such host")?, Plan::delay(longer))?;
    let far = match longer.is_zero() {
        true => near.clone(),
        false => {
            let found = proxy.calibrate(200)?;
            println!("asked for {longer:?}, measured {:?} a round trip", found.added);
            format!("redis://{}", proxy.address()).parse()?
        }
    };
    let mut fleet = Vec::new();
    for number in 1..=20 {
        let (cpu, memory) = (Millicores::new(10_000)?, Megabytes::new(20_480)?);
        fleet.push(Worker::new(format!("worker-{number}"), cpu, memory));
    }
    let mut requests = Vec::new();
    for number in 1..=100 {
        let (cpu, memory) = (Millicores::new(100)?, Megabytes::new(256)?);
        requests.push(Request::new(format!("container-{number}"), cpu, memory));
    }
    let payload = "x".repeat(1_000);
    for steps in [Steps::Old, Steps::Lock, Steps::Batch] {
        let prefix = format!("proofload-steps-{}", std::process::id());
        let hand = RedisPrimitives::open(&near, Options::default(), &prefix)?;
        hand.put_workers(&fleet)?;
        hand.enqueue(&requests, &payload, Duration::ZERO)?;
        let replica = RedisPrimitives::open(&far, Options::default(), &prefix)?;
        proxy.forget_passed();
        let work = Work::of(requests.len());
        let ran = run_steps(steps, vec![replica], &hand, &work, &Settings::default())?;
        let held = proxy.passed(Direction::Reply);
        let audit = hand.audit()?;
        hand.remove_all()?;
        let wire = ran.counts.wire.unwrap_or_default();
        println!(
            "{:<6}{:>4} placed, {} lost, {} faults, {:>5} round trips, {:>5} commands, {:>5} locks, {:?}",
            format!("{steps:?}"),
            audit.placed,
            audit.popped,
            audit.faults.len(),
            wire.round_trips,
            wire.commands + wire.script_calls,
            ran.counts.locks.taken,
            ran.total
        );
        if held.chunks > 0 {
            println!(
                "      in the proxy {:?} a reply, p50 {:?}, p99 {:?}, max {:?}",
                held.mean, held.p50, held.p99, held.max
            );
        }
    }
    Ok(())
}
