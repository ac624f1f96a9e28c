//! The workers' side: they fetch what was placed on them, say that they have it, and give it back.

use std::sync::Arc;

use proofload_scheduler::{ContainerKey, StoreError, WorkerKey};
use proofload_scheduler_redis::{RedisStore, WorkerSide};
use proofload_strategies::Popped;
use proofload_strategies_redis::RedisPrimitives;

use super::stage::{Books, Stage};

/// Containers that a worker fetches at once.
const MOST: usize = 500;

/// Some of the workers, on a connection of their own.
pub(crate) struct Crew(Vec<One>);

enum One {
    Ours(WorkerSide),
    Steps { hand: Arc<RedisPrimitives>, worker: WorkerKey },
}

/// What a worker has fetched.
pub(crate) struct Load {
    worker: usize,
    /// Names of the containers.
    pub(crate) ids: Vec<String>,
    taken: Taken,
}

enum Taken {
    Ours(Vec<ContainerKey>),
    Steps(Vec<Popped>),
}

impl Crew {
    pub(crate) fn of(stage: &Stage<'_>, workers: &[(WorkerKey, String)]) -> anyhow::Result<Self> {
        let crew = match stage.books() {
            Books::Ours(store) => {
                let own: Arc<RedisStore> = Arc::new(store.handle()?);
                let attach = |(_, name): &(WorkerKey, String)| {
                    Ok(One::Ours(WorkerSide::attach(Arc::clone(&own), name)?))
                };
                workers.iter().map(attach).collect::<Result<_, StoreError>>()?
            }
            Books::Steps(hand) => {
                let hand = Arc::new(hand.handle()?);
                let attach = |&(worker, _): &(WorkerKey, String)| One::Steps {
                    hand: Arc::clone(&hand),
                    worker,
                };
                workers.iter().map(attach).collect()
            }
        };
        Ok(Self(crew))
    }

    /// Each worker looks once and acknowledges what it finds, of which `see` is told at once.
    pub(crate) fn look(&mut self, mut see: impl FnMut(Load)) -> Result<(), StoreError> {
        for (number, one) in self.0.iter_mut().enumerate() {
            match one {
                One::Ours(side) => {
                    let fetched = side.fetch(MOST)?;
                    if fetched.is_empty() {
                        continue;
                    }
                    side.acknowledge()?;
                    let ids = fetched.iter().map(|one| one.request.id.clone()).collect();
                    let taken = Taken::Ours(fetched.iter().map(|one| one.key).collect());
                    see(Load { worker: number, ids, taken });
                }
                One::Steps { hand, worker } => {
                    let taken = hand.take(*worker, MOST)?;
                    if taken.is_empty() {
                        continue;
                    }
                    let ids = taken.iter().map(|one| one.request.id.clone()).collect();
                    see(Load { worker: number, ids, taken: Taken::Steps(taken) });
                }
            }
        }
        Ok(())
    }

    /// The containers of a load have ended. Gives how many of them the store did not have there.
    pub(crate) fn release(&self, load: &Load) -> Result<usize, StoreError> {
        match (&self.0[load.worker], &load.taken) {
            (One::Ours(side), Taken::Ours(keys)) => {
                Ok(side.release(keys)?.into_iter().filter(|was_there| !was_there).count())
            }
            (One::Steps { hand, worker }, Taken::Steps(taken)) => {
                hand.give_back(*worker, taken)?;
                Ok(0)
            }
            _ => Ok(load.ids.len()),
        }
    }
}
