//! The exchange: how it is sent, and what its answer means.

use std::sync::Arc;
use std::time::Duration;

use proofload_scheduler::{
    Claimed, ContainerKey, Delta, Exchange, Reply, Revision, StoreError, Token, WorkerKey,
    WorkerState,
};

use super::{Again, Answer, Call, RedisStore, malformed, microseconds};
use crate::packed::{Reader, Record, SLOT_BYTES, Slot, encode_plan, read_verdict, read_worker};
use crate::scripts;
use crate::wire::{self, WireError, cmd};

/// How many names are looked at in one command.
const NAMES_A_COMMAND: usize = 1_000;

/// An exchange that is under way.
pub struct Pending {
    sent: wire::Pending,
    token: Token,
    now: Duration,
    has_commit: bool,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").field("token", &self.token).finish_non_exhaustive()
    }
}

impl RedisStore {
    pub(super) fn send_exchange(&self, exchange: &Exchange<'_>) -> Result<Pending, StoreError> {
        let Exchange { token, now, commit, claim, since } = *exchange;
        self.tally.operation(1);
        self.pass(now);
        let since = since.map_or_else(String::new, |since| since.0.to_string());
        let queues = commit.into_iter().flat_map(|commit| &commit.parts).map(|part| part.worker);
        let call = Call::new(&scripts::EXCHANGE)
            .queues(queues)
            .arg(token.0.to_be_bytes())
            .arg(since)
            .arg(commit.map_or_else(Vec::new, encode_plan))
            .number(claim.map_or(0, |claim| claim.most))
            .number(claim.map_or(0, |claim| microseconds(claim.lease)));
        let submit = || self.wire.submit_eval(&self.eval(&call));
        let sent = match submit() {
            // It has not been carried out. The server that is there now may be another one.
            Err(WireError::NotSent { .. }) => self.wire.reconnect().and_then(|_| submit()),
            sent => sent,
        };
        let sent = sent?;
        Ok(Pending { sent, token, now, has_commit: commit.is_some() })
    }

    pub(super) fn hear_exchange(&self, pending: Pending) -> Result<Reply, StoreError> {
        let Pending { sent, token, now, has_commit } = pending;
        let value = self.wire.receive(sent)?;
        let mut answer = Answer::new(scripts::EXCHANGE.name(), value)?;
        match answer.word() {
            "OK" => {}
            "FENCED" => return Err(StoreError::Fenced(token)),
            "SCHEMA" => return Err(self.other_schema()),
            "RECOVERING" => {
                let waiting_for = answer.number()?;
                self.bury_all(answer.list()?)?;
                return Err(StoreError::SetBack { waiting_for });
            }
            "SETBACK" => {
                self.recover()?;
                return Err(StoreError::NoAnswer(
                    "it was set back; the exchange was not carried out".to_owned(),
                ));
            }
            _ => return Err(answer.unexpected()),
        }
        let server_now = answer.number()?;
        let to = answer.number()?;
        self.known().enter(answer.number()?);
        let verdict = answer.bytes()?;
        let verdict = has_commit.then(|| read_verdict(&verdict)).transpose().map_err(malformed)?;
        self.tally.capacity_update(answer.number()?);
        let (claimed, spoilt) = read_claimed(answer.list()?, now, server_now)?;
        let whole = answer.number()? == 1;
        let (slots, texts) = (answer.bytes()?, answer.bytes()?);
        let workers = match whole {
            true => self.read_fleet(&slots, &texts)?,
            false => self.read_changes(&slots, &texts)?,
        };
        self.bury_all(answer.list()?)?;
        for key in spoilt {
            self.discard(token, key)?;
        }
        let mut known = self.known();
        known.seen = known.seen.max(Some(to));
        Ok(Reply { verdict, claimed, delta: Delta { to: Revision(to), whole, workers } })
    }

    /// Every worker that is there.
    fn read_fleet(&self, slots: &[u8], texts: &[u8]) -> Result<Vec<WorkerState>, StoreError> {
        let mut states = Vec::with_capacity(slots.len() / SLOT_BYTES);
        let mut known = self.known();
        for (key, slot) in (0..).map(WorkerKey).zip(slots.chunks_exact(SLOT_BYTES)) {
            let slot = Slot::read(slot).map_err(malformed)?;
            if slot.status.is_none() {
                continue;
            }
            let worker = match known.registration(key, slot.epoch) {
                Some(worker) => Arc::clone(worker),
                None => {
                    let from = slot.text_at as usize;
                    let text = texts.get(from..from + slot.text_bytes as usize).unwrap_or_default();
                    let worker = Arc::new(read_worker(text, slot.total).map_err(malformed)?);
                    known.registered(key, slot.epoch, Arc::clone(&worker));
                    worker
                }
            };
            states.push(state(key, &slot, worker));
        }
        Ok(states)
    }

