//! Two schedulers, a store and everything that may happen to them, against plain maps.
//!
//! Whoever has a store includes this file and the model: what must hold is the same for all of them.

use std::time::Duration;

use proofload_scheduler::{
    Audit, Claim, Commit, Config, Exchange, Planner, Policy, Replica, Reply, Request, Store,
    StoreError, Token, Worker, WorkerKey,
};
use proptest::prelude::*;

use crate::model::{Model, Where};
use crate::support::*;

/// A store whose books can be looked at.
pub(crate) trait Books: Store {
    fn books(&self) -> Audit;
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Put(usize, u8),
    Drain(usize),
    Remove(usize),
    Enqueue(u8, u8, i32),
    /// A scheduler plans, commits and claims; and what the network does with it.
    Turn(usize, Network),
    Crash(usize),
    Release(prop::sample::Index),
    Wait(u16),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Network {
    Good,
    /// The call never arrives and is sent again.
    CallLost,
    /// The call is carried out, its reply is lost, and it is sent again.
    ReplyLost,
    /// The reply arrives twice.
    ReplyTwice,
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let network = prop_oneof![
        4 => Just(Network::Good),
        1 => Just(Network::CallLost),
        1 => Just(Network::ReplyLost),
        1 => Just(Network::ReplyTwice),
    ];
    prop_oneof![
        2 => (0_usize..4, 1_u8..6).prop_map(|(worker, size)| Step::Put(worker, size)),
        1 => (0_usize..4).prop_map(Step::Drain),
        1 => (0_usize..4).prop_map(Step::Remove),
        3 => (1_u8..8, 1_u8..4, 0_i32..2).prop_map(|(n, size, priority)| Step::Enqueue(n, size, priority)),
        8 => (0_usize..2, network).prop_map(|(who, network)| Step::Turn(who, network)),
        1 => (0_usize..2).prop_map(Step::Crash),
        2 => any::<prop::sample::Index>().prop_map(Step::Release),
        1 => (1_u16..3_000).prop_map(Step::Wait),
    ]
}

pub(crate) struct Machine<S> {
    store: S,
    schedulers: [(Token, Planner); 2],
    model: Model,
    names: usize,
    now: Duration,
}

impl<S: Books> Machine<S> {
    pub(crate) fn new(store: S) -> Self {
        let schedulers = [0, 1].map(|who| start(&store, who, Duration::ZERO));
        Self { store, schedulers, model: Model::default(), names: 0, now: Duration::ZERO }
    }

    pub(crate) fn apply(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Put(worker, size) => self.put(worker, size)?,
            Step::Drain(worker) => {
                let there = self.key(worker);
                prop_assert_eq!(
                    self.store.drain_worker(&format!("w{worker}")).is_ok(),
                    there.is_some()
                );
                if let Some(worker) = there.and_then(|key| self.model.workers.get_mut(&key)) {
                    worker.3 = false;
                }
            }
            Step::Remove(worker) => self.remove(worker)?,
            Step::Enqueue(count, size, priority) => {
                let requests: Vec<Request> = (0..count)
                    .map(|_| {
                        self.names += 1;
                        let mut request = container(format!("c{}", self.names));
                        request.needs =
                            resources(i64::from(size) * 1_000, i64::from(size) * 500, 0);
                        request.priority = priority;
                        request
                    })
                    .collect();
                let keys = self.store.enqueue(requests.clone(), self.now).expect("new containers");
                self.model.pass(self.now);
                self.model.containers.extend(
                    keys.into_iter().zip(requests.into_iter().map(|r| (r, Where::Waiting))),
                );
            }
            Step::Turn(who, network) => self.turn(who, network)?,
            Step::Crash(who) => {
                let old = self.schedulers[who].0;
                self.schedulers[who] = start(&self.store, who, self.now);
                self.model.pass(self.now);
                let exchange =
                    Exchange { token: old, now: self.now, commit: None, claim: None, since: None };
                prop_assert!(matches!(self.store.exchange(exchange), Err(StoreError::Fenced(_))));
            }
            Step::Release(ref index) => self.release(*index)?,
            Step::Wait(milliseconds) => self.now += Duration::from_millis(milliseconds.into()),
        }
        self.agree()
    }

    fn key(&self, worker: usize) -> Option<WorkerKey> {
        let name = format!("w{worker}");
        self.model.workers.iter().find(|(_, (known, ..))| *known == name).map(|(key, _)| *key)
    }

