//! A target over HTTP/1.1.

mod connect;
mod exchange;
mod failure;
mod ids;
mod io;
mod pool;
mod read;
mod timeouts;
mod tls;

use std::sync::Arc;

use http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use proofload_record::clock::Clock;
use proofload_record::{Class, Secrets};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

pub(crate) use connect::{Connection, Connector};
pub use exchange::HttpTarget;
pub(crate) use failure::Failure;
pub use timeouts::Timeouts;
pub use tls::{SetupError, Trust};

/// What a request is called, in our log and in the server's.
pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Its trace context.
pub(crate) static TRACE: HeaderName = HeaderName::from_static("traceparent");

/// Where an OpenAI-compatible API is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether over TLS.
    pub https: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path in front of `/chat/completions`, e.g. `/v1`, without a slash at the end.
    pub prefix: String,
}

impl Endpoint {
    /// What stands in a `Host` header.
    #[must_use]
    pub fn authority(&self) -> String {
        let usual = if self.https { 443 } else { 80 };
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

/// How a request's mode and priority travel, beside the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Labels {
    /// As `x-proofload-mode` and `x-proofload-priority`.
    #[default]
    Headers,
    /// Not in headers: in the body, or not at all.
    None,
}

/// What a request asks for, and how its answer is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ask {
    /// A chat completion: its body is posted to `<prefix>/chat/completions`, and the answer must be
    /// a whole one.
    #[default]
    Chat,
    /// Whatever a GET of this path brings: it is read and dropped, and ok if its status is 2xx and
    /// it is whole.
    Fetch {
        /// With a slash in front.
        path: String,
    },
}

/// How to reach a target and what to tell it.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Where it is.
    pub endpoint: Endpoint,
    /// What every request asks for.
    pub ask: Ask,
    /// Headers of every request; their values may be secret.
    pub headers: Vec<(String, String)>,
    /// How mode and priority travel.
    pub labels: Labels,
    /// When to give up.
    pub timeouts: Timeouts,
    /// Whose certificates are believed, over TLS.
    pub trust: Trust,
    /// What must never be written down.
    pub secrets: Arc<Secrets>,
    /// The run's id, the first part of every `X-Request-ID`.
    pub run_id: String,
}

/// Makes one [`HttpTarget`] a worker.
pub struct MakeHttp {
    pub(crate) config: HttpConfig,
    pub(crate) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// Headers of every request.
    pub(crate) headers: HeaderMap,
    /// Headers of every request of a class, by its number.
    pub(crate) class_headers: Vec<HeaderMap>,
}

impl MakeHttp {
    /// Checks everything that can be wrong before the first request.
    ///
    /// # Errors
    /// [`SetupError`] if certificates cannot be read, or a header or host cannot be sent.
    pub fn new(config: HttpConfig, classes: &[Class]) -> Result<Self, SetupError> {
        let tls = if config.endpoint.https {
            let host = config.endpoint.host.clone();
            let name = ServerName::try_from(host.clone()).map_err(|_| SetupError::Host { host })?;
            Some((tls::client_config(&config.trust)?, name))
        } else {
            None
        };
        let headers = headers(&config)?;
        let class_headers = classes.iter().map(|class| labelled(&headers, class, config.labels));
        let class_headers = class_headers.collect();
        Ok(Self { config, tls, headers, class_headers })
    }

    pub(crate) fn connector(&self, clock: Clock) -> Connector {
        Connector::new(self.config.endpoint.clone(), self.tls.clone(), clock)
    }
}

fn headers(config: &HttpConfig) -> Result<HeaderMap, SetupError> {
    let mut headers = HeaderMap::new();
    let fault = |name: &str, reason: &str| SetupError::Header {
        name: name.to_owned(),
        reason: reason.to_owned(),
    };
    let host = HeaderValue::try_from(config.endpoint.authority());
    headers.insert(HOST, host.map_err(|_| fault("host", "not a host name"))?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream, application/json"));
    let agent = concat!("proofload/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    for (name, value) in &config.headers {
        let parsed = HeaderName::try_from(name.as_str());
        let parsed = parsed.map_err(|_| fault(name, "not a header name"))?;
        let mut value = HeaderValue::try_from(value.as_str())
            .map_err(|_| fault(name, "its value holds a character that no header may"))?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    for name in [&REQUEST_ID, &TRACE] {
        // Each request has its own.
        headers.insert(name, HeaderValue::from_static(""));
    }
    Ok(headers)
}

/// `headers` with what tells a request's class.
fn labelled(headers: &HeaderMap, class: &Class, labels: Labels) -> HeaderMap {
    let mut headers = headers.clone();
    if labels == Labels::Headers {
        for (name, label) in [
            ("x-proofload-mode", class.mode.label()),
            ("x-proofload-priority", class.priority.label()),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(label));
        }
    }
    headers
}
