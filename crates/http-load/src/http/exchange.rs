//! One request and its answer on a connection.

use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri};
use http_body_util::Full;
use proofload_record::clock::Clock;
use proofload_record::{End, Flags, Outcome, Secrets, Stamp};
use tracing::debug;

use super::connect::{Connection, Connector, Phases};
use super::ids::Ids;
use super::io::Stamps;
use super::pool::Pool;
use super::read::{self, Answer, Content};
use super::timeouts::{Timeouts, Watch};
use super::{Ask, Failure, MakeHttp, REQUEST_ID, TRACE};
use crate::target::{MakeTarget, Request, Seen, Target};

/// Longest error text that is kept of one request, in bytes.
const ERROR_TEXT_BYTES: usize = 400;

/// Sends over HTTP/1.1 from one worker.
pub struct HttpTarget {
    connector: Connector,
    pool: Pool,
    method: Method,
    uri: Uri,
    /// Answers are read and dropped.
    discard: bool,
    headers: HeaderMap,
    class_headers: Vec<HeaderMap>,
    timeouts: Timeouts,
    secrets: Arc<Secrets>,
    ids: Ids,
}

impl MakeTarget for MakeHttp {
    type Target = HttpTarget;

    fn make(&self, _worker: usize, clock: Clock) -> HttpTarget {
        let (method, path) = match &self.config.ask {
            Ask::Chat => {
                (Method::POST, format!("{}/chat/completions", self.config.endpoint.prefix))
            }
            Ask::Fetch { path } => (Method::GET, path.clone()),
        };
        HttpTarget {
            discard: self.config.ask != Ask::Chat,
            method,
            connector: self.connector(clock),
            pool: Pool::default(),
            uri: Uri::try_from(path).unwrap_or_default(),
            headers: self.headers.clone(),
            class_headers: self.class_headers.clone(),
            timeouts: self.config.timeouts,
            secrets: Arc::clone(&self.config.secrets),
            ids: Ids::new(&self.config.run_id),
        }
    }
}

/// What became of one attempt.
enum Attempt {
    /// The answer was read to its end, which arrived then.
    Read(Answer),
    /// It failed.
    Failed(Failure),
    /// The reused connection died before any byte of an answer: it had been closed while idle.
    WasDead(Failure),
}

impl Target for HttpTarget {
    async fn send(&self, request: &Request, seen: &mut Seen) {
        let mut connection = self.pool.take();
        loop {
            let fresh = match connection.take() {
                Some(connection) => Ok(connection),
                // Boxed, as it is rare and large: every request would carry room for it.
                None => Box::pin(self.open(seen)).await,
            };
            let attempt = match fresh {
                Ok(connection) => self.attempt(request, connection, seen).await,
                Err(failure) => Attempt::Failed(failure.after(seen.row.attempts)),
            };
            match attempt {
                Attempt::Read(answer) => return self.settle(answer, seen),
                Attempt::WasDead(_) if seen.row.attempts == 1 => {
                    debug!("the idle connection had been closed, trying once more");
                    seen.forget_answer();
                }
                Attempt::Failed(failure) | Attempt::WasDead(failure) => {
                    let now_ns = seen.clock.now_ns();
                    return self.fail(failure, now_ns, seen);
                }
            }
        }
    }
}

impl HttpTarget {
    async fn open(&self, seen: &mut Seen) -> Result<Connection, Failure> {
        let started_ns = seen.row.started.get().unwrap_or(0);
        let spent = Duration::from_nanos(seen.clock.now_ns().saturating_sub(started_ns));
        let left = self.timeouts.total.saturating_sub(spent);
        let limit = self.timeouts.connect.min(left);
        let mut phases = Phases::default();
        let opened = tokio::time::timeout(limit, self.connector.open(limit, &mut phases)).await;
        seen.row.dns_ns += phases.dns_ns;
        seen.row.tcp_ns += phases.tcp_ns;
        seen.row.tls_ns += phases.tls_ns;
        opened.unwrap_or_else(|_| {
            Err(if limit < self.timeouts.connect {
                timed_out(Outcome::TimeoutTotal)
            } else {
                let reason = format!("no connection within {limit:?}");
                Failure::sent(Outcome::ConnectTimeout, reason)
            })
        })
    }

