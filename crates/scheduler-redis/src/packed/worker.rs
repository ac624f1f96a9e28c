//! A worker's slot in the fleet, and the text of its registration.
//!
//! A slot:
//!
//! | bytes | what |
//! | --- | --- |
//! | 0–7, 8–15, 16–19 | what its containers take: CPU, memory, GPUs |
//! | 20–23, 24–27, 28 | what it has in all |
//! | 29 | 0 gone, 1 available, 2 pending, 3 disabled |
//! | 30–33 | containers |
//! | 34–37 | epoch |
//! | 38–45 | version |
//! | 46–53 | the revision at which it registered |
//! | 54–57, 58–61 | where its text is in the registry, and how long it is |
//! | 62–63 | 0 |
//!
//! The text, which no script reads: status, flags (1 preemptable, 2 requires a pool selector, 4 gVisor,
//! 8 has a GPU type), priority, name, pool, GPU type.

use proofload_scheduler::{Gpus, Megabytes, Millicores, Resources, Runtime, Status, Worker};

use super::reader::{Malformed, Reader, put_text};

pub(crate) const SLOT_BYTES: usize = 64;

const PREEMPTABLE: u8 = 1;
const REQUIRES_POOL: u8 = 2;
const GVISOR: u8 = 4;
const HAS_GPU: u8 = 8;

/// A slot as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) used: [u64; 3],
    pub(crate) total: Resources,
    /// `None`: it is gone.
    pub(crate) status: Option<Status>,
    pub(crate) containers: u32,
    pub(crate) epoch: u32,
    pub(crate) version: u64,
    pub(crate) text_at: u32,
    pub(crate) text_bytes: u32,
}

pub(crate) fn status_number(status: Status) -> u8 {
    match status {
        Status::Available => 1,
        Status::Pending => 2,
        Status::Disabled => 3,
    }
}

fn status_of(number: u8, reader: &Reader<'_>) -> Result<Status, Malformed> {
    match number {
        1 => Ok(Status::Available),
        2 => Ok(Status::Pending),
        3 => Ok(Status::Disabled),
        _ => Err(reader.fault()),
    }
}

impl Slot {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "a worker's slot");
        let used = [reader.u64()?, reader.u64()?, reader.u32()?.into()];
        let (cpu, memory, gpus) = (reader.u32()?, reader.u32()?, reader.u8()?);
        let total = Resources {
            cpu: Millicores::new(cpu.into()).map_err(|_| reader.fault())?,
            memory: Megabytes::new(memory.into()).map_err(|_| reader.fault())?,
            gpus: Gpus::new(gpus.into()).map_err(|_| reader.fault())?,
        };
        let status = match reader.u8()? {
            0 => None,
            number => Some(status_of(number, &reader)?),
        };
        let (containers, epoch) = (reader.u32()?, reader.u32()?);
        let (version, _registered) = (reader.u64()?, reader.u64()?);
        let (text_at, text_bytes) = (reader.u32()?, reader.u32()?);
        reader.take(2)?;
        Ok(Self { used, total, status, containers, epoch, version, text_at, text_bytes })
    }

    /// The total less what is taken; nothing where more is taken than there is.
    pub(crate) fn free(&self) -> Resources {
        let left = |total: u32, used: u64| i64::try_from(u64::from(total).saturating_sub(used));
        let Resources { cpu, memory, gpus } = self.total;
        let [used_cpu, used_memory, used_gpus] = self.used;
        Resources {
            cpu: left(cpu.get(), used_cpu)
                .ok()
                .and_then(|left| Millicores::new(left).ok())
                .unwrap_or_default(),
            memory: left(memory.get(), used_memory)
                .ok()
                .and_then(|left| Megabytes::new(left).ok())
                .unwrap_or_default(),
            gpus: left(gpus.get(), used_gpus)
                .ok()
                .and_then(|left| Gpus::new(left).ok())
                .unwrap_or_default(),
        }
    }
}

pub(crate) fn encode_worker(worker: &Worker) -> Vec<u8> {
    let Worker {
        id,
        status,
        total: _,
        gpu,
        pool,
        priority,
        preemptable,
        runtime,
        requires_pool_selector,
    } = worker;
    let flags = u8::from(*preemptable) * PREEMPTABLE
        + u8::from(*requires_pool_selector) * REQUIRES_POOL
        + u8::from(*runtime == Runtime::Gvisor) * GVISOR
        + u8::from(gpu.is_some()) * HAS_GPU;
    let mut bytes = vec![status_number(*status), flags];
    bytes.extend(priority.to_be_bytes());
    put_text(&mut bytes, id);
    put_text(&mut bytes, pool);
    if let Some(gpu) = gpu {
        put_text(&mut bytes, gpu);
    }
    bytes
}

/// The text of a registration; how much the worker has stands in its slot.
pub(crate) fn read_worker(bytes: &[u8], total: Resources) -> Result<Worker, Malformed> {
    let mut reader = Reader::new(bytes, "a worker's registration");
    let status = reader.u8()?;
    let status = status_of(status, &reader)?;
    let flags = reader.u8()?;
    let priority = reader.i32()?;
    let (id, pool) = (reader.text()?, reader.text()?);
    let gpu = (flags & HAS_GPU != 0).then(|| reader.text()).transpose()?;
    if !reader.is_empty() || flags > PREEMPTABLE + REQUIRES_POOL + GVISOR + HAS_GPU {
        return Err(reader.fault());
    }
    let runtime = if flags & GVISOR == 0 { Runtime::Runc } else { Runtime::Gvisor };
    Ok(Worker {
        id,
        status,
        total,
        gpu,
        pool,
        priority,
        preemptable: flags & PREEMPTABLE != 0,
        runtime,
        requires_pool_selector: flags & REQUIRES_POOL != 0,
    })
}
