//! Why a request fits on no worker, whatever becomes free.

use crate::amount::Resources;
use crate::placer::Placer;
use crate::refusal::Refusal;
use crate::request::{ANY_GPU, Request};
use crate::snapshot::Class;

impl Placer {
    /// The reason why a request fits on none of the workers that there are, even if they were empty and
    /// took containers: one that is drained may come back. `None`: it would fit on one of them, or there are no
    /// workers yet. Reads the fleet.
    pub fn never_fits(&self, request: &Request) -> Option<Refusal> {
        let snapshot = &self.snapshot;
        let there = || snapshot.there();
        there().next()?;
        let pool = request.pool.as_deref().map(|pool| (pool, snapshot.name(pool)));
        if let Some((name, number)) = pool
            && !there().any(|at| Some(snapshot.class[at].pool) == number)
        {
            return Some(Refusal::UnknownPool(name.to_owned()));
        }
        let gpus: Vec<Option<u32>> = request.gpus.iter().map(|gpu| snapshot.name(gpu)).collect();
        let any = request.gpus.iter().any(|gpu| gpu == ANY_GPU);
        let gpu_will_do = |gpu: Option<u32>| match gpu {
            None => request.gpus.is_empty(),
            Some(_) => (any && !request.gpus.is_empty()) || gpus.contains(&gpu),
        };
        if !request.gpus.is_empty() && !there().any(|at| gpu_will_do(snapshot.class[at].gpu)) {
            return Some(Refusal::UnknownGpu(request.gpus.clone()));
        }
        let mut most: Option<Resources> = None;
        for at in there() {
            let class = snapshot.class[at];
            let pool_will_do = match pool {
                None => !class.requires_pool_selector,
                Some((_, number)) => Some(class.pool) == number,
            };
            if !pool_will_do
                || !gpu_will_do(class.gpu)
                || (class.preemptable && !request.preemptable)
            {
                continue;
            }
            let total = snapshot.total[at];
            if request.needs.fits(&total) {
                return None;
            }
            let most = most.get_or_insert(total);
            most.cpu = most.cpu.max(total.cpu);
            most.memory = most.memory.max(total.memory);
            most.gpus = most.gpus.max(total.gpus);
        }
        Some(match most {
            Some(most) => Refusal::TooLarge { needs: request.needs, most },
            None => Refusal::NoWorker(self.why_none(request, gpu_will_do)),
        })
    }

    /// Why none of the workers may take a request of this kind, by the first thing that rules out those that
    /// are left.
    fn why_none(
        &self,
        request: &Request,
        gpu_will_do: impl Fn(Option<u32>) -> bool,
    ) -> &'static str {
        let classes = || self.snapshot.there().map(|at| self.snapshot.class[at]);
        let in_pool = |class: &Class| match request.pool.as_deref() {
            None => !class.requires_pool_selector,
            Some(pool) => Some(class.pool) == self.snapshot.name(pool),
        };
        if !classes().any(|class| gpu_will_do(class.gpu)) {
            // A request for GPUs of no known type has been told so before.
            "all of them have GPUs, and it asks for none"
        } else if classes().any(|class| gpu_will_do(class.gpu) && in_pool(&class)) {
            "those that would do can be taken away, and it is not preemptable"
        } else if request.pool.is_none() {
            "those that would do require that their pool is named"
        } else if request.gpus.is_empty() {
            "the workers of its pool have GPUs, and it asks for none"
        } else {
            "the workers of its pool have other GPUs, or none"
        }
    }
}
