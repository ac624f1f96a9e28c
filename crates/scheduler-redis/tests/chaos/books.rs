//! Ownership, recomputed from the queues alone.
//!
//! The store's own audit compares its keys with each other. This one knows nothing of slots and records:
//! it reads which container is in which queue, and the tests know how many there must be.

use std::collections::BTreeSet;

use proofload_scheduler::{ContainerKey, WorkerKey};
use proofload_scheduler_redis::RedisStore;
use proofload_scheduler_redis::wire::{FromRedisValue, Value, WireError, cmd, pipe};

use crate::support::A_WORKER;

/// Where all containers are, at one moment.
#[derive(Debug)]
pub(crate) struct Books {
    /// By worker.
    pub(crate) queues: Vec<Vec<ContainerKey>>,
    pub(crate) ready: Vec<ContainerKey>,
    pub(crate) leased: Vec<ContainerKey>,
    pub(crate) put_back: Vec<ContainerKey>,
    names: usize,
    faults: Vec<String>,
}

fn value<T: FromRedisValue>(reply: Result<Value, WireError>) -> T {
    T::from_redis_value(reply.unwrap()).unwrap()
}

fn key(bytes: &[u8]) -> ContainerKey {
    ContainerKey(u64::from_be_bytes(bytes.try_into().unwrap()))
}

/// What a token holds: claims, each with its end (8), its number (8), a count (4) and so many keys.
fn leased(mut claims: &[u8]) -> Vec<ContainerKey> {
    let mut held = Vec::new();
    while let Some((head, rest)) = claims.split_at_checked(20) {
        let count = u32::from_be_bytes(head[16..].try_into().unwrap()) as usize;
        let (keys, rest) = rest.split_at(8 * count);
        held.extend(keys.chunks(8).map(key));
        claims = rest;
    }
    held
}

impl Books {
    pub(crate) fn read(store: &RedisStore, workers: usize) -> Self {
        let name = |name: &str| format!("{{{}}}:{name}", store.prefix());
        let mut reads = pipe();
        reads.atomic();
        reads.cmd("HLEN").arg(name("names"));
        reads.cmd("ZRANGE").arg(name("ready")).arg(0).arg(-1);
        reads.cmd("ZRANGE").arg(name("timers")).arg(0).arg(-1);
        reads.cmd("HVALS").arg(name("leases"));
        for worker in 0..workers {
            reads.cmd("ZRANGE").arg(name(&format!("queue:{worker}"))).arg(0).arg(-1);
        }
        let mut replies = store.wire().call_all(&reads).unwrap().into_iter();
        let mut next = || replies.next().unwrap();
        let names = value(next());
        let ready: Vec<Vec<u8>> = value(next());
        let timers: Vec<Vec<u8>> = value(next());
        let leases: Vec<Vec<u8>> = value(next());
        let queues = (0..workers).map(|_| {
            let queue: Vec<Vec<u8>> = value(next());
            queue.iter().map(|member| key(member)).collect()
        });
        let put_back = timers.iter().filter(|timer| timer[0] == b'D');
        let leased = leases.iter().flat_map(|claims| leased(claims));
        Self {
            queues: queues.collect(),
            ready: ready.iter().map(|member| key(&member[8..])).collect(),
            leased: leased.collect(),
            put_back: put_back.map(|timer| key(&timer[9..])).collect(),
            names,
            faults: store.audit().unwrap().faults,
        }
    }

    pub(crate) fn placed(&self) -> usize {
        self.queues.iter().map(Vec::len).sum()
    }

    /// There are so many containers, each in one place; no worker has more than it holds; and the store's
    /// own audit finds nothing either.
    pub(crate) fn balance(&self, there: usize) {
        let mut all: Vec<_> = self.queues.iter().flatten().copied().collect();
        all.extend([&self.ready, &self.leased, &self.put_back].into_iter().flatten());
        let each: BTreeSet<_> = all.iter().collect();
        assert_eq!((all.len(), each.len()), (there, there), "each is in one place");
        assert_eq!(self.names, there, "and has its name");
        for (worker, queue) in self.queues.iter().enumerate() {
            assert!(queue.len() <= A_WORKER, "w{worker} is booked beyond what it has");
        }
        assert_eq!(self.faults, Vec::<String>::new());
    }

    /// All containers on workers, to be released.
    pub(crate) fn parts(&self) -> Vec<(WorkerKey, &[ContainerKey])> {
        let queues = (0..).map(WorkerKey).zip(&self.queues);
        queues.map(|(worker, queue)| (worker, &queue[..])).collect()
    }
}

/// How many containers are in queues now; less work than to read them.
pub(crate) fn placed(store: &RedisStore, workers: usize) -> usize {
    let mut reads = pipe();
    for worker in 0..workers {
        reads
            .add_command(cmd("ZCARD").arg(format!("{{{}}}:queue:{worker}", store.prefix())).take());
    }
    store.wire().call_all(&reads).unwrap().into_iter().map(value::<usize>).sum()
}
