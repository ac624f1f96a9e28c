//! A container's record. The head has its places, which the scripts know:
//!
//! | bytes | what |
//! | --- | --- |
//! | 0–3, 4–7, 8 | CPU in millicores, memory in MB, GPUs |
//! | 9 | flags: 1 preemptable, 2 has a pool, 4 has a gang |
//! | 10–13 | priority, signed |
//! | 14–17 | attempts |
//! | 18–25 | its number in the backlog, given by the server |
//! | 26–33 | when it came, in microseconds of the server |
//! | 34– | its name; then how many GPU types (1) and those, workspace, pool, gang |

use proofload_scheduler::{Gpus, Megabytes, Millicores, Request, Resources};

use super::reader::{Malformed, Reader, put_text};

const PREEMPTABLE: u8 = 1;
const HAS_POOL: u8 = 2;
const HAS_GANG: u8 = 4;

/// A record as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) request: Request,
    pub(crate) attempts: u32,
    pub(crate) seq: u64,
    pub(crate) enqueued_us: u64,
}

/// What is sent of a new one: everything but what the server puts between the bytes 18 and 33.
pub(crate) fn encode_request(request: &Request) -> Vec<u8> {
    let Request { id, needs, gpus, pool, priority, preemptable, workspace, gang } = request;
    let mut bytes = Vec::with_capacity(48 + id.len() + workspace.len());
    put_resources(&mut bytes, needs);
    bytes.push(
        u8::from(*preemptable) * PREEMPTABLE
            + u8::from(pool.is_some()) * HAS_POOL
            + u8::from(gang.is_some()) * HAS_GANG,
    );
    bytes.extend(priority.to_be_bytes());
    bytes.extend(0_u32.to_be_bytes());
    put_text(&mut bytes, id);
    // At most eight: the request has been checked.
    bytes.push(gpus.len() as u8);
    for gpu in gpus {
        put_text(&mut bytes, gpu);
    }
    put_text(&mut bytes, workspace);
    for text in [pool, gang].into_iter().flatten() {
        put_text(&mut bytes, text);
    }
    bytes
}

fn put_resources(bytes: &mut Vec<u8>, needs: &Resources) {
    bytes.extend(needs.cpu.get().to_be_bytes());
    bytes.extend(needs.memory.get().to_be_bytes());
    // At most 63.
    bytes.push(needs.gpus.get() as u8);
}

impl Record {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "a container's record");
        let needs = read_resources(&mut reader)?;
        let flags = reader.u8()?;
        let priority = reader.i32()?;
        let attempts = reader.u32()?;
        let (seq, enqueued_us) = (reader.u64()?, reader.u64()?);
        let id = reader.text()?;
        let gpus = (0..reader.u8()?).map(|_| reader.text()).collect::<Result<_, _>>()?;
        let workspace = reader.text()?;
        let pool = (flags & HAS_POOL != 0).then(|| reader.text()).transpose()?;
        let gang = (flags & HAS_GANG != 0).then(|| reader.text()).transpose()?;
        if !reader.is_empty() || flags > PREEMPTABLE + HAS_POOL + HAS_GANG {
            return Err(reader.fault());
        }
        let preemptable = flags & PREEMPTABLE != 0;
        let request = Request { id, needs, gpus, pool, priority, preemptable, workspace, gang };
        Ok(Self { request, attempts, seq, enqueued_us })
    }
}

fn read_resources(reader: &mut Reader<'_>) -> Result<Resources, Malformed> {
    let (cpu, memory, gpus) = (reader.u32()?, reader.u32()?, reader.u8()?);
    Ok(Resources {
        cpu: Millicores::new(cpu.into()).map_err(|_| reader.fault())?,
        memory: Megabytes::new(memory.into()).map_err(|_| reader.fault())?,
        gpus: Gpus::new(gpus.into()).map_err(|_| reader.fault())?,
    })
}
