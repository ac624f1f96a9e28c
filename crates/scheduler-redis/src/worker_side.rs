//! What a worker does: fetches its containers, says that it has them, says when they have ended, and
//! that it is there.
//!
//! Every call may be made again: a fetch gives what came after what this worker has, and no more than
//! moves a mark; an end is told by whoever owns the container. A worker that is told
//! [`StoreError::NoSuchWorker`] has been given up: what it runs is or will be somewhere else, so it ends
//! it and registers anew.

use std::sync::Arc;
use std::time::Duration;

use proofload_scheduler::{ContainerKey, Request, Status, Store, StoreError, Worker, WorkerKey};

use crate::packed::{Record, encode_request};
use crate::scripts;
use crate::store::{Again, Answer, Call, RedisStore, container_key, malformed, microseconds};
use crate::wire::cmd;

/// A worker, as it sees the store.
#[derive(Debug)]
pub struct WorkerSide {
    store: Arc<RedisStore>,
    name: String,
    key: WorkerKey,
    epoch: u32,
    /// The place in its queue up to which it has fetched.
    fetched: u64,
}

/// A container for this worker.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Its key, by which it is released.
    pub key: ContainerKey,
    /// What it asked for.
    pub request: Arc<Request>,
    /// What came with it.
    pub payload: Vec<u8>,
}

/// What a report changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Running containers that the store did not have on this worker, and now has.
    pub adopted: u64,
    /// Containers that the store had on this worker, and that it neither runs nor has finished.
    pub lost: Vec<String>,
    /// Running containers that are somebody else's: this worker has to end them.
    pub strays: Vec<String>,
}

impl WorkerSide {
    /// Registers a worker that is not there, with what it runs already. It takes nothing new before the
    /// store knows of those.
    ///
    /// # Errors
    /// As [`Store::put_worker`].
    pub fn register(
        store: impl Into<Arc<RedisStore>>,
        worker: &Worker,
        running: &[Request],
    ) -> Result<(Self, Reported), StoreError> {
        let store = store.into();
        let first = match running {
            [] => worker.clone(),
            _ => Worker { status: Status::Pending, ..worker.clone() },
        };
        let (key, epoch) = store.register(&first)?;
        let mut side = Self { store, name: worker.id.clone(), key, epoch, fetched: 0 };
        if running.is_empty() {
            return Ok((side, Reported::default()));
        }
        let reported = side.report(running, &[])?;
        side.store.set_status(&worker.id, worker.status)?;
        Ok((side, reported))
    }

    /// The worker of this name, registered before. What it has not acknowledged it gets again. Several
    /// workers may share a handle.
    ///
    /// # Errors
    /// [`StoreError::NoSuchWorker`], and what the wire says.
    pub fn attach(store: impl Into<Arc<RedisStore>>, name: &str) -> Result<Self, StoreError> {
        let store = store.into();
        let key = store.worker_key(name)?;
        let slot = store.look_up(key)?.filter(|(slot, _)| slot.status.is_some());
        let (slot, _) = slot.ok_or_else(|| StoreError::NoSuchWorker(name.to_owned()))?;
        let command = cmd("HGET").arg(store.keys().named("acked")).arg(key.0).take();
        let acked: Option<u64> = store.wire().retry(|| store.wire().call(&command))?;
        let fetched = acked.unwrap_or(0);
        Ok(Self { store, name: name.to_owned(), key, epoch: slot.epoch, fetched })
    }

    /// Its key.
    pub fn key(&self) -> WorkerKey {
        self.key
    }

    /// Its handle of the store.
    pub fn store(&self) -> &RedisStore {
        &self.store
    }

    fn call(&self, script: &'static crate::wire::Script) -> Call {
        Call::new(script).queues([self.key]).number(self.key.0).number(self.epoch)
    }

    fn checked(&self, answer: Answer) -> Result<Answer, StoreError> {
        match answer.word() {
            "OK" => Ok(answer),
            "UNKNOWN" => Err(StoreError::NoSuchWorker(self.name.clone())),
            _ => Err(answer.unexpected()),
        }
    }

