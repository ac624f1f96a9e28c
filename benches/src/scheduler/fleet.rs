//! Fleets and requests that are the same every time.

use std::sync::Arc;

use proofload_scheduler::{
    Counters, Delta, MemoryStore, Placer, Policy, Request, Resources, Revision, Status, Store,
    Worker, WorkerKey, WorkerState,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{amount, worker_name};

/// Which workers and containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// All workers are of one size, and all containers too, without GPUs.
    Uniform,
    /// Four sizes of workers, a quarter of them with GPUs of four types; 56 sizes of containers, a
    /// quarter of them with 1, 2 or 4 GPUs and a list of types.
    Mixed,
}

/// How much of each worker is free at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// All of it.
    Empty,
    /// 20 % to 100 %.
    Half,
    /// 0 % to 4 %, and of the GPUs none or one.
    NearlyFull,
}

const GPU_TYPES: [(&str, u32); 4] = [("H100", 8), ("A100", 8), ("L4", 4), ("T4", 2)];
const WORKER_SIZES: [(u32, u32); 4] =
    [(8_000, 32_768), (16_000, 32_768), (32_000, 131_072), (64_000, 131_072)];
const PREFERENCES: [&[&str]; 5] =
    [&["H100", "A100"], &["A100", "H100"], &["L4", "T4"], &["T4", "L4", "A100"], &["any"]];

/// A fleet as a store would tell it.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Its workers, key by key.
    pub states: Vec<WorkerState>,
}

impl Fleet {
    /// A fleet of so many workers.
    #[must_use]
    pub fn new(workers: u32, mix: Mix, fill: Fill) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut state = |number: u32| {
            let worker = worker(number, mix);
            let total = worker.total;
            WorkerState {
                key: WorkerKey(number),
                epoch: 1,
                version: 0,
                status: Some(Status::Available),
                free: free(&total, fill, &mut random),
                containers: 0,
                worker: Arc::new(worker),
            }
        };
        Self { states: (0..workers).map(&mut state).collect() }
    }

    /// The message that tells a scheduler all of it.
    #[must_use]
    pub fn delta(&self) -> Delta {
        Delta { to: Revision(1), whole: true, workers: self.states.clone() }
    }

    /// A placer that knows this fleet, and its counters.
    #[must_use]
    pub fn placer(&self, policy: Policy) -> (Placer, Arc<Counters>) {
        let counters = MemoryStore::new().counters();
        let mut placer = Placer::new(policy, 1, Arc::clone(&counters));
        placer.apply(&self.delta());
        (placer, counters)
    }
}

fn worker(number: u32, mix: Mix) -> Worker {
    let id = worker_name(number);
    if mix == Mix::Uniform {
        let size = amount(10_000, 20_480, 0);
        return Worker::new(id, size.cpu, size.memory);
    }
    let kind = number as usize;
    let (cpu, memory) = WORKER_SIZES[kind / 4 % WORKER_SIZES.len()];
    if !kind.is_multiple_of(4) {
        let size = amount(cpu, memory, 0);
        return Worker::new(id, size.cpu, size.memory);
    }
    let (gpu, count) = GPU_TYPES[kind / 16 % GPU_TYPES.len()];
    let size = amount(cpu, memory, count);
    Worker::new(id, size.cpu, size.memory).with_gpus(gpu, size.gpus)
}

fn free(total: &Resources, fill: Fill, random: &mut ChaCha8Rng) -> Resources {
    let mut share = |all: u32| match fill {
        Fill::Empty => all,
        Fill::Half => all * random.random_range(20..=100_u32) / 100,
        Fill::NearlyFull => all * random.random_range(0..=4_u32) / 100,
    };
    let (cpu, memory) = (share(total.cpu.get()), share(total.memory.get()));
    let gpus = match fill {
        Fill::NearlyFull => random.random_range(0..=total.gpus.get().min(1)),
        _ => share(total.gpus.get()),
    };
    amount(cpu, memory, gpus)
}

/// So many containers; the same ones for the same number.
#[must_use]
pub fn requests(count: usize, mix: Mix) -> Vec<Request> {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut request = |number: usize| {
        let id = format!("container-{number}");
        if mix == Mix::Uniform {
            let needs = amount(100, 256, 0);
            return Request::new(id, needs.cpu, needs.memory);
        }
        let cpu = [100, 250, 500, 1_000, 1_500, 2_000, 4_000][random.random_range(0..7)];
        let memory = 128 << random.random_range(0..8_u32);
        if random.random_range(0..4) > 0 {
            let needs = amount(cpu, memory, 0);
            return Request::new(id, needs.cpu, needs.memory);
        }
        let needs = amount(cpu, memory, [1, 1, 2, 4][random.random_range(0..4)]);
        let types = PREFERENCES[random.random_range(0..PREFERENCES.len())];
        Request::new(id, needs.cpu, needs.memory).with_gpus(needs.gpus, types.iter().copied())
    };
    (0..count).map(&mut request).collect()
}
