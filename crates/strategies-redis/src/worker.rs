//! A worker as its hash has it.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use proofload_scheduler::{
    Gpus, Megabytes, Millicores, Resources, Runtime, Status, StoreError, Worker, WorkerKey,
    WorkerState,
};
use proofload_scheduler_redis::wire::{Cmd, cmd};

use crate::error::malformed;

const STATUSES: [(Status, &str); 3] = [
    (Status::Available, "available"),
    (Status::Pending, "pending"),
    (Status::Disabled, "disabled"),
];
const RUNTIMES: [(Runtime, &str); 2] = [(Runtime::Runc, "runc"), (Runtime::Gvisor, "gvisor")];

/// `HSET` of a new worker, all of whose capacity is free.
pub(crate) fn written(key: &str, worker: &Worker) -> Cmd {
    let total = worker.total;
    let named =
        |status| STATUSES.iter().find(|(one, _)| *one == status).map_or("", |(_, name)| name);
    let runtime =
        RUNTIMES.iter().find(|(one, _)| *one == worker.runtime).map_or("", |(_, name)| name);
    let mut command = cmd("HSET");
    command.arg(key).arg("id").arg(&worker.id).arg("status").arg(named(worker.status));
    command.arg("total_cpu").arg(total.cpu.get()).arg("free_cpu").arg(total.cpu.get());
    command.arg("total_memory").arg(total.memory.get()).arg("free_memory").arg(total.memory.get());
    command.arg("total_gpu_count").arg(total.gpus.get()).arg("gpu_count").arg(total.gpus.get());
    command.arg("gpu").arg(worker.gpu.as_deref().unwrap_or_default());
    command.arg("pool_name").arg(&worker.pool).arg("priority").arg(worker.priority);
    command.arg("preemptable").arg(u8::from(worker.preemptable));
    command.arg("requires_pool_selector").arg(u8::from(worker.requires_pool_selector));
    command.arg("runtime").arg(runtime).arg("resource_version").arg(0);
    command.arg("active_containers").arg(0);
    command
}

/// `HSET` of what has changed when containers came or went.
pub(crate) fn changed(key: &str, found: &WorkerState, free: Resources, containers: u64) -> Cmd {
    let mut command = cmd("HSET");
    command.arg(key).arg("free_cpu").arg(free.cpu.get()).arg("free_memory").arg(free.memory.get());
    command.arg("gpu_count").arg(free.gpus.get());
    command.arg("resource_version").arg(found.version + 1);
    command.arg("active_containers").arg(containers);
    command
}

/// The worker of an `HGETALL` of `key`; `None` of nothing.
pub(crate) fn read(
    worker: WorkerKey,
    key: &str,
    fields: &HashMap<String, String>,
) -> Result<Option<WorkerState>, StoreError> {
    if fields.is_empty() {
        return Ok(None);
    }
    let fields = Fields { key, fields };
    let resources = |cpu, memory, gpus| {
        let wrong = |error| malformed(key, error);
        Ok::<_, StoreError>(Resources {
            cpu: Millicores::new(fields.number(cpu)?).map_err(wrong)?,
            memory: Megabytes::new(fields.number(memory)?).map_err(wrong)?,
            gpus: Gpus::new(fields.number(gpus)?).map_err(wrong)?,
        })
    };
    let gpu = fields.text("gpu")?;
    let registered = Worker {
        id: fields.text("id")?.to_owned(),
        status: fields.named("status", &STATUSES)?,
        total: resources("total_cpu", "total_memory", "total_gpu_count")?,
        gpu: (!gpu.is_empty()).then(|| gpu.to_owned()),
        pool: fields.text("pool_name")?.to_owned(),
        priority: fields.number("priority")?,
        preemptable: fields.number::<u8>("preemptable")? != 0,
        runtime: fields.named("runtime", &RUNTIMES)?,
        requires_pool_selector: fields.number::<u8>("requires_pool_selector")? != 0,
    };
    Ok(Some(WorkerState {
        key: worker,
        epoch: 1,
        version: fields.number("resource_version")?,
        status: Some(registered.status),
        worker: Arc::new(registered),
        free: resources("free_cpu", "free_memory", "gpu_count")?,
        containers: fields.number("active_containers")?,
    }))
}

struct Fields<'a> {
    key: &'a str,
    fields: &'a HashMap<String, String>,
}

impl<'a> Fields<'a> {
    fn text(&self, name: &str) -> Result<&'a str, StoreError> {
        let missing = || malformed(self.key, format_args!("a worker without the field `{name}`"));
        self.fields.get(name).map(String::as_str).ok_or_else(missing)
    }

    fn number<T: FromStr>(&self, name: &str) -> Result<T, StoreError> {
        let text = self.text(name)?;
        text.parse().map_err(|_| self.wrong(name, "a number", text))
    }

    fn named<T: Copy>(&self, name: &str, names: &[(T, &str)]) -> Result<T, StoreError> {
        let text = self.text(name)?;
        let found = names.iter().find(|(_, name)| *name == text);
        found.map(|&(one, _)| one).ok_or_else(|| self.wrong(name, "one of the known names", text))
    }

    fn wrong(&self, name: &str, expected: &str, found: &str) -> StoreError {
        malformed(self.key, format_args!("field `{name}`: expected {expected}, found {found:?}"))
    }
}
