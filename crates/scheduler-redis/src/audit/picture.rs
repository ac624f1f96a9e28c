//! Everything that the keys hold at one moment.

use std::collections::{BTreeMap, HashMap};

use proofload_scheduler::{ContainerKey, StoreError, Worker, WorkerKey};

use crate::packed::{Malformed, Reader, Record, SLOT_BYTES, Slot, read_worker};
use crate::store::{RedisStore, malformed};
use crate::wire::{FromRedisValue, Value, cmd, pipe};

/// A timer, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// Token and claim.
    Lease(u64, u64),
    Delay(ContainerKey),
    Worker(WorkerKey, u32),
}

pub(super) struct Picture {
    /// Some names have a token in them.
    pub(super) meta: HashMap<Vec<u8>, Vec<u8>>,
    pub(super) names: HashMap<String, ContainerKey>,
    pub(super) records: BTreeMap<ContainerKey, Record>,
    pub(super) payloads: Vec<ContainerKey>,
    /// Number in the backlog, key, score.
    pub(super) ready: Vec<(u64, ContainerKey, f64)>,
    pub(super) timers: Vec<Timer>,
    /// Token, claim, containers.
    pub(super) leases: Vec<(u64, u64, Vec<ContainerKey>)>,
    /// By key; with what it registered as.
    pub(super) fleet: Vec<(Slot, Worker)>,
    pub(super) log: Vec<(u32, f64)>,
    pub(super) workers: HashMap<String, u32>,
    pub(super) fetched: HashMap<u32, u64>,
    pub(super) acked: HashMap<u32, u64>,
    pub(super) unreported: Vec<u32>,
    /// By worker: the containers with their places.
    pub(super) queues: Vec<Vec<(ContainerKey, f64)>>,
}

impl Picture {
    pub(super) fn take(store: &RedisStore) -> Result<Self, StoreError> {
        let name = |name: &str| store.keys().named(name);
        let wire = store.wire();
        let length = cmd("STRLEN").arg(name("fleet")).take();
        let bytes: usize = wire.retry(|| wire.call(&length))?;
        // Workers that come from now on are missed; whoever audits a busy store has to expect that.
        let workers = (bytes / SLOT_BYTES) as u32;
        let mut reads = pipe();
        reads.atomic();
        for hash in ["meta", "names", "records", "workers", "fetched", "acked"] {
            reads.cmd("HGETALL").arg(name(hash));
        }
        reads.cmd("HGETALL").arg(name("leases"));
        reads.cmd("HKEYS").arg(name("payloads"));
        for sorted in ["ready", "timers", "log"] {
            reads.cmd("ZRANGE").arg(name(sorted)).arg(0).arg(-1).arg("WITHSCORES");
        }
        for text in ["fleet", "registry"] {
            reads.cmd("GET").arg(name(text));
        }
        reads.cmd("SMEMBERS").arg(name("unreported"));
        for worker in 0..workers {
            let queue = store.keys().queue(WorkerKey(worker));
            reads.cmd("ZRANGE").arg(queue).arg(0).arg(-1).arg("WITHSCORES");
        }
        let replies = wire.retry(|| wire.call_all(&reads))?;
        let mut replies = Replies(replies.into_iter().map(|reply| reply.map_err(StoreError::from)));
        let meta = replies.next()?;
        let names: HashMap<String, Vec<u8>> = replies.next()?;
        let records: HashMap<Vec<u8>, Vec<u8>> = replies.next()?;
        let workers_by_name = replies.next()?;
        let (fetched, acked) = (replies.next()?, replies.next()?);
        let leases: HashMap<Vec<u8>, Vec<u8>> = replies.next()?;
        let payloads: Vec<Vec<u8>> = replies.next()?;
        let ready: Vec<(Vec<u8>, f64)> = replies.next()?;
        let timers: Vec<(Vec<u8>, f64)> = replies.next()?;
        let log = replies.next()?;
        let fleet: Option<Vec<u8>> = replies.next()?;
        let registry: Option<Vec<u8>> = replies.next()?;
        let unreported = replies.next()?;
        let queues = (0..workers).map(|_| {
            let queue: Vec<(Vec<u8>, f64)> = replies.next()?;
            queue
                .into_iter()
                .map(|(key, place)| Ok((key_of(&key).map_err(malformed)?, place)))
                .collect::<Result<_, StoreError>>()
        });
        let queues = queues.collect::<Result<_, _>>()?;
        let parts = || -> Result<_, Malformed> {
            let names = names
                .into_iter()
                .map(|(name, key)| Ok((name, key_of(&key)?)))
                .collect::<Result<_, _>>()?;
            let records = records
                .into_iter()
                .map(|(key, record)| Ok((key_of(&key)?, Record::read(&record)?)))
                .collect::<Result<_, _>>()?;
            let payloads =
                payloads.into_iter().map(|key| key_of(&key)).collect::<Result<_, _>>()?;
            let ready = ready
                .into_iter()
                .map(|(member, score)| {
                    let mut reader = Reader::new(&member, "a member of `ready`");
                    Ok((reader.u64()?, ContainerKey(reader.u64()?), score))
                })
                .collect::<Result<_, _>>()?;
            let timers =
                timers.iter().map(|(member, _)| timer_of(member)).collect::<Result<_, _>>()?;
            let leases = leases
                .iter()
                .map(|(token, claims)| claims_of(token, claims))
                .collect::<Result<Vec<_>, _>>()?
                .concat();
            Ok((names, records, payloads, ready, timers, leases))
        };
        let (names, records, payloads, ready, timers, leases) = parts().map_err(malformed)?;
        let registry = registry.unwrap_or_default();
        let fleet = fleet.unwrap_or_default();
        let fleet = fleet.chunks_exact(SLOT_BYTES).map(|bytes| {
            let slot = Slot::read(bytes)?;
            let from = slot.text_at as usize;
            let text = registry.get(from..from + slot.text_bytes as usize).unwrap_or_default();
            Ok((slot, read_worker(text, slot.total)?))
        });
        let fleet = fleet.collect::<Result<_, _>>().map_err(malformed)?;
        Ok(Self {
            meta,
            names,
            records,
            payloads,
            ready,
            timers,
            leases,
            fleet,
            log,
            workers: workers_by_name,
            fetched,
            acked,
            unreported,
            queues,
        })
    }
}

