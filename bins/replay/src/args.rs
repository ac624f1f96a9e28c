//! The flags of the program, and what they turn into.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use proofload_http_load::{Labels, Pacing, Timeouts};
use proofload_launch::{OwnKey, RunArgs, TargetArgs};
use proofload_workload::{PlanOptions, StreamMode};

/// Replay a recorded workload against a model server.
#[derive(clap::Parser)]
#[command(name = "proofload-replay", version, about, max_term_width = 100)]
pub(crate) struct Args {
    /// Workload CSV, a request per row [default: the built-in mixed workload]
    #[arg(long, value_name = "CSV")]
    pub(crate) workload: Option<PathBuf>,
    /// Describe the workload and send nothing
    #[arg(long)]
    pub(crate) validate: bool,
    /// Replay so many times as fast as recorded
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = parse_speed)]
    speed: f64,
    /// Send only the first N requests
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU32>,
    /// Send and record the first N requests, but leave them out of the analysis
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) warmup: u32,
    /// Requests in flight at most; one that is kept back by this keeps its due time
    #[arg(long, value_name = "N")]
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
    /// How mode and priority travel: `body`, `headers` or `none` [default: body to the simulator
    /// and with --logos-key, else headers]
    #[arg(long, value_name = "WHERE", value_parser = LabelsArg::from_str)]
    labels: Option<LabelsArg>,
    /// Keep the arrival time of every content chunk (chunks.bin)
    #[arg(long)]
    pub(crate) chunks: bool,
    /// Go on where the first ten answers are all 401, 403 or 404
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Latency that a request should keep, in milliseconds
    #[arg(long, value_name = "MS", default_value = "10000", value_parser = parse_slo)]
    pub(crate) latency_slo_ms: f64,
    /// Write X_summary.csv, X_metrics.csv and X_detailed.csv as well
    #[arg(long, value_name = "X.csv")]
    pub(crate) output: Option<PathBuf>,
    /// Key of a Logos server, sent as header `logos_key`; others can see it on the command line
    #[arg(long, value_name = "KEY")]
    pub(crate) logos_key: Option<String>,
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
    pub(crate) fn plan_options(&self, labels: LabelsArg) -> PlanOptions {
        PlanOptions {
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
            "labels": labels.label(),
            "chunks": self.chunks,
            "keep_going": self.keep_going,
            "latency_slo_ms": self.latency_slo_ms,
            "threads": self.run.threads.map(NonZeroU16::get),
            "header_names": header_names,
            "simulator": self.target.sim.iter().map(|set| without_key(set)).collect::<Vec<_>>(),
            "insecure": self.target.insecure,
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
    let speed = text.parse::<f64>().ok().filter(|speed| (0.01..=1e6).contains(speed));
    speed.ok_or_else(|| "expected a factor from 0.01 to 1000000, such as 20".to_owned())
}

fn parse_slo(text: &str) -> Result<f64, String> {
    let slo = text.parse::<f64>().ok().filter(|ms| (1e-3..=1e9).contains(ms));
    slo.ok_or_else(|| "expected milliseconds, such as 5000".to_owned())
}

/// `connect=10s,total=2m`: what is not named keeps its default.
fn parse_timeouts(text: &str) -> Result<Timeouts, String> {
    let mut timeouts = Timeouts::default();
    for part in text.split(',') {
        let (name, limit) = part
            .split_once('=')
            .ok_or_else(|| format!("expected NAME=DURATION, such as total=120s, found {part:?}"))?;
        let limit =
            proofload_units::parse_duration(limit).map_err(|error| format!("{name}: {error}"))?;
        if limit.is_zero() {
            return Err(format!("{name}: expected more than nothing"));
        }
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
