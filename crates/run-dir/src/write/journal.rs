//! `requests.bin` as it grows.

use crate::format::block::{self, Heartbeat};
use crate::format::row;
use proofload_record::Row;
use std::fs::File;
use std::io::{self, Write};

/// Appends blocks to `requests.bin`.
pub(crate) struct Journal {
    file: File,
    rows: Vec<u8>,
    block: Vec<u8>,
    blocks: u32,
    bytes: u64,
}

impl Journal {
    /// Begins a journal in `file`, which is empty.
    pub(crate) const fn new(file: File) -> Self {
        Self { file, rows: Vec::new(), block: Vec::new(), blocks: 0, bytes: 0 }
    }

    /// Adds a row to the next block.
    pub(crate) fn push(&mut self, row: &Row) {
        row::encode(row, &mut self.rows);
    }

    /// Rows that the next block still has room for.
    pub(crate) fn room(&self) -> usize {
        block::ROWS_MAX - self.rows.len() / row::ROW_BYTES
    }

    /// Writes the block of `heartbeat`, whose number it gives, and the rows added since the last.
    /// Where that fails, what was written of it is taken back.
    pub(crate) fn write(&mut self, heartbeat: &mut Heartbeat) -> io::Result<()> {
        heartbeat.sequence = self.blocks;
        block::encode(heartbeat, &self.rows, &mut self.block);
        if let Err(error) = self.file.write_all(&self.block) {
            // A reader would cut it all the same; a full disk is glad of the bytes.
            let _ = self.file.set_len(self.bytes);
            return Err(error);
        }
        self.rows.clear();
        self.blocks += 1;
        self.bytes += self.block.len() as u64;
        Ok(())
    }

    /// Blocks written.
    pub(crate) const fn blocks(&self) -> u32 {
        self.blocks
    }

    /// The file, to make it durable.
    pub(crate) const fn file(&self) -> &File {
        &self.file
    }
}
