//! A decision by a scan of the whole fleet, written so that a compiler makes vector instructions of it:
//! one array a property, no branch in the loop.

use proofload_scheduler::{ANY_GPU, Request, WorkerKey};

use super::Fleet;

/// Workers whose keys are compared before the best of them is kept.
const BLOCK: usize = 512;

/// The fleet as arrays.
#[derive(Clone, Debug)]
pub struct LinearScan {
    cpu: Vec<i32>,
    memory: Vec<i32>,
    gpus: Vec<i32>,
    /// One bit of a worker's class.
    class: Vec<i32>,
    /// The GPU type of each class; class 0 is without.
    types: Vec<String>,
}

/// A request made ready: what it needs, and for each GPU type that will do its classes.
#[derive(Clone, Debug)]
pub struct Wanted {
    cpu: i32,
    memory: i32,
    gpus: i32,
    masks: Vec<i32>,
}

impl LinearScan {
    /// Takes the fleet over: classes by GPU type, as its workers differ in nothing else.
    #[must_use]
    pub fn new(fleet: &Fleet) -> Self {
        let mut scan =
            Self { cpu: vec![], memory: vec![], gpus: vec![], class: vec![], types: vec![] };
        for state in &fleet.states {
            scan.cpu.push(state.free.cpu.get().cast_signed());
            scan.memory.push(state.free.memory.get().cast_signed());
            scan.gpus.push(state.free.gpus.get().cast_signed());
            let class = state.worker.gpu.as_ref().map_or(0, |gpu| {
                1 + scan.types.iter().position(|known| known == gpu).unwrap_or_else(|| {
                    scan.types.push(gpu.clone());
                    scan.types.len() - 1
                })
            });
            scan.class.push(1 << class);
        }
        scan
    }

    /// Makes a request ready; not part of a decision.
    #[must_use]
    pub fn wanted(&self, request: &Request) -> Wanted {
        let bit = |gpu: &String| {
            if gpu == ANY_GPU {
                i32::MAX - 1
            } else {
                self.types.iter().position(|known| known == gpu).map_or(0, |at| 2 << at)
            }
        };
        let masks =
            if request.gpus.is_empty() { vec![1] } else { request.gpus.iter().map(bit).collect() };
        Wanted {
            cpu: request.needs.cpu.get().cast_signed(),
            memory: request.needs.memory.get().cast_signed(),
            gpus: request.needs.gpus.get().cast_signed(),
            masks,
        }
    }

    /// Picks the worker that is left with the least CPU, and takes the container's share there.
    pub fn place(&mut self, wanted: &Wanted) -> Option<WorkerKey> {
        let at = self.find(wanted)?.0 as usize;
        self.cpu[at] -= wanted.cpu;
        self.memory[at] -= wanted.memory;
        self.gpus[at] -= wanted.gpus;
        Some(WorkerKey(at as u32))
    }

    /// Picks it and takes nothing.
    #[must_use]
    pub fn find(&self, wanted: &Wanted) -> Option<WorkerKey> {
        let at = wanted.masks.iter().find_map(|&mask| self.tightest(wanted, mask))?;
        Some(WorkerKey(at as u32))
    }

    fn tightest(&self, wanted: &Wanted, mask: i32) -> Option<usize> {
        let (mut least, mut block) = (i32::MAX, 0);
        for (number, ((cpu, memory), (gpus, class))) in self.blocks().enumerate() {
            let mut best = i32::MAX;
            for ((&cpu, &memory), (&gpus, &class)) in
                cpu.iter().zip(memory).zip(gpus.iter().zip(class))
            {
                best = best.min(left(wanted, mask, cpu, memory, gpus, class));
            }
            if best < least {
                (least, block) = (best, number * BLOCK);
            }
        }
        if least == i32::MAX {
            return None;
        }
        let end = (block + BLOCK).min(self.cpu.len());
        (block..end).find(|&at| {
            left(wanted, mask, self.cpu[at], self.memory[at], self.gpus[at], self.class[at])
                == least
        })
    }

    #[expect(clippy::type_complexity, reason = "four slices of equal length")]
    fn blocks(&self) -> impl Iterator<Item = ((&[i32], &[i32]), (&[i32], &[i32]))> {
        let amounts = self.cpu.chunks(BLOCK).zip(self.memory.chunks(BLOCK));
        amounts.zip(self.gpus.chunks(BLOCK).zip(self.class.chunks(BLOCK)))
    }
}

/// The CPU left on a worker, or the greatest number where the container does not fit: the sign bits of
/// the differences tell.
#[inline]
fn left(wanted: &Wanted, mask: i32, cpu: i32, memory: i32, gpus: i32, class: i32) -> i32 {
    // Amounts are far from the ends of their type; a check for overflow would end the vectors.
    let left = cpu.wrapping_sub(wanted.cpu);
    let misfit = left
        | memory.wrapping_sub(wanted.memory)
        | gpus.wrapping_sub(wanted.gpus)
        | (class & mask).wrapping_sub(1);
    (left | (misfit >> 31)) & i32::MAX
}
