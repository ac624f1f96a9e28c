//! The four strategies on a Redis server, 100 containers of a kilobyte on 20 workers:
//! `side_by_side_redis [URL [MS]]`, each round trip MS milliseconds longer by a proxy. Without an address it
//! starts a server of its own.

#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use proofload_redis_process::{Options as Server, RedisProcess};
use proofload_scheduler::{Megabytes, Millicores, Replica, Request, Worker};
use proofload_scheduler::{Snapshot, Store};
use proofload_scheduler_redis::wire::{self, Address};
use proofload_scheduler_redis::{Options, Parcel, RedisStore};
use proofload_strategies::{Ran, Settings, Strategy, Work, run_ours, run_steps};
use proofload_strategies_redis::RedisPrimitives;
use proofload_wire_proxy::{Direction, Plan, Proxy};

type Error = Box<dyn std::error::Error>;

struct Scene {
    /// Where setting up goes.
    near: Address,
    /// Where strategies go.
    far: Address,
    fleet: Vec<Worker>,
    requests: Vec<Request>,
    payload: String,
}

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let mut own = None;
    let url = match arguments.next() {
        Some(url) => url,
        None => own.insert(RedisProcess::start(Server::default())?).url(),
    };
    let longer = Duration::from_secs_f64(arguments.next().map_or(Ok(0.0), |ms| ms.parse())? / 1e3);
    let endpoint = url.trim_start_matches("redis://").to_socket_addrs()?.next();
    let proxy = match longer.is_zero() {
        true => None,
        false => Some(proxied(endpoint.ok_or("no such host")?, longer)?),
    };
    let far = proxy
        .as_ref()
        .map_or(Ok(url.clone()), |proxy| Ok::<_, Error>(format!("redis://{}", proxy.address())))?;
    let mut scene = Scene {
        near: url.parse()?,
        far: far.parse()?,
        fleet: Vec::new(),
        requests: Vec::new(),
        payload: "x".repeat(1_000),
    };
    for number in 1..=20 {
        let (cpu, memory) = (Millicores::new(10_000)?, Megabytes::new(20_480)?);
        scene.fleet.push(Worker::new(format!("worker-{number}"), cpu, memory));
    }
    for number in 1..=100 {
        let (cpu, memory) = (Millicores::new(100)?, Megabytes::new(256)?);
        scene.requests.push(Request::new(format!("container-{number}"), cpu, memory));
    }
    for strategy in Strategy::ALL {
        if let Some(proxy) = &proxy {
            proxy.forget_passed();
        }
        let (ran, placed) = one(strategy, &scene)?;
        let Snapshot { wire, locks, .. } = ran.counts;
        let wire = wire.unwrap_or_default();
        println!(
            "{:<6}{placed:>4} placed, {:>5} round trips, {:>6} commands, {:>5} locks, {:?}",
            strategy.name(),
            wire.round_trips,
            wire.commands + wire.script_calls,
            locks.taken,
            ran.total
        );
        if let Some(proxy) = &proxy {
            let held = proxy.passed(Direction::Reply);
            let times = (held.p50, held.p99, held.max);
            println!("      in the proxy {:?} a reply; p50, p99, max {times:?}", held.mean);
        }
    }
    Ok(())
}

fn proxied(server: SocketAddr, longer: Duration) -> Result<Proxy, Error> {
    let proxy = Proxy::start(server, Plan::delay(longer))?;
    let found = proxy.calibrate(200)?;
    println!("asked for {longer:?}, measured {:?} a round trip", found.added);
    Ok(proxy)
}

/// A run, and how many containers are then on workers.
fn one(strategy: Strategy, scene: &Scene) -> Result<(Ran, usize), Error> {
    let prefix = format!("proofload-side-by-side-{}", std::process::id());
    let settings = Settings::default();
    let options = wire::Options::default();
    let Some(steps) = strategy.steps() else {
        let setup = RedisStore::open(&scene.near, &prefix, Options::default())?;
        for worker in &scene.fleet {
            setup.put_worker(worker.clone())?;
        }
        let parcel = |request: &Request| Parcel {
            request: request.clone(),
            payload: scene.payload.clone().into_bytes(),
        };
        let parcels: Vec<Parcel> = scene.requests.iter().map(parcel).collect();
        setup.enqueue_parcels(&parcels, Duration::ZERO)?;
        let replica = RedisStore::open(&scene.far, &prefix, Options::default())?;
        let work = Work::of(parcels.len());
        let ran = run_ours(vec![(Replica::ALONE, replica)], &work, &settings)?;
        let placed = setup.audit()?.placed;
        setup.remove_all()?;
        return Ok((ran, placed));
    };
    let hand = RedisPrimitives::open(&scene.near, &prefix, options)?;
    hand.put_workers(&scene.fleet)?;
    hand.enqueue(&scene.requests, &scene.payload, Duration::ZERO)?;
    let replica = RedisPrimitives::open(&scene.far, &prefix, options)?;
    let work = Work::of(scene.requests.len());
    let ran = run_steps(steps, vec![replica], &hand, &work, &settings)?;
    let placed = hand.audit()?.placed;
    hand.remove_all()?;
    Ok((ran, placed))
}
