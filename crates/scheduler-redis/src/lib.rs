//! The batch scheduler's store on a Redis server.
//!
//! [`wire`] is the way to the server: one connection, every command, byte and round trip of which is
//! counted where it happens.

pub mod wire;
