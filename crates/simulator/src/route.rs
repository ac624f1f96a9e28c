//! Which request goes where, and answers that need no model.

use crate::chat::chat;
use crate::connection::Cut;
use crate::pen::Written;
use crate::server::Server;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use std::rc::Rc;

pub(crate) type Answer = Response<Either<Full<Bytes>, Written>>;

/// Answers one request.
pub(crate) async fn route(server: &Rc<Server>, request: Request<Incoming>) -> Result<Answer, Cut> {
    let path = request.uri().path();
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let method = request.method();
    if path == "/null" || path.starts_with("/null/") {
        return null(server, request.into_body()).await;
    }
    match path {
        "/chat/completions" if method == Method::POST => chat(server, request).await,
        "/health" if method == Method::GET => Ok(json(StatusCode::OK, "{\"status\":\"ok\"}")),
        "/models" if method == Method::GET => {
            let refused = server.refuses_key(request.headers());
            Ok(refused.unwrap_or_else(|| json(StatusCode::OK, server.models_json())))
        }
        "/chat/completions" | "/health" | "/models" => {
            let message = format!("{method} is not for this path");
            Ok(server.error(StatusCode::METHOD_NOT_ALLOWED, &message, request.headers()))
        }
        _ => {
            let message =
                "nothing here; there are /v1/chat/completions, /v1/models, /health and /null";
            Ok(server.error(StatusCode::NOT_FOUND, message, request.headers()))
        }
    }
}

/// Reads and drops a body, then answers with one token: what a client costs without a server.
async fn null(server: &Server, mut body: Incoming) -> Result<Answer, Cut> {
    while let Some(frame) = body.frame().await {
        frame.map_err(|_| Cut::Close)?;
    }
    server.counts().null_requests += 1;
    Ok(json(StatusCode::OK, server.null_answer()))
}

/// An answer that is JSON.
pub(crate) fn json(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(text.into())));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

/// The key that came with a request.
pub(crate) fn key_of(headers: &HeaderMap) -> Option<&str> {
    let bearer = || headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ");
    bearer().or_else(|| headers.get("logos_key")?.to_str().ok())
}
