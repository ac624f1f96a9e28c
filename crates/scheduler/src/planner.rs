//! Turns claimed containers into commits.
//!
//! Containers are planned by falling priority, first in first out, each as if it were alone: a batch
//! decides nothing that one by one would not have decided, so it loses no capacity. What is batched
//! is the commit: one part a worker.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::batching::{Backoff, Batching};
use crate::counters::Counters;
use crate::placer::{Placer, Shape};
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::replica::{Contention, Replica};
use crate::request::Request;
use crate::store::{Claimed, Commit, ContainerKey, Outcome, Part, Reply, Revision, Verdict};

/// So many bands are kept when they are empty.
const BANDS_KEPT: usize = 16;

/// How a planner works.
#[derive(Clone, Copy, Debug, Default)]
pub struct Config {
    /// Which worker is taken.
    pub policy: Policy,
    /// Where the first round begins; replicas should differ.
    pub seed: u64,
    /// Which of the schedulers on the store it is. Several that do not know of each other place as much,
    /// but are turned away more often.
    pub replica: Replica,
    /// When a batch is closed.
    pub batching: Batching,
    /// When a container is tried again.
    pub backoff: Backoff,
}

/// A container that waits for its decision or for its verdict.
#[derive(Clone, Debug)]
struct Item {
    key: ContainerKey,
    request: Arc<Request>,
    shape: Shape,
    attempts: u32,
    enqueued: Duration,
    /// When it was asked for: its lease is as old as that at most.
    asked_at: Duration,
}

/// A planned batch, until its verdict is known.
#[derive(Debug, Default)]
struct Batch {
    commit: Commit,
    /// In the commit's order.
    items: Vec<Item>,
    /// For each part, the version that the plan counts on.
    expected: Vec<u64>,
}

/// What planning came to.
#[derive(Debug, Default)]
pub struct Plan {
    /// The batch to commit, if anything found a place; [`Planner::commit`] has it.
    pub batch: Option<u64>,
    /// Containers for which nothing was free, and when they should come back.
    pub requeue: Vec<(ContainerKey, Duration)>,
    /// Containers that are given up.
    pub refuse: Vec<(ContainerKey, Refusal)>,
}

impl Plan {
    /// Nothing was decided.
    pub fn is_empty(&self) -> bool {
        self.batch.is_none() && self.requeue.is_empty() && self.refuse.is_empty()
    }
}

/// A container that has its place.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The container.
    pub key: ContainerKey,
    /// What it asked for.
    pub request: Arc<Request>,
    /// The worker.
    pub worker: crate::store::WorkerKey,
    /// When the container came.
    pub enqueued: Duration,
}

/// What a verdict came to.
#[derive(Debug, Default)]
pub struct Settled {
    /// Containers that have their place.
    pub placed: Vec<Placed>,
    /// How many the store turned away for lack of room; they are planned again.
    pub conflicts: usize,
    /// How many the store turned away for another reason and are planned again.
    pub moved_on: usize,
    /// How many are no longer held, so that they are somebody else's now.
    pub lost: usize,
}

/// Holds claimed containers, plans them in batches, and keeps the books until the verdict.
#[derive(Debug)]
pub struct Planner {
    placer: Placer,
    counters: Arc<Counters>,
    config: Config,
    contention: Contention,
    bands: Bands,
    /// When the first of those waiting came.
    since: Option<Duration>,
    seen: Option<Revision>,
    /// The last claim brought less than was asked for.
    backlog_empty: bool,
    last_batch: u64,
    in_flight: VecDeque<Batch>,
    spare: Vec<Batch>,
    /// For each slot, the batch in which it last had a part, and the part.
    part_of: Vec<(u64, u32)>,
    planned: Vec<Option<Item>>,
    /// Those by part: the part and their number.
    order: Vec<(u32, u32)>,
}

impl Planner {
    /// A planner that knows no worker yet and counts into `counters`. A batch has room for at least one
    /// container, whatever the configuration says.
    pub fn new(mut config: Config, counters: Arc<Counters>) -> Self {
        config.batching.most = config.batching.most.max(1);
        let mut placer = Placer::new(config.policy, config.seed, Arc::clone(&counters));
        placer.set_replica(config.replica);
        Self {
            placer,
            counters,
            config,
            contention: Contention::default(),
            bands: Bands::default(),
            since: None,
            seen: None,
            backlog_empty: false,
            last_batch: 0,
            in_flight: VecDeque::new(),
            spare: Vec::new(),
            part_of: Vec::new(),
            planned: Vec::new(),
            order: Vec::new(),
        }
    }

    /// What it has seen of the store's history: the `since` of the next exchange.
    pub fn seen(&self) -> Option<Revision> {
        self.seen
    }