    fn put(&mut self, worker: usize, size: u8) -> Result<(), TestCaseError> {
        let name = format!("w{worker}");
        let total = resources(i64::from(size) * 1_000, i64::from(size) * 800, 0);
        let there = self.key(worker).is_some();
        match self.store.put_worker(Worker::new(name.clone(), total.cpu, total.memory)) {
            Ok(key) => {
                prop_assert!(!there);
                let life = self.model.lives.entry(key).or_default();
                *life += 1;
                self.model.workers.insert(key, (name, total, *life, true));
            }
            Err(error) => prop_assert!(there && matches!(error, StoreError::DuplicateWorker(_))),
        }
        Ok(())
    }

    fn remove(&mut self, worker: usize) -> Result<(), TestCaseError> {
        let removed = self.store.remove_worker(&format!("w{worker}"));
        let Some(key) = self.key(worker) else {
            prop_assert!(removed.is_err());
            return Ok(());
        };
        let before = self.model.containers.len();
        self.model.workers.remove(&key);
        self.model.containers.retain(|_, (_, at)| *at != Where::On(key));
        prop_assert_eq!(removed.expect("there").len(), before - self.model.containers.len());
        Ok(())
    }

    fn release(&mut self, index: prop::sample::Index) -> Result<(), TestCaseError> {
        let placed: Vec<_> = self
            .model
            .containers
            .iter()
            .filter_map(|(key, (request, at))| match at {
                Where::On(worker) => Some((*key, request.id.clone(), *worker)),
                _ => None,
            })
            .collect();
        if placed.is_empty() {
            return Ok(());
        }
        let (key, id, worker) = index.get(&placed);
        let on = self.model.workers[worker].0.clone();
        prop_assert!(!self.store.release(id, "elsewhere").expect("no wire"));
        prop_assert!(self.store.release(id, &on).expect("no wire"));
        prop_assert!(!self.store.release(id, &on).expect("no wire"));
        self.model.containers.remove(key);
        Ok(())
    }

    fn turn(&mut self, who: usize, network: Network) -> Result<(), TestCaseError> {
        let (token, planner) = &mut self.schedulers[who];
        let token = *token;
        let plan = planner.plan(self.now);
        self.check_refusals(who, &plan)?;
        for (key, at) in &plan.requeue {
            self.store.requeue_at(token, &[*key], *at).expect("not fenced");
        }
        self.store.refuse(token, &plan.refuse).expect("not fenced");
        for key in plan.requeue.iter().map(|(key, _)| key) {
            if let Some((_, at)) = self.model.containers.get_mut(key)
                && matches!(at, Where::Leased(by, _) if *by == token)
            {
                *at = Where::Waiting;
            }
        }
        for (key, _) in &plan.refuse {
            if matches!(self.model.containers.get(key), Some((_, Where::Leased(by, _))) if *by == token)
            {
                self.model.containers.remove(key);
            }
        }
        let commit = plan.batch.and_then(|batch| self.schedulers[who].1.commit(batch)).cloned();
        let claim = Claim { most: 5, lease: Duration::from_secs(2) };
        let since = self.schedulers[who].1.seen();
        let exchange =
            Exchange { token, now: self.now, commit: commit.as_ref(), claim: Some(claim), since };
        let first = match network {
            Network::CallLost => None,
            _ => Some(self.store.exchange(exchange).expect("not fenced")),
        };
        if let Some(reply) = &first {
            self.see(token, commit.as_ref(), reply, claim, true)?;
        }
        let verdict = first.as_ref().map(|reply| reply.verdict.clone());
        let reply = match (network, first) {
            (Network::Good | Network::ReplyTwice, Some(reply)) => reply,
            (network, _) => {
                // Nobody has heard of what the first call claimed: its lease must end by itself.
                let again = self.store.exchange(exchange).expect("not fenced");
                if let Some(verdict) = verdict {
                    prop_assert_eq!(&again.verdict, &verdict, "the same commit, the same verdict");
                }
                self.see(
                    token,
                    commit.as_ref(),
                    &again,
                    claim,
                    matches!(network, Network::CallLost),
                )?;
                again
            }
        };
        let twice = matches!(network, Network::ReplyTwice)
            .then(|| Reply { claimed: Vec::new(), ..reply.clone() });
        let planner = &mut self.schedulers[who].1;
        planner.absorb(reply, 5, self.now);
        if let Some(reply) = twice {
            let settled = planner.absorb(reply, 0, self.now);
            prop_assert!(
                settled.placed.is_empty()
                    && settled.conflicts + settled.lost + settled.moved_on == 0
            );
        }
        Ok(())
    }

