//! A target without a network.

use std::time::Duration;

use proofload_record::clock::Clock;
use proofload_record::{End, Flags, Outcome, Stamp};

use crate::target::{MakeTarget, Request, Seen, Target};

/// Answers by a script, at once: what a test or the pacing measurement hands to the engine instead
/// of a server.
#[derive(Clone, Copy, Debug)]
pub struct Scripted {
    /// From the send to the first token.
    pub first: Duration,
    /// Between two tokens.
    pub gap: Duration,
    /// Tokens of an answer.
    pub tokens: u32,
    /// How every request ends.
    pub end: End,
}

impl Default for Scripted {
    fn default() -> Self {
        let end = End::Sent(Outcome::Ok);
        Self { first: Duration::ZERO, gap: Duration::ZERO, tokens: 1, end }
    }
}

impl MakeTarget for Scripted {
    type Target = Self;

    fn make(&self, _worker: usize, _clock: Clock) -> Self {
        *self
    }
}

impl Target for Scripted {
    async fn send(&self, request: &Request, seen: &mut Seen) {
        let now = Stamp::at(seen.clock.now_ns());
        seen.row.attempts = 1;
        seen.row.connected = now;
        seen.row.written = now;
        seen.row.bytes_out = request.body.len() as u64;
        seen.row.flags.set(Flags::STREAMED);
        for token in 0..self.tokens {
            let pause = if token == 0 { self.first } else { self.gap };
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            seen.token(seen.clock.now_ns(), u64::from(token) + 1);
        }
        seen.row.first_byte = seen.row.first_token;
        seen.row.completion_tokens = Some(self.tokens);
        seen.row.status = 200;
        seen.end(self.end, seen.clock.now_ns());
    }
}