/// Replies in the order of their commands.
struct Replies<I>(I);

impl<I: Iterator<Item = Result<Value, StoreError>>> Replies<I> {
    fn next<T: FromRedisValue>(&mut self) -> Result<T, StoreError> {
        let fault = || StoreError::Failed("a key does not hold what is kept there".to_owned());
        let value = self.0.next().ok_or_else(fault)??;
        redis::from_redis_value(value).map_err(|_| fault())
    }
}

fn key_of(bytes: &[u8]) -> Result<ContainerKey, Malformed> {
    let mut reader = Reader::new(bytes, "a container's key");
    let key = ContainerKey(reader.u64()?);
    if reader.is_empty() { Ok(key) } else { Err(reader.fault()) }
}

/// The claims of a token: for each its end, its number, and how many containers follow.
fn claims_of(token: &[u8], claims: &[u8]) -> Result<Vec<(u64, u64, Vec<ContainerKey>)>, Malformed> {
    let token = Reader::new(token, "a token").u64()?;
    let mut reader = Reader::new(claims, "what a token holds");
    let mut found = Vec::new();
    while !reader.is_empty() {
        let (_end, number) = (reader.u64()?, reader.u64()?);
        let keys = (0..reader.u32()?).map(|_| reader.u64().map(ContainerKey));
        found.push((token, number, keys.collect::<Result<_, _>>()?));
    }
    Ok(found)
}

fn timer_of(member: &[u8]) -> Result<Timer, Malformed> {
    let mut reader = Reader::new(member, "a timer");
    let timer = match reader.u8()? {
        b'W' => Timer::Worker(WorkerKey(reader.u32()?), reader.u32()?),
        kind => {
            let (first, second) = (reader.u64()?, reader.u64()?);
            match kind {
                b'L' => Timer::Lease(first, second),
                b'D' => Timer::Delay(ContainerKey(second)),
                _ => return Err(reader.fault()),
            }
        }
    };
    if reader.is_empty() { Ok(timer) } else { Err(reader.fault()) }
}

impl RedisStore {
    /// A list of pairs, a line feed between the two.
    pub(super) fn named_list(&self, name: &str) -> Result<Vec<(String, String)>, StoreError> {
        let command = cmd("LRANGE").arg(self.keys().named(name)).arg(0).arg(-1).take();
        let entries: Vec<String> = self.wire().retry(|| self.wire().call(&command))?;
        let pair = |entry: String| {
            let (first, second) = entry.split_once('\n').unwrap_or((&entry, ""));
            (first.to_owned(), second.to_owned())
        };
        Ok(entries.into_iter().map(pair).collect())
    }
}
