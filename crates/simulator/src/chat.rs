//! A chat request from its head to the model's slot.

use crate::Fault;
use crate::answer::Job;
use crate::chance::Chance;
use crate::connection::Cut;
use crate::exchange::Exchange;
use crate::pen::Written;
use crate::queue::Model;
use crate::route::{Answer, json};
use crate::server::Server;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Incoming};
use proofload_openai::chat::{self, ChunkWriter};
use proofload_record::clock::{monotonic_ns, wall_ns};
use proofload_record::{Mode, Priority};
use std::future::pending;
use std::rc::Rc;
use tokio::time::{sleep, sleep_until};

/// Largest request body that is held.
const BODY_BYTES: usize = 64 << 20;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A chat request that has been read.
struct Chat<'a> {
    server: &'a Rc<Server>,
    headers: HeaderMap,
    exchange: Exchange,
    chance: Chance,
}

/// Answers a chat request.
pub(crate) async fn chat(server: &Rc<Server>, request: Request<Incoming>) -> Result<Answer, Cut> {
    let (head, body) = request.into_parts();
    let body = read(body).await?;
    let sequence = server.next_sequence();
    let sent_id = head.headers.get(REQUEST_ID).cloned();
    let client_id = sent_id.as_ref().map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let chance = Chance::new(server.options.seed, client_id.as_deref(), sequence);
    let own_id = format!("sim-{sequence}");
    let client_id = client_id.unwrap_or_else(|| own_id.clone());
    let answer_id = if server.options.own_id { own_id } else { client_id.clone() };
    let id_value = sent_id.filter(|_| !server.options.own_id);
    let id_value = id_value.or_else(|| HeaderValue::from_str(&answer_id).ok());

    let exchange = Exchange::begin(server, client_id, answer_id);
    let chat = Chat { server, headers: head.headers, exchange, chance };
    let mut answer = chat.answer(body).await?;
    if let Some(id) = id_value {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    Ok(answer)
}

/// The whole body, or none where it is too large. Such a body is read to its end all the same, for
/// else the answer would be lost in the reset of the connection.
async fn read(mut body: Incoming) -> Result<Option<Bytes>, Cut> {
    let promised = body.size_hint().lower();
    let mut held = (promised <= BODY_BYTES as u64).then(BytesMut::new);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Cut::Close)?.into_data() else { continue };
        match &mut held {
            Some(bytes) if bytes.len() + data.len() <= BODY_BYTES => bytes.extend_from_slice(&data),
            _ => held = None,
        }
    }
    Ok(held.map(BytesMut::freeze))
}

