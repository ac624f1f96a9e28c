//! The flags of the program, and what they turn into.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::ArgAction;
use proofload_launch::{Format, FormatArgs, LogArgs, whole_number};
use proofload_scheduler::{Megabytes, Millicores, Policy};
use proofload_units::parse_duration;

use crate::redis::StoreArgs;
use crate::scenario::{Mix, Preset, Settings, Which, named};

/// More workers or containers than this are no scenario of one run.
const MOST: NonZeroU32 = NonZeroU32::new(1_000_000).unwrap();
const REPEATS_MOST: NonZeroU32 = NonZeroU32::new(10_000).unwrap();
const BATCH_MOST: NonZeroU32 = NonZeroU32::new(100_000).unwrap();
const REPLICAS_MOST: NonZeroU32 = NonZeroU32::new(64).unwrap();
const MS_MOST: u32 = 3_600_000;

/// The end of `--help`.
const AFTER_HELP: &str = "\
Exit codes:
  0    every run meets every goal
  1    a goal is not met, or with --gate the share of runs in time is too low
  2    a flag is wrong, the folder of --out is not empty, or keys of others lie under --prefix
  4    with --gate: too few runs to tell; 0 with --allow-undecided
  65   the scenario file is missing or malformed
  69   the Redis server of --store cannot be used: it is not reached, asks for another password, is
       older than 7.0, takes no writes
  70   a fault of this machine or program
  74   results cannot be written
  130  interrupted; the runs until then are kept

Examples: what one lock a container does, on a store half a millisecond away; all strategies on Redis
  proofload-schedule --strategy lock --op-delay 500us --repeat 5
  proofload-schedule --store redis://127.0.0.1:6379 --rtt-ms 0.5";

/// Schedule containers on workers, in ways old and new, and say what each cost.
#[derive(clap::Parser)]
#[command(name = "proofload-schedule", version, about, max_term_width = 100, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// The source's variants: `100/20`, `200/40`, `100/10`, `mixed` or `stress`; other flags override it
    #[arg(long, value_name = "NAME", value_parser = preset)]
    preset: Option<Preset>,
    /// Scenario file, TOML, with the names of the flags of a scenario as keys; other flags override it
    #[arg(long = "scenario", value_name = "FILE", conflicts_with = "preset")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// What is run: `old`, `lock`, `batch`, `ours`, or `all` in turns; `ours`, or the one named, is
    /// judged
    #[arg(long, value_name = "NAME", default_value = "all", value_parser = Which::from_str)]
    pub(crate) strategy: Which,
    /// Judge as well whether 95 % of all runs are within --target-time
    #[arg(long)]
    pub(crate) gate: bool,
    /// Run the source's two benchmarks instead and print them as Go does, each --repeat times, once if
    /// that is not given
    #[arg(long, conflicts_with_all = ["preset", "file", "strategy", "gate", "out", "format", "json"])]
    pub(crate) go_bench: bool,
    /// A block for each run, not only for the one with the median total
    #[arg(short, long, action = ArgAction::SetTrue)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// This process is a replica of a run, and is told what to do by the program that started it
    #[arg(long, hide = true)]
    pub(crate) replica: bool,
}

/// What is scheduled.
#[derive(clap::Args)]
#[command(next_help_heading = "Scenario")]
pub(crate) struct ScenarioArgs {
    /// Workers, 1 to 1000000 [default: 20]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole_number(NonZeroU32::MIN..=MOST, "20"))]
    workers: Option<NonZeroU32>,
    /// Containers, 1 to 1000000 [default: 100]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole_number(NonZeroU32::MIN..=MOST, "100"))]
    containers: Option<NonZeroU32>,
    /// CPU of a worker in millicores, 1 to 4194303 [default: 10000]
    #[arg(long, value_name = "MILLICORES", allow_negative_numbers = true, value_parser = millicores)]
    worker_cpu: Option<Millicores>,
    /// Memory of a worker in MB, 1 to 16777215 [default: 20480]
    #[arg(long, value_name = "MB", allow_negative_numbers = true, value_parser = megabytes)]
    worker_memory: Option<Megabytes>,
    /// CPU of a container in millicores, 1 to 4194303 [default: 100]
    #[arg(long, value_name = "MILLICORES", allow_negative_numbers = true, value_parser = millicores)]
    container_cpu: Option<Millicores>,
    /// Memory of a container in MB, 1 to 16777215 [default: 256]
    #[arg(long, value_name = "MB", allow_negative_numbers = true, value_parser = megabytes)]
    container_memory: Option<Megabytes>,
    /// Workers that have 8 GPUs each [default: by --mix none, all or half]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole_number(0..=1_000_000_u32, "10"))]
    gpu_workers: Option<u32>,
    /// Containers without GPUs, with one each, or by turns: `cpu`, `gpu` or `mixed` [default: cpu]
    #[arg(long, value_name = "MIX", value_parser = mix)]
    mix: Option<Mix>,
    /// Which worker is taken by `ours`: `spread`, `best-fit` or `affinity` [default: spread]
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    policy: Option<Policy>,
    /// Containers that close a batch, 1 to 100000 [default: 100, with --adaptive 512]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole_number(NonZeroU32::MIN..=BATCH_MOST, "100"))]
    batch: Option<NonZeroU32>,
    /// How long a batch waits for more, in milliseconds [default: 50, with --adaptive 2]
    #[arg(long, value_name = "MS", allow_negative_numbers = true, value_parser = whole_number(0..=MS_MOST, "50"))]
    window_ms: Option<u32>,
    /// An empty backlog closes a batch, too
    #[arg(long)]
    adaptive: bool,
    /// How long lock and batch trust a cached worker, in milliseconds [default: 500]
    #[arg(long, value_name = "MS", allow_negative_numbers = true, value_parser = whole_number(0..=MS_MOST, "500"))]
    cache_ttl_ms: Option<u32>,
    /// Containers that come a second, 0.001 to 10000000 [default: all are there at the start]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true, value_parser = rate)]
    arrival_rate: Option<f64>,
    /// Schedulers that work at the same time, 1 to 64; threads, on a Redis server processes [default: 1]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole_number(NonZeroU32::MIN..=REPLICAS_MOST, "4"))]
    replicas: Option<NonZeroU32>,
    /// Delay of every operation of the store in memory, such as 500us [default: none]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = op_delay)]
    op_delay: Option<Duration>,
    /// Time within which all containers are to be placed [default: 2s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = target_time)]
    target_time: Option<Duration>,
    /// Runs of each strategy, 1 to 10000 [default: 60, on a Redis server 5]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole_number(NonZeroU32::MIN..=REPEATS_MOST, "60"))]
    repeat: Option<NonZeroU32>,
}

