//! A planner and a store, step by step.

use std::collections::VecDeque;
use std::time::Duration;

use crate::planner::{Config, Plan, Planner, Settled};
use crate::refusal::Refusal;
use crate::store::{Claim, ContainerKey, Exchange, Store, StoreError, Token};

/// What a step came to.
#[derive(Debug, Default)]
pub struct Step {
    /// What the verdict said.
    pub settled: Settled,
    /// How many containers were claimed.
    pub claimed: usize,
    /// How many were planned nowhere and put back.
    pub requeued: usize,
    /// How many were given up.
    pub refused: usize,
}

impl Step {
    /// Nothing happened.
    pub fn is_idle(&self) -> bool {
        self.claimed + self.requeued + self.refused + self.settled.conflicts + self.settled.moved_on
            == 0
            && self.settled.placed.is_empty()
    }
}

/// Drives a planner against a store. No thread, no timer: the caller calls [`step`](Self::step).
#[derive(Debug)]
pub struct Scheduler<S: Store> {
    store: S,
    token: Token,
    planner: Planner,
    lease: Duration,
    /// When leases are next looked at.
    renewal: Duration,
    renewed: Duration,
    /// Until then nothing is renewed, as an answer to a claim was lost.
    astray: Duration,
    flying: Option<Flying<S::Pending>>,
    /// Batches that are planned and not sent, or whose reply was lost: these first.
    to_send: VecDeque<u64>,
    requeue: Vec<(ContainerKey, Duration)>,
    refuse: Vec<(ContainerKey, Refusal)>,
    /// What has come to pass and the caller has not been told: a step that fails keeps it for the next.
    untold: Step,
}

#[derive(Debug)]
struct Flying<P> {
    pending: P,
    batch: Option<u64>,
    asked: usize,
    asked_at: Duration,
}

impl<S: Store> Scheduler<S> {
    /// Joins the store under a name and loads the fleet. Claimed containers are leased for `lease`.
    ///
    /// # Errors
    /// What the store says.
    pub fn join(
        store: S,
        name: &str,
        config: Config,
        lease: Duration,
        now: Duration,
    ) -> Result<Self, StoreError> {
        let token = store.join(name)?;
        let mut planner = Planner::new(config, store.counters());
        let reply =
            store.exchange(Exchange { token, now, commit: None, claim: None, since: None })?;
        planner.absorb(reply, 0, now);
        Ok(Self {
            store,
            token,
            planner,
            lease,
            renewal: now,
            renewed: now,
            astray: Duration::ZERO,
            flying: None,
            to_send: VecDeque::new(),
            requeue: Vec::new(),
            refuse: Vec::new(),
            untold: Step::default(),
        })
    }

    /// One turn: plans what is due while the last exchange is under way, hears its answer, and sends
    /// the next one with the plan, a claim and the wish for changes.
    ///
    /// # Errors
    /// What the store says. After [`StoreError::NoAnswer`] the next step sends the commit again; after
    /// [`StoreError::Fenced`] this scheduler is done. What had come to pass before the error is part of
    /// what the next step, or [`finish`](Self::finish), comes to.
    pub fn step(&mut self, now: Duration) -> Result<Step, StoreError> {
        if self.to_send.is_empty() {
            self.plan(now);
        }
        self.hear(now)?;
        if self.to_send.is_empty() {
            // Nothing was at hand while the exchange was under way; now there may be.
            self.plan(now);
        }
        self.hand_back()?;
        self.renew(now)?;
        let asked = self.planner.wants();
        let batch = self.to_send.front().copied();
        let exchange = Exchange {
            token: self.token,
            now,
            commit: batch.and_then(|batch| self.planner.commit(batch)),
            claim: (asked > 0).then_some(Claim { most: asked, lease: self.lease }),
            since: self.planner.seen(),
        };
        let pending = match self.store.submit(exchange) {
            Ok(pending) => pending,
            Err(error) => {
                self.lose(asked, now);
                return Err(error);
            }
        };
        self.to_send.pop_front();
        self.flying = Some(Flying { pending, batch, asked, asked_at: now });
        Ok(std::mem::take(&mut self.untold))
    }

    fn plan(&mut self, now: Duration) {
        let Plan { batch, requeue, refuse } = self.planner.plan(now);
        self.to_send.extend(batch);
        self.requeue.extend(requeue);
        self.refuse.extend(refuse);
    }

    /// Hears the answer of the exchange that is under way, if there is one, and sends nothing.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn finish(&mut self, now: Duration) -> Result<Step, StoreError> {
        self.hear(now)?;
        Ok(std::mem::take(&mut self.untold))
    }

    fn hear(&mut self, now: Duration) -> Result<(), StoreError> {
        let Some(Flying { pending, batch, asked, asked_at }) = self.flying.take() else {
            return Ok(());
        };
        match self.store.receive(pending) {
            Ok(reply) => {
                self.untold.claimed += reply.claimed.len();
                let Settled { placed, conflicts, moved_on, lost } =
                    self.planner.absorb_asked_at(asked_at, reply, asked, now);
                let settled = &mut self.untold.settled;
                if settled.placed.is_empty() {
                    settled.placed = placed;
                } else {
                    settled.placed.extend(placed);
                }
                settled.conflicts += conflicts;
                settled.moved_on += moved_on;
                settled.lost += lost;
                Ok(())
            }
            Err(error) => {
                if let Some(batch) = batch {
                    self.to_send.push_front(batch);
                }
                self.lose(asked, now);
                Err(error)
            }
        }
    }

    /// The answer to a claim is lost. What it brought is known to nobody and must come back when its lease
    /// ends, so it is not renewed with the others: these may come back with it, and whoever claims them next
    /// places them. A third longer, as the call may arrive late and the store's clock be ahead.
    fn lose(&mut self, asked: usize, now: Duration) {
        if asked > 0 {
            self.astray = now.saturating_add(self.lease).saturating_add(self.lease / 3);
        }
    }

    fn hand_back(&mut self) -> Result<(), StoreError> {
        // What has been said stays said if a later call fails: to say it again does no harm.
        for group in self.requeue.chunk_by(|a, b| a.1 == b.1) {
            let keys: Vec<_> = group.iter().map(|&(key, _)| key).collect();
            self.untold.requeued += self.store.requeue_at(self.token, &keys, group[0].1)?;
        }
        self.requeue.clear();
        if !self.refuse.is_empty() {
            self.untold.refused += self.store.refuse(self.token, &self.refuse)?;
            self.refuse.clear();
        }
        Ok(())
    }

    /// Holds on to what has been held for a third of its lease, so that a batch may wait for longer than
    /// that. What is placed sooner costs no call.
    fn renew(&mut self, now: Duration) -> Result<(), StoreError> {
        if now < self.renewal.max(self.astray) {
            return Ok(());
        }
        let third = self.lease / 3;
        // What was asked for before the last renewal has been held anew since.
        let renewed = self.renewed;
        let due = |asked_at: Duration| asked_at.max(renewed).saturating_add(third);
        match self.planner.oldest().map(due) {
            Some(due) if due <= now => {
                self.store.renew(self.token, now.saturating_add(self.lease))?;
                self.renewed = now;
                self.renewal = now.saturating_add(third);
            }
            Some(due) => self.renewal = due,
            // What is asked for now is due after this.
            None => self.renewal = now.saturating_add(third),
        }
        Ok(())
    }

    /// The planner, for when the next batch is due and what it has looked at.
    pub fn planner(&self) -> &Planner {
        &self.planner
    }

    /// Its handle of the store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The token that it shows.
    pub fn token(&self) -> Token {
        self.token
    }
}