impl Chat<'_> {
    async fn answer(mut self, body: Option<Bytes>) -> Result<Answer, Cut> {
        let Some(body) = body else {
            return Ok(self.refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is over 64 MiB"));
        };
        if let Some(refused) = self.server.refuses_key(&self.headers) {
            return Ok(self.ends_with(refused));
        }
        let request = match chat::read_request(&body) {
            Ok(request) => request,
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let message = format!("{error}: {}", cause.unwrap_or_default());
                return Ok(self.refuse(StatusCode::BAD_REQUEST, &message));
            }
        };
        drop(body);
        let named = match request.model.as_deref().map(|name| self.server.model(name)).transpose() {
            Ok(named) => named,
            Err(message) => return Ok(self.refuse(StatusCode::NOT_FOUND, message)),
        };

        let fault = self.server.options.faults.next(&mut self.chance.fault);
        self.exchange.note_fault(fault);
        if let Some(answer) = self.fault_instead(fault).await? {
            return Ok(self.ends_with(answer));
        }

        self.exchange.row.mode = request.mode.clone().or_else(|| self.label::<Mode>("mode"));
        let priority = request.priority.unwrap_or_else(|| self.priority());
        self.exchange.row.priority = Some(priority);
        let model = match named {
            Some(model) => model,
            None => self.classify().await,
        };
        self.exchange.row.model = Some(model.name.clone());
        self.exchange.row.queue_depth = Some(model.waiting());
        let enqueued_ns = self.exchange.age_ns();
        let Ok(slot) = model.enter(priority).await else {
            // It never comes to the fault, which lies within an answer.
            self.exchange.note_fault(None);
            return Ok(self.refuse(StatusCode::TOO_MANY_REQUESTS, "the model's queue is full"));
        };
        self.exchange.row.enqueued_ns = Some(enqueued_ns);
        self.exchange.row.scheduled_ns = Some(self.exchange.age_ns());
        self.exchange.row.queue_depth_scheduled = Some(model.waiting());
        self.load(&model).await;

        // About four characters a token, as in English text.
        let prompt_tokens =
            u32::try_from(request.prompt_chars.div_ceil(4)).unwrap_or(u32::MAX).max(1);
        self.exchange.row.prompt_tokens = Some(prompt_tokens);
        let tokens = self.chance.tokens(&self.server.options, request.max_tokens);
        let at_limit = request.max_tokens.is_some_and(|max_tokens| tokens >= max_tokens);
        let job = Job {
            server: Rc::clone(self.server),
            writer: ChunkWriter {
                id: format!("chatcmpl-{}", self.exchange.row.request_id),
                model: model.name.clone(),
                created: wall_ns() / 1_000_000_000,
            },
            error: self.server.error_json("the model failed", "server_error", &self.headers),
            fault,
            slot,
            speed: model.speed,
            prompt_tokens,
            tokens: if fault == Some(Fault::NoTokens) { 0 } else { tokens },
            reason: if at_limit { "length" } else { "stop" },
            include_usage: request.include_usage,
            chance: self.chance,
            deadline: tokio::time::Instant::now(),
        };
        if request.stream {
            return Ok(streamed(job, self.exchange));
        }
        Ok(unstreamed(job, self.exchange).await)
    }

    /// The answer of a fault that stands instead of one; `None` for any other.
    async fn fault_instead(&self, fault: Option<Fault>) -> Result<Option<Answer>, Cut> {
        Ok(Some(match fault {
            Some(Fault::Status(code)) => {
                let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
                self.server.error(status, "a fault on purpose", &self.headers)
            }
            Some(Fault::Redirect) => {
                let mut answer = json(StatusCode::TEMPORARY_REDIRECT, String::new());
                let elsewhere = HeaderValue::from_static("/elsewhere");
                answer.headers_mut().insert(header::LOCATION, elsewhere);
                answer
            }
            Some(Fault::Empty) => Response::new(Either::Left(Full::default())),
            Some(Fault::Close) => return Err(Cut::Close),
            Some(Fault::Reset) => return Err(Cut::Reset),
            Some(Fault::BadHttp) => {
                let error = self.server.error_json("not HTTP", "server_error", &self.headers);
                return Err(Cut::Garbage(format!("SSH-2.0-OpenSSH_9.6\r\n{error}\r\n")));
            }
            Some(Fault::EndlessHeader) => return Err(Cut::EndlessHeader),
            Some(Fault::Silence) => pending().await,
            _ => return Ok(None),
        }))
    }

    /// Waits until the model is loaded; the first request of a model begins that.
    async fn load(&mut self, model: &Model) {
        let begun_ns = monotonic_ns();
        let options = &self.server.options;
        let cold = match model.loaded_at(options.load) {
            Some(loaded_at) => {
                sleep_until(loaded_at).await;
                true
            }
            None => false,
        };
        self.exchange.row.cold_start = Some(cold);
        self.exchange.row.load_ns = cold.then(|| monotonic_ns().saturating_sub(begun_ns));
    }

    /// Chooses a model where the request names none.
    async fn classify(&mut self) -> Rc<Model> {
        let begun_ns = monotonic_ns();
        let options = &self.server.options;
        sleep(options.classify.mul_f64(self.chance.factor(options.jitter))).await;
        self.exchange.row.classification_ns = Some(monotonic_ns().saturating_sub(begun_ns));
        let declared = self.server.declared();
        Rc::clone(&declared[self.chance.model(declared.len())])
    }

    /// A label that the client sent as a header, where it is one.
    fn label<T: std::str::FromStr>(&self, name: &str) -> Option<String> {
        let text = self.headers.get(format!("x-proofload-{name}"))?.to_str().ok()?;
        text.parse::<T>().ok().map(|_| text.to_owned())
    }

    fn priority(&self) -> u8 {
        let header = self.label::<Priority>("priority");
        let named: Option<Priority> = header.and_then(|text| text.parse().ok());
        named.unwrap_or_default().number()
    }

    fn refuse(self, status: StatusCode, message: &str) -> Answer {
        let answer = self.server.error(status, message, &self.headers);
        self.ends_with(answer)
    }

    /// Closes the account with an answer that hyper writes at once.
    fn ends_with(mut self, answer: Answer) -> Answer {
        self.exchange.row.status = answer.status().as_u16();
        self.exchange.note_whole();
        answer
    }
}

fn streamed(job: Job, mut exchange: Exchange) -> Answer {
    exchange.row.status = 200;
    let wrong_length = (job.fault == Some(Fault::WrongLength)).then(|| job.too_long());
    let body = Written::new(exchange, |pen| job.stream(pen));
    let mut answer = Response::new(Either::Right(body));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(length) = wrong_length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    answer
}

async fn unstreamed(mut job: Job, mut exchange: Exchange) -> Answer {
    job.prefill().await;
    if job.tokens > 0 {
        exchange.note_first_token();
    }
    let text = job.whole().await;
    exchange.row.status = 200;
    let length = match job.fault {
        Some(Fault::Truncate | Fault::ResetBody | Fault::Stall | Fault::SlowBody) => {
            Some(text.len())
        }
        Some(Fault::WrongLength) => Some(text.len() + 64),
        Some(Fault::EndlessLine) => None,
        _ => {
            // hyper writes head and body together, as soon as it has this.
            if job.tokens > 0 && !matches!(job.fault, Some(Fault::InBandError | Fault::Malformed)) {
                exchange.note_write(1, job.tokens);
            }
            exchange.note_whole();
            return json(StatusCode::OK, text);
        }
    };
    let body = Written::new(exchange, |pen| job.deliver(text, pen));
    let mut answer = Response::new(Either::Right(body));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    answer
}
