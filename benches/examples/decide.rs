//! Takes so many decisions, by one way: what `callgrind` counts instructions of. Of two runs of different
//! length, what making the fleet takes drops out.

use std::error::Error;
use std::io::Write;

use proofload_benches::scheduler::{
    Fill, Fleet, HundredOnTwenty, LinearScan, Mix, SourceLoop, requests,
};
use proofload_scheduler::Policy;

const WORKERS: u32 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [way, count] = &arguments[..] else {
        return Err(
            "usage: decide spread|best-fit|source|linear|pass|batch|batch-uncounted COUNT".into()
        );
    };
    let count = count.parse()?;
    let placed = match way.as_str() {
        "spread" => ours(Policy::Spread, count),
        "best-fit" => ours(Policy::BestFit, count),
        "source" => source(count),
        "linear" => linear(count),
        "pass" => pass(count),
        "batch" => batches(count, true)?,
        "batch-uncounted" => batches(count, false)?,
        other => return Err(format!("no way to decide is called {other:?}").into()),
    };
    writeln!(std::io::stdout(), "{placed}")?;
    Ok(())
}

fn fleet() -> Fleet {
    Fleet::new(WORKERS, Mix::Mixed, Fill::Half)
}

/// The requests are made ready in any case, so that it costs the same in a short run.
const REQUESTS: usize = 2_000;

fn ours(policy: Policy, count: usize) -> usize {
    let (mut placer, _) = fleet().placer(policy);
    let shapes: Vec<_> =
        requests(REQUESTS, Mix::Mixed).iter().map(|request| placer.shape(request)).collect();
    shapes.iter().take(count).filter_map(|shape| placer.place(shape)).count()
}

fn source(count: usize) -> usize {
    let mut source = SourceLoop::new(&fleet());
    let wanted = requests(REQUESTS, Mix::Mixed);
    wanted.iter().take(count).filter_map(|request| source.place(request)).count()
}

fn linear(count: usize) -> usize {
    let mut scan = LinearScan::new(&fleet());
    let ready: Vec<_> =
        requests(REQUESTS, Mix::Mixed).iter().map(|request| scan.wanted(request)).collect();
    ready.iter().take(count).filter_map(|wanted| scan.place(wanted)).count()
}

/// Passes over the fleet: a request without GPUs is looked for once.
fn pass(count: usize) -> usize {
    let scan = LinearScan::new(&fleet());
    let wanted = scan.wanted(&requests(1, Mix::Uniform)[0]);
    (0..count).filter_map(|_| scan.find(std::hint::black_box(&wanted))).count()
}

/// Batches of 100 on 20 workers.
fn batches(count: usize, counting: bool) -> Result<usize, Box<dyn Error>> {
    let mut scenario = HundredOnTwenty::new()?;
    scenario.count(counting);
    let mut placed = 0;
    for _ in 0..count {
        scenario.enqueue()?;
        placed += scenario.batch()?;
        scenario.release()?;
    }
    Ok(placed)
}
