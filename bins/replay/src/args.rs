//! The flags of the program, and what they turn into.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use proofload_http_load::{Labels, Pacing, Timeouts};
use proofload_launch::{OwnKey, RunArgs, TargetArgs, whole_number};
use proofload_verdict::slo::{self, ParseSloError};
use proofload_workload::{ModelMap, PlanOptions, StreamMode};

use crate::models;
use crate::server_log::ServerLogArgs;

/// What `--speed` takes; what a plan takes, too.
const SPEEDS: RangeInclusive<f64> = 0.01..=1e6;
/// What `--latency-slo-ms` takes.
const SLOS_MS: RangeInclusive<f64> = 0.001..=1e9;

/// What `--keep-responses` takes at most; no answer that is held whole is larger.
const RESPONSE_BYTES_MAX: NonZeroU32 = NonZeroU32::new(16 << 20).expect("more than nothing");

/// The end of `--help`.
const AFTER_HELP: &str = "\
Exit codes:
  0    the run was finished, and every --slo is met
  1    a --slo is not met
  2    a flag is wrong, or the folder of --out is not empty
  3    finished, but no request succeeded, the run ended early, or part of the data is missing
  4    a --slo is undecided, and none not met; 0 with --allow-undecided
  65   the workload is missing, malformed, or was changed during the run, or names a model that
       the target does not list
  69   nobody answers at the target
  70   a fault of this machine or program
  74   results cannot be written
  130  interrupted; what was recorded is kept

Example: a recorded workload at twice its speed against a server of your own
  proofload-replay --workload recorded.csv --speed 2 --api-base https://llm.example.org/v1 \\
      --api-key-env LLM_API_KEY --out results/mine";

/// Replay a recorded workload against a model server.
#[derive(clap::Parser)]
#[command(name = "proofload-replay", version, about, max_term_width = 100, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Workload CSV, a request per row [default: the built-in mixed workload]
    #[arg(long, value_name = "CSV")]
    pub(crate) workload: Option<PathBuf>,
    /// Describe the workload and send nothing; as JSON with --json
    #[arg(long)]
    pub(crate) validate: bool,
    /// Replay so many times as fast as recorded, 0.01 to 1000000
    #[arg(
        long,
        value_name = "FACTOR",
        default_value = "1",
        allow_negative_numbers = true,
        value_parser = parse_speed
    )]
    speed: f64,
    /// Send only the first N requests
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = whole_number(NonZeroU32::MIN..=NonZeroU32::MAX, "20")
    )]
    limit: Option<NonZeroU32>,
    /// Send and record the first N requests, but leave them out of the analysis
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true,
        value_parser = whole_number(0..=u32::MAX, "10")
    )]
    pub(crate) warmup: u32,
    /// Requests in flight at most; one that is kept back by this keeps its due time
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = whole_number(NonZeroU32::MIN..=NonZeroU32::MAX, "64")
    )]
    pub(crate) max_in_flight: Option<NonZeroU32>,
    /// How due times are met: `balanced`, or `precise` (spins, takes a core)
    #[arg(long, value_name = "MODE", default_value = "balanced", value_parser = Pacing::from_str)]
    pub(crate) pacing: Pacing,
    /// Limits of a request
    #[arg(
        long,
        value_name = "LIST",
        default_value = "connect=10s,first-byte=300s,idle=60s,total=1200s",
        value_parser = parse_timeouts
    )]
    pub(crate) timeout: Timeouts,
    /// `force` asks for a stream with usage in every body, `as-written` leaves the bodies alone
    #[arg(long, value_name = "HOW", default_value = "force", value_parser = parse_stream)]
    stream: StreamMode,
    /// Ask for the model NEW where the workload names OLD; may be repeated, and '*=NEW' is for all
    /// models without a pair of their own
    #[arg(long, value_name = "OLD=NEW", value_parser = models::parse_pair)]
    pub(crate) model_map: Vec<(String, String)>,
    /// Go on where the target does not list a model that the workload names
    #[arg(long)]
    pub(crate) allow_unknown_models: bool,
    /// How mode and priority travel: `body`, `headers` or `none` [default: body to the simulator
    /// and with --logos-key, else headers]
    #[arg(long, value_name = "WHERE", value_parser = LabelsArg::from_str)]
    labels: Option<LabelsArg>,
    /// Keep the arrival time of every content chunk (chunks.bin)
    #[arg(long)]
    pub(crate) chunks: bool,
    /// Keep what the answers say (responses.bin, and `response_text` in detailed.csv), of each
    /// request at most so many bytes, 1 to 16777216 [without a number: 65536]
    #[arg(
        long,
        value_name = "BYTES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "65536",
        value_parser = whole_number(NonZeroU32::MIN..=RESPONSE_BYTES_MAX, "65536")
    )]
    pub(crate) keep_responses: Option<NonZeroU32>,
    /// Go on where the first ten answers are all 401, 403 or 404
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Latency that a request should keep, in milliseconds, 0.001 to 1000000000
    #[arg(
        long,
        value_name = "MS",
        default_value = "10000",
        allow_negative_numbers = true,
        value_parser = parse_slo
    )]
    pub(crate) latency_slo_ms: f64,
    /// Judge the run, as often as you like: `[mode|*][/priority][,model=|provider=|selection=]:
    /// metric [statistic] (<|>) value`, such as "interactive/high: ttft p95 < 500ms", "*: errors <
    /// 1%", "batch: goodput > 95%" or "preset:llama3.1-8b"
    #[arg(long, value_name = "TEXT", value_parser = parse_objective)]
    pub(crate) slo: Vec<String>,
    /// Write X_summary.csv, X_metrics.csv and X_detailed.csv as well, and the charts X.png and
    /// X_client_duration.png
    #[arg(long, value_name = "X.csv")]
    pub(crate) output: Option<PathBuf>,
    /// Key of a Logos server, sent as header `logos_key`; others can see it on the command line
    #[arg(long, value_name = "KEY")]
    pub(crate) logos_key: Option<String>,
    #[command(flatten)]
    pub(crate) server_log: ServerLogArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

