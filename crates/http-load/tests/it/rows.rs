//! A sink that keeps everything, and plans to fill it with.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proofload_http_load::{
    Config, HttpConfig, InFlightCap, Labels, MakeHttp, MakeTarget, Pacing, RunError, Stop, Stopped,
    Timeouts, Trust, run,
};
use proofload_record::clock::{Clock, monotonic_ns};
use proofload_record::{Load, Note, Row, Secrets, Sink};
use proofload_workload::{Plan, PlanOptions, StreamMode, Workload};

/// What all workers of a run handed over.
#[derive(Clone, Default)]
pub(crate) struct Rows(Arc<Mutex<Kept>>);

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) rows: Vec<(Row, Note)>,
    pub(crate) released: u64,
    pub(crate) gaps_ns: Vec<u64>,
    pub(crate) chunks: Vec<(u32, Vec<u64>)>,
    pub(crate) responses: Vec<(u32, String, bool)>,
    pub(crate) ticks: u64,
}

impl Rows {
    /// Everything, rows in the order of the plan.
    pub(crate) fn take(&self) -> Kept {
        let mut kept = std::mem::take(&mut *self.0.lock().unwrap());
        kept.rows.sort_by_key(|(row, _)| row.index);
        kept
    }
}

impl Sink for Rows {
    fn released(&mut self, _lateness_ns: u64) {
        self.0.lock().unwrap().released += 1;
    }

    fn gap(&mut self, _index: u32, _class: u16, gap_ns: u64) {
        self.0.lock().unwrap().gaps_ns.push(gap_ns);
    }

    fn finished(&mut self, row: &Row, note: Note) {
        self.0.lock().unwrap().rows.push((*row, note));
    }

    fn chunks(&mut self, index: u32, arrivals_ns: &[u64]) {
        self.0.lock().unwrap().chunks.push((index, arrivals_ns.to_vec()));
    }

    fn response(&mut self, index: u32, text: String, truncated: bool) {
        self.0.lock().unwrap().responses.push((index, text, truncated));
    }

    fn tick(&mut self, _load: Load) {
        self.0.lock().unwrap().ticks += 1;
    }
}

/// A plan of small requests due at these milliseconds.
pub(crate) fn plan(offsets_ms: &[u64]) -> Plan {
    plan_of(offsets_ms, 2)
}

/// A plan of requests due at these milliseconds, with a prompt of so many bytes each.
pub(crate) fn plan_of(offsets_ms: &[u64], prompt_bytes: usize) -> Plan {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "arrival_offset,body_json").unwrap();
    let prompt = "p".repeat(prompt_bytes);
    for offset in offsets_ms {
        let message = format!(r#"{{""role"":""user"",""content"":""{prompt}""}}"#);
        writeln!(file, r#"{offset},"{{""model"":""m"",""messages"":[{message}]}}""#).unwrap();
    }
    let workload = Workload::open(file.path()).unwrap();
    let options = PlanOptions { stream: StreamMode::Force, ..PlanOptions::default() };
    let plan = workload.plan(&options).unwrap();
    // The file stays for as long as the test process: payloads are read from it later.
    let _ = file.keep().unwrap();
    plan
}

pub(crate) fn config() -> Config {
    Config {
        pacing: Pacing::Balanced,
        max_in_flight: None,
        permit_timeout: Duration::from_secs(60),
        cap: InFlightCap::of_machine(1, true),
        keep_chunks: false,
        keep_responses: None,
        keep_going: true,
    }
}

pub(crate) fn http_config(port: u16) -> HttpConfig {
    HttpConfig {
        endpoint: proofload_http_load::Endpoint {
            https: false,
            host: "127.0.0.1".to_owned(),
            port,
            prefix: "/v1".to_owned(),
        },
        ask: proofload_http_load::Ask::Chat,
        headers: Vec::new(),
        labels: Labels::Headers,
        timeouts: Timeouts::default(),
        trust: Trust::System,
        secrets: Arc::new(Secrets::default()),
        run_id: "0123456789ab".to_owned(),
    }
}

/// Runs `plan` with one worker.
pub(crate) fn run_with<M: MakeTarget>(
    plan: &Plan,
    make: &M,
    config: &Config,
    stop: &Stop,
) -> (Result<Stopped, RunError>, Kept) {
    let rows = Rows::default();
    let clock = Clock::from_origin(monotonic_ns() + 20_000_000);
    let payloads = plan.payloads().unwrap();
    let ended = run(plan, payloads, make, config, clock, vec![rows.clone()], stop);
    (ended, rows.take())
}

/// Runs `plan` over HTTP and gives what was seen.
pub(crate) fn run_http(plan: &Plan, http: HttpConfig) -> Kept {
    let make = MakeHttp::new(http, plan.classes()).unwrap();
    let (ended, kept) = run_with(plan, &make, &config(), &Stop::default());
    assert_eq!(ended.unwrap(), None);
    kept
}
