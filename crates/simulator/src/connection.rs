//! One connection: hyper while all is well, the bare socket for what hyper would never send.
//!
//! A fault below HTTP begins with an error of our own, [`Cut`], from the service (before the head)
//! or from a body (in its middle). hyper then writes nothing more and gives up; the socket is taken
//! back from it, and the cut says what is done with it.

use crate::name::SERVER_NAME;
use crate::route::{Answer, route};
use crate::server::Server;
use http::header::SERVER;
use http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Most bytes of something endless. A client that is still there then is not protected at all.
pub(crate) const ENDLESS_BYTES: usize = 256 << 20;
/// Bytes of something endless in one write.
pub(crate) const ENDLESS_PIECE: &[u8] = &[b'a'; 16 << 10];

/// The end of a connection in the middle of things.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cut {
    /// In order, as far as TCP is concerned.
    #[error("the connection is closed")]
    Close,
    /// By a reset.
    #[error("the connection is reset")]
    Reset,
    /// After these bytes in place of an answer.
    #[error("something else than HTTP is written")]
    Garbage(String),
    /// After a header line without an end.
    #[error("a header without an end is written")]
    EndlessHeader,
}

impl Cut {
    /// The cut of ours that ended the connection, if one did.
    fn cause(error: &hyper::Error) -> Option<&Self> {
        error.source().and_then(|cause| cause.downcast_ref())
    }

    async fn finish(&self, mut stream: TcpStream) -> io::Result<()> {
        match self {
            Self::Close => {}
            Self::Reset => stream.set_zero_linger()?,
            Self::Garbage(text) => stream.write_all(text.as_bytes()).await?,
            Self::EndlessHeader => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nx-endless: ").await?;
                for _ in 0..ENDLESS_BYTES / ENDLESS_PIECE.len() {
                    stream.write_all(ENDLESS_PIECE).await?;
                }
            }
        }
        Ok(())
    }
}

/// Every answer says whose it is, so that no client takes its figures for those of a real server.
async fn answer(server: &Rc<Server>, request: Request<Incoming>) -> Result<Answer, Cut> {
    let mut answer = route(server, request).await?;
    answer.headers_mut().insert(SERVER, HeaderValue::from_static(SERVER_NAME));
    Ok(answer)
}

/// Serves a connection until either side ends it.
pub(crate) async fn serve(server: Rc<Server>, stream: TcpStream) {
    let service = service_fn(|request| Box::pin(answer(&server, request)));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let end = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let stream = connection.into_parts().io.into_inner();
    let Err(error) = end else { return };
    let Some(cut) = Cut::cause(&error) else {
        // A client that goes away is everyday life; one that sends no HTTP is worth a look.
        tracing::debug!(%error, "connection ended");
        return;
    };
    if let Err(error) = cut.finish(stream).await {
        tracing::debug!(%error, "client left before the fault was over");
    }
}
