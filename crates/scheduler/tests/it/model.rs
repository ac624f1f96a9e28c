//! What a store should hold, in plain maps.

use std::collections::BTreeMap;
use std::time::Duration;

use proofload_scheduler::{Commit, ContainerKey, Outcome, Request, Resources, Token, WorkerKey};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Where {
    Waiting,
    Leased(Token, Duration),
    On(WorkerKey),
}

/// What the store should hold: plain maps, and the rules of a commit in a few lines.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) containers: BTreeMap<ContainerKey, (Request, Where)>,
    /// Those that are there: what they have in all, their life, whether they take containers.
    pub(crate) workers: BTreeMap<WorkerKey, (String, Resources, u32, bool)>,
    pub(crate) lives: BTreeMap<WorkerKey, u32>,
}

impl Model {
    pub(crate) fn sum(&self, worker: WorkerKey) -> (u32, u32) {
        let on = self.containers.values().filter(|(_, at)| *at == Where::On(worker));
        on.fold((0, 0), |sum, (r, _)| (sum.0 + r.needs.cpu.get(), sum.1 + r.needs.memory.get()))
    }

    pub(crate) fn fits(&self, worker: WorkerKey, needs: &Resources) -> bool {
        let (_, total, ..) = &self.workers[&worker];
        let (cpu, memory) = self.sum(worker);
        cpu + needs.cpu.get() <= total.cpu.get()
            && memory + needs.memory.get() <= total.memory.get()
    }

    pub(crate) fn pass(&mut self, now: Duration) {
        for (_, at) in self.containers.values_mut() {
            if matches!(at, Where::Leased(_, until) if *until <= now) {
                *at = Where::Waiting;
            }
        }
    }

    pub(crate) fn commit(&mut self, token: Token, commit: &Commit) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut containers = commit.containers.iter();
        for part in &commit.parts {
            for &key in containers.by_ref().take(part.count as usize) {
                outcomes.push(match (self.workers.get(&part.worker), self.containers.get(&key)) {
                    (None, _) => Outcome::WorkerGone,
                    (Some((_, _, life, _)), _) if *life != part.epoch => Outcome::WorkerGone,
                    (Some((_, _, _, false)), _) => Outcome::WorkerClosed,
                    (_, Some((request, Where::Leased(by, _)))) if *by == token => {
                        if self.fits(part.worker, &request.needs) {
                            Outcome::Placed
                        } else {
                            Outcome::NoRoom
                        }
                    }
                    _ => Outcome::NotLeased,
                });
                if outcomes.last() == Some(&Outcome::Placed) {
                    self.containers.get_mut(&key).expect("it is there").1 = Where::On(part.worker);
                }
            }
        }
        outcomes
    }

    pub(crate) fn count(&self, is: impl Fn(&Where) -> bool) -> usize {
        self.containers.values().filter(|(_, at)| is(at)).count()
    }
}
