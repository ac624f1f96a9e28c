//! Users without think time fetch one path again and again, and every request is recorded in a run
//! directory: `closed_loop HOST:PORT PATH USERS REQUESTS OUT [FILTER]`. With `FILTER`, such as `info` or
//! `debug`, there is a log on stderr, a line of JSON each.
//!
//! Prints the rate, the CPU time of this whole process a request (the writer's included) and its
//! memory before the first request and at its peak.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use proofload_http_load::{
    Ask, Config, Endpoint, HttpConfig, InFlightCap, Labels, MakeHttp, Pacing, Stop, Timeouts,
    Trust, raise_descriptor_limit, run_users,
};
use proofload_record::Secrets;
use proofload_record::clock::{Clock, monotonic_ns, process_cpu_ns};
use proofload_run_dir::{Finish, Manifest, PlanRow, State, Writer};
use proofload_workload::{Payload, Users};
use tracing_subscriber::EnvFilter;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [target, path, users, requests, out, filter @ ..] = args.as_slice() else {
        return Err("usage: closed_loop HOST:PORT PATH USERS REQUESTS OUT [FILTER]".into());
    };
    if let [filter] = filter {
        let filter: EnvFilter = filter.parse()?;
        tracing_subscriber::fmt()
            .json()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .init();
    }
    let (host, port) = target.rsplit_once(':').ok_or("expected HOST:PORT")?;
    let users = Users::new(users.parse()?, requests.parse()?);
    raise_descriptor_limit();
    let endpoint = Endpoint {
        https: false,
        host: host.to_owned(),
        port: port.parse()?,
        prefix: String::new(),
    };
    let http = HttpConfig {
        endpoint,
        ask: Ask::Fetch { path: path.clone() },
        headers: Vec::new(),
        labels: Labels::None,
        timeouts: Timeouts::default(),
        trust: Trust::System,
        secrets: Arc::new(Secrets::default()),
        run_id: "000000000000".to_owned(),
    };
    let make = MakeHttp::new(http, &[])?;

    let manifest = Manifest::new("closed_loop", env!("CARGO_PKG_VERSION"));
    let out = PathBuf::from(out);
    let mut writer =
        Writer::create(proofload_run_dir::Config { out, manifest, keep_chunks: false })?;
    for _ in 0..users.requests() {
        let entry = PlanRow { id: "", due_ns: 0, class: 0, offset: 0, len: 0, crc: 0 };
        writer.plan_entry(&entry)?;
    }
    let prepared = writer.prepare(1, || ())?;
    let base_kb = status_kb("VmRSS:");
    let (clock, cpu_ns) = (Clock::from_origin(monotonic_ns()), process_cpu_ns());
    let (running, recorders) = prepared.begin(clock);
    let config = Config {
        pacing: Pacing::Balanced,
        max_in_flight: None,
        permit_timeout: Duration::from_secs(60),
        cap: InFlightCap::of_machine(1, false),
        keep_chunks: false,
        keep_responses: None,
        keep_going: true,
    };
    let payload = Payload { body: Default::default(), stream: false };
    run_users(&users, &payload, &make, &config, clock, recorders, &Stop::default())?;
    let (took_ns, cpu_ns) = (clock.now_ns(), process_cpu_ns() - cpu_ns);
    let progress = running.progress();
    running.finish(Finish { state: State::Complete, end_reason: None })?;

    let requests = progress.finished as f64;
    writeln!(
        std::io::stdout(),
        "{} ok of {}, {:.0} requests/s, {:.2} CPU s a million requests, {base_kb} kB before and {} kB at the \
         peak, {} rows dropped",
        progress.outcomes[0],
        progress.finished,
        requests / (took_ns as f64 / 1e9),
        cpu_ns as f64 / 1e3 / requests,
        status_kb("VmHWM:"),
        progress.rows_dropped,
    )?;
    Ok(())
}

fn status_kb(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
