//! Reading an answer: every chunk is stamped when its bytes arrived, then decoded.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http_body::Body;
use hyper::body::Incoming;
use proofload_openai::chat::{self, Event, Reply, Usage};
use proofload_openai::sse::{Decoder, FeedError};
use proofload_record::{Flags, Outcome};

use super::Failure;
use super::connect::Driver;
use super::exchange::timed_out;
use super::io::Stamps;
use super::timeouts::Watch;
use crate::target::Seen;

/// Largest unstreamed answer that we hold.
const REPLY_LIMIT_BYTES: usize = 16 << 20;
/// How much of an answer with a bad status is looked at for its reason.
const REASON_BYTES: usize = 16 << 10;
/// How much of it is read at all, to keep the connection.
const DRAIN_BYTES: usize = 1 << 20;

/// What came of reading.
pub(crate) struct Answer {
    /// `None`: it succeeded.
    pub(crate) failure: Option<Failure>,
    /// When its end arrived, or it failed.
    pub(crate) ended_ns: u64,
    /// Whether the body was read to its end, so that the connection can serve again.
    pub(crate) whole: bool,
}

/// Reads `response` to its end, or until it is known to have failed.
pub(crate) async fn answer(
    response: Response<Incoming>,
    mut content: Content,
    driver: &mut Driver,
    stamps: &Stamps,
    watch: &mut Watch<'_>,
    seen: &mut Seen,
) -> Answer {
    let (head, body) = response.into_parts();
    let framed =
        head.headers.contains_key(CONTENT_LENGTH) || head.headers.contains_key(TRANSFER_ENCODING);
    let mut frames = Frames { body, driver, stamps, watch };
    // The connection is driven only where no frame is left: what a read brought is stamped before
    // hyper may read again.
    let (failure, whole) = loop {
        match frames.next().await {
            Ok(Some(data)) => {
                let stopped = content.take(&data, stamps, seen);
                if stopped {
                    break (None, false);
                }
            }
            Ok(None) => break (None, true),
            Err(failure) => break (Some(failure), false),
        }
    };
    let ended_ns = if whole && framed { stamps.read_ns.get() } else { seen.clock.now_ns() };
    let failure = content.judge(failure, head.status.as_u16(), seen);
    Answer { failure, ended_ns, whole }
}

/// The body's frames, under the request's limits.
struct Frames<'a, 'b> {
    body: Incoming,
    driver: &'a mut Driver,
    stamps: &'a Stamps,
    watch: &'a mut Watch<'b>,
}

impl Frames<'_, '_> {
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        poll_fn(|cx| {
            loop {
                let mut frame = Pin::new(&mut self.body).poll_frame(cx);
                if frame.is_pending() {
                    self.driver.drive(cx);
                    frame = Pin::new(&mut self.body).poll_frame(cx);
                }
                match frame {
                    Poll::Ready(Some(Ok(frame))) => {
                        // Trailers say nothing that we record.
                        if let Ok(data) = frame.into_data() {
                            return Poll::Ready(Ok(Some(data)));
                        }
                    }
                    Poll::Ready(Some(Err(error))) => {
                        return Poll::Ready(Err(Failure::in_body(&error)));
                    }
                    Poll::Ready(None) => return Poll::Ready(Ok(None)),
                    Poll::Pending => {
                        let limit = self.watch.poll(cx, self.stamps);
                        return limit.map(|limit| Err(timed_out(limit)));
                    }
                }
            }
        })
        .await
    }
}

/// What the body is read as.
pub(crate) enum Content {
    /// A bad status: its first bytes tell why.
    Reason {
        outcome: Outcome,
        text: Vec<u8>,
        drained: usize,
    },
    Events(Box<Events>),
    Reply(Vec<u8>),
    /// Only its end matters.
    Discarded,
    /// It is encoded in a way that was not asked for.
    Coded(String),
}

impl Content {
    /// By the head of the answer, and what was asked for.
    pub(crate) fn of(
        response: &Response<Incoming>,
        asked_for_stream: bool,
        discard: bool,
        seen: &mut Seen,
    ) -> Self {
        if !response.status().is_success() {
            let outcome = status_outcome(response.status());
            Self::Reason { outcome, text: Vec::new(), drained: 0 }
        } else if discard {
            Self::Discarded
        } else if let Some(coding) = response.headers().get(CONTENT_ENCODING) {
            Self::Coded(String::from_utf8_lossy(coding.as_bytes()).into_owned())
        } else if is_event_stream(response.headers(), asked_for_stream) {
            seen.row.flags.set(Flags::STREAMED);
            Self::Events(Box::default())
        } else {
            Self::Reply(Vec::new())
        }
    }

