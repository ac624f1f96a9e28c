//! What is scheduled: workers, containers, and how they come.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use proofload_scheduler::{
    AmountError, Batching, Gpus, Megabytes, Millicores, Policy, Request, Worker,
};
use proofload_strategies::Strategy;
use serde::Serialize;

/// GPUs of a GPU worker, and their type.
const GPUS: i64 = 8;
const GPU: &str = "H100";

/// Which containers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mix {
    Cpu,
    Gpu,
    Mixed,
}

impl Mix {
    pub(crate) const ALL: [Self; 3] = [Self::Cpu, Self::Gpu, Self::Mixed];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Mixed => "mixed",
        }
    }

    /// Whether the container of this number, from 1, takes a GPU.
    fn takes_gpu(self, number: u32) -> bool {
        match self {
            Self::Cpu => false,
            Self::Gpu => true,
            Self::Mixed => number.is_multiple_of(2),
        }
    }
}

/// A whole scenario.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) workers: u32,
    /// Of the workers, those that have GPUs.
    pub(crate) gpu_workers: u32,
    pub(crate) worker_cpu: Millicores,
    pub(crate) worker_memory: Megabytes,
    pub(crate) containers: u32,
    pub(crate) container_cpu: Millicores,
    pub(crate) container_memory: Megabytes,
    pub(crate) mix: Mix,
    pub(crate) policy: Policy,
    pub(crate) batching: Batching,
    pub(crate) cache_lifetime: Duration,
    /// Containers a second; none: all are there at the start.
    pub(crate) arrival_rate: Option<f64>,
    pub(crate) replicas: u32,
    pub(crate) op_delay: Duration,
    pub(crate) target: Duration,
    pub(crate) repeat: u32,
    pub(crate) seed: u64,
}

impl Scenario {
    pub(crate) fn fleet(&self) -> Vec<Worker> {
        let one = |number: u32| {
            let worker =
                Worker::new(format!("worker-{number}"), self.worker_cpu, self.worker_memory);
            if number > self.workers - self.gpu_workers {
                worker.with_gpus(GPU, gpus(GPUS))
            } else {
                worker
            }
        };
        (1..=self.workers).map(one).collect()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        let one = |number: u32| {
            let id = format!("container-{number}");
            let request = Request::new(id, self.container_cpu, self.container_memory);
            if self.mix.takes_gpu(number) { request.with_gpus(gpus(1), [GPU]) } else { request }
        };
        (1..=self.containers).map(one).collect()
    }

    /// The scenario as files keep it.
    pub(crate) fn record(&self) -> serde_json::Value {
        serde_json::json!({
            "workers": self.workers,
            "gpu_workers": self.gpu_workers,
            "worker_cpu_millicores": self.worker_cpu.get(),
            "worker_memory_mb": self.worker_memory.get(),
            "containers": self.containers,
            "container_cpu_millicores": self.container_cpu.get(),
            "container_memory_mb": self.container_memory.get(),
            "mix": self.mix,
            "policy": self.policy.name(),
            "batch": self.batching.most,
            "window_ms": self.batching.window.as_millis() as u64,
            "adaptive": self.batching.adaptive,
            "cache_ttl_ms": self.cache_lifetime.as_millis() as u64,
            "arrival_rate_per_s": self.arrival_rate,
            "replicas": self.replicas,
            "op_delay_us": self.op_delay.as_secs_f64() * 1e6,
            "target_time_s": self.target.as_secs_f64(),
            "repeat": self.repeat,
            "seed": self.seed,
        })
    }

    /// How many containers a batch would have, for strategies that make none. Where containers come by
    /// and by, those that come within its window.
    pub(crate) fn nominal_batch(&self) -> u64 {
        let most = self.batching.most as f64;
        let in_window = |rate: f64| (rate * self.batching.window.as_secs_f64()).clamp(1.0, most);
        self.arrival_rate.map_or(most, in_window) as u64
    }

    /// Workers that the containers could go to, if there are enough of them.
    pub(crate) fn usable_workers(&self) -> usize {
        let gpu_containers = match self.mix {
            Mix::Cpu => 0,
            Mix::Gpu => self.containers,
            Mix::Mixed => self.containers / 2,
        };
        let plain = (self.workers - self.gpu_workers).min(self.containers - gpu_containers);
        (plain + self.gpu_workers.min(gpu_containers)) as usize
    }
}

/// One of few: in range by what it is made of.
fn gpus(count: i64) -> Gpus {
    Gpus::new(count).unwrap_or(Gpus::MAX)
}

/// The source's variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preset {
    Hundred,
    TwoHundred,
    FewWorkers,
    Mixed,
    Stress,
}

impl Preset {
    pub(crate) const ALL: [Self; 5] =
        [Self::Hundred, Self::TwoHundred, Self::FewWorkers, Self::Mixed, Self::Stress];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hundred => "100/20",
            Self::TwoHundred => "200/40",
            Self::FewWorkers => "100/10",
            Self::Mixed => "mixed",
            Self::Stress => "stress",
        }
    }

    /// What it sets, by the names of the flags.
    pub(crate) fn settings(self) -> Settings {
        let sized = |containers, workers| Settings {
            containers: NonZeroU32::new(containers),
            workers: NonZeroU32::new(workers),
            ..Settings::default()
        };
        match self {
            Self::Hundred => sized(100, 20),
            Self::TwoHundred => {
                Settings { target_time: Some(Duration::from_secs(3)), ..sized(200, 40) }
            }
            Self::FewWorkers => sized(100, 10),
            Self::Mixed => {
                Settings { gpu_workers: Some(10), mix: Some(Mix::Mixed), ..sized(100, 20) }
            }
            Self::Stress => Settings { repeat: NonZeroU32::new(20), ..sized(100, 20) },
        }
    }
}