    /// Those that changed.
    fn read_changes(&self, slots: &[u8], texts: &[u8]) -> Result<Vec<WorkerState>, StoreError> {
        let mut slots = Reader::new(slots, "a change of the fleet");
        let mut changed = Vec::new();
        while !slots.is_empty() {
            let key = WorkerKey(slots.u32().map_err(malformed)?);
            let slot = slots.take(SLOT_BYTES).and_then(Slot::read).map_err(malformed)?;
            changed.push((key, slot));
        }
        let mut texts = Reader::new(texts, "a change of the fleet");
        while !texts.is_empty() {
            let key = WorkerKey(texts.u32().map_err(malformed)?);
            let length = texts.u32().map_err(malformed)?;
            let text = texts.take(length as usize).map_err(malformed)?;
            if let Some((_, slot)) = changed.iter().find(|(changed, _)| *changed == key) {
                let worker = read_worker(text, slot.total).map_err(malformed)?;
                self.known().registered(key, slot.epoch, Arc::new(worker));
            }
        }
        let mut states = Vec::with_capacity(changed.len());
        for (key, slot) in changed {
            let known = self.known().registration(key, slot.epoch).cloned();
            let worker = match known {
                Some(worker) => worker,
                // Somebody else's revision was shown with this handle.
                None => self.registration(key, slot.epoch)?,
            };
            states.push(state(key, &slot, worker));
        }
        Ok(states)
    }

    fn registration(
        &self,
        key: WorkerKey,
        epoch: u32,
    ) -> Result<Arc<proofload_scheduler::Worker>, StoreError> {
        self.look_up(key)?;
        self.known()
            .registration(key, epoch)
            .cloned()
            .ok_or_else(|| StoreError::NoAnswer("a worker registered anew meanwhile".to_owned()))
    }

    /// Workers that were not heard of for too long.
    fn bury_all(&self, mut graves: Answer) -> Result<(), StoreError> {
        while !graves.is_empty() {
            let key = WorkerKey(graves.small()?);
            let epoch = graves.small()?;
            self.bury(key, epoch)?;
        }
        Ok(())
    }

    /// Gives up a container whose record somebody has spoilt. Its name is looked for among all names.
    fn discard(&self, token: Token, key: ContainerKey) -> Result<(), StoreError> {
        let bytes = key.0.to_be_bytes();
        let (mut name, mut cursor) = (Vec::new(), "0".to_owned());
        loop {
            let mut scan = cmd("HSCAN");
            scan.arg(self.keys.named("names")).arg(&cursor).arg("COUNT").arg(NAMES_A_COMMAND);
            let (next, names): (String, Vec<Vec<u8>>) =
                self.wire.retry(|| self.wire.call(&scan))?;
            if let Some(pair) = names.chunks_exact(2).find(|pair| pair[1] == bytes) {
                name.clone_from(&pair[0]);
                break;
            }
            if next == "0" {
                break;
            }
            cursor = next;
        }
        let call = || {
            let call = Call::new(&scripts::DISCARD).arg(token.0.to_be_bytes()).arg(bytes);
            Ok(call.arg(name.as_slice()).arg("its record cannot be read"))
        };
        // If it fails the lease ends, and whoever claims it next tries again.
        self.ask(Again::Yes, call).map(drop)
    }

    /// Remembers the caller's time.
    pub(super) fn pass(&self, now: Duration) {
        let mut known = self.known();
        known.now = known.now.max(now);
    }
}

fn state(key: WorkerKey, slot: &Slot, worker: Arc<proofload_scheduler::Worker>) -> WorkerState {
    WorkerState {
        key,
        epoch: slot.epoch,
        version: slot.version,
        worker,
        status: slot.status,
        free: slot.free(),
        containers: slot.containers,
    }
}

pub(crate) fn container_key(bytes: &[u8]) -> Result<ContainerKey, StoreError> {
    Reader::new(bytes, "a container's key").u64().map(ContainerKey).map_err(malformed)
}

/// What was claimed, and the keys of those whose records cannot be read: the others are not lost for it.
fn read_claimed(
    mut answer: Answer,
    now: Duration,
    server_now: u64,
) -> Result<(Vec<Claimed>, Vec<ContainerKey>), StoreError> {
    let mut claimed = Vec::with_capacity(answer.len() / 2);
    let mut spoilt = Vec::new();
    while !answer.is_empty() {
        let key = container_key(&answer.bytes()?)?;
        let Ok(record) = Record::read(&answer.bytes()?) else {
            spoilt.push(key);
            continue;
        };
        let waited = Duration::from_micros(server_now.saturating_sub(record.enqueued_us));
        claimed.push(Claimed {
            key,
            request: Arc::new(record.request),
            attempts: record.attempts,
            // By the caller's clock: the server's tells how long ago it was.
            enqueued: now.saturating_sub(waited),
        });
    }
    Ok((claimed, spoilt))
}