    /// Takes a piece of the body; whether no more of it is wanted.
    fn take(&mut self, data: &[u8], stamps: &Stamps, seen: &mut Seen) -> bool {
        match self {
            Self::Reason { text, drained, .. } => {
                let room = REASON_BYTES.saturating_sub(text.len()).min(data.len());
                text.extend_from_slice(&data[..room]);
                *drained += data.len();
                *drained > DRAIN_BYTES
            }
            Self::Events(events) => events.take(data, stamps, seen),
            Self::Reply(body) => {
                body.extend_from_slice(data);
                body.len() > REPLY_LIMIT_BYTES
            }
            Self::Discarded => false,
            Self::Coded(_) => true,
        }
    }

    /// The first rule of the table in `docs/metrics.md` that fits; `None` for a success.
    fn judge(self, failure: Option<Failure>, status: u16, seen: &mut Seen) -> Option<Failure> {
        match self {
            Self::Reason { outcome, text, .. } => {
                Some(Failure::sent(outcome, reason(status, &text)))
            }
            Self::Events(events) => events.judge(failure, seen),
            Self::Reply(body) => judge_reply(&body, failure, seen),
            Self::Discarded => failure,
            Self::Coded(coding) => {
                let reason = format!("content-encoding {coding} was not asked for");
                Some(Failure::sent(Outcome::MalformedStream, reason))
            }
        }
    }
}

/// What an event stream has said so far.
#[derive(Default)]
pub(crate) struct Events {
    decoder: Decoder,
    any: bool,
    finished: bool,
    usage: Option<Usage>,
    error: Option<String>,
    fault: Option<Failure>,
}

impl Events {
    fn take(&mut self, data: &[u8], stamps: &Stamps, seen: &mut Seen) -> bool {
        let (at_ns, read) = (stamps.read_ns.get(), stamps.reads.get());
        let Self { decoder, any, finished, usage, error, fault } = self;
        let fed = decoder.feed(data, |event| {
            *any = true;
            // What follows the end belongs to nobody.
            if seen.row.flags.has(Flags::DONE_SEEN) {
                return;
            }
            match chat::read_event(event) {
                Ok(Event::Delta(delta)) => {
                    if delta.has_text {
                        seen.token(at_ns, read);
                        seen.keep_text(event.data);
                    }
                    *finished |= delta.finished;
                    *usage = delta.usage.or(*usage);
                }
                Ok(Event::Done) => seen.row.flags.set(Flags::DONE_SEEN),
                Ok(Event::Error(message)) => {
                    error.get_or_insert_with(|| message.into_owned());
                }
                Err(malformed) => {
                    fault.get_or_insert_with(|| {
                        Failure::sent(Outcome::MalformedStream, malformed.to_string())
                    });
                }
            }
        });
        if let Err(spent) = fed {
            let outcome = match spent {
                FeedError::TooLarge { .. } => Outcome::TooLarge,
                FeedError::NotUtf8 => Outcome::MalformedStream,
            };
            self.fault.get_or_insert_with(|| Failure::sent(outcome, spent.to_string()));
        }
        self.fault.is_some()
    }

    fn judge(mut self, failure: Option<Failure>, seen: &mut Seen) -> Option<Failure> {
        count_tokens(self.usage, seen);
        let cut_off = !seen.row.flags.has(Flags::DONE_SEEN)
            && self.decoder.has_partial()
            && !self.ends_with_done(seen);
        if let Some(message) = self.error {
            return Some(Failure::sent(Outcome::InBandError, message));
        }
        if let Some(failure) = failure.or(self.fault) {
            return Some(failure);
        }
        let (outcome, reason) = if cut_off {
            (Outcome::Truncated, "the stream ended in the middle of an event")
        } else if !self.any {
            (Outcome::Empty, "no event in the stream")
        } else if !self.finished {
            (Outcome::Truncated, "the stream ended without a finish reason")
        } else if seen.row.chunks == 0 {
            (Outcome::Empty, "no token in the stream")
        } else {
            return None;
        };
        Some(Failure::sent(outcome, reason))
    }

    /// Whether all that is missing is the blank line after `[DONE]`, which some servers leave out.
    fn ends_with_done(&mut self, seen: &mut Seen) -> bool {
        let mut done = false;
        let fed = self.decoder.feed(b"\n\n", |event| {
            done = matches!(chat::read_event(event), Ok(Event::Done));
        });
        if fed.is_ok() && done {
            seen.row.flags.set(Flags::DONE_SEEN);
        }
        done
    }
}