    /// How many containers the next claim should ask for.
    pub fn wants(&self) -> usize {
        self.config.batching.most.saturating_sub(self.bands.waiting)
    }

    /// How many containers wait for a decision.
    pub fn waiting(&self) -> usize {
        self.bands.waiting
    }

    /// How many batches are planned whose verdict is not known yet.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// The placer, for what it has looked at and what it believes is free.
    pub fn placer(&self) -> &Placer {
        &self.placer
    }

    /// When the batch at hand closes; `None` if there is nothing to plan.
    pub fn due(&self) -> Option<Duration> {
        let since = self.since?;
        let Batching { most, window, adaptive } = self.config.batching;
        let full = self.bands.waiting >= most || (adaptive && self.backlog_empty);
        Some(if full { since } else { since.saturating_add(window) })
    }

    /// When the first of those was asked for that still wait for a decision or a verdict.
    pub(crate) fn oldest(&self) -> Option<Duration> {
        let waiting = self.bands.list.iter().flat_map(|(_, band)| band);
        let in_flight = self.in_flight.iter().flat_map(|batch| &batch.items);
        waiting.chain(in_flight).map(|item| item.asked_at).min()
    }

    /// Takes over containers that were claimed; `asked` is how many were asked for.
    pub fn accept(&mut self, claimed: Vec<Claimed>, asked: usize, now: Duration) {
        self.accept_asked_at(now, claimed, asked, now);
    }

    fn accept_asked_at(
        &mut self,
        asked_at: Duration,
        claimed: Vec<Claimed>,
        asked: usize,
        now: Duration,
    ) {
        self.backlog_empty = claimed.len() < asked;
        for Claimed { key, request, attempts, enqueued } in claimed {
            let shape = self.placer.shape(&request);
            let item = Item { key, request, shape, attempts, enqueued, asked_at };
            self.bands.of(&item).push_back(item);
            self.bands.waiting += 1;
            self.since.get_or_insert(now);
        }
    }

    /// Plans what waits, up to a batch, if it is due.
    pub fn plan(&mut self, now: Duration) -> Plan {
        let mut plan = Plan::default();
        if self.due().is_none_or(|due| due > now) {
            return plan;
        }
        let number = self.last_batch + 1;
        let mut batch = self.spare.pop().unwrap_or_default();
        batch.commit.batch = number;
        for _ in 0..self.config.batching.most.min(self.bands.waiting) {
            let Some(mut item) = self.bands.pop() else { break };
            self.placer.refresh(&mut item.shape, &item.request);
            if let Some(worker) = self.placer.place(&item.shape) {
                let part = self.part(&mut batch, number, worker.0);
                self.order.push((part, self.planned.len() as u32));
                self.planned.push(Some(item));
            } else if !self.placer.could_fit(&item.shape)
                && let Some(refusal) = self.placer.never_fits(&item.request)
            {
                plan.refuse.push((item.key, refusal));
            } else if item.attempts.saturating_add(1) >= self.config.backoff.tries {
                let tries = item.attempts.saturating_add(1);
                plan.refuse.push((item.key, Refusal::NothingFree(tries)));
            } else {
                plan.requeue
                    .push((item.key, now.saturating_add(self.config.backoff.delay(item.attempts))));
            }
        }
        self.bands.tidy();
        self.since = (self.bands.waiting > 0).then_some(now);
        if self.planned.is_empty() {
            self.spare.push(batch);
            return plan;
        }
        // Parts are in the order of their first container; their containers come together.
        self.order.sort_unstable();
        let planned = &mut self.planned;
        batch.items.extend(self.order.drain(..).filter_map(|(_, at)| planned[at as usize].take()));
        planned.clear();
        batch.commit.containers.extend(batch.items.iter().map(|item| item.key));
        self.last_batch = number;
        self.in_flight.push_back(batch);
        plan.batch = Some(number);
        plan
    }

    /// The part of a worker in the batch, begun if this is its first container.
    fn part(&mut self, batch: &mut Batch, number: u64, slot: u32) -> u32 {
        let at = slot as usize;
        if self.part_of.len() <= at {
            self.part_of.resize(self.placer.snapshot.slots() as usize, (0, 0));
        }
        if self.part_of[at].0 != number {
            self.part_of[at] = (number, batch.commit.parts.len() as u32);
            let epoch = self.placer.snapshot.epoch[at];
            batch.commit.parts.push(Part {
                worker: crate::store::WorkerKey(slot),
                epoch,
                count: 0,
            });
            batch.expected.push(self.placer.snapshot.batch_planned(slot));
        }
        let part = self.part_of[at].1;
        batch.commit.parts[part as usize].count += 1;
        part
    }

    /// A batch that is planned and not settled: to be sent, or sent again.
    pub fn commit(&self, batch: u64) -> Option<&Commit> {
        self.in_flight.iter().map(|batch| &batch.commit).find(|commit| commit.batch == batch)
    }