    async fn attempt(
        &self,
        request: &Request,
        mut connection: Connection,
        seen: &mut Seen,
    ) -> Attempt {
        seen.row.attempts += 1;
        if connection.reused {
            seen.row.flags.set(Flags::REUSED);
        } else {
            seen.row.flags.unset(Flags::REUSED);
        }
        let armed_ns = seen.clock.now_ns();
        if seen.row.connected == Stamp::NONE {
            seen.row.connected = Stamp::at(armed_ns);
        }
        let Connection { sender, driver, alarm, stamps, reused } = &mut connection;
        let (stamps, reused) = (&*stamps, *reused);
        let mut seen = Observed::new(seen, stamps);
        let started_ns = seen.row.started.get().unwrap_or(0);
        let mut watch = Watch::new(alarm, seen.clock, self.timeouts, started_ns, armed_ns);

        let mut head = pin!(sender.send_request(self.http_request(request)));
        let head = poll_fn(|cx| {
            driver.drive(cx);
            match head.as_mut().poll(cx) {
                Poll::Ready(Ok(response)) => Poll::Ready(Ok(response)),
                Poll::Ready(Err(error)) => Poll::Ready(Err(Failure::in_head(&error))),
                Poll::Pending => watch.poll(cx, stamps).map(|limit| Err(timed_out(limit))),
            }
        });
        let response = match head.await {
            Ok(response) => response,
            Err(failure) => {
                let died = failure.end == End::Sent(Outcome::Reset)
                    && reused
                    && stamps.first_byte_ns.get().is_none();
                return if died { Attempt::WasDead(failure) } else { Attempt::Failed(failure) };
            }
        };
        seen.row.status = response.status().as_u16();
        self.keep_request_id(request, response.headers(), &mut seen);

        let content = Content::of(&response, request.stream, self.discard, &mut seen);
        let answer = read::answer(response, content, driver, stamps, &mut watch, &mut seen).await;
        drop(seen);
        if answer.whole {
            self.pool.put(connection);
        }
        Attempt::Read(answer)
    }

    fn http_request(&self, request: &Request) -> http::Request<Full<Bytes>> {
        let mut http = http::Request::new(Full::new(request.body.clone()));
        *http.method_mut() = self.method.clone();
        *http.uri_mut() = self.uri.clone();
        let headers = self.class_headers.get(usize::from(request.class)).unwrap_or(&self.headers);
        let mut headers = headers.clone();
        let ids = self.ids.of(request.index);
        for (name, value) in [(&REQUEST_ID, ids.request_id()), (&TRACE, &ids.trace[..])] {
            // Both have a place already, so that the map need not grow.
            if let (Some(place), Ok(value)) =
                (headers.get_mut(name), HeaderValue::from_bytes(value))
            {
                *place = value;
            }
        }
        *http.headers_mut() = headers;
        http
    }

    fn keep_request_id(&self, request: &Request, headers: &HeaderMap, seen: &mut Seen) {
        let Some(theirs) = headers.get(&REQUEST_ID) else { return };
        if theirs.as_bytes() != self.ids.of(request.index).request_id() {
            let theirs = String::from_utf8_lossy(theirs.as_bytes());
            seen.note.server_request_id = Some(self.words(&theirs));
        }
    }

    fn settle(&self, answer: Answer, seen: &mut Seen) {
        match answer.failure {
            None => seen.end(End::Sent(Outcome::Ok), answer.ended_ns),
            Some(failure) => self.fail(failure, answer.ended_ns, seen),
        }
    }

    fn fail(&self, failure: Failure, at_ns: u64, seen: &mut Seen) {
        seen.note.error = failure.reason.map(|reason| self.words(&reason));
        seen.end(failure.end, at_ns);
    }

    /// Text from outside, without secrets and of bounded length.
    fn words(&self, text: &str) -> Box<str> {
        let redacted = self.secrets.redact(text);
        let mut end = redacted.len().min(ERROR_TEXT_BYTES);
        while !redacted.is_char_boundary(end) {
            end -= 1;
        }
        redacted[..end].into()
    }
}

/// A request on a connection. However that ends, by its answer or by being dropped in the middle,
/// what the socket saw of it reaches its row.
struct Observed<'a> {
    seen: &'a mut Seen,
    stamps: &'a Stamps,
}

impl<'a> Observed<'a> {
    /// From here on the connection's stamps are this request's.
    fn new(seen: &'a mut Seen, stamps: &'a Stamps) -> Self {
        stamps.arm();
        Self { seen, stamps }
    }
}

impl Drop for Observed<'_> {
    fn drop(&mut self) {
        let (row, stamps) = (&mut self.seen.row, self.stamps);
        // A second attempt does not reset the clock.
        if row.written == Stamp::NONE {
            row.written = stamps.written_ns.get().map_or(Stamp::NONE, Stamp::at);
        }
        row.first_byte = stamps.first_byte_ns.get().map_or(Stamp::NONE, Stamp::at);
        row.bytes_out += stamps.bytes_out.get();
        row.bytes_in += stamps.bytes_in.get();
    }
}

impl Deref for Observed<'_> {
    type Target = Seen;

    fn deref(&self) -> &Seen {
        self.seen
    }
}

impl DerefMut for Observed<'_> {
    fn deref_mut(&mut self) -> &mut Seen {
        self.seen
    }
}

pub(super) fn timed_out(limit: Outcome) -> Failure {
    let reason = match limit {
        Outcome::TimeoutFirstByte => "no byte of an answer in time",
        Outcome::TimeoutIdle => "no further byte of the answer in time",
        _ => "not finished in time",
    };
    Failure::sent(limit, reason)
}