fn judge_reply(body: &[u8], failure: Option<Failure>, seen: &mut Seen) -> Option<Failure> {
    if failure.is_some() {
        return failure;
    }
    if body.len() > REPLY_LIMIT_BYTES {
        let reason = format!("the answer is larger than {REPLY_LIMIT_BYTES} bytes");
        return Some(Failure::sent(Outcome::TooLarge, reason));
    }
    if body.is_empty() {
        return Some(Failure::sent(Outcome::Empty, "no byte in the answer"));
    }
    let completion = match chat::read_reply(body) {
        Ok(Reply::Completion(completion)) => completion,
        Ok(Reply::Error(message)) => return Some(Failure::sent(Outcome::InBandError, message)),
        Err(malformed) => {
            return Some(Failure::sent(Outcome::MalformedStream, malformed.to_string()));
        }
    };
    count_tokens(completion.usage, seen);
    if let Ok(json) = std::str::from_utf8(body) {
        seen.keep_text(json);
    }
    if !completion.finished {
        return Some(Failure::sent(Outcome::Truncated, "the answer has no finish reason"));
    }
    (!completion.has_text).then(|| Failure::sent(Outcome::Empty, "no token in the answer"))
}

/// Tokens of `usage` where the server gave it, otherwise content chunks of a stream.
fn count_tokens(usage: Option<Usage>, seen: &mut Seen) {
    let row = &mut seen.row;
    row.prompt_tokens = usage.and_then(|usage| usage.prompt_tokens);
    // A usage of 0 beside text is a server that does not count.
    let stated = usage.and_then(|usage| usage.completion_tokens);
    row.completion_tokens = stated.filter(|&tokens| tokens > 0 || row.chunks == 0);
    if row.completion_tokens.is_some() {
        row.flags.set(Flags::USAGE);
    } else if row.flags.has(Flags::STREAMED) {
        row.completion_tokens = Some(row.chunks);
    }
}

fn status_outcome(status: http::StatusCode) -> Outcome {
    match status.as_u16() {
        400..=499 => Outcome::Http4xx,
        500..=599 => Outcome::Http5xx,
        _ => Outcome::HttpOther,
    }
}

/// Why the server says it failed: the message of an error object, or the start of what it sent.
fn reason(status: u16, body: &[u8]) -> String {
    let text = match chat::read_reply(body) {
        Ok(Reply::Error(message)) => message,
        _ => String::from_utf8_lossy(body),
    };
    let text = text.trim();
    if text.is_empty() { format!("status {status}") } else { format!("status {status}: {text}") }
}

fn is_event_stream(headers: &http::HeaderMap, asked: bool) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else {
        return asked;
    };
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/event-stream")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use proofload_record::clock::Clock;
    use proofload_record::{End, Load, Note, Outcome, Row, Sink, Stamp};

    use super::{Content, Stamps};
    use crate::target::Seen;

    /// Counts gaps and keeps nothing.
    struct Gaps(u64);

    impl Sink for Gaps {
        fn released(&mut self, _lateness_ns: u64) {}
        fn gap(&mut self, _index: u32, _class: u16, _gap_ns: u64) {
            self.0 += 1;
        }
        fn finished(&mut self, _row: &Row, _note: Note) {}
        fn chunks(&mut self, _index: u32, _arrivals_ns: &[u64]) {}
        fn response(&mut self, _index: u32, _text: String, _truncated: bool) {}
        fn tick(&mut self, _load: Load) {}
    }

    #[test]
    fn a_chunk_costs_no_allocation() {
        let clock = Clock::from_origin(0);
        let stamps = Stamps::new(clock);
        let row = Row::new(0, 0, 0, Stamp::at(0), End::Sent(Outcome::Cancelled));
        let mut seen = Seen::new(row, clock, Rc::new(RefCell::new(Gaps(0))), false);
        let mut content = Content::Events(Box::default());
        let chunk = concat!(
            r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","#,
            r#""choices":[{"index":0,"delta":{"content":"to\n\u00e9"},"finish_reason":null}]}"#,
            "\n\n"
        );
        let spent = allocation_counter::measure(|| {
            for read in 0..1_000 {
                stamps.reads.set(read);
                assert!(!content.take(chunk.as_bytes(), &stamps, &mut seen));
            }
        });
        assert_eq!((seen.row.chunks, seen.row.itl.count), (1_000, 999));
        assert_eq!(spent.count_total, 0, "{spent:?}");
    }
}