    /// Takes in a reply: the verdict, changes of the fleet, and new containers, of which `asked` were
    /// asked for.
    pub fn absorb(&mut self, reply: Reply, asked: usize, now: Duration) -> Settled {
        self.absorb_asked_at(now, reply, asked, now)
    }

    /// The same, of a reply to what was sent at `asked_at`.
    pub(crate) fn absorb_asked_at(
        &mut self,
        asked_at: Duration,
        reply: Reply,
        asked: usize,
        now: Duration,
    ) -> Settled {
        let settled =
            reply.verdict.map_or_else(Settled::default, |verdict| self.settle(&verdict, now));
        self.placer.apply(&reply.delta);
        self.seen = Some(reply.delta.to);
        self.accept_asked_at(asked_at, reply.claimed, asked, now);
        settled
    }

    fn settle(&mut self, verdict: &Verdict, now: Duration) -> Settled {
        let mut settled = Settled::default();
        let Some(at) = self.in_flight.iter().position(|batch| batch.commit.batch == verdict.batch)
        else {
            // Heard before.
            return settled;
        };
        let Some(mut batch) = self.in_flight.remove(at) else { return settled };
        let mut outcomes = verdict.outcomes.iter().copied();
        let mut items = batch.items.drain(..);
        for (at, part) in batch.commit.parts.iter().enumerate() {
            let current = verdict.versions.get(at).copied().flatten() == Some(batch.expected[at]);
            self.placer.snapshot.batch_settled(part.worker.0, part.epoch);
            for item in items.by_ref().take(part.count as usize) {
                if current {
                    self.counters.hit(1);
                } else {
                    self.counters.stale(1);
                }
                self.placer.settle(part.worker, part.epoch, &item.shape.wanted.needs);
                match outcomes.next().unwrap_or(Outcome::NotLeased) {
                    Outcome::Placed => settled.placed.push(Placed {
                        key: item.key,
                        request: item.request,
                        worker: part.worker,
                        enqueued: item.enqueued,
                    }),
                    Outcome::NoRoom => {
                        settled.conflicts += 1;
                        self.bands.again(item);
                    }
                    Outcome::WorkerGone | Outcome::WorkerClosed => {
                        settled.moved_on += 1;
                        self.bands.again(item);
                    }
                    Outcome::NotLeased => settled.lost += 1,
                }
            }
        }
        drop(items);
        let apart = self.contention.heard(settled.conflicts, self.placer.snapshot.slots());
        self.placer.keep_apart(apart);
        if self.bands.waiting > 0 {
            self.since.get_or_insert(now);
        }
        batch.commit.parts.clear();
        batch.commit.containers.clear();
        batch.expected.clear();
        self.spare.push(batch);
        settled
    }
}

/// Containers that wait for a decision, by falling priority.
#[derive(Debug, Default)]
struct Bands {
    list: Vec<(i32, VecDeque<Item>)>,
    waiting: usize,
}

impl Bands {
    /// The band that an item belongs to.
    fn of(&mut self, item: &Item) -> &mut VecDeque<Item> {
        let priority = item.request.priority;
        let at = self.list.partition_point(|band| band.0 > priority);
        if self.list.get(at).is_none_or(|band| band.0 != priority) {
            self.list.insert(at, (priority, VecDeque::new()));
        }
        &mut self.list[at].1
    }

    /// A container whose plan was turned away comes first in its band.
    fn again(&mut self, item: Item) {
        self.of(&item).push_front(item);
        self.waiting += 1;
    }

    fn pop(&mut self) -> Option<Item> {
        let item = self.list.iter_mut().find_map(|band| band.1.pop_front())?;
        self.waiting -= 1;
        Some(item)
    }

    /// Drops empty bands if there are many.
    fn tidy(&mut self) {
        if self.list.len() > BANDS_KEPT {
            self.list.retain(|band| !band.1.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::{Megabytes, Millicores};

    #[test]
    fn priorities_that_nobody_has_any_more_are_forgotten() {
        let mut planner = Planner::new(Config::default(), Arc::new(Counters::new()));
        for round in 0..20 {
            let claimed = (0..100)
                .map(|i| {
                    let (cpu, memory) = (Millicores::from_raw(1), Megabytes::from_raw(1));
                    let mut request = Request::new("c", cpu, memory);
                    request.priority = round * 100 + i;
                    let (key, request) = (ContainerKey(0), Arc::new(request));
                    Claimed { key, request, attempts: 0, enqueued: Duration::ZERO }
                })
                .collect();
            planner.accept(claimed, 100, Duration::ZERO);
            assert_eq!(planner.plan(Duration::ZERO).requeue.len(), 100);
            assert!(planner.bands.list.len() <= BANDS_KEPT);
        }
    }
}
