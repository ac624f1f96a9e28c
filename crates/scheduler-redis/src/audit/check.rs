//! What has to agree with what.

use std::collections::HashMap;

use proofload_scheduler::{Audit, ContainerKey, WorkerAudit, WorkerKey};

use super::picture::{Picture, Timer};

/// An audit, and how many workers there have ever been.
pub(super) struct Checked {
    pub(super) books: Audit,
    pub(super) workers_ever: usize,
}

/// Where a container was found.
type Places = HashMap<ContainerKey, Vec<String>>;

pub(super) fn check(picture: &Picture) -> Checked {
    let mut books = Audit::default();
    let mut places = Places::new();
    backlog(picture, &mut books, &mut places);
    workers(picture, &mut books, &mut places);
    containers(picture, &mut books, &places);
    history(picture, &mut books);
    Checked { books, workers_ever: picture.fleet.len() }
}

fn number(picture: &Picture, field: &str) -> Option<u64> {
    std::str::from_utf8(picture.meta.get(field.as_bytes())?).ok()?.parse().ok()
}

fn backlog(picture: &Picture, books: &mut Audit, places: &mut Places) {
    for (seq, key, score) in &picture.ready {
        places.entry(*key).or_default().push("ready".to_owned());
        books.waiting += 1;
        let Some(record) = picture.records.get(key) else { continue };
        let id = &record.request.id;
        if record.seq != *seq {
            books.faults.push(format!("container {id:?} is ready in another place than its own"));
        }
        if *score != -f64::from(record.request.priority) {
            books.faults.push(format!("container {id:?} is ready with another priority"));
        }
    }
    for (token, claim, keys) in &picture.leases {
        for key in keys {
            places.entry(*key).or_default().push("leased".to_owned());
            books.leased += 1;
        }
        if !picture.timers.contains(&Timer::Lease(*token, *claim)) {
            books.faults.push(format!("a claim of token {token} has no timer and would never end"));
        }
    }
    for timer in &picture.timers {
        match timer {
            Timer::Lease(token, claim) => {
                if !picture.leases.iter().any(|(by, number, _)| (by, number) == (token, claim)) {
                    books
                        .faults
                        .push(format!("a timer is of a claim of token {token} that is none"));
                }
            }
            Timer::Delay(key) => {
                places.entry(*key).or_default().push("put back".to_owned());
                books.waiting += 1;
            }
            Timer::Worker(key, epoch) => {
                let slot = picture.fleet.get(key.0 as usize).map(|(slot, _)| slot);
                if slot.is_none_or(|slot| slot.epoch < *epoch) {
                    books.faults.push(format!("a timer is of the worker {}, unheard of", key.0));
                }
            }
        }
    }
}

fn workers(picture: &Picture, books: &mut Audit, places: &mut Places) {
    for (at, (slot, worker)) in picture.fleet.iter().enumerate() {
        let id = &worker.id;
        let key = WorkerKey(at as u32);
        let queue = picture.queues.get(at).map(Vec::as_slice).unwrap_or_default();
        let mut sum = [0_u64; 3];
        for (container, _) in queue {
            places.entry(*container).or_default().push(format!("on worker {id:?}"));
            books.placed += 1;
            let Some(record) = picture.records.get(container) else { continue };
            let needs = &record.request.needs;
            sum[0] += u64::from(needs.cpu.get());
            sum[1] += u64::from(needs.memory.get());
            sum[2] += u64::from(needs.gpus.get());
        }
        if sum != slot.used {
            books.faults.push(format!(
                "worker {id:?}: its containers take {sum:?} (CPU, memory, GPUs), its slot says {:?}",
                slot.used
            ));
        }
        if queue.len() != slot.containers as usize {
            books.faults.push(format!(
                "worker {id:?} has {} containers in its queue, its slot says {}",
                queue.len(),
                slot.containers
            ));
        }
        let total = [slot.total.cpu.get(), slot.total.memory.get(), slot.total.gpus.get()];
        if sum.iter().zip(total).any(|(sum, total)| *sum > u64::from(total)) {
            books.faults.push(format!("worker {id:?} is booked beyond what it has"));
        }
        if picture.workers.get(id) != Some(&key.0) {
            books.faults.push(format!("worker {id:?} is not listed under its name"));
        }
        let last = number(picture, "next_seq").unwrap_or(0);
        for (what, cursors) in [("fetched", &picture.fetched), ("acknowledged", &picture.acked)] {
            if cursors.get(&key.0).is_some_and(|place| *place > last) {
                books.faults.push(format!("worker {id:?} has {what} what is yet to come"));
            }
        }
        if queue.iter().any(|(_, place)| *place > last as f64) {
            books
                .faults
                .push(format!("worker {id:?} has a place in its queue that is yet to come"));
        }
        if slot.status.is_none() {
            let waits = picture.timers.contains(&Timer::Worker(key, slot.epoch));
            if !queue.is_empty() && !waits {
                books.faults.push(format!("worker {id:?} is gone, and its queue is not"));
            }
            continue;
        }
        books.workers.push(WorkerAudit {
            key,
            id: id.clone(),
            containers: queue.len(),
            free: slot.free(),
            version: slot.version,
        });
    }
    if picture.workers.len() != picture.fleet.len() {
        books.faults.push(format!(
            "{} names of workers are listed, {} have registered",
            picture.workers.len(),
            picture.fleet.len()
        ));
    }
}

fn containers(picture: &Picture, books: &mut Audit, places: &Places) {
    for (key, record) in &picture.records {
        let id = &record.request.id;
        match places.get(key).map(Vec::as_slice).unwrap_or_default() {
            [_] => {}
            [] => books.faults.push(format!("container {id:?} is nowhere")),
            several => {
                books.faults.push(format!("container {id:?} is {}", several.join(" and ")));
            }
        }
        if picture.names.get(id) != Some(key) {
            books.faults.push(format!("container {id:?} is not listed under its name"));
        }
    }
    for (key, places) in places {
        if !picture.records.contains_key(key) {
            let places = places.join(" and ");
            books.faults.push(format!("a container without a record, {}, is {places}", key.0));
        }
    }
    if picture.names.len() != picture.records.len() {
        books.faults.push(format!(
            "{} names of containers are listed, {} have a record",
            picture.names.len(),
            picture.records.len()
        ));
    }
    let unknown = picture.payloads.iter().filter(|key| !picture.records.contains_key(key)).count();
    if unknown > 0 {
        books.faults.push(format!("{unknown} payloads are of no container"));
    }
    let last = number(picture, "next_container");
    if last.is_none_or(|last| picture.records.keys().any(|key| key.0 > last)) {
        books.faults.push("a container has a key that was not given out".to_owned());
    }
}

fn history(picture: &Picture, books: &mut Audit) {
    let revision = number(picture, "revision");
    let mut logged: Vec<u32> = picture.log.iter().map(|(worker, _)| *worker).collect();
    logged.sort_unstable();
    if logged.iter().copied().ne(0..picture.fleet.len() as u32) {
        books.faults.push("the log of changes does not list each worker once".to_owned());
    }
    if revision.is_none_or(|last| picture.log.iter().any(|(_, at)| *at > last as f64)) {
        books.faults.push("a change has a revision that is yet to come".to_owned());
    }
    if number(picture, "unreported") != Some(picture.unreported.len() as u64) {
        books.faults.push(format!(
            "{} workers have yet to report, `meta` says {:?}",
            picture.unreported.len(),
            number(picture, "unreported")
        ));
    }
}
