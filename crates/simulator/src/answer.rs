//! What a slot does with a request: the waits of a model, and the bytes of its answer.

use crate::Fault;
use crate::chance::Chance;
use crate::connection::{Cut, ENDLESS_BYTES, ENDLESS_PIECE};
use crate::pen::{Pen, Piece};
use crate::queue::{Slot, Speed};
use crate::server::Server;
use bytes::Bytes;
use proofload_openai::chat::{ChunkWriter, Usage};
use proofload_openai::sse;
use std::future::pending;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// One request in its slot.
///
/// Waits are towards an absolute deadline that moves on by each step, so that late timers do not
/// add up; the truth file holds what came of it.
pub(crate) struct Job {
    pub(crate) server: Rc<Server>,
    pub(crate) writer: ChunkWriter,
    /// The error object, should there be one.
    pub(crate) error: String,
    pub(crate) fault: Option<Fault>,
    pub(crate) slot: Slot,
    pub(crate) speed: Speed,
    pub(crate) prompt_tokens: u32,
    pub(crate) tokens: u32,
    pub(crate) reason: &'static str,
    pub(crate) include_usage: bool,
    pub(crate) chance: Chance,
    pub(crate) deadline: Instant,
}

impl Job {
    /// Reads the prompt; the first token exists then.
    pub(crate) async fn prefill(&mut self) {
        self.add(self.speed.prefill * self.prompt_tokens);
        sleep_until(self.deadline).await;
    }

    /// Writes the answer as an event stream.
    pub(crate) async fn stream(mut self, pen: Pen) -> Result<(), Cut> {
        let mut json = String::new();
        self.writer.role(&mut json);
        self.send(event(&json), 0, 0, &pen).await;
        self.prefill().await;

        let half = self.tokens.div_ceil(2);
        self.send_tokens(0, half, &pen).await;
        if self.strike(&pen).await?.is_break() {
            return Ok(());
        }
        self.send_tokens(half, self.tokens, &pen).await;

        let mut last = Vec::new();
        if self.fault != Some(Fault::NoFinish) {
            json.clear();
            self.writer.finish(self.reason, &mut json);
            sse::encode(&json, &mut last);
        }
        if self.include_usage {
            json.clear();
            self.writer.usage(self.usage(), &mut json);
            sse::encode(&json, &mut last);
        }
        if self.fault != Some(Fault::NoDone) {
            sse::encode("[DONE]", &mut last);
        }
        self.send(last.into(), 0, 0, &pen).await;
        if self.fault == Some(Fault::WrongLength) {
            pen.flush().await;
            return Err(Cut::Close);
        }
        Ok(())
    }

    /// Decodes the answer and gives it as the JSON of an unstreamed one.
    pub(crate) async fn whole(&mut self) -> String {
        let mut text = String::new();
        for at in 0..self.tokens {
            self.decode(at, &mut text);
            sleep_until(self.deadline).await;
        }
        let mut json = String::new();
        match self.fault {
            Some(Fault::InBandError) => json.clone_from(&self.error),
            Some(Fault::Malformed) => json.push_str("{\"id\": oops"),
            Some(Fault::NoFinish) => self.writer.completion(&text, "", self.usage(), &mut json),
            _ => self.writer.completion(&text, self.reason, self.usage(), &mut json),
        }
        json
    }

    /// Writes the body of an unstreamed answer whose fault lies in how it is written.
    pub(crate) async fn deliver(self, json: String, pen: Pen) -> Result<(), Cut> {
        let whole = Bytes::from(json);
        if matches!(self.fault, Some(Fault::SlowBody | Fault::WrongLength)) {
            self.send(whole, 1, self.tokens, &pen).await;
            pen.flush().await;
            return Err(Cut::Close);
        }
        self.send(whole.slice(..whole.len() / 2), 0, 0, &pen).await;
        self.strike(&pen).await.map(|_| ())
    }

    /// A content length that no answer of this request can have.
    pub(crate) fn too_long(&self) -> u64 {
        let chunk = 1_024 + self.writer.id.len() + self.writer.model.len();
        (u64::from(self.tokens) + 4) * chunk as u64
    }

    /// Writes the tokens from `from` to before `to`, each when it has been decoded.
    async fn send_tokens(&mut self, from: u32, to: u32, pen: &Pen) {
        let per_chunk = self.server.options.tokens_per_chunk;
        let per_write = self.server.options.chunks_per_write;
        let (mut text, mut json) = (String::new(), String::new());
        let mut at = from;
        while at < to {
            let (begin, mut chunks, mut bytes) = (at, 0, Vec::new());
            while at < to && chunks < per_write {
                text.clear();
                json.clear();
                for at in at..to.min(at.saturating_add(per_chunk)) {
                    self.decode(at, &mut text);
                }
                at = to.min(at.saturating_add(per_chunk));
                chunks += 1;
                self.writer.text(&text, &mut json);
                sse::encode(&json, &mut bytes);
            }
            sleep_until(self.deadline).await;
            self.send(bytes.into(), chunks, at - begin, pen).await;
        }
    }

    /// What a fault does in the middle of a body.
    async fn strike(&self, pen: &Pen) -> Result<ControlFlow<()>, Cut> {
        match self.fault {
            Some(Fault::InBandError) => {
                let mut bytes = Vec::new();
                sse::encode(&self.error, &mut bytes);
                sse::encode("[DONE]", &mut bytes);
                self.send(bytes.into(), 0, 0, pen).await;
                return Ok(ControlFlow::Break(()));
            }
            Some(Fault::Malformed) => self.send(event("{\"id\": oops"), 0, 0, pen).await,
            Some(Fault::Truncate) => {
                pen.flush().await;
                return Err(Cut::Close);
            }
            Some(Fault::ResetBody) => {
                pen.flush().await;
                return Err(Cut::Reset);
            }
            Some(Fault::Stall) => pending().await,
            Some(Fault::EndlessLine) => {
                self.send(Bytes::from_static(b"data: "), 0, 0, pen).await;
                for _ in 0..ENDLESS_BYTES / ENDLESS_PIECE.len() {
                    self.send(Bytes::from_static(ENDLESS_PIECE), 0, 0, pen).await;
                }
                return Err(Cut::Close);
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    async fn send(&self, bytes: Bytes, chunks: u32, tokens: u32, pen: &Pen) {
        if self.fault != Some(Fault::SlowBody) {
            pen.write(Piece { bytes, chunks, tokens }).await;
            return;
        }
        for at in 0..bytes.len() {
            let is_last = at + 1 == bytes.len();
            let (chunks, tokens) = if is_last { (chunks, tokens) } else { (0, 0) };
            sleep(self.server.options.slow).await;
            pen.write(Piece { bytes: bytes.slice(at..=at), chunks, tokens }).await;
        }
    }

    /// Decodes the token `at`: adds its text, and its time to the deadline. The first comes with the
    /// prefill.
    fn decode(&mut self, at: u32, text: &mut String) {
        if at > 0 {
            let crowd = self.slot.others_busy() as f64 * self.server.options.contention;
            self.add(self.speed.decode.mul_f64(1.0 + crowd));
            text.push(' ');
        }
        text.push_str(self.chance.word());
    }

    fn add(&mut self, time: Duration) {
        self.deadline += time.mul_f64(self.chance.factor(self.server.options.jitter));
    }

    fn usage(&self) -> Usage {
        Usage { prompt_tokens: Some(self.prompt_tokens), completion_tokens: Some(self.tokens) }
    }
}

fn event(data: &str) -> Bytes {
    let mut bytes = Vec::new();
    sse::encode(data, &mut bytes);
    bytes.into()
}
