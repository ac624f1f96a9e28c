//! Looking whether anybody is there, before the run.

use std::time::{Duration, Instant};

use http::header::SERVER;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use proofload_openai::models;
use proofload_record::clock::{Clock, monotonic_ns};
use tokio::task::LocalSet;

use crate::http::{Connection, MakeHttp, REQUEST_ID, TRACE};
use crate::stop::Stop;

/// One try may take this long, connecting and waiting for the answer together.
const TRY: Duration = Duration::from_secs(10);
/// Largest list of models that is read.
const LIST_LIMIT_BYTES: usize = 4 << 20;
/// Between two tries of a target that is starting.
const PAUSE: Duration = Duration::from_millis(250);

/// Nobody answered.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP answer from {tried}: {reason}")]
pub struct Unreachable {
    /// What was asked.
    pub tried: String,
    /// What happened the last time.
    pub reason: String,
}

/// Somebody answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its `server` header: what it says that it is.
    pub server: Option<String>,
    /// The models that it lists, or in words why they cannot be known.
    pub models: Result<Vec<String>, String>,
}

/// Asks for the list of models; any HTTP answer counts, whatever its status, and whether the list
/// can be read. Without one it asks again until `wait` has passed or the run is stopped; `on_wait` is told how the first try failed.
/// The limits for connecting and for the first byte hold for each try, with 10 seconds at most.
///
/// # Errors
/// [`Unreachable`] with what was tried and how the last try failed; also where `stop` ended it,
/// which has the reason then.
pub fn preflight(
    make: &MakeHttp,
    wait: Duration,
    stop: &Stop,
    on_wait: impl FnOnce(&Unreachable),
) -> Result<Found, Unreachable> {
    let endpoint = &make.config.endpoint;
    let scheme = if endpoint.https { "https" } else { "http" };
    let tried = format!("{scheme}://{}{}/models", endpoint.authority(), endpoint.prefix);
    let unreachable = |reason: String| Unreachable { tried: tried.clone(), reason };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| unreachable(error.to_string()))?;
    let until = Instant::now() + wait;
    let mut on_wait = Some(on_wait);
    let found = LocalSet::new().block_on(&runtime, async {
        loop {
            let asked = tokio::select! {
                _ = stop.stopped() => return Err(unreachable("interrupted".to_owned())),
                asked = tokio::time::timeout(TRY, ask(make)) => asked,
            };
            let reason = match asked {
                Ok(Ok(Answer { server, response, mut connection })) => {
                    // Somebody is there, so a list that does not come is no reason to try again.
                    let listed = tokio::select! {
                        _ = stop.stopped() => Err("interrupted".to_owned()),
                        listed = connection.driver.driving(list(response)) => listed,
                    };
                    return Ok(Found { server, models: listed });
                }
                Ok(Err(reason)) => reason,
                Err(_) => format!("no answer within {TRY:?}"),
            };
            let failed = unreachable(make.config.secrets.redact(&reason).into_owned());
            if Instant::now() >= until {
                return Err(failed);
            }
            if let Some(on_wait) = on_wait.take() {
                on_wait(&failed);
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    // A look-up of a name may hang for long; nobody waits for it any more.
    runtime.shutdown_background();
    found
}

/// An answer whose body has not been read.
struct Answer {
    server: Option<String>,
    response: Response<Incoming>,
    connection: Connection,
}

async fn ask(make: &MakeHttp) -> Result<Answer, String> {
    let limits = make.config.timeouts;
    let connector = make.connector(Clock::from_origin(monotonic_ns()));
    let mut phases = Default::default();
    let opened =
        tokio::time::timeout(limits.connect, connector.open(limits.connect, &mut phases)).await;
    let mut connection = opened
        .map_err(|_| format!("no connection within {:?}", limits.connect))?
        .map_err(|failure| failure.reason.unwrap_or("cannot connect".to_owned()))?;
    let mut request = http::Request::new(Full::default());
    *request.uri_mut() = http::Uri::try_from(format!("{}/models", make.config.endpoint.prefix))
        .map_err(|error| error.to_string())?;
    request.headers_mut().clone_from(&make.headers);
    request.headers_mut().remove(&REQUEST_ID);
    request.headers_mut().remove(&TRACE);
    let answer = connection.driver.driving(connection.sender.send_request(request));
    let response = tokio::time::timeout(limits.first_byte, answer)
        .await
        .map_err(|_| format!("no answer within {:?}", limits.first_byte))?
        .map_err(|error| error.to_string())?;
    let server = response.headers().get(SERVER).and_then(|name| name.to_str().ok());
    Ok(Answer { server: server.map(str::to_owned), response, connection })
}

/// The ids in the body of `response`, or in words why there are none to read.
async fn list(response: Response<Incoming>) -> Result<Vec<String>, String> {
    match response.status() {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Err(format!("status {}; is the key right?", response.status().as_u16()));
        }
        status => return Err(format!("status {}", status.as_u16())),
    }
    let body = Limited::new(response.into_body(), LIST_LIMIT_BYTES).collect();
    let body = tokio::time::timeout(TRY, body).await;
    let body = body.map_err(|_| format!("the answer did not end within {TRY:?}"))?;
    let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
        Some(_) => format!("the answer is longer than {LIST_LIMIT_BYTES} bytes"),
        None => error.to_string(),
    })?;
    let body = body.to_bytes();
    match models::read_list(&body).map_err(|error| error.to_string())? {
        none if none.is_empty() => Err("the list is empty".to_owned()),
        models => Ok(models),
    }
}