/// The shared flags that need no target.
#[derive(clap::Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct RunArgs {
    /// Run directory, new or empty [default: results/schedule-UTC_TIME]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Where the rounds over the workers begin
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, value_parser = whole_number(0..=u64::MAX, "42"))]
    pub(crate) seed: u64,
    /// Show no progress
    #[arg(long)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// Exit with 0 instead of 4 where nothing could be concluded
    #[arg(long)]
    pub(crate) allow_undecided: bool,
}

impl Args {
    pub(crate) fn format(&self) -> Format {
        self.run.format.get()
    }

    /// What the flags say of the scenario, and where they are silent the preset.
    pub(crate) fn settings(&self) -> Settings {
        let own = self.scenario.settings();
        own.or(self.preset.map(Preset::settings).unwrap_or_default())
    }

    /// Whether the runs are also written as the source's stress test writes them.
    pub(crate) fn is_stress(&self) -> bool {
        self.preset == Some(Preset::Stress)
    }
}

impl ScenarioArgs {
    /// What they say; whatever is not given stays open.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            workers: self.workers,
            gpu_workers: self.gpu_workers,
            worker_cpu: self.worker_cpu,
            worker_memory: self.worker_memory,
            containers: self.containers,
            container_cpu: self.container_cpu,
            container_memory: self.container_memory,
            mix: self.mix,
            policy: self.policy,
            batch: self.batch,
            window_ms: self.window_ms,
            adaptive: self.adaptive.then_some(true),
            cache_ttl_ms: self.cache_ttl_ms,
            arrival_rate: self.arrival_rate,
            replicas: self.replicas,
            op_delay: self.op_delay,
            target_time: self.target_time,
            repeat: self.repeat,
        }
    }
}

fn preset(text: &str) -> Result<Preset, String> {
    named(text, &Preset::ALL, Preset::name)
}

fn mix(text: &str) -> Result<Mix, String> {
    named(text, &Mix::ALL, Mix::name)
}

fn policy(text: &str) -> Result<Policy, String> {
    named(text, &Policy::ALL, Policy::name)
}

fn millicores(text: &str) -> Result<Millicores, String> {
    let most = i64::from(Millicores::MAX.get());
    let number = whole_number(1..=most, "100")(text)?;
    Millicores::new(number).map_err(|error| error.to_string())
}

fn megabytes(text: &str) -> Result<Megabytes, String> {
    let most = i64::from(Megabytes::MAX.get());
    let number = whole_number(1..=most, "256")(text)?;
    Megabytes::new(number).map_err(|error| error.to_string())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.001..=1e7).contains(rate));
    rate.ok_or_else(|| "expected a number from 0.001 to 10000000, such as 500".to_owned())
}

fn op_delay(text: &str) -> Result<Duration, String> {
    let delay = parse_duration(text).map_err(|error| error.to_string())?;
    if delay > Duration::from_secs(1) {
        return Err("expected at most 1s, such as 500us".to_owned());
    }
    Ok(delay)
}

fn target_time(text: &str) -> Result<Duration, String> {
    let time = parse_duration(text).map_err(|error| error.to_string())?;
    if time.is_zero() {
        return Err("expected more than nothing, such as 2s".to_owned());
    }
    Ok(time)
}
