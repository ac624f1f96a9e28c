//! The in-memory store's state: one thread at a time, no lock, no clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::containers::{Containers, State};
use super::fleet::Fleet;
use crate::counters::Counters;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::store::{
    Claim, Claimed, Commit, ContainerKey, Delta, Exchange, Outcome, Reconciled, Reply, Revision,
    StoreError, Token, Verdict, WorkerKey,
};

/// How many verdicts of a scheduler are kept, for commits that are sent again.
const VERDICTS_KEPT: usize = 8;

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(super) fleet: Fleet,
    pub(super) containers: Containers,
    /// Waiting containers by falling priority, first in first out.
    pub(super) ready: BTreeMap<Reverse<i32>, VecDeque<ContainerKey>>,
    /// Put back until a time; the number keeps those of one time in order.
    pub(super) delayed: BTreeMap<(Duration, u64), ContainerKey>,
    delays: u64,
    /// Claims by the time at which they end.
    pub(super) leases: BTreeMap<(Duration, u64), Vec<ContainerKey>>,
    claims: u64,
    schedulers: HashMap<Token, Scheduler>,
    tokens: HashMap<Box<str>, Token>,
    last_token: u64,
    /// The latest time that anybody has told.
    now: Duration,
    /// Containers given up for good, with the reason.
    pub(super) refused: Vec<(String, Refusal)>,
}

#[derive(Debug, Default)]
struct Scheduler {
    verdicts: VecDeque<Verdict>,
    /// Greatest batch carried out: a lower one whose verdict is gone is not carried out again.
    last_batch: u64,
}

impl Ledger {
    pub(crate) fn join(&mut self, scheduler: &str) -> Token {
        self.last_token += 1;
        let token = Token(self.last_token);
        if let Some(old) = self.tokens.insert(scheduler.into(), token) {
            self.schedulers.remove(&old);
        }
        self.schedulers.insert(token, Scheduler::default());
        token
    }

    fn fence(&self, token: Token) -> Result<(), StoreError> {
        if self.schedulers.contains_key(&token) { Ok(()) } else { Err(StoreError::Fenced(token)) }
    }

    pub(crate) fn exchange(
        &mut self,
        call: &Exchange<'_>,
        counters: &Counters,
    ) -> Result<Reply, StoreError> {
        self.fence(call.token)?;
        self.pass(call.now);
        let verdict = call.commit.map(|commit| self.commit(call.token, commit, counters));
        let claimed = call.claim.map_or_else(Vec::new, |claim| self.claim(call.token, claim));
        Ok(Reply { verdict, claimed, delta: self.delta(call.since) })
    }

    /// Time goes on: leases end, and what was put back until now is ready.
    fn pass(&mut self, now: Duration) {
        self.now = self.now.max(now);
        while let Some(lease) = self.leases.first_entry() {
            if lease.key().0 > self.now {
                break;
            }
            let claim = lease.key().1;
            // From the back, so that they come to stand in front in their old order.
            for key in lease.remove().into_iter().rev() {
                if matches!(self.containers.state(key), Some(State::Leased { claim: held, .. }) if held == claim)
                {
                    self.containers.set_state(key, State::Waiting);
                    self.queue_of(key).push_front(key);
                }
            }
        }
        while let Some(delayed) = self.delayed.first_entry() {
            if delayed.key().0 > self.now {
                break;
            }
            let key = delayed.remove();
            self.queue_of(key).push_back(key);
        }
    }

    /// What is wrong with the backlog and the leases, if so many containers say that they wait, and so
    /// many that they are leased by each claim.
    pub(super) fn backlog_faults(
        &self,
        waiting: usize,
        claims: &HashMap<u64, usize>,
        faults: &mut Vec<String>,
    ) {
        let mut listed: Vec<ContainerKey> =
            self.ready.values().flatten().chain(self.delayed.values()).copied().collect();
        let all = listed.len();
        listed.sort_unstable();
        listed.dedup();
        listed.retain(|&key| self.containers.state(key) == Some(State::Waiting));
        if (all, listed.len()) != (waiting, waiting) {
            faults.push(format!(
                "the backlog lists {all} containers, {} of them once and waiting; {waiting} say they wait",
                listed.len()
            ));
        }
        let mut ending: HashMap<u64, usize> = HashMap::new();
        for ((_, claim), keys) in &self.leases {
            let held = |key: &&ContainerKey| matches!(self.containers.state(**key), Some(State::Leased { claim: by, .. }) if by == *claim);
            *ending.entry(*claim).or_default() += keys.iter().filter(held).count();
        }
        if claims.iter().any(|(claim, count)| ending.get(claim) != Some(count)) {
            faults
                .push("a leased container is in no lease, so it would never come back".to_owned());
        }
    }

