//! How old, lock and batch choose a worker: all that fit are scored, and the first of the best is taken.

use proofload_scheduler::{ANY_GPU, Gpus, Request, Resources, Status, WorkerState};
use sha2::{Digest, Sha256};

/// Where in the list of workers one begins to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// At its beginning.
    First,
    /// At the worker that the container's id hashes to, so that a container comes back to its worker;
    /// only for containers without GPUs.
    Hash,
}

/// The place in `workers` of the one that the container should go to; `free` tells what is left in
/// each.
pub(crate) fn choose(
    request: &Request,
    workers: &[&WorkerState],
    free: impl Fn(&WorkerState) -> Resources,
    from: From,
) -> Option<usize> {
    let fits: Vec<(usize, i64)> = workers
        .iter()
        .enumerate()
        .filter(|(_, state)| request.needs.fits(&free(state)))
        .filter_map(|(place, state)| Some((place, score(request, state)?)))
        .collect();
    if fits.is_empty() {
        return None;
    }
    let turn = match from {
        From::Hash if request.needs.gpus == Gpus::ZERO => hash(&request.id) as usize % fits.len(),
        _ => 0,
    };
    let turned = fits[turn..].iter().chain(&fits[..turn]);
    // The first of equals, whatever the sort of the day does.
    turned.rev().max_by_key(|(_, score)| *score).map(|&(place, _)| place)
}

/// Higher is better; `None`: not this one.
fn score(request: &Request, state: &WorkerState) -> Option<i64> {
    let worker = &state.worker;
    let pool_fits = match &request.pool {
        Some(pool) => *pool == worker.pool,
        None => !worker.requires_pool_selector,
    };
    let gpu = match (&worker.gpu, request.needs.gpus == Gpus::ZERO) {
        (None, true) => 0,
        (Some(gpu), false) => {
            request.gpus.iter().position(|wanted| wanted == gpu || wanted == ANY_GPU)?
        }
        _ => return None,
    };
    let keeps = request.preemptable || !worker.preemptable;
    let open = state.status == Some(Status::Available);
    (pool_fits && keeps && open).then(|| 10 + i64::from(worker.priority) - gpu as i64)
}

/// The first eight bytes of the SHA-256 of an id.
fn hash(id: &str) -> u64 {
    let digest = Sha256::digest(id.as_bytes());
    digest.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
}
