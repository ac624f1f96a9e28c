//! A decision as the batch scheduler of the source takes it: a filter after the other, each into a list
//! of its own, then scores, a sort, and the first.

use std::cmp::Reverse;
use std::collections::HashMap;

use proofload_scheduler::{ANY_GPU, Request, Resources, Status, WorkerKey};

use super::Fleet;

/// What it reads of a worker.
#[derive(Clone, Debug)]
struct Known {
    id: String,
    key: WorkerKey,
    status: Option<Status>,
    free: Resources,
    gpu: Option<String>,
    pool: String,
    priority: i32,
    preemptable: bool,
    requires_pool_selector: bool,
}

/// The fleet as a list of workers, and what a batch has taken by worker id.
#[derive(Clone, Debug)]
pub struct SourceLoop {
    workers: Vec<Known>,
    free: HashMap<String, Resources>,
}

impl SourceLoop {
    /// Takes the fleet over.
    #[must_use]
    pub fn new(fleet: &Fleet) -> Self {
        let known = fleet.states.iter().map(|state| Known {
            id: state.worker.id.clone(),
            key: state.key,
            status: state.status,
            free: state.free,
            gpu: state.worker.gpu.clone(),
            pool: state.worker.pool.clone(),
            priority: state.worker.priority,
            preemptable: state.worker.preemptable,
            requires_pool_selector: state.worker.requires_pool_selector,
        });
        let workers: Vec<Known> = known.collect();
        let free = workers.iter().map(|worker| (worker.id.clone(), worker.free)).collect();
        Self { workers, free }
    }

    /// Picks a worker for a container and counts it as planned there.
    pub fn place(&mut self, request: &Request) -> Option<WorkerKey> {
        let in_pool: Vec<&Known> = self
            .workers
            .iter()
            .filter(|worker| match &request.pool {
                Some(pool) => worker.pool == *pool,
                None => !worker.requires_pool_selector,
            })
            .collect();
        let preference = |worker: &Known| match &worker.gpu {
            None => request.gpus.is_empty().then_some(0),
            Some(gpu) => request.gpus.iter().position(|wish| wish == gpu || wish == ANY_GPU),
        };
        let large: Vec<&Known> = in_pool
            .into_iter()
            .filter(|worker| {
                worker.status == Some(Status::Available)
                    && preference(worker).is_some()
                    && request.needs.fits(&worker.free)
            })
            .collect();
        let allowed: Vec<&Known> =
            large.into_iter().filter(|worker| request.preemptable || !worker.preemptable).collect();
        let mut left: Vec<&Known> = allowed
            .into_iter()
            .filter(|worker| self.free.get(&worker.id).is_some_and(|free| request.needs.fits(free)))
            .collect();
        if left.is_empty() {
            return None;
        }
        if request.gpus.is_empty() {
            // Its affinity: the list begins at a place that the container's id decides. The source's
            // SHA-256 would cost more than this hash.
            let hash = request.id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
            let middle = (hash % left.len() as u64) as usize;
            left.rotate_left(middle);
        }
        let mut scored: Vec<(i64, &Known)> = left
            .into_iter()
            .map(|worker| {
                let behind = preference(worker).unwrap_or(0) as i64;
                (10 + i64::from(worker.priority) - behind, worker)
            })
            .collect();
        scored.sort_unstable_by_key(|&(score, _)| Reverse(score));
        let worker = scored[0].1;
        let (key, free) = (worker.key, self.free.get_mut(&worker.id)?);
        *free = amount_less(free, &request.needs);
        Some(key)
    }
}

/// What is left of `free`, of which `needs` fits in.
fn amount_less(free: &Resources, needs: &Resources) -> Resources {
    super::amount(
        free.cpu.get() - needs.cpu.get(),
        free.memory.get() - needs.memory.get(),
        free.gpus.get() - needs.gpus.get(),
    )
}
