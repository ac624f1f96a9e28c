//! An answer written as it is made: plain `async` code on one side, a body for hyper on the other.
//!
//! A streamed answer is a sequence of waits and writes, with a fault here and there. As a state
//! machine it would be unreadable, so it is a future with a [`Pen`]; [`Written`] polls that future
//! when hyper asks for a frame, and hands over what the pen has put down. There is no task and no
//! channel between the two, so a time read at the hand-over is a time just before the write.

use crate::connection::Cut;
use crate::exchange::Exchange;
use bytes::Bytes;
use http_body::{Body, Frame};
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Bytes that go to the socket together.
pub(crate) struct Piece {
    pub(crate) bytes: Bytes,
    /// Content chunks that are whole with this piece.
    pub(crate) chunks: u32,
    /// Tokens that are whole with this piece.
    pub(crate) tokens: u32,
}

/// Writes pieces of a body.
#[derive(Clone, Default)]
pub(crate) struct Pen {
    piece: Rc<RefCell<Option<Piece>>>,
}

impl Pen {
    /// Ready when hyper has taken the piece, that is when it wants the next.
    pub(crate) async fn write(&self, piece: Piece) {
        *self.piece.borrow_mut() = Some(piece);
        poll_fn(|_| {
            // Nobody has to be woken: who takes the piece polls again.
            if self.piece.borrow().is_some() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    /// Lets hyper give to the socket what it has taken: it does when a body has nothing for it.
    pub(crate) async fn flush(&self) {
        tokio::task::yield_now().await;
    }
}

/// The body that a pen writes.
pub(crate) struct Written {
    work: Pin<Box<dyn Future<Output = Result<(), Cut>>>>,
    pen: Pen,
    exchange: Exchange,
}

impl Written {
    pub(crate) fn new<W>(exchange: Exchange, work: impl FnOnce(Pen) -> W) -> Self
    where
        W: Future<Output = Result<(), Cut>> + 'static,
    {
        let pen = Pen::default();
        Self { work: Box::pin(work(pen.clone())), pen, exchange }
    }
}

impl Body for Written {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let end = self.work.as_mut().poll(cx);
        // The work does not end before its last piece is taken, so there is never both.
        if let Some(piece) = self.pen.piece.take() {
            self.exchange.note_write(piece.chunks, piece.tokens);
            return Poll::Ready(Some(Ok(Frame::data(piece.bytes))));
        }
        end.map(|end| match end {
            Ok(()) => {
                self.exchange.note_whole();
                None
            }
            Err(cut) => Some(Err(cut)),
        })
    }
}
