//! The calls of a store.

use std::sync::Arc;
use std::time::Duration;

use proofload_scheduler::{
    ContainerKey, Counters, Exchange, Reconciled, Refusal, Reply, Request, Status, Store,
    StoreError, Token, Worker, WorkerKey,
};

use super::exchange::container_key;
use super::{Again, Answer, Call, Pending, RedisStore, malformed, microseconds};
use crate::packed::{Record, encode_request, encode_worker, status_number};
use crate::scripts;

/// A container and what only its worker reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// What the scheduler reads.
    pub request: Request,
    /// What the worker gets with it.
    pub payload: Vec<u8>,
}

impl RedisStore {
    /// As [`Store::enqueue`], with payloads. They wait at the server until the worker has acknowledged
    /// the container; no scheduler reads them.
    ///
    /// # Errors
    /// As [`Store::enqueue`].
    pub fn enqueue_parcels(
        &self,
        parcels: &[Parcel],
        now: Duration,
    ) -> Result<Vec<ContainerKey>, StoreError> {
        self.tally.operation(1);
        self.pass(now);
        for parcel in parcels {
            parcel.request.check()?;
        }
        let count = parcels.len() as u64;
        if count == 0 {
            return Ok(Vec::new());
        }
        let call = || {
            let mut call = Call::new(&scripts::ENQUEUE);
            for Parcel { request, payload } in parcels {
                call = call
                    .arg(request.id.as_str())
                    .arg(encode_request(request))
                    .arg(payload.as_slice());
            }
            Ok(call)
        };
        let mut answer = self.ask(Again::No, call)?;
        match answer.word() {
            "OK" => {
                let first = answer.number()?;
                Ok((first..first + count).map(ContainerKey).collect())
            }
            "KNOWN" => Err(StoreError::DuplicateContainer(answer.text()?)),
            _ => Err(answer.unexpected()),
        }
    }

    /// Containers on these workers have ended. Says for each, in order, whether it was there: to say it
    /// twice does no harm.
    ///
    /// # Errors
    /// [`StoreError::SetBack`] as long as one of the workers has not reported what it has.
    pub fn release_all(
        &self,
        ended: &[(WorkerKey, &[ContainerKey])],
    ) -> Result<Vec<bool>, StoreError> {
        self.tally.operation(1);
        let keys = ended.iter().flat_map(|(_, keys)| keys.iter());
        let keys: Vec<u8> = keys.flat_map(|key| key.0.to_be_bytes()).collect();
        let parts = ended.iter().map(|(worker, keys)| (*worker, keys.len()));
        self.release_parts(&parts.collect::<Vec<_>>(), &keys, &[])
    }

    /// Containers on a worker have ended, by name; otherwise as [`release_all`](Self::release_all).
    ///
    /// # Errors
    /// As [`release_all`](Self::release_all).
    pub fn release_named(
        &self,
        worker: WorkerKey,
        names: &[&str],
    ) -> Result<Vec<bool>, StoreError> {
        self.tally.operation(1);
        self.release_parts(&[(worker, names.len())], &[], names)
    }

    fn release_parts(
        &self,
        parts: &[(WorkerKey, usize)],
        keys: &[u8],
        names: &[&str],
    ) -> Result<Vec<bool>, StoreError> {
        let call = || {
            let mut heads = Vec::with_capacity(8 * parts.len());
            for (worker, count) in parts {
                heads.extend(worker.0.to_be_bytes());
                heads.extend((*count as u32).to_be_bytes());
            }
            let queues = parts.iter().map(|(worker, _)| *worker);
            let mut call = Call::new(&scripts::RELEASE).queues(queues).arg(heads).arg(keys);
            for &name in names {
                call = call.arg(name);
            }
            Ok(call)
        };
        let mut answer = self.ask(Again::Yes, call)?;
        expect_ok(&answer)?;
        let there = answer.bytes()?.into_iter().map(|byte| byte == 1).collect();
        self.tally.capacity_update(answer.number()?);
        Ok(there)
    }

