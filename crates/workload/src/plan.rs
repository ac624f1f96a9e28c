//! What is sent and when.

use crate::error::{PayloadError, WalkError, WorkloadError};
use crate::index::Index;
use crate::models::{ModelMap, Renamed};
use crate::payload::{Payloads, Sent};
use crate::source::Origin;
use crate::speed::Speed;
use proofload_record::Class;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::io;
use std::sync::Arc;

/// What becomes of `stream` in a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamMode {
    /// Every body asks for a stream and for its usage; without one there is no time to the first
    /// token.
    #[default]
    Force,
    /// Bodies are sent as they are.
    AsWritten,
}

/// How a workload is made into a plan.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// By how much to replay faster: offsets are divided by it, exactly, and rounded to whole
    /// nanoseconds, halves up. From 0.01 to 1,000,000.
    pub speed: f64,
    /// Only the first so many rows in the order of the plan, at least 1.
    pub limit: Option<u32>,
    /// What becomes of `stream`.
    pub stream: StreamMode,
    /// Put `"mode": "interactive"|"batch"` and `"priority": 1|5|10` at the top level of every body.
    pub labels_in_body: bool,
    /// Which models take the places of those that the bodies name. A body that names none stays
    /// without, and a pair of a model that no body names changes nothing.
    pub models: ModelMap,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self {
            speed: 1.0,
            limit: None,
            stream: StreamMode::default(),
            labels_in_body: false,
            models: ModelMap::default(),
        }
    }
}

/// Requests in the order in which they are due, by index from 0. Never empty.
///
/// The same file and options give the same plan on every machine; [`Plan::walk`] makes the hash
/// that shows it. Cheap to clone: the rows are shared with the workload.
#[derive(Clone, Debug)]
pub struct Plan {
    origin: Origin,
    index: Arc<Index>,
    len: u32,
    speed: Speed,
    sent: Sent,
}

/// One request of a plan, as [`Plan::walk`] shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Place in the plan, from 0.
    pub index: u32,
    /// Its id in the workload.
    pub id: &'a str,
    /// Nanoseconds from the start of the run until it is due.
    pub due_ns: u64,
    /// Number of its class in [`Plan::classes`].
    pub class: u16,
    /// Where its row begins in the workload file.
    pub offset: u64,
    /// Length of its row in the file, in bytes.
    pub len: u32,
    /// CRC32C of its row in the file.
    pub crc: u32,
}

/// What a walk over a plan found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walked {
    /// SHA-256 over the plan and the bodies as they are sent, see [`Plan::walk`].
    pub hash: [u8; 32],
    /// Bodies in which [`StreamMode::Force`] changed something.
    pub stream_changed: u64,
    /// Bodies that name another model than the workload.
    pub model_changed: u64,
}

impl Walked {
    /// The hash as 64 hexadecimal digits.
    #[must_use]
    pub fn hash_hex(&self) -> String {
        self.hash.iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

impl Plan {
    pub(crate) fn compile(
        origin: Origin,
        index: Arc<Index>,
        options: &PlanOptions,
    ) -> Result<Self, WorkloadError> {
        let PlanOptions { speed: found, limit, stream, labels_in_body: labels, ref models } =
            *options;
        let speed = Speed::new(found).ok_or(WorkloadError::Speed { found })?;
        if limit == Some(0) {
            return Err(WorkloadError::LimitZero);
        }
        // The first pass has refused a file with more rows.
        let rows = u32::try_from(index.rows.len()).unwrap_or(u32::MAX);
        let len = limit.unwrap_or(u32::MAX).min(rows);
        // They are numbered in the order of the rows, so a shorter plan has the first of them.
        let last = index.rows[..len as usize].iter().map(|row| row.class).max().unwrap_or_default();
        let renamed = Arc::new(Renamed::new(&index.classes[..=usize::from(last)], models));
        let sent = Sent { stream: stream == StreamMode::Force, labels, renamed };
        Ok(Self { origin, index, len, speed, sent })
    }

    /// Number of requests.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a plan is never empty")]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Nanoseconds from the start of the run until the request at `index` is due.
    ///
    /// # Panics
    /// Like a slice, if `index` is not below [`Self::len`].
    #[must_use]
    pub fn due_ns(&self, index: u32) -> u64 {
        self.speed.due_ns(self.index.rows[..self.len as usize][index as usize].offset_ns)
    }

    /// Number of the class of the request at `index`.
    ///
    /// # Panics
    /// Like a slice, if `index` is not below [`Self::len`].
    #[must_use]
    pub fn class(&self, index: u32) -> u16 {
        let row = &self.index.rows[..self.len as usize][index as usize];
        self.sent.renamed.numbers[usize::from(row.class)]
    }

    /// The classes, in the order in which the plan first has them, with the models that are sent.
    #[must_use]
    pub fn classes(&self) -> &[Class] {
        &self.sent.renamed.classes
    }

    /// Nanoseconds from the start of the run until the last request is due.
    #[must_use]
    pub fn span_ns(&self) -> u64 {
        self.due_ns(self.len - 1)
    }

    /// A reader of the bodies, with its own handle: one for each thread.
    ///
    /// # Errors
    /// [`PayloadError::Read`] if the file cannot be opened again.
    pub fn payloads(&self) -> Result<Payloads, PayloadError> {
        let (origin, index) = (self.origin.clone(), Arc::clone(&self.index));
        Payloads::open(origin, index, self.len, self.sent.clone())
    }

    /// Reads the whole plan once, in the order in which it is due: hands every entry to `visit`,
    /// and hashes what will be sent.
    ///
    /// The hash is SHA-256 over `proofload plan 1\n`, then for each request: its id, its due time
    /// in nanoseconds, mode, priority number, the model sent (a byte 0 for none, or 1 and the name), and its
    /// body as sent. Numbers are little-endian, `u64` but for mode (0 interactive, 1 batch) and
    /// priority, a byte each; texts are their length as `u64`, then their bytes.
    ///
    /// # Errors
    /// [`WalkError::Payload`] if a row cannot be read or was changed, [`WalkError::Visit`] if
    /// `visit` fails.
    pub fn walk(
        &self,
        mut visit: impl FnMut(Entry<'_>) -> io::Result<()>,
    ) -> Result<Walked, WalkError> {
        let mut payloads = self.payloads()?;
        let mut hasher = Sha256::new_with_prefix(b"proofload plan 1\n");
        let (mut stream_changed, mut model_changed) = (0, 0);
        for index in 0..self.len {
            let row = self.index.rows[index as usize];
            let due_ns = self.due_ns(index);
            let (id, sent) = payloads.read_with_id(index)?;
            let number = self.class(index);
            let class = &self.classes()[usize::from(number)];
            text(&mut hasher, id.as_bytes());
            hasher.update(due_ns.to_le_bytes());
            hasher.update([class.mode as u8, class.priority.number()]);
            match &class.model {
                None => hasher.update([0]),
                Some(model) => {
                    hasher.update([1]);
                    text(&mut hasher, model.as_bytes());
                }
            }
            text(&mut hasher, &sent.body);
            stream_changed += u64::from(sent.stream_changed);
            model_changed += u64::from(sent.model_changed);
            let (offset, len, crc) = (row.offset, row.len, row.crc);
            visit(Entry { index, id, due_ns, class: number, offset, len, crc })
                .map_err(WalkError::Visit)?;
        }
        Ok(Walked { hash: hasher.finalize().into(), stream_changed, model_changed })
    }
}

fn text(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}