    pub(super) fn queue_of(&mut self, key: ContainerKey) -> &mut VecDeque<ContainerKey> {
        let priority = self.containers.get(key).map_or(0, |container| container.request.priority);
        self.ready.entry(Reverse(priority)).or_default()
    }

    fn commit(&mut self, token: Token, commit: &Commit, counters: &Counters) -> Verdict {
        let known = self.schedulers.get(&token);
        if let Some(given) =
            known.and_then(|s| s.verdicts.iter().find(|verdict| verdict.batch == commit.batch))
        {
            return given.clone();
        }
        let outdated = known.is_some_and(|scheduler| commit.batch <= scheduler.last_batch);
        let mut verdict = Verdict {
            batch: commit.batch,
            versions: Vec::with_capacity(commit.parts.len()),
            outcomes: Vec::with_capacity(commit.containers.len()),
        };
        let mut containers = commit.containers.iter();
        for part in &commit.parts {
            let worker = self.fleet.get(part.worker);
            verdict.versions.push(worker.map(|worker| worker.version));
            let closed = match worker {
                _ if outdated => Some(Outcome::NotLeased),
                None => Some(Outcome::WorkerGone),
                Some(worker) if worker.epoch != part.epoch => Some(Outcome::WorkerGone),
                Some(worker) if !worker.takes_containers() => Some(Outcome::WorkerClosed),
                Some(_) => None,
            };
            let mut placed = 0;
            for &key in containers.by_ref().take(part.count as usize) {
                let outcome = closed.unwrap_or_else(|| self.place(token, key, part.worker));
                placed += u32::from(outcome == Outcome::Placed);
                verdict.outcomes.push(outcome);
            }
            if placed > 0 {
                self.fleet.updated(part.worker, counters);
            }
        }
        verdict.outcomes.resize(commit.containers.len(), Outcome::NotLeased);
        if let Some(scheduler) = self.schedulers.get_mut(&token) {
            scheduler.last_batch = scheduler.last_batch.max(commit.batch);
            if scheduler.verdicts.len() == VERDICTS_KEPT {
                scheduler.verdicts.pop_front();
            }
            scheduler.verdicts.push_back(verdict.clone());
        }
        verdict
    }

    fn place(&mut self, token: Token, key: ContainerKey, worker: WorkerKey) -> Outcome {
        let Some(container) = self.containers.get_mut(key) else { return Outcome::NotLeased };
        if !matches!(container.state, State::Leased { by, .. } if by == token) {
            return Outcome::NotLeased;
        }
        let Some(position) = self.fleet.own(worker, key, &container.request.needs) else {
            return Outcome::NoRoom;
        };
        container.state = State::Placed { worker, position };
        self.fleet.push(worker, key);
        Outcome::Placed
    }

    fn claim(&mut self, token: Token, claim: Claim) -> Vec<Claimed> {
        let mut claimed = Vec::new();
        let number = self.claims;
        while claimed.len() < claim.most {
            let Some(mut queue) = self.ready.first_entry() else { break };
            let Some(key) = queue.get_mut().pop_front() else {
                queue.remove();
                continue;
            };
            let Some(container) = self.containers.get_mut(key) else { continue };
            container.state = State::Leased { by: token, claim: number };
            claimed.push(Claimed {
                key,
                request: Arc::clone(&container.request),
                attempts: container.attempts,
                enqueued: container.enqueued,
            });
        }
        if !claimed.is_empty() {
            self.claims += 1;
            let keys = claimed.iter().map(|claimed| claimed.key).collect();
            self.leases.insert((self.now.saturating_add(claim.lease), number), keys);
        }
        claimed
    }

    fn delta(&self, since: Option<Revision>) -> Delta {
        Delta {
            to: self.fleet.revision(),
            whole: since.is_none(),
            workers: self.fleet.changes(since),
        }
    }

