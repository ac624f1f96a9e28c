//! From the target's flags to something that requests can be sent to.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use proofload_http_load::{
    Ask, Endpoint, HttpConfig, MakeHttp, Reason, Stop, Trust, Unreachable, preflight,
    raise_descriptor_limit,
};
use proofload_launch::{Code, Exit, Place, Session, Target};
use proofload_record::ServerLog;
use proofload_simulator::{Options, Simulator, is_simulator};
use proofload_workload::Plan;

use crate::args::Args;

/// A target that has answered once.
pub(crate) struct Reached {
    /// Its address, for people.
    pub(crate) url: String,
    /// The run's id, the first part of every request id.
    pub(crate) run_id: String,
    pub(crate) make: MakeHttp,
    /// The models that it lists, or in words why they cannot be known.
    pub(crate) models: Result<Vec<String>, String>,
    /// Ends the run; Ctrl-C does.
    pub(crate) stop: Stop,
    simulator: Option<Simulator>,
    /// Whether the target says that it is a simulator of ours.
    says_simulated: bool,
}

impl Reached {
    /// Whether both ends of every connection are in this process.
    pub(crate) const fn is_embedded(&self) -> bool {
        self.simulator.is_some()
    }

    /// Whether the figures are those of a simulator, in this process or elsewhere.
    pub(crate) const fn is_simulated(&self) -> bool {
        self.is_embedded() || self.says_simulated
    }

    /// Ends the simulator, where there is one, and has it write what it still holds.
    pub(crate) fn end(mut self) -> std::io::Result<()> {
        self.simulator.as_mut().map_or(Ok(()), Simulator::stop)
    }
}

/// Whether the flags mean the simulator.
pub(crate) const fn is_simulated(target: &Target) -> bool {
    matches!(target.place, Place::Simulator { .. })
}

/// Starts the simulator, which writes its rows into `log`, or finds the server; either has answered
/// a GET when this returns.
pub(crate) fn reach(
    args: &Args,
    target: &Target,
    plan: &Plan,
    log: Option<Box<dyn ServerLog>>,
    session: &Session,
) -> anyhow::Result<Reached> {
    // Before the first socket: how many requests may be in flight depends on it.
    raise_descriptor_limit();
    let stop = Stop::default();
    let interrupted = stop.clone();
    session.interrupt().on_set(move || interrupted.now(Reason::Interrupted));

    let (simulator, url, endpoint) = match &target.place {
        Place::Simulator { options } => {
            let simulator = start_simulator(options, args.run.seed, log)?;
            let endpoint = endpoint_of(simulator.addr());
            (Some(simulator), "embedded simulator".to_owned(), endpoint)
        }
        Place::Url(url) => {
            let endpoint = Endpoint {
                https: url.is_tls(),
                host: url.host(),
                port: url.port(),
                prefix: format!("{}/v1", url.prefix()),
            };
            (None, url.to_string(), endpoint)
        }
    };
    let trust = match &target.ca_file {
        _ if target.insecure => Trust::Anybody,
        Some(path) => Trust::File(path.clone()),
        None => Trust::System,
    };
    let run_id = run_id();
    let header =
        |header: &proofload_launch::Header| (header.name().to_owned(), header.value().to_owned());
    let config = HttpConfig {
        endpoint,
        ask: Ask::Chat,
        headers: target.headers.iter().map(header).collect(),
        labels: args.labels(is_simulated(target)).in_headers(),
        timeouts: args.timeout,
        trust,
        secrets: Arc::new(target.secrets.clone()),
        run_id: run_id.clone(),
    };
    let make = MakeHttp::new(config, plan.classes()).map_err(Exit::usage)?;
    let waiting = |failed: &Unreachable| {
        if !args.run.quiet {
            session.tell(&format!("{failed}; waiting {} s at most", args.target.wait_ready));
        }
    };
    let found = preflight(&make, target.wait_ready, &stop, waiting);
    if stop.reason().is_some() {
        let error = anyhow!("interrupted before anything was sent");
        return Err(Exit::with(Code::Interrupted, error).into());
    }
    let found = found.map_err(|error| {
        let hint = match args.target.wait_ready {
            0 => {
                "nothing was sent; check --api-base and that the server runs, or wait for one that \
                  is starting with --wait-ready SECONDS"
                    .to_owned()
            }
            waited => format!(
                "nothing was sent, after waiting {waited} s; check --api-base and that the server \
                 runs, or wait longer"
            ),
        };
        Exit::unreachable(anyhow::Error::new(error).context(hint))
    })?;
    let says_simulated = found.server.as_deref().is_some_and(is_simulator);
    Ok(Reached { url, run_id, make, models: found.models, stop, simulator, says_simulated })
}

fn start_simulator(
    options: &[String],
    seed: u64,
    log: Option<Box<dyn ServerLog>>,
) -> anyhow::Result<Simulator> {
    let mut set = Options::default();
    set.set(&format!("seed={seed}")).map_err(Exit::usage)?;
    for option in options {
        set.set(option).map_err(|error| Exit::usage(anyhow!("--sim: {error}")))?;
    }
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let started = Simulator::start(set, listen, log);
    started.context("cannot start the embedded simulator").map_err(|e| Exit::unreachable(e).into())
}

fn endpoint_of(address: SocketAddr) -> Endpoint {
    Endpoint {
        https: false,
        host: address.ip().to_string(),
        port: address.port(),
        prefix: "/v1".to_owned(),
    }
}

/// Twelve hexadecimal digits that no other run has: the requests of two runs never share an id.
fn run_id() -> String {
    let random = RandomState::new().hash_one(std::process::id());
    format!("{:012x}", random & 0xffff_ffff_ffff)
}
