//! The server that every connection shares: its models, its books, and how it says no.

use crate::options::{DEFAULT_MODELS, Options};
use crate::queue::Model;
use crate::route::{Answer, json, key_of};
use crate::{Counts, truth};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use proofload_openai::chat::{self, ChunkWriter, Usage};
use proofload_record::{ServerLog, ServerRow};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Models that are made up because a request named them, at most.
const MADE_UP_MODELS: usize = 1_000;
/// Longest name of a model in bytes; it stands in every chunk.
const MODEL_NAME_BYTES: usize = 256;

pub(crate) struct Server {
    pub(crate) options: Options,
    counts: Arc<Mutex<Counts>>,
    truth: Option<truth::Writer>,
    log: RefCell<Option<Box<dyn ServerLog>>>,
    /// Those a request without a model may get.
    declared: Vec<Rc<Model>>,
    made_up: RefCell<HashMap<String, Rc<Model>>>,
    sequence: Cell<u64>,
    null_answer: Bytes,
}

impl Server {
    pub(crate) fn new(
        options: Options,
        counts: Arc<Mutex<Counts>>,
        truth: Option<truth::Writer>,
        log: Option<Box<dyn ServerLog>>,
    ) -> Self {
        let mut declared: Vec<_> = options
            .models
            .iter()
            .map(|(name, change)| Model::new(name.clone(), change.over(options.speed)))
            .collect();
        if declared.is_empty() {
            let model = |name: &str| Model::new(name.to_owned(), options.speed);
            declared.extend(DEFAULT_MODELS.map(model));
        }
        Self {
            options,
            counts,
            truth,
            log: RefCell::new(log),
            declared: declared.into_iter().map(Rc::new).collect(),
            made_up: RefCell::default(),
            sequence: Cell::new(0),
            null_answer: null_answer(),
        }
    }

    /// The smallest answer that a client takes for a good one.
    pub(crate) fn null_answer(&self) -> Bytes {
        self.null_answer.clone()
    }

    pub(crate) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of the chat request that has come now.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.sequence.replace(self.sequence.get() + 1)
    }

    /// Those that a request without a model may get; at least one.
    pub(crate) fn declared(&self) -> &[Rc<Model>] {
        &self.declared
    }

    /// The model of that name, made up now if need be.
    ///
    /// # Errors
    /// In words, where there is none.
    pub(crate) fn model(&self, name: &str) -> Result<Rc<Model>, &'static str> {
        if let Some(model) = self.declared.iter().find(|model| model.name == name) {
            return Ok(Rc::clone(model));
        }
        if self.options.strict_models {
            return Err("no such model; see /v1/models");
        }
        if name.len() > MODEL_NAME_BYTES {
            return Err("no such model: the name is longer than 256 bytes");
        }
        let mut made_up = self.made_up.borrow_mut();
        if let Some(model) = made_up.get(name) {
            return Ok(Rc::clone(model));
        }
        if made_up.len() >= MADE_UP_MODELS {
            return Err("no such model: 1,000 were made up already");
        }
        let model = Rc::new(Model::new(name.to_owned(), self.options.speed));
        made_up.insert(name.to_owned(), Rc::clone(&model));
        Ok(model)
    }

    pub(crate) fn models_json(&self) -> String {
        // What is made up when it is asked for is listed as a pattern.
        let any = if self.options.strict_models { None } else { Some("*") };
        let names = self.declared.iter().map(|model| model.name.as_str()).chain(any);
        let model = |name| {
            serde_json::json!({
                "id": name, "object": "model", "created": 0, "owned_by": "proofload",
            })
        };
        let data: Vec<_> = names.map(model).collect();
        serde_json::json!({ "object": "list", "data": data }).to_string()
    }

    /// 401, if a key is asked for and this is not it.
    pub(crate) fn refuses_key(&self, headers: &HeaderMap) -> Option<Answer> {
        let asked = self.options.api_key.as_deref()?;
        let refused = key_of(headers) != Some(asked);
        refused
            .then(|| self.error(StatusCode::UNAUTHORIZED, "the key is missing or wrong", headers))
    }

    /// An answer with an error object.
    pub(crate) fn error(&self, status: StatusCode, message: &str, headers: &HeaderMap) -> Answer {
        let kind = match status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::NOT_FOUND => "not_found_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        let mut answer = json(status, self.error_json(message, kind, headers));
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }

    /// An error object, which repeats the key received where that is set.
    pub(crate) fn error_json(&self, message: &str, kind: &str, headers: &HeaderMap) -> String {
        let mut json = String::new();
        match key_of(headers).filter(|_| self.options.echo_key) {
            Some(key) => chat::error(&format!("{message} (key received: {key})"), kind, &mut json),
            None => chat::error(message, kind, &mut json),
        }
        json
    }

    /// A chat request has ended.
    pub(crate) fn ended(&self, row: &ServerRow, truth: truth::Entry) {
        if let Some(log) = &mut *self.log.borrow_mut() {
            log.log(row.clone());
        }
        if let Some(writer) = &self.truth {
            writer.write(truth);
        }
    }

    /// Gives up the truth file's writer, to be finished.
    pub(crate) fn into_truth(self) -> Option<truth::Writer> {
        self.truth
    }
}

fn null_answer() -> Bytes {
    let writer = ChunkWriter { id: "null".to_owned(), model: "null".to_owned(), created: 0 };
    let usage = Usage { prompt_tokens: Some(1), completion_tokens: Some(1) };
    let mut json = String::new();
    writer.completion("ok", "stop", usage, &mut json);
    json.into()
}