    /// A worker was not heard of for too long: what it never fetched goes back, the rest is lost.
    pub(crate) fn bury(&self, key: WorkerKey, epoch: u32) -> Result<(), StoreError> {
        let name = self.known().worker(key).map(|worker| worker.id.clone());
        let name = match name {
            Some(name) => name,
            None => self.look_up(key)?.map(|(_, name)| name).unwrap_or_default(),
        };
        let call = || {
            let call = Call::new(&scripts::BURY).queues([key]).number(key.0).number(epoch);
            Ok(call.arg(name.as_str()))
        };
        let answer = self.ask(Again::Yes, call)?;
        match answer.word() {
            // Somebody else was faster.
            "OK" | "ALIVE" => Ok(()),
            _ => Err(answer.unexpected()),
        }
    }

    /// Registers a worker that is not there; its key and its epoch.
    pub(crate) fn register(&self, worker: &Worker) -> Result<(WorkerKey, u32), StoreError> {
        self.tally.operation(1);
        worker.check()?;
        let ttl = self.options().worker_ttl.map_or(0, microseconds);
        loop {
            let call = || {
                Ok(Call::new(&scripts::PUT_WORKER)
                    .arg(worker.id.as_str())
                    .arg(encode_worker(worker))
                    .number(worker.total.cpu.get())
                    .number(worker.total.memory.get())
                    .number(worker.total.gpus.get())
                    .number(status_number(worker.status))
                    .number(ttl))
            };
            let mut answer = self.ask(Again::No, call)?;
            match answer.word() {
                "OK" => {
                    let key = WorkerKey(answer.small()?);
                    let epoch = answer.small()?;
                    self.known().registered(key, epoch, Arc::new(worker.clone()));
                    return Ok((key, epoch));
                }
                "THERE" => return Err(StoreError::DuplicateWorker(worker.id.clone())),
                "BURY" => {
                    let key = WorkerKey(answer.small()?);
                    let epoch = answer.small()?;
                    self.bury(key, epoch)?;
                }
                _ => return Err(answer.unexpected()),
            }
        }
    }

    /// A call with a token that answers how many it was for.
    fn count(
        &self,
        token: Token,
        call: impl Fn() -> Result<Call, StoreError>,
    ) -> Result<usize, StoreError> {
        self.tally.operation(1);
        let mut answer = self.ask(Again::Yes, call)?;
        match answer.word() {
            "OK" => Ok(answer.number()? as usize),
            "FENCED" => Err(StoreError::Fenced(token)),
            _ => Err(answer.unexpected()),
        }
    }

    /// How long it is from the caller's last time until then.
    fn time_until(&self, until: Duration) -> u64 {
        microseconds(until.saturating_sub(self.known().now))
    }
}

fn packed_keys(keys: impl IntoIterator<Item = ContainerKey>) -> Vec<u8> {
    keys.into_iter().flat_map(|key| key.0.to_be_bytes()).collect()
}

fn expect_ok(answer: &Answer) -> Result<(), StoreError> {
    if answer.word() == "OK" { Ok(()) } else { Err(answer.unexpected()) }
}

/// Takes the calls of schedulers. Where the server has a clock of its own, `now` only tells it how long
/// it is until a time that is asked for; see [`Time`](super::Time).
impl Store for RedisStore {
    type Pending = Pending;

    fn join(&self, scheduler: &str) -> Result<Token, StoreError> {
        self.tally.operation(1);
        // A token that was drawn and not heard of is void as soon as the next one is.
        let mut answer = self.ask(Again::Yes, || Ok(Call::new(&scripts::JOIN).arg(scheduler)))?;
        expect_ok(&answer)?;
        Ok(Token(answer.number()?))
    }

    fn submit(&self, exchange: Exchange<'_>) -> Result<Pending, StoreError> {
        self.send_exchange(&exchange)
    }

    fn receive(&self, pending: Pending) -> Result<Reply, StoreError> {
        self.hear_exchange(pending)
    }

