//! The proxy between clients and servers that the tests bring themselves.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod delay;
mod fault;
mod support;
