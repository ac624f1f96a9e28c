//! The forms on disk, each its own versioned type: encoding and decoding, without any file.
//!
//! `docs/formats.md` describes every byte. All numbers are little-endian.

pub(crate) mod block;
pub(crate) mod chunk;
pub(crate) mod fields;
pub(crate) mod generator;
pub(crate) mod note;
pub(crate) mod plan;
pub(crate) mod response;
pub(crate) mod row;
pub(crate) mod server;
