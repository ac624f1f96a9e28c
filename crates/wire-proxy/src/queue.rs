//! Bytes that were received and are not due yet.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How much a direction of a connection holds; then it reads no more until some of it has left.
pub const HELD_MAX_BYTES: usize = 1 << 20;

pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) received: Instant,
    /// How much of it has been written.
    pub(crate) sent: usize,
    /// Whether a fault has seen it.
    pub(crate) counted: bool,
}

/// Chunks in their order.
#[derive(Default)]
pub(crate) struct Queue {
    chunks: VecDeque<Chunk>,
    held_bytes: usize,
}

impl Queue {
    pub(crate) fn push(&mut self, bytes: &[u8], received: Instant) {
        self.held_bytes += bytes.len();
        self.chunks.push_back(Chunk { bytes: bytes.to_vec(), received, sent: 0, counted: false });
    }

    pub(crate) fn has_room(&self) -> bool {
        self.held_bytes < HELD_MAX_BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// When the first chunk is to leave.
    pub(crate) fn due(&self, hold: Duration) -> Option<Instant> {
        self.chunks.front().map(|chunk| chunk.received + hold)
    }

    pub(crate) fn first(&mut self) -> Option<&mut Chunk> {
        self.chunks.front_mut()
    }

    /// The first chunk has left.
    pub(crate) fn pop(&mut self) {
        if let Some(chunk) = self.chunks.pop_front() {
            self.held_bytes -= chunk.bytes.len();
        }
    }
}
