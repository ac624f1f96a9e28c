//! Looking whether anybody is there, before the run.

use std::time::{Duration, Instant};

use http_body_util::Full;
use proofload_record::clock::{Clock, monotonic_ns};
use tokio::task::LocalSet;

use crate::http::MakeHttp;
use crate::stop::Stop;

/// One try may take this long.
const TRY: Duration = Duration::from_secs(10);
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

/// Asks for the list of models; any HTTP answer counts, whatever its status. Without one it asks
/// again until `wait` has passed or the run is stopped; `on_wait` is told how the first try failed.
///
/// # Errors
/// [`Unreachable`] with what was tried and how the last try failed.
pub fn preflight(
    make: &MakeHttp,
    wait: Duration,
    stop: &Stop,
    on_wait: impl FnOnce(&Unreachable),
) -> Result<(), Unreachable> {
    let endpoint = &make.config.endpoint;
    let scheme = if endpoint.https { "https" } else { "http" };
    let tried = format!("{scheme}://{}{}/models", endpoint.authority(), endpoint.prefix);
    let unreachable = |reason: String| Unreachable { tried: tried.clone(), reason };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| unreachable(error.to_string()))?;
    let until = Instant::now() + wait;
    let mut on_wait = Some(on_wait);
    LocalSet::new().block_on(&runtime, async {
        loop {
            let asked = tokio::select! {
                _ = stop.stopped() => return Err(unreachable("interrupted".to_owned())),
                asked = tokio::time::timeout(TRY, ask(make)) => asked,
            };
            let reason = match asked {
                Ok(Ok(())) => return Ok(()),
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
    })
}

async fn ask(make: &MakeHttp) -> Result<(), String> {
    let connector = make.connector(Clock::from_origin(monotonic_ns()));
    let opened = connector.open(&mut Default::default()).await;
    let mut connection =
        opened.map_err(|failure| failure.reason.unwrap_or("cannot connect".to_owned()))?;
    let mut request = http::Request::new(Full::default());
    *request.uri_mut() = http::Uri::try_from(format!("{}/models", make.config.endpoint.prefix))
        .map_err(|error| error.to_string())?;
    request.headers_mut().clone_from(&make.headers);
    let answer = connection.sender.send_request(request).await;
    answer.map(drop).map_err(|error| error.to_string())
}