impl Args {
    /// The key that only this program knows.
    pub(crate) fn own_key(&self) -> Option<OwnKey<'_>> {
        let key = self.logos_key.as_deref()?;
        Some(OwnKey { flag: "--logos-key", header: "logos_key", key })
    }

    /// How mode and priority travel to this kind of target.
    pub(crate) fn labels(&self, simulated: bool) -> LabelsArg {
        let usual = if simulated || self.logos_key.is_some() {
            LabelsArg::Body
        } else {
            LabelsArg::Headers
        };
        self.labels.unwrap_or(usual)
    }

    /// What of the workload is sent, and when.
    pub(crate) fn plan_options(&self, labels: LabelsArg, models: ModelMap) -> PlanOptions {
        PlanOptions {
            models,
            speed: self.speed,
            limit: self.limit.map(NonZeroU32::get),
            stream: self.stream,
            labels_in_body: labels == LabelsArg::Body,
        }
    }

    /// Everything that shapes a run, for the manifest; no secret is in it.
    pub(crate) fn record(&self, labels: LabelsArg, header_names: &[&str]) -> serde_json::Value {
        let seconds = |limit: Duration| limit.as_secs_f64();
        serde_json::json!({
            "workload": self.workload.as_ref().map(|path| path.display().to_string()),
            "speed": self.speed,
            "limit": self.limit,
            "warmup": self.warmup,
            "max_in_flight": self.max_in_flight,
            "pacing": self.pacing.label(),
            "timeout_s": {
                "connect": seconds(self.timeout.connect),
                "first_byte": seconds(self.timeout.first_byte),
                "idle": seconds(self.timeout.idle),
                "total": seconds(self.timeout.total),
            },
            "stream": match self.stream {
                StreamMode::Force => "force",
                StreamMode::AsWritten => "as-written",
            },
            "model_map": self.model_map.iter().cloned().collect::<BTreeMap<_, _>>(),
            "allow_unknown_models": self.allow_unknown_models,
            "labels": labels.label(),
            "chunks": self.chunks,
            "keep_responses_bytes": self.keep_responses,
            "keep_going": self.keep_going,
            "latency_slo_ms": self.latency_slo_ms,
            "threads": self.run.threads.map(NonZeroU16::get),
            "header_names": header_names,
            "simulator": self.target.sim.iter().map(|set| without_key(set)).collect::<Vec<_>>(),
            "insecure": self.target.insecure,
            "server_log": self.server_log.record(),
        })
    }
}

/// A simulator's option; the key that it may be told to demand is a key like any other.
fn without_key(set: &str) -> &str {
    if set.trim_start().starts_with("api-key") { "api-key=[redacted]" } else { set }
}

/// How mode and priority travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LabelsArg {
    Body,
    Headers,
    None,
}