/// What a flag, a file or a preset says; each may leave anything open.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) workers: Option<NonZeroU32>,
    pub(crate) gpu_workers: Option<u32>,
    pub(crate) worker_cpu: Option<Millicores>,
    pub(crate) worker_memory: Option<Megabytes>,
    pub(crate) containers: Option<NonZeroU32>,
    pub(crate) container_cpu: Option<Millicores>,
    pub(crate) container_memory: Option<Megabytes>,
    pub(crate) mix: Option<Mix>,
    pub(crate) policy: Option<Policy>,
    pub(crate) batch: Option<NonZeroU32>,
    pub(crate) window_ms: Option<u32>,
    pub(crate) adaptive: Option<bool>,
    pub(crate) cache_ttl_ms: Option<u32>,
    pub(crate) arrival_rate: Option<f64>,
    pub(crate) replicas: Option<NonZeroU32>,
    pub(crate) op_delay: Option<Duration>,
    pub(crate) target_time: Option<Duration>,
    pub(crate) repeat: Option<NonZeroU32>,
}

impl Settings {
    /// What this leaves open, `other` says.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            workers: self.workers.or(other.workers),
            gpu_workers: self.gpu_workers.or(other.gpu_workers),
            worker_cpu: self.worker_cpu.or(other.worker_cpu),
            worker_memory: self.worker_memory.or(other.worker_memory),
            containers: self.containers.or(other.containers),
            container_cpu: self.container_cpu.or(other.container_cpu),
            container_memory: self.container_memory.or(other.container_memory),
            mix: self.mix.or(other.mix),
            policy: self.policy.or(other.policy),
            batch: self.batch.or(other.batch),
            window_ms: self.window_ms.or(other.window_ms),
            adaptive: self.adaptive.or(other.adaptive),
            cache_ttl_ms: self.cache_ttl_ms.or(other.cache_ttl_ms),
            arrival_rate: self.arrival_rate.or(other.arrival_rate),
            replicas: self.replicas.or(other.replicas),
            op_delay: self.op_delay.or(other.op_delay),
            target_time: self.target_time.or(other.target_time),
            repeat: self.repeat.or(other.repeat),
        }
    }

    /// The scenario, with the source's values for whatever is still open.
    pub(crate) fn scenario(self, seed: u64) -> Result<Scenario, ScenarioError> {
        let workers = self.workers.map_or(20, NonZeroU32::get);
        let mix = self.mix.unwrap_or(Mix::Cpu);
        let gpu_workers = self.gpu_workers.unwrap_or(match mix {
            Mix::Cpu => 0,
            Mix::Gpu => workers,
            Mix::Mixed => workers / 2,
        });
        if gpu_workers > workers {
            return Err(ScenarioError::GpuWorkers { gpu_workers, workers });
        }
        let adaptive = self.adaptive.unwrap_or(false);
        let fixed = if adaptive { Batching::ADAPTIVE } else { Batching::FIXED };
        let batching = Batching {
            most: self.batch.map_or(fixed.most, |most| most.get() as usize),
            window: self.window_ms.map_or(fixed.window, |ms| Duration::from_millis(ms.into())),
            adaptive,
        };
        Ok(Scenario {
            workers,
            gpu_workers,
            worker_cpu: self.worker_cpu.map_or_else(|| Millicores::new(10_000), Ok)?,
            worker_memory: self.worker_memory.map_or_else(|| Megabytes::new(20_480), Ok)?,
            containers: self.containers.map_or(100, NonZeroU32::get),
            container_cpu: self.container_cpu.map_or_else(|| Millicores::new(100), Ok)?,
            container_memory: self.container_memory.map_or_else(|| Megabytes::new(256), Ok)?,
            mix,
            policy: self.policy.unwrap_or_default(),
            batching,
            cache_lifetime: Duration::from_millis(self.cache_ttl_ms.unwrap_or(500).into()),
            arrival_rate: self.arrival_rate,
            replicas: self.replicas.map_or(1, NonZeroU32::get),
            op_delay: self.op_delay.unwrap_or_default(),
            target: self.target_time.unwrap_or(Duration::from_secs(2)),
            repeat: self.repeat.map_or(60, NonZeroU32::get),
            seed,
        })
    }
}

/// A scenario that cannot be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScenarioError {
    #[error("gpu-workers is {gpu_workers}, of {workers} workers; leave some out, or raise workers")]
    GpuWorkers { gpu_workers: u32, workers: u32 },
    #[error(transparent)]
    Amount(#[from] AmountError),
}

/// Reads one of `all` by its name; an error names the nearest, if one is near.
pub(crate) fn named<T: Copy>(
    text: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, String> {
    let found = all.iter().copied().find(|&one| name(one) == text);
    found.ok_or_else(|| {
        let names: Vec<String> = all.iter().map(|&one| format!("`{}`", name(one))).collect();
        let (last, others) = names.split_last().map_or(("", &[][..]), |(l, o)| (l.as_str(), o));
        let mut expected = format!("expected {} or {last}", others.join(", "));
        if let Some(word) = proofload_verdict::slo::near(text, all.iter().map(|&one| name(one))) {
            expected.push_str(&format!("; the nearest is `{word}`"));
        }
        expected
    })
}

/// Which of the strategies are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    One(Strategy),
}

impl Which {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::One(strategy) => strategy.name(),
        }
    }

    pub(crate) fn strategies(self) -> Vec<Strategy> {
        match self {
            Self::All => Strategy::ALL.to_vec(),
            Self::One(strategy) => vec![strategy],
        }
    }
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = Strategy::ALL.map(Self::One).into_iter().chain([Self::All]).collect::<Vec<_>>();
        named(text, &all, Self::name)
    }
}