    fn enqueue(
        &self,
        requests: Vec<Request>,
        now: Duration,
    ) -> Result<Vec<ContainerKey>, StoreError> {
        let parcels = requests.into_iter().map(|request| Parcel { request, payload: Vec::new() });
        self.enqueue_parcels(&parcels.collect::<Vec<_>>(), now)
    }

    fn put_worker(&self, worker: Worker) -> Result<WorkerKey, StoreError> {
        self.register(&worker).map(|(key, _)| key)
    }

    fn set_status(&self, worker: &str, status: Status) -> Result<(), StoreError> {
        self.tally.operation(1);
        let call = || Ok(Call::new(&scripts::SET_STATUS).arg(worker).number(status_number(status)));
        let answer = self.ask(Again::Yes, call)?;
        match answer.word() {
            "OK" => Ok(()),
            "UNKNOWN" => Err(StoreError::NoSuchWorker(worker.to_owned())),
            _ => Err(answer.unexpected()),
        }
    }

    fn remove_worker(&self, worker: &str) -> Result<Vec<Arc<Request>>, StoreError> {
        self.tally.operation(1);
        let call = || {
            let key = self.worker_key(worker)?;
            Ok(Call::new(&scripts::REMOVE_WORKER).queues([key]).arg(worker).number(key.0))
        };
        let mut answer = self.ask(Again::No, call)?;
        match answer.word() {
            "OK" => {
                let mut lost = answer.list()?;
                let mut requests = Vec::with_capacity(lost.len() / 2);
                while !lost.is_empty() {
                    container_key(&lost.bytes()?)?;
                    let record = Record::read(&lost.bytes()?).map_err(malformed)?;
                    requests.push(Arc::new(record.request));
                }
                Ok(requests)
            }
            "UNKNOWN" => Err(StoreError::NoSuchWorker(worker.to_owned())),
            _ => Err(answer.unexpected()),
        }
    }

    fn requeue_at(
        &self,
        token: Token,
        containers: &[ContainerKey],
        at: Duration,
    ) -> Result<usize, StoreError> {
        self.count(token, || {
            Ok(Call::new(&scripts::REQUEUE)
                .arg(token.0.to_be_bytes())
                .number(self.time_until(at))
                .arg(packed_keys(containers.iter().copied())))
        })
    }

    fn refuse(
        &self,
        token: Token,
        refused: &[(ContainerKey, Refusal)],
    ) -> Result<usize, StoreError> {
        self.count(token, || {
            let mut call = Call::new(&scripts::REFUSE)
                .arg(token.0.to_be_bytes())
                .arg(packed_keys(refused.iter().map(|(key, _)| *key)));
            for (_, reason) in refused {
                call = call.arg(reason.to_string());
            }
            Ok(call)
        })
    }

    fn renew(&self, token: Token, until: Duration) -> Result<usize, StoreError> {
        self.count(token, || {
            let call = Call::new(&scripts::RENEW).arg(token.0.to_be_bytes());
            Ok(call.number(self.time_until(until)))
        })
    }

    fn release(&self, container: &str, worker: &str) -> Result<bool, StoreError> {
        match self.worker_key(worker) {
            Ok(key) => Ok(self.release_named(key, &[container])?.first() == Some(&true)),
            Err(StoreError::NoSuchWorker(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn reconcile(&self, worker: &str, has: &[String]) -> Result<Reconciled, StoreError> {
        self.tally.operation(1);
        let call = || {
            let key = self.worker_key(worker)?;
            let mut call = Call::new(&scripts::RECONCILE).queues([key]).number(key.0);
            for name in has {
                call = call.arg(name.as_str());
            }
            Ok(call)
        };
        let mut answer = self.ask(Again::Yes, call)?;
        match answer.word() {
            "OK" => {
                let released = answer.list()?.texts()?;
                let strays = answer.list()?.texts()?;
                self.tally.capacity_update(answer.number()?);
                Ok(Reconciled { released, strays })
            }
            "UNKNOWN" => Err(StoreError::NoSuchWorker(worker.to_owned())),
            _ => Err(answer.unexpected()),
        }
    }

    fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}
