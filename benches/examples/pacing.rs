//! How late do requests leave? Lateness, CPU and waiting for the CPU by pacing mode and rate.
//!
//! Poisson arrivals for three seconds, one worker; against a target without a network, and against
//! the simulator's `/null` over warm connections. Of three rounds the one with the lowest p99 is
//! shown: on a shared machine the others measure the neighbours. Waiting for the CPU says whether
//! the core was free; where it was not, the lateness is the machine's and not the pacer's.

use std::error::Error;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use proofload_benches::{Poisson, thread_waiting_ns};
use proofload_http_load::{
    Config, Endpoint, HttpConfig, InFlightCap, Labels, MakeHttp, MakeTarget, Pacing, Scripted,
    Stop, Timeouts, Trust, raise_descriptor_limit, run,
};
use proofload_record::clock::{Clock, monotonic_ns, thread_cpu_ns};
use proofload_record::{Load, Note, Row, Secrets, Sink};
use proofload_simulator::{Options, Simulator};
use proofload_stats::{Quantile, quantile};
use proofload_workload::{Plan, PlanOptions, StreamMode, Workload};

const SECONDS: u32 = 3;
const ROUNDS: usize = 3;
/// The first half second opens connections and fills caches.
const WARM_UP_NS: u64 = 500_000_000;

/// What one worker measured of itself.
#[derive(Clone, Debug, Default)]
struct Measured {
    lateness_ns: Vec<u64>,
    ok: u64,
    failed: u64,
    busy_share: f64,
    waiting_share: f64,
}

/// Measures on the worker's own thread and hands over when the worker ends.
struct Meter {
    clock: Clock,
    seen: Measured,
    began: Option<(u64, u64, u64)>,
    out: Arc<Mutex<Measured>>,
}

impl Sink for Meter {
    fn released(&mut self, lateness_ns: u64) {
        let now_ns = self.clock.now_ns();
        if now_ns < WARM_UP_NS {
            return;
        }
        self.began.get_or_insert_with(|| (now_ns, thread_cpu_ns(), thread_waiting_ns()));
        self.seen.lateness_ns.push(lateness_ns);
    }

    fn gap(&mut self, _index: u32, _class: u16, _gap_ns: u64) {}

    fn finished(&mut self, row: &Row, _note: Note) {
        *(if row.end.is_ok() { &mut self.seen.ok } else { &mut self.seen.failed }) += 1;
    }

    fn chunks(&mut self, _index: u32, _arrivals_ns: &[u64]) {}

    fn response(&mut self, _index: u32, _text: String, _truncated: bool) {}
    fn tick(&mut self, _load: Load) {
        let Some((began_ns, cpu_ns, waiting_ns)) = self.began else { return };
        let elapsed_ns = (self.clock.now_ns() - began_ns) as f64;
        self.seen.busy_share = (thread_cpu_ns() - cpu_ns) as f64 / elapsed_ns;
        self.seen.waiting_share = (thread_waiting_ns() - waiting_ns) as f64 / elapsed_ns;
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        *self.out.lock().unwrap_or_else(PoisonError::into_inner) = std::mem::take(&mut self.seen);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    raise_descriptor_limit();
    let mut simulator =
        Simulator::start(Options::default(), SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None)?;
    let null = null_target(simulator.addr())?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "| target | requests/s | pacing | p50 µs | p99 µs | max µs | CPU | waiting for CPU | answers ok |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |")?;
    for rate in [1_000, 10_000] {
        let plan = plan(rate)?;
        for pacing in [Pacing::Balanced, Pacing::Precise] {
            let best = best_of(&plan, &Scripted::default(), pacing)?;
            print(&mut out, "scripted", rate, pacing, &best)?;
            let best = best_of(&plan, &null, pacing)?;
            print(&mut out, "/null", rate, pacing, &best)?;
        }
    }
    simulator.stop()?;
    Ok(())
}

fn print(
    out: &mut impl Write,
    target: &str,
    rate: u32,
    pacing: Pacing,
    measured: &Measured,
) -> std::io::Result<()> {
    let mut sorted = measured.lateness_ns.clone();
    sorted.sort_unstable();
    let at = |q| quantile(&sorted, q).map_or(f64::NAN, |ns| ns as f64 / 1e3);
    let max = sorted.last().map_or(f64::NAN, |&ns| ns as f64 / 1e3);
    let Measured { ok, failed, busy_share, waiting_share, .. } = measured;
    writeln!(
        out,
        "| {target} | {rate} | {} | {:.1} | {:.1} | {max:.0} | {:.0} % | {:.1} % | {ok} of {} |",
        pacing.label(),
        at(Quantile::P50),
        at(Quantile::P99),
        100.0 * busy_share,
        100.0 * waiting_share,
        ok + failed,
    )
}

fn best_of<M: MakeTarget>(
    plan: &Plan,
    make: &M,
    pacing: Pacing,
) -> Result<Measured, Box<dyn Error>> {
    let p99 = |measured: &Measured| {
        let mut sorted = measured.lateness_ns.clone();
        sorted.sort_unstable();
        quantile(&sorted, Quantile::P99)
    };
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(round(plan, make, pacing)?);
    }
    rounds.into_iter().min_by_key(p99).ok_or_else(|| "no round".into())
}

fn round<M: MakeTarget>(plan: &Plan, make: &M, pacing: Pacing) -> Result<Measured, Box<dyn Error>> {
    let config = Config {
        pacing,
        max_in_flight: None,
        permit_timeout: Duration::from_secs(60),
        cap: InFlightCap::of_machine(1, true),
        keep_chunks: false,
        keep_responses: None,
        keep_going: true,
    };
    let clock = Clock::from_origin(monotonic_ns() + 50_000_000);
    let out = Arc::new(Mutex::new(Measured::default()));
    let lateness_ns = Vec::with_capacity(plan.len() as usize);
    let seen = Measured { lateness_ns, ..Measured::default() };
    let meter = Meter { clock, seen, began: None, out: Arc::clone(&out) };
    run(plan, plan.payloads()?, make, &config, clock, vec![meter], &Stop::default())?;
    let measured = out.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(measured)
}

/// Poisson arrivals at `rate` requests/s, the same ones every time.
fn plan(rate: u32) -> Result<Plan, Box<dyn Error>> {
    let mut file = tempfile::NamedTempFile::new()?;
    writeln!(file, "arrival_offset,body_json")?;
    let mut at_ms = 0.0;
    for gap_ms in Poisson::new(f64::from(rate)).take((rate * SECONDS) as usize) {
        at_ms += gap_ms;
        writeln!(file, r#"{at_ms:.6},"{{""model"":""m"",""messages"":[]}}""#)?;
    }
    let workload = Workload::open(file.path())?;
    // Payloads are read while the plan is sent, so the file stays.
    file.keep()?;
    let options = PlanOptions { stream: StreamMode::AsWritten, ..PlanOptions::default() };
    Ok(workload.plan(&options)?)
}

fn null_target(address: SocketAddr) -> Result<MakeHttp, Box<dyn Error>> {
    let endpoint = Endpoint {
        https: false,
        host: address.ip().to_string(),
        port: address.port(),
        prefix: "/null".to_owned(),
    };
    let config = HttpConfig {
        endpoint,
        ask: proofload_http_load::Ask::Chat,
        headers: Vec::new(),
        labels: Labels::None,
        timeouts: Timeouts::default(),
        trust: Trust::System,
        secrets: Arc::new(Secrets::default()),
        run_id: "000000000000".to_owned(),
    };
    Ok(MakeHttp::new(config, &[])?)
}