    /// Up to `most` containers that came after those that it has.
    ///
    /// # Errors
    /// [`StoreError::NoSuchWorker`] if it was given up; [`StoreError::SetBack`] if it has to report first.
    pub fn fetch(&mut self, most: usize) -> Result<Vec<Fetched>, StoreError> {
        // The server counts no further than an i64.
        let most = most.min(u32::MAX as usize);
        let call = || Ok(self.call(&scripts::FETCH).number(self.fetched).number(most));
        let mut answer = self.checked(self.store.ask(Again::Yes, call)?)?;
        let upto = answer.number()?;
        let mut handed = answer.list()?;
        let mut fetched = Vec::with_capacity(handed.len() / 3);
        while !handed.is_empty() {
            let key = container_key(&handed.bytes()?)?;
            let record = Record::read(&handed.bytes()?).map_err(malformed)?;
            let payload = handed.bytes()?;
            fetched.push(Fetched { key, request: Arc::new(record.request), payload });
        }
        self.fetched = upto;
        Ok(fetched)
    }

    /// It has everything that it fetched: the payloads need not be kept for it any more.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub fn acknowledge(&self) -> Result<(), StoreError> {
        let call = || Ok(self.call(&scripts::ACK).number(self.fetched));
        self.checked(self.store.ask(Again::Yes, call)?).map(drop)
    }

    /// Containers of this worker have ended; says of each whether it was there.
    ///
    /// # Errors
    /// As [`RedisStore::release_all`].
    pub fn release(&self, ended: &[ContainerKey]) -> Result<Vec<bool>, StoreError> {
        self.store.release_all(&[(self.key, ended)])
    }

    /// The same by name. After a [`report`](Self::report) it has to be by name: a container that the store
    /// had forgotten has another key than the one that was handed out.
    ///
    /// # Errors
    /// As [`release`](Self::release).
    pub fn release_named(&self, ended: &[&str]) -> Result<Vec<bool>, StoreError> {
        self.store.release_named(self.key, ended)
    }

    /// It is there, and will be for so long. `true`: it is asked for a [`report`](Self::report).
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub fn beat(&self, time_to_live: Duration) -> Result<bool, StoreError> {
        let call = || {
            Ok(Call::new(&scripts::BEAT)
                .number(self.key.0)
                .number(self.epoch)
                .number(microseconds(time_to_live)))
        };
        let mut answer = self.checked(self.store.ask(Again::Yes, call)?)?;
        Ok(answer.number()? == 1)
    }

    /// After the server was set back: what it runs, and the names of what has finished since. To report
    /// when nobody asked changes nothing, and tells the strays.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch), and [`StoreError::Request`] for a container that none can be.
    pub fn report(
        &mut self,
        running: &[Request],
        finished: &[String],
    ) -> Result<Reported, StoreError> {
        for request in running {
            request.check()?;
        }
        let ttl = self.store.options().worker_ttl.map_or(0, microseconds);
        let mut others: Vec<u8> = Vec::new();
        loop {
            let call = || {
                let queues = others
                    .chunks_exact(4)
                    .map(|key| WorkerKey(u32::from_be_bytes(key.try_into().unwrap_or_default())));
                let mut call = self
                    .call(&scripts::REPORT)
                    .queues(queues)
                    .arg(self.name.as_str())
                    .number(self.fetched)
                    .arg(others.as_slice())
                    .number(ttl)
                    .number(running.len());
                for request in running {
                    call = call.arg(request.id.as_str()).arg(encode_request(request));
                }
                for name in finished {
                    call = call.arg(name.as_str());
                }
                Ok(call)
            };
            let mut answer = self.store.ask(Again::Yes, call)?;
            match answer.word() {
                "UNWANTED" => {
                    // It may have reported without hearing so: what it runs is behind this place now.
                    self.fetched = self.fetched.max(answer.number()?);
                    let strays = answer.list()?.texts()?;
                    return Ok(Reported { strays, ..Reported::default() });
                }
                "QUEUES" => others.extend(answer.bytes()?),
                _ => {
                    let mut answer = self.checked(answer)?;
                    self.fetched = answer.number()?;
                    return Ok(Reported {
                        adopted: answer.number()?,
                        lost: answer.list()?.texts()?,
                        strays: answer.list()?.texts()?,
                    });
                }
            }
        }
    }
}
