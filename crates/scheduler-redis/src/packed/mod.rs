//! What is kept on the server and sent to it in packed form: numbers big-endian, texts behind their
//! length in 4 bytes.
//!
//! The scripts read the same bytes with `struct`; where a place is known to them it is said here.

mod plan;
mod reader;
mod record;
mod worker;

pub(crate) use plan::{encode_plan, read_verdict};
pub(crate) use reader::{Malformed, Reader};
pub(crate) use record::{Record, encode_request};
pub(crate) use worker::{SLOT_BYTES, Slot, encode_worker, read_worker, status_number};

#[cfg(test)]
mod tests;