    /// The store's reply is what the model comes to.
    fn see(
        &mut self,
        token: Token,
        commit: Option<&Commit>,
        reply: &Reply,
        claim: Claim,
        carried_out: bool,
    ) -> Result<(), TestCaseError> {
        self.model.pass(self.now);
        if let Some(commit) = commit {
            let verdict = reply.verdict.as_ref().expect("a verdict");
            if carried_out {
                prop_assert_eq!(&verdict.outcomes, &self.model.commit(token, commit));
            } else {
                prop_assert_eq!(verdict.batch, commit.batch);
            }
        }
        for claimed in &reply.claimed {
            let (request, at) =
                self.model.containers.get_mut(&claimed.key).expect("a container that is there");
            prop_assert_eq!(&request.id, &claimed.request.id);
            prop_assert_eq!(*at, Where::Waiting, "what is leased or placed is not given out again");
            *at = Where::Leased(token, self.now + claim.lease);
        }
        Ok(())
    }

    /// A container that the planner put back fits nowhere on its own copy of the fleet.
    fn check_refusals(
        &self,
        who: usize,
        plan: &proofload_scheduler::Plan,
    ) -> Result<(), TestCaseError> {
        let placer = self.schedulers[who].1.placer();
        for key in
            plan.requeue.iter().map(|(key, _)| key).chain(plan.refuse.iter().map(|(key, _)| key))
        {
            let Some((request, _)) = self.model.containers.get(key) else { continue };
            for (worker, (_, _, life, open)) in &self.model.workers {
                let known = placer.epoch(*worker) == Some(*life) && *open;
                let free = placer.free(*worker);
                prop_assert!(
                    !(known && free.is_some_and(|free| request.needs.fits(&free))),
                    "{} fits on {worker:?}",
                    request.id
                );
            }
        }
        Ok(())
    }

    /// The store holds what the model holds.
    fn agree(&self) -> Result<(), TestCaseError> {
        let audit = self.store.books();
        prop_assert_eq!(&audit.faults, &Vec::<String>::new());
        prop_assert_eq!(audit.placed, self.model.count(|at| matches!(at, Where::On(_))));
        prop_assert_eq!(audit.placed + audit.leased + audit.waiting, self.model.containers.len());
        prop_assert_eq!(audit.workers.len(), self.model.workers.len());
        for worker in &audit.workers {
            let (name, total, ..) = &self.model.workers[&worker.key];
            prop_assert_eq!(name, &worker.id);
            let (cpu, memory) = self.model.sum(worker.key);
            prop_assert_eq!(
                (worker.free.cpu.get(), worker.free.memory.get()),
                (total.cpu.get() - cpu, total.memory.get() - memory)
            );
        }
        Ok(())
    }

    /// Left alone, the schedulers place everything that fits and lose nothing.
    pub(crate) fn settle_down(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..60 {
            self.now += Duration::from_millis(700);
            for who in [0, 1] {
                self.turn(who, Network::Good)?;
            }
        }
        self.agree()?;
        // One more turn hears of everything that the other has changed.
        for (key, (request, at)) in &self.model.containers {
            if matches!(at, Where::On(_)) {
                continue;
            }
            let fits =
                self.model.workers.iter().any(|(worker, (_, _, _, open))| {
                    *open && self.model.fits(*worker, &request.needs)
                });
            prop_assert!(!fits, "{key:?} {request:?} {at:?} was left behind");
        }
        Ok(())
    }
}

fn start<S: Store>(store: &S, who: usize, now: Duration) -> (Token, Planner) {
    let token = store.join(&format!("s{who}")).expect("joined");
    let policy = [Policy::Spread, Policy::BestFit][who];
    let replica = Replica { index: who as u32, count: 2 };
    let config = Config { replica, ..at_once(policy) };
    let mut planner = Planner::new(config, store.counters());
    let exchange = Exchange { token, now, commit: None, claim: None, since: None };
    planner.absorb(store.exchange(exchange).expect("not fenced"), 0, now);
    (token, planner)
}