    pub(crate) fn enqueue(
        &mut self,
        requests: Vec<Request>,
        now: Duration,
    ) -> Result<Vec<ContainerKey>, StoreError> {
        self.pass(now);
        for request in &requests {
            request.check()?;
        }
        let mut keys = Vec::with_capacity(requests.len());
        for request in requests {
            let id = request.id.clone();
            let Some(key) = self.containers.insert(request, now) else {
                // All or none.
                for key in keys {
                    self.queue_of(key).pop_back();
                    self.containers.remove(key);
                }
                return Err(StoreError::DuplicateContainer(id));
            };
            self.queue_of(key).push_back(key);
            keys.push(key);
        }
        Ok(keys)
    }

    pub(crate) fn remove_worker(&mut self, worker: &str) -> Result<Vec<Arc<Request>>, StoreError> {
        let owned = self.fleet.remove(worker)?;
        Ok(owned
            .into_iter()
            .filter_map(|key| self.containers.remove(key))
            .map(|container| container.request)
            .collect())
    }

    pub(crate) fn requeue_at(
        &mut self,
        token: Token,
        containers: &[ContainerKey],
        at: Duration,
    ) -> Result<usize, StoreError> {
        self.fence(token)?;
        let mut put_back = 0;
        for &key in containers {
            let Some(container) = self.containers.get_mut(key) else { continue };
            if matches!(container.state, State::Leased { by, .. } if by == token) {
                container.state = State::Waiting;
                container.attempts = container.attempts.saturating_add(1);
                self.delays += 1;
                self.delayed.insert((at, self.delays), key);
                put_back += 1;
            }
        }
        Ok(put_back)
    }

    pub(crate) fn refuse(
        &mut self,
        token: Token,
        refused: &[(ContainerKey, Refusal)],
    ) -> Result<usize, StoreError> {
        self.fence(token)?;
        let before = self.refused.len();
        for (key, reason) in refused {
            if matches!(self.containers.state(*key), Some(State::Leased { by, .. }) if by == token)
                && let Some(container) = self.containers.remove(*key)
            {
                self.refused.push((container.request.id.clone(), reason.clone()));
            }
        }
        Ok(self.refused.len() - before)
    }

    pub(crate) fn renew(&mut self, token: Token, until: Duration) -> Result<usize, StoreError> {
        self.fence(token)?;
        let mut renewed = 0;
        for ((end, claim), mut keys) in std::mem::take(&mut self.leases) {
            keys.retain(|&key| {
                matches!(self.containers.state(key), Some(State::Leased { claim: held, .. }) if held == claim)
            });
            let Some(&first) = keys.first() else { continue };
            let mine = matches!(self.containers.state(first), Some(State::Leased { by, .. }) if by == token);
            renewed += if mine { keys.len() } else { 0 };
            self.leases.insert((if mine { end.max(until) } else { end }, claim), keys);
        }
        Ok(renewed)
    }

    pub(crate) fn release(&mut self, container: &str, worker: &str, counters: &Counters) -> bool {
        let Some(key) = self.containers.find(container) else { return false };
        let Some(State::Placed { worker: on, .. }) = self.containers.state(key) else {
            return false;
        };
        if self.fleet.find(worker) != Some(on) {
            return false;
        }
        self.give_back(key);
        self.fleet.updated(on, counters);
        true
    }

    fn give_back(&mut self, key: ContainerKey) {
        let Some(container) = self.containers.remove(key) else { return };
        let State::Placed { worker, position } = container.state else { return };
        if let Some(moved) = self.fleet.disown(worker, position, &container.request.needs) {
            self.containers.set_state(moved, State::Placed { worker, position });
        }
        let containers = &self.containers;
        self.fleet.tidy(worker, |queued| containers.get(queued).is_some());
    }

    pub(crate) fn reconcile(
        &mut self,
        worker: &str,
        has: &[String],
        counters: &Counters,
    ) -> Result<Reconciled, StoreError> {
        let key =
            self.fleet.find(worker).ok_or_else(|| StoreError::NoSuchWorker(worker.to_owned()))?;
        let mut done = Reconciled::default();
        for name in has {
            let state =
                self.containers.find(name).and_then(|container| self.containers.state(container));
            if !matches!(state, Some(State::Placed { worker: on, .. }) if on == key) {
                done.strays.push(name.clone());
            }
        }
        let has: std::collections::HashSet<&str> = has.iter().map(String::as_str).collect();
        for owned in self.fleet.handed_over(key) {
            let Some(container) = self.containers.get(owned) else { continue };
            if !has.contains(container.request.id.as_str()) {
                done.released.push(container.request.id.clone());
                self.give_back(owned);
            }
        }
        if !done.released.is_empty() {
            self.fleet.updated(key, counters);
        }
        Ok(done)
    }
}