impl LabelsArg {
    const fn label(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Headers => "headers",
            Self::None => "none",
        }
    }

    /// What of it is the HTTP client's part.
    pub(crate) const fn in_headers(self) -> Labels {
        match self {
            Self::Headers => Labels::Headers,
            Self::Body | Self::None => Labels::None,
        }
    }
}

impl FromStr for LabelsArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = [Self::Body, Self::Headers, Self::None].into_iter();
        named
            .clone()
            .find(|labels| labels.label() == text)
            .ok_or("expected `body`, `headers` or `none`")
    }
}

fn parse_stream(text: &str) -> Result<StreamMode, &'static str> {
    match text {
        "force" => Ok(StreamMode::Force),
        "as-written" => Ok(StreamMode::AsWritten),
        _ => Err("expected `force` or `as-written`"),
    }
}

fn parse_speed(text: &str) -> Result<f64, String> {
    number_in(SPEEDS, text).ok_or_else(|| {
        format!("expected a factor from {} to {}, such as 20", SPEEDS.start(), SPEEDS.end())
    })
}

/// The text itself, once it is known to be an objective.
fn parse_objective(text: &str) -> Result<String, ParseSloError> {
    slo::parse(text).map(|_| text.to_owned())
}

fn parse_slo(text: &str) -> Result<f64, String> {
    number_in(SLOS_MS, text).ok_or_else(|| {
        let (least, most) = (SLOS_MS.start(), SLOS_MS.end());
        format!("expected milliseconds from {least} to {most}, such as 5000")
    })
}

/// A decimal number; NaN is in no range.
fn number_in(range: RangeInclusive<f64>, text: &str) -> Option<f64> {
    text.parse().ok().filter(|number| range.contains(number))
}

/// `connect=10s,total=2m`: what is not named keeps its default.
fn parse_timeouts(text: &str) -> Result<Timeouts, String> {
    let mut timeouts = Timeouts::default();
    let mut named = Vec::new();
    for part in text.split(',') {
        let (name, limit) = part
            .split_once('=')
            .ok_or_else(|| format!("expected NAME=DURATION, such as total=120s, found {part:?}"))?;
        let limit =
            proofload_units::parse_duration(limit).map_err(|error| format!("{name}: {error}"))?;
        if limit.is_zero() {
            return Err(format!("{name}: expected more than nothing"));
        }
        if named.contains(&name) {
            return Err(format!("{name} is named twice; keep one of them"));
        }
        named.push(name);
        match name {
            "connect" => timeouts.connect = limit,
            "first-byte" => timeouts.first_byte = limit,
            "idle" => timeouts.idle = limit,
            "total" => timeouts.total = limit,
            _ => {
                return Err(format!(
                    "no limit is named {name:?}; expected connect, first-byte, idle or total"
                ));
            }
        }
    }
    Ok(timeouts)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::{CommandFactory, Parser};

    use super::{Args, LabelsArg, Timeouts, parse_timeouts};

    #[test]
    fn the_flags_do_not_contradict_each_other() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_limit_that_is_not_named_keeps_its_default() {
        let total = Duration::from_millis(1_500);
        assert_eq!(parse_timeouts("total=1.5s"), Ok(Timeouts { total, ..Timeouts::default() }));
        let usual = "connect=10s,first-byte=300s,idle=60s,total=1200s";
        assert_eq!(parse_timeouts(usual), Ok(Timeouts::default()));
        for (text, hint) in [
            ("total", "NAME=DURATION"),
            ("total=5", "unit"),
            ("whole=5s", "first-byte"),
            ("idle=0s", "more than nothing"),
            ("idle=1s,total=2s,idle=1s", "idle is named twice"),
        ] {
            let error = parse_timeouts(text).unwrap_err();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn labels_go_where_the_target_reads_them() {
        for (flags, simulated, want) in [
            (&[] as &[&str], true, LabelsArg::Body),
            (&[], false, LabelsArg::Headers),
            (&["--logos-key", "k"], false, LabelsArg::Body),
            (&["--labels", "none"], true, LabelsArg::None),
        ] {
            let args = Args::parse_from([&["proofload-replay"], flags].concat());
            assert_eq!(args.labels(simulated), want, "{flags:?}");
        }
    }

    #[test]
    fn the_manifest_holds_no_key() {
        let flags = ["proofload-replay", "--logos-key", "planted", "--sim", "api-key=planted"];
        let args = Args::parse_from(flags);
        let record = args.record(LabelsArg::Body, &["logos_key"]).to_string();
        assert!(!record.contains("planted"), "{record}");
    }
}
